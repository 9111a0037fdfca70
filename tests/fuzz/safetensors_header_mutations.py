"""Changes to the length and the names of a safetensors file's header, and to what is around it."""

from __future__ import annotations

from safetensors_file import Raw, text_of
from safetensors_mutation import LARGE, mutation
from verdicts import LOADS, refused


@mutation
def length_of_the_header(file, lots):
    right = len(text_of(file.header)) + len(file.behind)
    values = [
        0,
        1,
        right + 8 + len(file.data) + 1,
        100_000_001,
        *LARGE,
        lots.randrange(max(1, right - len(file.behind))),
    ]
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
    file.behind += lots.choice(
        [b"x", b"\0", b"{}", b",", b"}", b"]", b"\xff", b"\xef\xbb\xbf", b"//", b"\x0b", b"\xc2\xa0"]
    )
    return refused("format")


@mutation
def text_before(file, lots):
    file.before = lots.choice([b"x", b"\0", b"\xef\xbb\xbf", b"[", b"{", b",", b"\xff", b"\x0c"])
    return refused("format", "unsupported")


@mutation
def another_value(file, lots):
    file.text = lots.choice(
        [b"[]", b"null", b"0", b'""', b"true", b"  ", b"{", b"[{}]", b"{]", b'{"a"}', b"{,}", b'{"a":1,}']
    )
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


@mutation
def renamed(file, lots):
    if not file.tensors:
        return None
    member = next(member for member in file.header.members if member[1] is file.tensors[-1])
    member[0] = lots.choice(
        ["", "other", "日本", "a\nb", 'q"', "\x1f", "\x1e[0]", "n" * 5000, "__metadata", "\U0001f600", "\0"]
    )
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
    names = [
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\x41"',
        b'"\\u12"',
        b"'a'",
    ]
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
