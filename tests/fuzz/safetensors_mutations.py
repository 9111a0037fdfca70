"""Changes to a safetensors file, field by field, each with the verdict that it must get. A change that does not fit a
file returns None, and has changed nothing."""

from __future__ import annotations

import random
from collections.abc import Callable

from safetensors_file import Object, Raw, SafetensorsFile, text_of
from verdicts import LOADS, Verdict, refused

Lots = random.Random
Mutation = Callable[[SafetensorsFile, Lots], Verdict | None]

MUTATIONS: list[Mutation] = []
LARGE = [2**31, 2**32, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
NO_NUMBERS = [b"1.0", b"1e0", b"-1", b"-0", b"01", b'"1"', b"null", b"true", b"[1]", b"{}", b"1.", b"+1", b"0x1", b"18446744073709551616", b"NaN"]


def mutation(function: Mutation) -> Mutation:
    MUTATIONS.append(function)
    return function


def one(file: SafetensorsFile, lots: Lots) -> Object | None:
    return lots.choice(file.tensors) if file.tensors else None


def of_data(file: SafetensorsFile) -> list[Object]:
    return [tensor for tensor in file.tensors if tensor["data_offsets"][0] != tensor["data_offsets"][1]]


def product(shape: list[int]) -> int:
    total = 1
    for dimension in shape:
        total *= dimension
    return total


# --- the length, and what is around the header


@mutation
def length_of_the_header(file, lots):
    right = len(text_of(file.header)) + len(file.behind)
    values = [0, 1, right + 8 + len(file.data) + 1, 100_000_001, *LARGE, lots.randrange(max(1, right - len(file.behind)))]
    file.length = lots.choice(values)
    return refused("format", "unsupported")


@mutation
def header_goes_on_into_the_data(file, lots):
    if not file.data:
        return None
    file.length = len(text_of(file.header)) + len(file.behind) + lots.randrange(1, len(file.data) + 1)
    file.data = b"\xff" + file.data[1:]
    return refused("format")


@mutation
def blanks_behind(file, lots):
    file.behind = bytes(lots.choice(b" \t\r\n") for _ in range(lots.randrange(30)))
    return LOADS


@mutation
def blanks_before(file, lots):
    file.before = bytes(lots.choice(b" \t\r\n") for _ in range(lots.randrange(1, 9)))
    return LOADS


@mutation
def text_behind(file, lots):
    file.behind += lots.choice([b"x", b"\0", b"{}", b",", b"}", b"]", b"\xff", b"\xef\xbb\xbf", b"//", b"\x0b", b"\xc2\xa0"])
    return refused("format")


@mutation
def text_before(file, lots):
    file.before = lots.choice([b"x", b"\0", b"\xef\xbb\xbf", b"[", b"{", b",", b"\xff", b"\x0c"])
    return refused("format", "unsupported")


@mutation
def another_value(file, lots):
    file.text = lots.choice([b"[]", b"null", b"0", b'""', b"true", b"  ", b"{", b"[{}]", b"{]", b'{"a"}', b"{,}", b'{"a":1,}'])
    return refused("format", "unsupported")


@mutation
def cut(file, lots):
    if not file.data:
        return None
    file.cut = lots.randrange(len(file.write()))
    return refused("format")


@mutation
def data_behind(file, lots):
    file.data += lots.randbytes(lots.randrange(1, 20))
    return refused("format")


# --- names


@mutation
def renamed(file, lots):
    if not file.tensors:
        return None
    member = next(member for member in file.header.members if member[1] is file.tensors[-1])
    member[0] = lots.choice(["", "other", "日本", "a\nb", 'q"', "\x1f", "\x1e[0]", "n" * 5000, "__metadata", "\U0001f600", "\0"])
    return LOADS


@mutation
def renamed_in_other_words(file, lots):
    """Escapes that mean what stood there."""
    if not file.tensors:
        return None
    member = lots.choice(file.header.members)
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in member[0])
    member[0] = Raw(b'"' + escaped.encode() + b'"')
    return LOADS


