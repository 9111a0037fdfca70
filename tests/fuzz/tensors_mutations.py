"""Changes to a `.tensors` file, field by field, each with the verdict that it must get. A change that does not fit a file
returns None, and has changed nothing."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable

from tensors_file import CRC32, Tensor, TensorsFile
from verdicts import LOADS, Verdict, refused

Lots = random.Random
Mutation = Callable[[TensorsFile, Lots], Verdict | None]

MUTATIONS: list[Mutation] = []
LARGE = [2**16, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


def mutation(function: Mutation) -> Mutation:
    MUTATIONS.append(function)
    return function


def one(file: TensorsFile, lots: Lots) -> Tensor:
    return lots.choice(file.tensors)


def encrypted(file: TensorsFile) -> bool:
    return file.tensors[0].crypt is not None


# --- the file header


@mutation
def version_unknown(file, lots):
    file.version = lots.choice([0, 6, 7, 255, 2**31, 2**32 - 1])
    return refused("unsupported")


@mutation
def version_other(file, lots):
    """Below 5 what differs is only whether the file is encrypted, and whether its flags mean anything."""
    if file.flags[0] & 2:
        file.version = lots.randrange(1, 5)
        return refused("unsupported")
    meta = any(not tensor.data and 0 not in tensor.shape for tensor in file.tensors)
    file.version = lots.choice([version for version in (1, 2, 3, 4, 5) if version != file.version])
    now_encrypted = file.version == 3 or (file.version >= 4 and file.flags[0] & 1)
    if encrypted(file):  # a key is given, for a file that counts as plain
        return LOADS if now_encrypted else refused("auth")
    if now_encrypted:  # and no key is given
        return refused("auth", "format") if meta else refused("auth")
    return refused("format") if meta and file.version < 4 else LOADS


@mutation
def flag_unknown(file, lots):
    bit = lots.randrange(2, 256)
    file.flags = (int.from_bytes(file.flags, "little") | 1 << bit).to_bytes(32, "little")
    return refused("unsupported")


@mutation
def flag_of_entries(file, lots):
    """The entries have no versions, or the version of the file has none."""
    if file.flags[0] & 2 or file.version >= 5:
        return None
    file.changed["region_bytes"] = len_region(file)
    file.flags = bytes([file.flags[0] | 2]) + file.flags[1:]
    return refused("unsupported")


def len_region(file: TensorsFile) -> int:
    return sum(len(t.description(t.index, False)) + 24 for t in file.tensors) + len(file.unused)


@mutation
def flag_encrypted(file, lots):
    """Before version 4 it means nothing."""
    if file.flags[0] & 1:
        return None
    file.flags = bytes([file.flags[0] | 1]) + file.flags[1:]
    return LOADS if file.version < 4 else refused("auth")


@mutation
def sum_of_data(file, lots):
    file.total = lots.choice([0, 1, *LARGE])
    return LOADS


@mutation
def reserved(file, lots):
    file.reserved = lots.choice([lots.randbytes(8), bytes(8), b"tzappend"])
    return LOADS


@mutation
def count_too_small(file, lots):
    file.changed["count"] = lots.randrange(len(file.tensors))
    return refused("format")


@mutation
def count_too_large(file, lots):
    count = len(file.tensors)
    file.changed["count"] = lots.choice([count + 1, count + 2, count + 1000, *LARGE])
    return refused("format", "limit")


@mutation
def region_too_small(file, lots):
    used = len_region(file) - len(file.unused) + (4 * len(file.tensors) if file.flags[0] & 2 else 0)
    file.changed["region_bytes"] = lots.randrange(used)
    return refused("format")


@mutation
def region_too_large(file, lots):
    left = len(file.write()) - 73
    file.changed["region_bytes"] = lots.choice([left + 1, left + 2, *LARGE])
    return refused("format", "limit")


@mutation
def region_over_headers(file, lots):
    used = len_region(file) + (4 * len(file.tensors) if file.flags[0] & 2 else 0)
    file.changed["region_bytes"] = used + lots.randrange(1, 60)
    return refused("format")


@mutation
def behind_the_entries(file, lots):
    file.unused = bytes(lots.randrange(5)) + bytes([lots.randrange(1, 256)]) + lots.randbytes(lots.randrange(40))
    return refused("format")


@mutation
def more_zeros_behind_the_entries(file, lots):
    file.unused = bytes(lots.randrange(3000))
    return LOADS


@mutation
def end_of_the_file(file, lots):
    """What is behind the last tensor says nothing."""
    file.end = lots.choice([b"", b"\0", lots.randbytes(8), bytes(8) + lots.randbytes(lots.randrange(50))])
    return LOADS


@mutation
def cut(file, lots):
    whole = len(file.write()) - len(file.end)
    if not file.tensors[-1].data:
        return None
    file.length = lots.randrange(whole)
    return refused("format")


# --- index and headers


@mutation
def tag_unknown(file, lots):
    if not file.flags[0] & 2:
        return None
    one(file, lots).index["tag"] = lots.choice([0, 2, 3, 4, 6, 2**31])
    return refused("unsupported")


@mutation
def renamed(file, lots):
    one(file, lots).both("name", lots.choice([b"other", "日本".encode(), b"a.b.c", b"n" * 300, b"a\nb", b"/etc/x"]))
    return LOADS


@mutation
def renamed_as_no_name(file, lots):
    names = [b"", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x1e", b"\x1e[]", b"\x1e[-1]", b"\x1e[1.5]", b'\x1e["a",null]']
    names += [b'\x1e["a"', b'\x1e{"a":1}', b"\x1e[true]", b'\x1e[["a"]]', b'\x1e["\\ud800"]', b'\x1e["a"]\n', b"\x1e[NaN]"]
    one(file, lots).both("name", lots.choice(names))
    return refused("format")


@mutation
def renamed_as_path(file, lots):
    tensor = one(file, lots)
    if any(other.name.startswith(b"\x1e") for other in file.tensors):
        return None
    tensor.both("name", lots.choice([b'\x1e["zz",0]', b'\x1e["zz","b"]', b'\x1e["zz","\\u00e9",3]']))
    return LOADS if tensor.kind == 2 else refused("format")


@mutation
def named_twice(file, lots):
    if len(file.tensors) < 2:
        return None
    first, second = lots.sample(file.tensors, 2)
    first.both("name", second.name)
    return refused("format")


@mutation
def name_is_a_branch(file, lots):
    paths = [t for t in file.tensors if t.name.startswith(b"\x1e")]
    others = [t for t in file.tensors if not t.name.startswith(b"\x1e")]
    if not paths or not others:
        return None
    others[0].both("name", json.loads(paths[0].name[1:])[0].encode())
    return refused("format")


@mutation
def field_differs(file, lots):
    """Index and header say different things."""
    tensor = one(file, lots)
    side = lots.choice([tensor.index, tensor.header])
    other = {
        "name": tensor.name + b"x",
        "kind": (tensor.kind + 1) % 3,
        "dtype": b"|b1" if tensor.dtype != b"|b1" else b"|u1",
        "shape": (*tensor.shape, 1),
    }
    name = lots.choice(list(other))
    side[name] = other[name]
    return refused("format")


@mutation
def kind_unknown(file, lots):
    one(file, lots).both("kind", lots.randrange(3, 256))
    return refused("format")


@mutation
def kind_other(file, lots):
    tensor = one(file, lots)
    kind = (tensor.kind + 1) % 3
    tensor.both("kind", kind)
    return refused("format") if tensor.name.startswith(b"\x1e") and kind != 2 else LOADS


@mutation
def dtype_of_no_type(file, lots):
    codes = [b"", b"<", b">f4", b"!i8", b"<f3", b"<U4", b"|O", b"<M8", b"<f4,<f4", b"<V2", b"<V3\0torch.bfloat16"]
    codes += [b"<V2\0", b"<V2\0bfloat16", b"<V4\0torch.bfloat16", b"<V2\0torch.bfloat16\0", b"<V2\0torch.nn", b"\xff\xfe"]
    one(file, lots).both("dtype", lots.choice(codes))
    return refused("format", "unsupported")


@mutation
def dtype_of_other_size(file, lots):
    tensor = one(file, lots)
    sizes = {1: b"|u1", 2: b"<i2", 4: b"<f4", 8: b"<i8"}
    elements = product(tensor.shape)
    fits = [code for size, code in sizes.items() if len(tensor.data) == size * elements]
    if not tensor.data:
        return None
    tensor.both("dtype", lots.choice([code for code in sizes.values() if code not in fits]))
    return refused("format")


@mutation
def dtype_of_same_size(file, lots):
    tensor = one(file, lots)
    same = {b"<f4": [b"<i4", b"<u4", b"f4", b"=f4", b"float32"], b"<i8": [b"<u8", b"<f8", b"<c8"], b"|u1": [b"|i1", b"u1"]}
    if tensor.dtype not in same:
        return None
    tensor.both("dtype", lots.choice(same[tensor.dtype]))
    return LOADS


def product(shape) -> int:
    total = 1
    for dimension in shape:
        total *= dimension
    return total


@mutation
def shape_of_same_size(file, lots):
    tensor = one(file, lots)
    shape = list(tensor.shape)
    lots.shuffle(shape)
    for _ in range(lots.randrange(5)):
        shape.insert(lots.randrange(len(shape) + 1), 1)
    tensor.both("shape", tuple(shape))
    return LOADS


@mutation
def shape_of_other_size(file, lots):
    tensor = one(file, lots)
    if not tensor.data:
        return None
    largest = 2**64 - 1 if tensor.long else 2**32 - 1
    shapes = [(*tensor.shape, 2), (*tensor.shape, 0), (*tensor.shape, largest), (largest, largest, largest)]
    shapes += [(), (0,), (len(tensor.data) * 2 + 1,), (1,) * 65, (2**32 - 1, 2**32 - 1, 0)]
    shape = lots.choice([shape for shape in shapes if product(shape) != product(tensor.shape) or len(shape) > 64])
    tensor.both("shape", shape)
    return refused("format")


@mutation
def length_of_a_text(file, lots):
    """Of a name, a dtype, or a shape, in index or header."""
    tensor = one(file, lots)
    side = lots.choice([tensor.index, tensor.header])
    name, right, most = lots.choice(
        [("name_bytes", len(tensor.name), 2**16), ("dtype_bytes", len(tensor.dtype), 2**8), ("dimensions", len(tensor.shape), 2**8)]
    )
    side[name] = lots.choice([value for value in (0, right - 1, right + 1, most - 1, most // 2) if 0 <= value != right])
    # what follows is read as something else, whatever that is
    return refused("format", "unsupported", "limit", "integrity", "auth")


@mutation
def place_in_the_index(file, lots):
    tensor = one(file, lots)
    name = lots.choice(["header_at", "data_at", "data_bytes"])
    right = places_of(file, tensor)[name]
    near = [right - 1, right + 1, right - 8, right + 8, right + 64]
    values = near + [0, 73, len(file.write()), *LARGE]
    tensor.index[name] = lots.choice([value for value in values if 0 <= value != right])
    return refused("format", "limit")


def places_of(file: TensorsFile, tensor: Tensor) -> dict[str, int]:
    at = 73 + len_region(file) + (4 * len(file.tensors) if file.flags[0] & 2 else 0)
    for other in file.tensors:
        at += len(other.gap)
        header = len(other.header_bytes())
        if other is tensor:
            return {"header_at": at, "data_at": at + header, "data_bytes": len(other.data)}
        at += header + len(other.data)
    raise AssertionError


@mutation
def length_in_the_header(file, lots):
    tensor = one(file, lots)
    name, right = lots.choice([("bytes", len(tensor.header_bytes())), ("data_bytes", len(tensor.data))])
    tensor.header[name] = lots.choice([value for value in (0, 1, right - 1, right + 1, right * 2, *LARGE) if 0 <= value != right])
    return refused("format")


@mutation
def other_number_of_module(file, lots):
    one(file, lots).header["module"] = lots.randrange(2**16)
    return LOADS


@mutation
def gap_before_a_header(file, lots):
    """tensorizer reads on from the end of the tensor before, so it can't follow."""
    one(file, lots).gap += bytes(lots.choice([1, 7, 64, 5000]))
    return LOADS


