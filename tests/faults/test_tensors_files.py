"""Damaged .tensors files, rows 1 to 18: one kind of error, by `tz load` and by the package."""

import hashlib
import os
import struct

import pytest
from files import COUNT, ENTRIES, FLAGS, REGION, SUMS, VERSION, Tensors, entry, safetensors
from limits import address_space

MAX = (1 << 64) - 1


def indexed(index, field, code, value):
    return lambda file: file.put(code, file.entries[index][field], value)


def header(index, field, code, value, shift=0):
    return lambda file: file.put(code, file.header(index)[field] + shift, value)


def field(at, code, value):
    return lambda file: file.put(code, at, value)


def text(index, content):
    def change(file):
        at = file.entries[index]["name"]
        file.bytes[at : at + len(content)] = content

    return change


def both_offsets(index, header_offset, data_offset):
    def change(file):
        file.put("<Q", file.entries[index]["header_offset"], header_offset)
        file.put("<Q", file.entries[index]["data_offset"], data_offset)

    return change


def swapped(file):
    first, second = (e["header_offset"] for e in file.entries[:2])
    a, b = (bytes(file.bytes[at : at + 16]) for at in (first, second))
    file.bytes[first : first + 16], file.bytes[second : second + 16] = b, a


def aliased(file):
    first, second = (e["header_offset"] for e in file.entries[:2])
    file.bytes[second : second + 16] = file.bytes[first : first + 16]


def shape(outer, inner):
    def change(file):
        for at in (file.entries[0]["shape"], file.header(0)["shape"]):
            file.put("<I", at, outer)
            file.put("<I", at + 4, inner)

    return change


def seeks_back(file):
    fields = file.header(1)
    file.put("<Q", fields["data_length"], (1 << 64) - file.get("<Q", fields["length"]))


def meta(version, outer, inner):
    """The file of a tensor without data: from version 4 on it stands for zeros of that shape."""

    def change(file):
        file.put("<I", VERSION, version)
        shape(outer, inner)(file)
        file.put("<Q", file.entries[0]["data_length"], 0)
        file.put("<Q", file.header(0)["data_length"], 0)
        file.put("B", file.header(0)["hash_count"], 0)

    return change


def zero_tail(file):
    file.bytes[file.header(2)["data"] + 40 : file.header(2)["data"] + 77] = bytes(37)


FORMAT, UNSUPPORTED, INTEGRITY = "format", "unsupported", "integrity"