@mutation
def renamed_as_no_text(file, lots):
    names = [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\x41"', b'"\\u12"', b"'a'"]
    names += [b"a", b"1", b"null", b'"a', b'"\n"', b'"\x01"', b'"\\', b""]
    if not file.header.members:
        return None
    lots.choice(file.header.members)[0] = Raw(lots.choice(names))
    return refused("format")


@mutation
def named_twice(file, lots):
    if not file.tensors:
        return None
    file.header.members.append(list(lots.choice(file.header.members)))
    return refused("format")


@mutation
def named_too_long(file, lots):
    if not file.tensors:
        return None
    next(member for member in file.header.members if member[1] is file.tensors[0])[0] = "n" * 65536
    return refused("limit")


@mutation
def in_another_order(file, lots):
    lots.shuffle(file.header.members)
    return LOADS


# --- entries


@mutation
def fields_in_another_order(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    lots.shuffle(tensor.members)
    return LOADS


@mutation
def field_unknown(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    values = [1.5, None, True, "x", [[], {}, [1, [2]]], -(10**30), Object([["a", Object([])]]), Raw(b"1e300"), Raw(b"-0.0")]
    tensor.members.insert(lots.randrange(4), [lots.choice(["x", "", "Dtype", "stride"]), lots.choice(values)])
    return LOADS


@mutation
def field_unknown_and_wrong(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    values = [b"", b"nul", b"[1,]", b"{1:2}", b"01", b"1.", b".5", b"'x'", b"[", b'"\xff"', b"tru", b"-", b'"\\q"', b"--1", b"1e"]
    tensor.members.insert(lots.randrange(4), ["x", Raw(lots.choice(values))])
    return refused("format")


@mutation
def field_missing(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    del tensor.members[lots.randrange(3)]
    return refused("format")


@mutation
def field_twice(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
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
def field_of_another_kind(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    name = lots.choice(["dtype", "shape", "data_offsets"])
    values = [None, 1, True, Object([]), Object([[tensor["dtype"], None]])] + ([[], ["F32"]] if name == "dtype" else ["x"])
    tensor[name] = lots.choice(values)
    return refused("format")


@mutation
def dtype_of_other_size(file, lots):
    tensor = lots.choice(of_data(file)) if of_data(file) else None
    if tensor is None:
        return None
    bits = {"F4": 4, "F6_E2M3": 6, "U8": 8, "I16": 16, "F32": 32, "I64": 64}
    begin, end = tensor["data_offsets"]
    tensor["dtype"] = lots.choice([name for name, size in bits.items() if product(tensor["shape"]) * size != 8 * (end - begin)])
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
    tensor["dtype"] = lots.choice(["X9", "F128", "f32", "bfloat16", "INT4"])
    return LOADS


@mutation
def dtype_of_no_type(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
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
def shape_of_too_many_dimensions(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
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
def number_of_no_number(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    name = lots.choice(["shape", "data_offsets"])
    numbers = list(tensor[name])
    if not numbers:
        return None
    numbers[lots.randrange(len(numbers))] = Raw(lots.choice(NO_NUMBERS))
    tensor[name] = numbers
    return refused("format")


@mutation
def offsets(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    right = list(tensor["data_offsets"])
    changed = list(right)
    place = lots.randrange(2)
    changed[place] = lots.choice([changed[place] - 1, changed[place] + 1, changed[place] + 8, 0, len(file.data), *LARGE])
    if changed == right or changed[place] < 0:
        return None
    tensor["data_offsets"] = changed
    return refused("format")


@mutation
def offsets_of_another_number(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
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


# --- __metadata__


def put_metadata(file: SafetensorsFile, value) -> None:
    file.header.members = [["__metadata__", value], *(m for m in file.header.members if m[0] != "__metadata__")]


@mutation
def metadata(file, lots):
    values = [None, Object([]), Object([["a", ""], ["", "b"]]), Object([["a", "\n\"\\é\U0001f600"], ["A", "x" * 5000]])]
    put_metadata(file, lots.choice(values))
    return LOADS


@mutation
def metadata_of_another_kind(file, lots):
    wrong = [1, 1.5, None, True, [], ["a"], Object([]), Object([["a", "b"]])]
    values = [1, "x", [], True, [["a", "b"]], *(Object([["a", one]]) for one in wrong)]
    put_metadata(file, lots.choice(values))
    return refused("format")


@mutation
def metadata_twice(file, lots):
    put_metadata(file, Object([["a", "b"]]))
    if lots.randrange(2):
        file.header.members.append(["__metadata__", Object([["c", "d"]])])
    else:
        file.header.members[0][1] = Object([["a", "b"], ["a", "c"]])
    return refused("format")


@mutation
def nested_deep(file, lots):
    tensor = one(file, lots)
    if tensor is None:
        return None
    depth = lots.choice([10, 100, 119, 200, 5000])
    tensor.members.append(["x", Raw(b"[" * depth + b"]" * depth)])
    return LOADS if depth < 120 else refused("format")
