"""Damaged safetensors files and lists of shards: rows 19 to 27."""

import json

import pytest
from files import SUMS, entry, safetensors

MAX = (1 << 64) - 1
FOUR = bytes(range(4))


def one(**fields) -> bytes:
    """A file of one tensor, with other fields."""
    return safetensors({"a": entry() | fields}, FOUR)


def nested(depth) -> bytes:
    return b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":' + b"[" * depth + b"]" * depth + b"}}"


def twice(inside: bytes) -> bytes:
    return safetensors(b'{"a":{"dtype":"U8",' + inside + b'"shape":[4],"data_offsets":[0,4]}}', FOUR)


four = json.dumps(entry()).encode()

#: Row, what it is, what the error says, and the file.
DAMAGED = [
    (19, "bytes behind the end", "belong to no tensor", safetensors({"a": entry()}, FOUR + b"\0")),
    (20, "header of 0 bytes", "", safetensors({"a": entry()}, FOUR, length=0)),
    (20, "header of 1 byte", "", safetensors({"a": entry()}, FOUR, length=1)),
    (20, "header longer than the file", "", safetensors({"a": entry()}, FOUR, length=1000)),
    (20, "header of more than 100 MB", "", safetensors({"a": entry()}, FOUR, length=100_000_001)),
    (20, "header of 2^64 - 8 bytes", "", safetensors({"a": entry()}, FOUR, length=MAX - 7)),
    (21, "an array", "not a .tensors or safetensors", safetensors([entry()], FOUR)),
    (21, "text behind it", "follows", safetensors(b'{"a":' + four + b"} {}", FOUR)),
    (21, "byte order mark", "not a .tensors or safetensors", safetensors(b'\xef\xbb\xbf{"a":' + four + b"}", FOUR)),
    (21, "comment", "JSON", safetensors(b'{/* */"a":' + four + b"}", FOUR)),
    (21, "NaN", "", one(shape=[float("nan")])),
    (21, "bad UTF-8", "JSON", safetensors(b'{"a\xff":' + four + b"}", FOUR)),
    (21, "200,000 deep", "", safetensors(nested(200_000), FOUR)),
    (22, "a tensor twice", "twice", safetensors(b'{"a":' + four + b',"a":' + four + b"}", FOUR)),
    (22, "a field twice", "twice", twice(b'"dtype":"U8",')),
    (23, "shape negative", "", one(shape=[-4])),
    (23, "shape fractional", "", one(shape=[4.5])),
    (23, "shape of 10^400", "", one(shape=[10**400])),
    (23, "100,000 dimensions", "dimensions", one(shape=[4] + [1] * 99_999)),
    (23, "offsets reversed", "begins at offset 4", one(data_offsets=[4, 0])),
    (23, "offset negative", "", one(data_offsets=[-4, 0])),
    (23, "offset past the end", "", one(data_offsets=[0, 5], shape=[5])),
    (23, "one offset", "", one(data_offsets=[0])),
    (23, "dtype a number", "dtype", one(dtype=3)),
    (23, "dtype of another size", "they have 32", one(dtype="float32")),
    (24, "overlap", "'b'", safetensors({"a": entry(), "b": entry(begin=1, end=5)}, FOUR + b"\0")),
    (24, "hole", "'b'", safetensors({"a": entry(), "b": entry(begin=5, end=9)}, bytes(9))),
    (24, "half a byte", "", safetensors({"a": entry("F4", (3,), 0, 2)}, bytes(2))),
    (26, "metadata of numbers", "", safetensors({"__metadata__": {"a": 1}, "a": entry()}, FOUR)),
    (26, "metadata a list", "", safetensors({"__metadata__": [], "a": entry()}, FOUR)),
]


@pytest.mark.parametrize("row, what, says, content", DAMAGED, ids=[f"{d[0]}-{d[1]}" for d in DAMAGED])
def test_damaged_file(loads, tmp_path, row, what, says, content):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    loads.refuses(path, "format", says)


def test_unknown_dtype_is_loaded_by_its_size(loads, tmp_path):
    """Its bytes are right, whatever they mean."""
    path = tmp_path / "unknown.safetensors"
    path.write_bytes(one(dtype="U9"))
    assert loads.run("load", "--json", path).json["bytes"] == 4


@pytest.mark.parametrize("dtype", ["U9", "object", "X"])
def test_unknown_dtype_is_an_error_of_the_package(loads, tmp_path, dtype):
    path = tmp_path / "unknown.safetensors"
    path.write_bytes(one(dtype=dtype))
    answer = loads.in_python(path)
    assert answer["raised"] == "UnknownTypeError" and str(path) in answer["text"] and dtype in answer["text"], answer


def test_cut_anywhere(loads, samples, tmp_path):
    whole, path = samples.safetensors.read_bytes(), tmp_path / "cut.safetensors"
    for size in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        loads.refuses(path, "format")


@pytest.fixture
def bloat(tmp_path):
    path = tmp_path / "bloat.safetensors"
    path.write_bytes(safetensors({f"t{i}": entry("U8", (0,), 0, 0) for i in range(200_000)}))
    return path


def test_200_000_empty_tensors(loads, bloat):
    result = loads.run("load", "--json", bloat)
    assert result.code == 0, result
    assert result.json["tensors"] == 200_000
    assert result.json["peak_rss_bytes"] < 200 << 20
    assert len(loads.in_python(bloat)["sums"]) == 200_000


# --- lists of shards


@pytest.fixture
def model(samples, tmp_path):
    """A function that writes a list of shards beside two of them, both the sample."""

    def write(weight_map) -> object:
        for name in ("x.safetensors", "y.safetensors"):
            (tmp_path / name).write_bytes(samples.safetensors.read_bytes())
        path = tmp_path / "model.safetensors.index.json"
        path.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
        return path

    return write


SHARDS = [
    ("missing", "not_found", "z.safetensors", dict.fromkeys(SUMS, "z.safetensors")),
    ("elsewhere", "format", "../x.safetensors", dict.fromkeys(SUMS, "../x.safetensors")),
    ("absolute", "format", "/etc/passwd", dict.fromkeys(SUMS, "/etc/passwd")),
    ("a tensor in two", "format", "", {**dict.fromkeys(SUMS, "x.safetensors"), "first": "y.safetensors"}),
    ("a tensor in none", "format", "fourth", {**dict.fromkeys(SUMS, "x.safetensors"), "fourth": "x.safetensors"}),
    ("no tensor", "format", "", {}),
]


@pytest.mark.parametrize("what, kind, says, weight_map", SHARDS, ids=[row[0] for row in SHARDS])
def test_shards(loads, model, tmp_path, what, kind, says, weight_map):
    loads.refuses(model(weight_map), kind, says, names=str(tmp_path))


def test_shards_that_are_there(loads, model):
    loads.loads(model(dict.fromkeys(SUMS, "x.safetensors")), SUMS)


def test_shard_that_is_a_loop_of_links(loads, model, tmp_path):
    path = model(dict.fromkeys(SUMS, "loop.safetensors"))
    (tmp_path / "loop.safetensors").symlink_to("pool.safetensors")
    (tmp_path / "pool.safetensors").symlink_to("loop.safetensors")
    loads.refuses(path, "io", "loop.safetensors", names=str(tmp_path))
