"""Changes to the entries of a safetensors file's header: dtype, shape and place of each tensor."""

from __future__ import annotations

from given import given
from safetensors_file import Object, Raw
from safetensors_mutation import LARGE, mutation, of_data, one, product
from verdicts import LOADS, refused

NO_NUMBERS = [
    b"1.0",
    b"1e0",
    b"-1",
    b"-0",
    b"01",
    b'"1"',
    b"null",
    b"true",
    b"[1]",
    b"{}",
    b"1.",
    b"+1",
    b"0x1",
    b"NaN",
]
NO_NUMBERS += [b"18446744073709551616"]


@mutation
@given(one)
def fields_in_another_order(file, tensor, lots):
    lots.shuffle(tensor.members)
    return LOADS


@mutation
@given(one)
def field_unknown(file, tensor, lots):
    values = [
        1.5,
        None,
        True,
        "x",
        [[], {}, [1, [2]]],
        -(10**30),
        Object([["a", Object([])]]),
        Raw(b"1e300"),
        Raw(b"-0.0"),
        Raw(b"0e99999999999999999999"),
        Raw(b"-1e-99999"),
    ]
    tensor.members.insert(lots.randrange(4), [lots.choice(["x", "", "Dtype", "stride"]), lots.choice(values)])
    return LOADS


@mutation
@given(one)
def field_unknown_and_wrong(file, tensor, lots):
    values = [
        b"",
        b"nul",
        b"[1,]",
        b"{1:2}",
        b"01",
        b"1.",
        b".5",
        b"'x'",
        b"[",
        b'"\xff"',
        b"tru",
        b"-",
        b'"\\q"',
        b"--1",
        b"1e",
        b"1e309",
        b"-1e999",
        b"[1E+99999999999999999999]",
        b"9" * 400,
    ]
    tensor.members.insert(lots.randrange(4), ["x", Raw(lots.choice(values))])
    return refused("format")


@mutation
@given(one)
def field_missing(file, tensor, lots):
    del tensor.members[lots.randrange(3)]
    return refused("format")


@mutation
@given(one)
def field_twice(file, tensor, lots):
    tensor.members.append(list(lots.choice(tensor.members)))
    return refused("format")


@mutation
def entry_of_another_kind(file, lots):
    if not file.tensors:
        return None
    member = next(member for member in file.header.members if member[1] is file.tensors[-1])
    entry = member[1]
    values = [None, 1, "x", [], Object([]), [entry["dtype"], entry["shape"], entry["data_offsets"]]]
    member[1] = lots.choice(values)
    return refused("format")


@mutation
@given(one)
def field_of_another_kind(file, tensor, lots):
    name = lots.choice(["dtype", "shape", "data_offsets"])
    values = [None, 1, True, Object([]), Object([[tensor["dtype"], None]])] + (
        [[], ["F32"]] if name == "dtype" else ["x"]
    )
    tensor[name] = lots.choice(values)
    return refused("format")


@mutation
def dtype_of_other_size(file, lots):
    tensor = lots.choice(of_data(file)) if of_data(file) else None
    if tensor is None:
        return None
    bits = {"F4": 4, "F6_E2M3": 6, "U8": 8, "I16": 16, "F32": 32, "I64": 64}
    begin, end = tensor["data_offsets"]
    tensor["dtype"] = lots.choice(
        [name for name, size in bits.items() if product(tensor["shape"]) * size != 8 * (end - begin)]
    )
    return refused("format")


@mutation
def dtype_of_same_size(file, lots):
    tensor = one(file, lots)
    groups = [["U8", "I8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ"], ["F16", "BF16", "I16", "U16"]]
    groups += [["F32", "I32", "U32"], ["F64", "I64", "U64", "C64"]]
    group = next((group for group in groups if tensor and tensor["dtype"] in group), None)
    if group is None:
        return None
    tensor["dtype"] = lots.choice(group)
    return LOADS