@mutation
def tensors_in_another_order(file, lots):
    """Of the index alone: all of the entry but its places."""
    if len(file.tensors) < 2:
        return None
    first, second = lots.sample(file.tensors, 2)
    if first.description({}, False) == second.description({}, False):
        return None
    for tensor, other in ((first, second), (second, first)):
        tensor.index |= {"name": other.name, "kind": other.kind, "dtype": other.dtype, "shape": other.shape}
        if tensor.long != other.long:
            return refused("format", "unsupported", "limit")
    return refused("format", "unsupported", "limit")


# --- hashes


@mutation
def hash_is_wrong(file, lots):
    tensor = one(file, lots)
    place = lots.randrange(len(tensor.hashes)) if tensor.hashes else None
    if place is None:
        return None
    kind = tensor.hashes[place][0]
    tensor.hashes[place] = (kind, lots.randbytes(4 if kind == CRC32 else 32))
    return refused("integrity")


@mutation
def hash_has_another_length(file, lots):
    tensor = one(file, lots)
    tensor.hashes = [(kind, bytes(lots.choice([0, 1, 3, 5, 31, 33, 255]))) for kind, _ in tensor.hashes]
    return refused("format") if tensor.hashes else None


@mutation
def hash_unknown(file, lots):
    one(file, lots).hashes.append((lots.randrange(2, 256), bytes(8)))
    return refused("unsupported")