#: Row, what it is, the kind of error, what it says, and how a whole file is damaged.
DAMAGED = [
    (3, "version 99", UNSUPPORTED, "99", field(VERSION, "<I", 99)),
    (3, "a flag", UNSUPPORTED, "flag", field(FLAGS, "B", 4)),
    (3, "tags below version 5", UNSUPPORTED, "", field(FLAGS, "B", 2)),
    (4, "count 0", FORMAT, "no tensors", field(COUNT, "<Q", 0)),
    (4, "count one more", FORMAT, "", field(COUNT, "<Q", 4)),
    (4, "count 2^16 more", FORMAT, "65539", field(COUNT, "<Q", 65539)),
    (4, "count 2^63", FORMAT, "", field(COUNT, "<Q", 1 << 63)),
    (5, "metadata of 0 bytes", FORMAT, "", field(REGION, "<Q", 0)),
    (5, "metadata short", FORMAT, "", field(REGION, "<Q", 100)),
    (5, "metadata past the end", FORMAT, "the file has", field(REGION, "<Q", 1 << 20)),
    (5, "metadata of 2^64 - 8 bytes", FORMAT, "the file has", field(REGION, "<Q", MAX - 7)),
    (6, "name of 65535 bytes", FORMAT, "", indexed(0, "name_length", "<H", 65535)),
    (6, "empty name", FORMAT, "name is empty", indexed(0, "name_length", "<H", 0)),
    (6, "name not UTF-8", FORMAT, "UTF-8", text(0, b"\xff")),
    (6, "name nested", FORMAT, "array", text(0, b"\x1e[[1]")),
    (8, "type 3", FORMAT, "type 3", indexed(0, "kind", "B", 3)),
    (8, "type 255", FORMAT, "type 255", indexed(0, "kind", "B", 255)),
    (8, "unknown dtype", UNSUPPORTED, "<x4", lambda f: f.put("B", f.entries[0]["dtype"] + 1, ord("x"))),
    (8, "big-endian", UNSUPPORTED, "big-endian", indexed(0, "dtype", "B", ord(">"))),
    (8, "dtype of 255 bytes", FORMAT, "", indexed(0, "dtype_length", "B", 255)),
    (8, "dtype with two NULs", FORMAT, "NUL", lambda f: f.put("<H", f.entries[0]["dtype"] + 1, 0)),
    (9, "names differ", FORMAT, "name", header(1, "name", "B", ord("x"))),
    (9, "dtypes differ", FORMAT, "dtype", header(1, "dtype", "B", ord("|"))),
    (9, "shapes differ", FORMAT, "shape", header(1, "shape", "<I", 499)),
    (9, "types differ", FORMAT, "type", header(1, "kind", "B", 0)),
    (9, "lengths differ", FORMAT, "length", header(1, "data_length", "<Q", 3999)),
    (10, "shape too large", FORMAT, "", shape(0xFFFFFFFF, 0xFFFFFFFF)),
    (10, "shape of another product", FORMAT, "fit", shape(20, 31)),
    (10, "dimension of 0 with data", FORMAT, "fit", shape(0, 30)),
    (10, "255 dimensions", FORMAT, "255", indexed(0, "dimensions", "B", 255)),
    (11, "no data in version 2", FORMAT, "data length 0", meta(2, 20, 30)),
    (12, "past the end", FORMAT, "file ends", both_offsets(2, 1 << 60, (1 << 60) + 100)),
    (12, "into the index", FORMAT, "overlaps", both_offsets(0, 80, 1000)),
    (12, "swapped", FORMAT, "overlaps", swapped),
    (12, "aliased", FORMAT, "overlaps", aliased),
    (12, "overflowing", FORMAT, "file ends", both_offsets(2, MAX - 100, MAX)),
    (13, "header of 0 bytes", FORMAT, "header length", header(1, "length", "<Q", 0)),
    (13, "header of 1 byte", FORMAT, "header length", header(1, "length", "<Q", 1)),
    (13, "header of 2^31 bytes", FORMAT, "header length", header(1, "length", "<Q", 1 << 31)),
    (13, "header of 2^63 bytes", FORMAT, "header length", header(1, "length", "<Q", 1 << 63)),
    (14, "seeks back onto itself", FORMAT, "data length -", seeks_back),
    (15, "wrong hash", INTEGRITY, "first", lambda f: f.flip(f.header(0)["first_hash"] + 2)),
    (15, "unknown hash", UNSUPPORTED, "hash type 2", header(0, "first_hash", "B", 2)),
    (15, "hash of another size", FORMAT, "32 bytes", header(0, "first_hash", "B", 32, 1)),
    (15, "more hashes than bytes", FORMAT, "", header(0, "hash_count", "B", 255)),
    (16, "a bit flipped", INTEGRITY, "third", lambda f: f.flip(f.header(2)["data"] + 5)),
    (16, "zeros at the end", INTEGRITY, "third", zero_tail),
]


def meta_bomb(samples, folder):
    path, file = folder / "meta.tensors", Tensors(samples.plain)
    meta(4, 1 << 30, 1 << 29)(file)
    path.write_bytes(file.bytes)
    return path


@pytest.mark.parametrize("row, what, kind, says, change", DAMAGED, ids=[f"{d[0]}-{d[1]}" for d in DAMAGED])
def test_damaged_field(loads, samples, tmp_path, row, what, kind, says, change):
    path, file = tmp_path / "damaged.tensors", Tensors(samples.plain)
    change(file)
    path.write_bytes(file.bytes)
    loads.prepare = address_space(2 << 30)  # what a number of the file asks for is not there
    loads.refuses(path, kind, says)


@pytest.mark.parametrize("size", [0, 1, 5, 72])
def test_short_prefix(loads, samples, tmp_path, size):
    path = tmp_path / "short.tensors"
    path.write_bytes(samples.plain.read_bytes()[:size])
    loads.refuses(path, "format", "empty" if size == 0 else "too short")


OTHERS = {
    "HTML": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "XML": b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 12\n",
    "zip": b"PK\3\4" + bytes(200),
    "pickle": b"\x80\2}q\0." + bytes(200),
    "GGUF": b"GGUF\3" + bytes(200),
}


