"""Changes to what the index and the headers of a `.tensors` file say of tensors."""

from __future__ import annotations

import json

from tensors_file import Tensor, TensorsFile
from tensors_mutation import LARGE, mutation, one, product, region_bytes
from verdicts import LOADS, refused


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
    names = [
        b"",
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\x1e",
        b"\x1e[]",
        b"\x1e[-1]",
        b"\x1e[1.5]",
        b'\x1e["a",null]',
    ]
    names += [
        b'\x1e["a"',
        b'\x1e{"a":1}',
        b"\x1e[true]",
        b'\x1e[["a"]]',
        b'\x1e["\\ud800"]',
        b'\x1e["a"]\n',
        b"\x1e[NaN]",
    ]
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
    codes += [
        b"<V2\0",
        b"<V2\0bfloat16",
        b"<V4\0torch.bfloat16",
        b"<V2\0torch.bfloat16\0",
        b"<V2\0torch.nn",
        b"\xff\xfe",
    ]
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
    same = {
        b"<f4": [b"<i4", b"<u4", b"f4", b"=f4", b"float32"],
        b"<i8": [b"<u8", b"<f8", b"<c8"],
        b"|u1": [b"|i1", b"u1"],
    }
    if tensor.dtype not in same:
        return None
    tensor.both("dtype", lots.choice(same[tensor.dtype]))
    return LOADS


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
    if len(tensor.data) == 1 and tensor.dtype[1:2] == b"V":  # such a byte is that of an empty tensor too
        shapes = [shape for shape in shapes if 0 not in shape]
    shape = lots.choice([shape for shape in shapes if product(shape) != product(tensor.shape) or len(shape) > 64])
    tensor.both("shape", shape)
    return refused("format")


@mutation
def length_of_a_text(file, lots):
    """Of a name, a dtype, or a shape, in index or header."""
    tensor = one(file, lots)
    side = lots.choice([tensor.index, tensor.header])
    name, right, most = lots.choice(
        [
            ("name_bytes", len(tensor.name), 2**16),
            ("dtype_bytes", len(tensor.dtype), 2**8),
            ("dimensions", len(tensor.shape), 2**8),
        ]
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


@mutation
def length_in_the_header(file, lots):
    tensor = one(file, lots)
    name, right = lots.choice([("bytes", len(tensor.header_bytes())), ("data_bytes", len(tensor.data))])
    tensor.header[name] = lots.choice(
        [value for value in (0, 1, right - 1, right + 1, right * 2, *LARGE) if 0 <= value != right]
    )
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
    return refused("format", "unsupported", "limit")


def places_of(file: TensorsFile, tensor: Tensor) -> dict[str, int]:
    at = 73 + region_bytes(file)
    for other in file.tensors:
        at += len(other.gap)
        header = len(other.header_bytes())
        if other is tensor:
            return {"header_at": at, "data_at": at + header, "data_bytes": len(other.data)}
        at += header + len(other.data)
    raise AssertionError