@mutation
def hash_twice(file, lots):
    tensor = one(file, lots)
    if not tensor.hashes:
        return None
    tensor.hashes.append(tensor.hashes[0])
    return refused("format")


@mutation
def hashes_in_another_order(file, lots):
    one(file, lots).hashes.reverse()
    return LOADS


@mutation
def one_hash_less(file, lots):
    tensor = one(file, lots)
    if len(tensor.hashes) < 2:
        return None
    del tensor.hashes[lots.randrange(len(tensor.hashes))]
    return LOADS


@mutation
def no_hashes(file, lots):
    one(file, lots).hashes.clear()
    return refused("integrity")


@mutation
def no_hashes_and_none_asked_for(file, lots):
    for tensor in file.tensors:
        tensor.hashes.clear()
    return Verdict(True, verify="auto")


@mutation
def length_of_hashes(file, lots):
    tensor = one(file, lots)
    right = 3 + sum(2 + tensor.hash_bytes(place) for place in range(len(tensor.hashes))) - 2
    name, values = lots.choice(
        [("hash_count", [len(tensor.hashes) + 1, 200, 255]), ("hashes_bytes", [0, 1, right - 1, 2**16 - 1])]
    )
    tensor.header[name] = lots.choice(values)
    return refused("format", "unsupported", "integrity", "auth")