@pytest.mark.parametrize("looks_like", OTHERS)
def test_other_format_is_named(loads, tmp_path, looks_like):
    path = tmp_path / "other.tensors"
    path.write_bytes(OTHERS[looks_like])
    loads.refuses(path, "format", looks_like)


def test_name_twice(loads, samples, tmp_path):
    """Names of one length in a file of two tensors; the second gets the name of the first."""
    file = Tensors(samples.large)
    for index in (0, 1):
        for at in (file.entries[index]["name"], file.header(index)["name"]):
            file.put("B", at, ord("0"))
    path = tmp_path / "twice.tensors"
    path.write_bytes(file.bytes)
    loads.refuses(path, "format", "twice")


def test_strange_names_are_names(loads, samples):
    """A path, a NUL, an escape code, a format: names, which reach nobody's terminal as they are."""
    result = loads.run("inspect", samples.strange)
    assert result.code == 0 and b"../../etc/passwd" in result.out and b"%n%s" in result.out
    assert b"\0" not in result.out and b"\x1b" not in result.out
    assert len(loads.in_python(samples.strange)["sums"]) == 4


def test_strange_names_are_keys_in_python(loads, samples):
    names = loads.in_python(samples.strange)["sums"]
    assert sorted(names) == sorted(["../../etc/passwd", "nul\0", "\x1b[31mred", "%n%s"])


def test_names_that_are_printed_alike_are_keys_of_their_own(loads, tmp_path):
    path = tmp_path / "alike.safetensors"
    path.write_bytes(safetensors({"a\n": entry(), "a\\x0a": entry(begin=4, end=8)}, bytes(range(8))))
    assert loads.run("checksum", path).out.count(b"\n") == 3
    first, second = (hashlib.sha256(bytes(data)).hexdigest() for data in (range(4), range(4, 8)))
    assert loads.in_python(path)["sums"] == {"a\n": first, "a\\x0a": second}


def test_path_that_reads_like_a_name_is_no_key_of_its_own(loads, samples, tmp_path):
    """A path of two keys and a plain name that is written like it: what to call them is for others to say."""
    path, file = tmp_path / "alike.tensors", Tensors(samples.alike)
    for at in (file.entries[0]["name"], file.header(0)["name"]):
        file.put("B", at, 0x1E)
    path.write_bytes(file.bytes)
    assert loads.run("load", "--verify", "none", path).code == 0
    answer = loads.in_python(path, verify="none")
    assert answer["raised"] == "UnsupportedError" and str(path) in answer["text"], answer


def test_meta_tensor_of_no_memory(loads, samples, tmp_path):
    loads.refuses(meta_bomb(samples, tmp_path), "limit", "2305843009213698029")


def test_no_hash_where_one_is_asked_for(loads, samples, tmp_path):
    path, file = tmp_path / "none.tensors", Tensors(samples.plain)
    file.put("B", file.header(1)["hash_count"], 0)
    path.write_bytes(file.bytes)
    loads.refuses(path, "integrity", "second", ["--verify", "all"], verify="all")


def test_two_tensors_with_the_others_data(loads, samples, tmp_path):
    path, file = tmp_path / "swapped.tensors", Tensors(samples.large)
    a, b = file.header(0)["data"], file.header(1)["data"]
    size = 1 << 22
    file.bytes[a : a + size], file.bytes[b : b + size] = file.bytes[b : b + size], file.bytes[a : a + size]
    path.write_bytes(file.bytes)
    loads.refuses(path, "integrity", several=True)


@pytest.mark.parametrize("verify", ["auto", "none"])
def test_cut(loads, samples, tmp_path, verify):
    """At places of each part; whether hashes are checked or not."""
    file = Tensors(samples.plain)
    fields = file.header(1)
    for size in (ENTRIES, file.entries_end, 200_000, fields["length"], fields["data"] - 1, fields["data"] + 7):
        path = tmp_path / f"{size}.tensors"
        path.write_bytes(file.bytes[:size])
        loads.refuses(path, "format", str(size), ["--verify", verify], verify=verify)
        os.unlink(path)


def test_bytes_behind_the_end_are_noted(loads, samples, tmp_path):
    path = tmp_path / "longer.tensors"
    path.write_bytes(samples.plain.read_bytes() + struct.pack("<Q", 7) * 100)
    assert str(path) in loads.loads(path, SUMS)
