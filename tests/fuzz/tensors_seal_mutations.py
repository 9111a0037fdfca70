"""Changes to the hashes and the encryption of a `.tensors` file."""

from __future__ import annotations

import struct

from given import given
from tensors_file import CRC32, Tensor, TensorsFile
from tensors_mutation import LARGE, Lots, mutation, one
from verdicts import LOADS, Verdict, refused


def sealed(file: TensorsFile, lots: Lots) -> Tensor | None:
    found = [tensor for tensor in file.tensors if tensor.crypt]
    return lots.choice(found) if found else None


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


@mutation
@given(sealed)
def nonce_or_mac(file, tensor, lots):
    chunk = pieces_chunk(tensor)
    at = lots.choice([lots.randrange(10, 34), lots.randrange(42, len(chunk))])
    chunk[at] ^= 1 << lots.randrange(8)
    return refused("auth")


@mutation
@given(sealed)
def size_of_pieces(file, tensor, lots):
    """One piece holds it all: no other size changes where it ends."""
    size = lots.choice([0, 1, 64, 960, 1023, 1025, 1088, 4096, 2**40, 2**63, 2**64 - 64, 2**64 - 1])
    struct.pack_into("<Q", pieces_chunk(tensor), 2, size)
    return LOADS if size >= 1024 and size % 64 == 0 else refused("format")


@mutation
@given(sealed)
def number_of_macs(file, tensor, lots):
    struct.pack_into("<Q", pieces_chunk(tensor), 34, lots.choice([0, 2, 3, 1000, *LARGE]))
    return refused("format", "auth")


@mutation
@given(sealed)
def chunk_unknown(file, tensor, lots):
    tensor.crypt.append(bytearray(struct.pack("<H", lots.choice([0, 4, 255, 65535])) + bytes(4)))
    return refused("unsupported")


@mutation
@given(sealed)
def chunk_twice(file, tensor, lots):
    tensor.crypt.append(bytearray(pieces_chunk(tensor)))
    return refused("format")


@mutation
@given(sealed)
def chunks_in_another_order(file, tensor, lots):
    tensor.crypt.reverse()
    return LOADS


@mutation
@given(sealed)
def no_chunks(file, tensor, lots):
    """Data that is not sealed in a file that is."""
    tensor.crypt, tensor.data = [], tensor.plain
    return refused("auth")


@mutation
@given(sealed)
def chunk_of_the_other_method(file, tensor, lots):
    """One MAC for all data: the same in other words."""
    chunk = pieces_chunk(tensor)
    if chunk[34:42] != struct.pack("<Q", 1):
        return None
    tensor.crypt[tensor.crypt.index(chunk)] = bytearray(b"\3\0" + chunk[10:34] + chunk[42:58])
    return LOADS


@mutation
@given(sealed)
def length_of_crypt_info(file, tensor, lots):
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


def pieces_chunk(tensor: Tensor) -> bytearray:
    return next(chunk for chunk in tensor.crypt if chunk[:2] == b"\2\0")