@mutation
def data_flipped(file, lots):
    tensor = one(file, lots)
    if not tensor.data or not (tensor.hashes or tensor.crypt):
        return None
    data = bytearray(tensor.data)
    data[lots.randrange(len(data))] ^= 1 << lots.randrange(8)
    tensor.data = bytes(data)
    return refused("auth") if tensor.crypt else refused("integrity")


# --- encryption


def sealed(file: TensorsFile, lots: Lots) -> Tensor | None:
    found = [tensor for tensor in file.tensors if tensor.crypt]
    return lots.choice(found) if found else None


def pieces_chunk(tensor: Tensor) -> bytearray:
    return next(chunk for chunk in tensor.crypt if chunk[:2] == b"\2\0")


@mutation
def nonce_or_mac(file, lots):
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    chunk = pieces_chunk(tensor)
    at = lots.choice([lots.randrange(10, 34), lots.randrange(42, len(chunk))])
    chunk[at] ^= 1 << lots.randrange(8)
    return refused("auth")


@mutation
def size_of_pieces(file, lots):
    """One piece holds it all: no other size changes where it ends."""
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    size = lots.choice([0, 1, 64, 960, 1023, 1025, 1088, 4096, 2**40, 2**63, 2**64 - 64, 2**64 - 1])
    struct.pack_into("<Q", pieces_chunk(tensor), 2, size)
    return LOADS if size >= 1024 and size % 64 == 0 else refused("format")