@mutation
def dtype_unknown(file, lots):
    """Whose elements have the size that the data gives them."""
    tensor = lots.choice(of_data(file)) if of_data(file) else None
    if tensor is None:
        return None
    tensor["dtype"] = lots.choice(["X9", "F128", "f32", "INT4"])
    return LOADS


@mutation
def dtype_named_like_ours(file, lots):
    """A name that only tzio has: a type of a later version, or one whose elements have another size."""
    tensor = lots.choice(of_data(file)) if of_data(file) else None
    if tensor is None:
        return None
    begin, end = tensor["data_offsets"]
    bits = (end - begin) * 8 // product(tensor["shape"])
    tensor["dtype"] = "bfloat16"
    return LOADS if bits == 16 else refused("format")


@mutation
@given(one)
def dtype_of_no_type(file, tensor, lots):
    tensor["dtype"] = lots.choice(["", " F32", "F32 ", "F-32", "F32\0", "日", "x" * 65, "a.b"])
    return refused("format")


@mutation
def shape_of_same_size(file, lots):
    tensor = one(file, lots)
    if tensor is None or len(tensor["shape"]) > 50:
        return None
    shape = list(tensor["shape"])
    lots.shuffle(shape)
    for _ in range(lots.randrange(5)):
        shape.insert(lots.randrange(len(shape) + 1), 1)
    tensor["shape"] = shape
    return LOADS


@mutation
def shape_of_other_size(file, lots):
    tensor = lots.choice(of_data(file)) if of_data(file) else None
    if tensor is None:
        return None
    shape = tensor["shape"]
    shapes = [[*shape, 2], [*shape, 0], [*shape, 2**64 - 1], [2**32, 2**32], [2**63, 2], [0], [2**61 + product(shape)]]
    tensor["shape"] = lots.choice(shapes)
    return refused("format")


@mutation
@given(one)
def shape_of_too_many_dimensions(file, tensor, lots):
    tensor["shape"] = [*tensor["shape"], *([1] * 65)]
    return refused("format")


@mutation
def dimensions_of_nothing_too_large(file, lots):
    tensor = next((tensor for tensor in file.tensors if 0 in tensor["shape"]), None)
    if tensor is None:
        return None
    tensor["shape"] = [0, 2**40, 2**40]
    return refused("format")


@mutation
@given(one)
def number_of_no_number(file, tensor, lots):
    name = lots.choice(["shape", "data_offsets"])
    numbers = list(tensor[name])
    if not numbers:
        return None
    numbers[lots.randrange(len(numbers))] = Raw(lots.choice(NO_NUMBERS))
    tensor[name] = numbers
    return refused("format")


@mutation
@given(one)
def offsets(file, tensor, lots):
    right = list(tensor["data_offsets"])
    changed = list(right)
    place = lots.randrange(2)
    changed[place] = lots.choice(
        [changed[place] - 1, changed[place] + 1, changed[place] + 8, 0, len(file.data), *LARGE]
    )
    if changed == right or changed[place] < 0:
        return None
    tensor["data_offsets"] = changed
    return refused("format")


@mutation
@given(one)
def offsets_of_another_number(file, tensor, lots):
    begin, end = tensor["data_offsets"]
    tensor["data_offsets"] = lots.choice([[], [begin], [begin, end, end], [begin, end, 0]])
    return refused("format")


@mutation
def offsets_swapped(file, lots):
    if len(of_data(file)) < 1:
        return None
    tensor = lots.choice(of_data(file))
    tensor["data_offsets"] = tensor["data_offsets"][::-1]
    return refused("format")


@mutation
def same_data_twice(file, lots):
    found = of_data(file)
    if not found:
        return None
    file.header.members.append(["again", Object([list(member) for member in lots.choice(found).members])])
    return refused("format")


@mutation
def hole_in_the_data(file, lots):
    found = of_data(file)
    if not found:
        return None
    at = lots.choice(found)["data_offsets"][0]
    for tensor in file.tensors:
        begin, end = tensor["data_offsets"]
        if begin >= at and end > at:
            tensor["data_offsets"] = [begin + 4, end + 4]
    file.data = file.data[:at] + bytes(4) + file.data[at:]
    return refused("format")