@mutation
def number_of_macs(file, lots):
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    struct.pack_into("<Q", pieces_chunk(tensor), 34, lots.choice([0, 2, 3, 1000, *LARGE]))
    return refused("format", "auth")


@mutation
def chunk_unknown(file, lots):
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    tensor.crypt.append(bytearray(struct.pack("<H", lots.choice([0, 4, 255, 65535])) + bytes(4)))
    return refused("unsupported")


@mutation
def chunk_twice(file, lots):
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    tensor.crypt.append(bytearray(pieces_chunk(tensor)))
    return refused("format")


@mutation
def chunks_in_another_order(file, lots):
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    tensor.crypt.reverse()
    return LOADS


@mutation
def no_chunks(file, lots):
    """Data that is not sealed in a file that is."""
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    tensor.crypt, tensor.data = [], tensor.plain
    return refused("auth")


@mutation
def chunk_of_the_other_method(file, lots):
    """One MAC for all data: the same in other words."""
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    chunk = pieces_chunk(tensor)
    if chunk[34:42] != struct.pack("<Q", 1):
        return None
    tensor.crypt[tensor.crypt.index(chunk)] = bytearray(b"\3\0" + chunk[10:34] + chunk[42:58])
    return LOADS


@mutation
def length_of_crypt_info(file, lots):
    tensor = sealed(file, lots)
    if tensor is None:
        return None
    right = len(tensor.crypt_block()) - 8
    name = lots.choice(["crypt_bytes", "chunk_count"])
    values = [0, 1, right - 1, right + 1, *LARGE] if name == "crypt_bytes" else [0, len(tensor.crypt) + 1, 65535]
    tensor.header[name] = lots.choice(values)
    return refused("format", "auth", "unsupported")


@mutation
def derivation_of_the_key(file, lots):
    tensor = sealed(file, lots)
    chunks = [chunk for chunk in tensor.crypt if chunk[:2] == b"\1\0"] if tensor else []
    if not chunks:
        return None
    code, at, values = lots.choice(
        [
            ("<H", 2, [0, 2, 65535]),
            ("<Q", 4, [0, *LARGE]),
            ("<Q", 12, [0, 1, 8191, *LARGE[3:]]),
            ("<I", 20, [0, 1, 3, 2**32 - 1]),
            ("<H", 24, [0, 15, 17, 65535]),
        ]
    )
    struct.pack_into(code, chunks[0], at, lots.choice(values))
    return refused("format", "unsupported", "limit", "auth")


@mutation
def salt(file, lots):
    tensor = sealed(file, lots)
    chunks = [chunk for chunk in tensor.crypt if chunk[:2] == b"\1\0"] if tensor else []
    if not chunks:
        return None
    chunks[0][lots.randrange(26, 42)] ^= 1 << lots.randrange(8)
    return refused("auth", "format")
