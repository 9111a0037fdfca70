"""Every type of elements, from both formats, in PyTorch and NumPy."""

import json
import math
import os
import struct
import sys

import numpy
import pytest
import safetensors.torch
import torch
import tzio
import tzio.safetensors.torch
from conftest import assert_same

everywhere = (
    "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 bfloat16 float32 float64 complex64 float8_e4m3fn "
    "float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2"
).split()
in_tensors_alone = "complex128 complex32 int4 uint4 uint1 bits8 quint8".split()


def tensor_of(name: str, *shape: int) -> torch.Tensor:
    dtype = getattr(torch, name)
    raw = torch.randint(0, 2 if name == "bool" else 256, (math.prod(shape) * dtype.itemsize,), dtype=torch.uint8)
    return raw.view(dtype).reshape(shape)


@pytest.mark.parametrize("suffix", ["tensors", "safetensors"])
@pytest.mark.parametrize("name", everywhere)
def test_a_type_comes_back_as_it_was(tmp_path, suffix, name):
    tensors = {"x": tensor_of(name, 5, 8), "empty": tensor_of(name, 0, 8), "odd": tensor_of(name, 3, 5)}
    path = tmp_path / f"x.{suffix}"
    tzio.save_file(tensors, path)
    loaded = tzio.load_file(path)
    with tzio.open(path) as file:
        for key, tensor in tensors.items():
            assert_same(loaded[key], tensor)
            assert_same(file.get_tensor(key), tensor)
            assert_same(file.get_slice(key)[1:3], tensor[1:3])


@pytest.mark.parametrize("name", in_tensors_alone)
def test_tensors_files_hold_the_rest_and_safetensors_files_refuse_it(tmp_path, name):
    tensor = tensor_of(name, 5, 8)
    tzio.save_file({"x": tensor}, tmp_path / "x.tensors")
    assert_same(tzio.load_file(tmp_path / "x.tensors")["x"], tensor)
    with pytest.raises(tzio.UnsupportedError, match=name) as caught:
        tzio.save_file({"x": tensor}, tmp_path / "x.safetensors")
    assert isinstance(caught.value, ValueError)
    assert os.listdir(tmp_path) == ["x.tensors"]


def written(path, code: str, bits: int, shape: list[int]) -> bytes:
    size = bits * shape[0] * shape[1] // 8
    header = json.dumps({"x": {"dtype": code, "shape": shape, "data_offsets": [0, size]}}).encode()
    data = os.urandom(size)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return data


@pytest.mark.parametrize(("code", "bits"), [("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6)])
@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_elements_that_share_bytes_come_as_these_where_there_is_no_such_type(tmp_path, code, bits, framework):
    path = tmp_path / "x.safetensors"
    data = written(path, code, bits, [4, 8])
    got = tzio.load_file(path, framework=framework)["x"]
    assert tuple(got.shape) == (4, bits)
    raw = got.view(torch.uint8).numpy() if framework == "torch" else got
    assert raw.tobytes() == data
    (info,) = tzio.info(path)[0].tensors
    assert (info.shape, info.bytes) == ((4, 8), len(data))
    data = written(path, code, bits, [4, 3] if bits == 4 else [4, 1])  # rows begin within bytes
    assert tuple(tzio.load_file(path, framework=framework)["x"].shape) == (len(data),)


def test_numpy_says_which_type_it_lacks(tmp_path, monkeypatch):
    tzio.save_file({"x": tensor_of("bfloat16", 2, 2)}, tmp_path / "x.tensors")
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    tzio.frameworks.framework.cache_clear()
    tzio.frameworks.Numpy.dtype.cache_clear()
    with pytest.raises(tzio.UnknownTypeError, match=r"x\.tensors.*bfloat16.*ml_dtypes") as caught:
        tzio.load_file(tmp_path / "x.tensors", framework="numpy")
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("framework", ["torch", "numpy"])
@pytest.mark.parametrize("code", ["U9", "object", "finfo", "str_", "V1", "S1", "dtype"])
def test_no_name_from_a_file_is_looked_up(tmp_path, framework, code):
    """NumPy takes U9 for nine characters, object for pointers; ml_dtypes has a class finfo."""
    written(tmp_path / "x.safetensors", code, 8, [4, 8])
    with pytest.raises(tzio.UnknownTypeError, match=f"x\\.safetensors.*{code}"):
        tzio.load_file(tmp_path / "x.safetensors", framework=framework)


@pytest.mark.parametrize("code", ["float32", "uint16", "complex128", "bfloat16", "float8_e5m2", "float4_e2m1fn_x2"])
@pytest.mark.parametrize("framework", ["torch", "numpy"])
def test_a_known_name_with_elements_of_another_size_is_no_such_type(tmp_path, framework, code):
    """Else what is behind the data would be read as the rest of it."""
    path = tmp_path / "x.safetensors"
    written(path, code, 24, [4, 8])
    with pytest.raises(tzio.FormatError, match=r"x\.safetensors"):
        tzio.load_file(path, framework=framework)
    with pytest.raises(tzio.FormatError, match=r"x\.safetensors"), tzio.open(path, framework=framework) as file:
        file.get_tensor("x")


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e8m0fnu"])
@pytest.mark.parametrize("suffix", ["tensors", "safetensors"])
def test_numpy_has_the_types_of_ml_dtypes(tmp_path, suffix, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    tensor = tensor_of(name, 5, 8)
    path = tmp_path / f"x.{suffix}"
    tzio.save_file({"x": tensor}, path)
    array = tzio.load_file(path, framework="numpy")["x"]
    assert array.dtype == numpy.dtype(getattr(ml_dtypes, name)) and array.shape == (5, 8)
    assert array.tobytes() == tensor.view(torch.uint8).numpy().tobytes()
    tzio.save_file({"x": array}, path)
    assert_same(tzio.load_file(path)["x"], tensor)


@pytest.mark.parametrize("seed", range(50))
def test_random_models_are_exchanged_with_safetensors(tmp_path, seed):
    torch.manual_seed(seed)
    theirs_too = [name for name in everywhere if name != "float4_e2m1fn_x2"]

    def number(below: int) -> int:
        return int(torch.randint(0, below, ()))

    tensors = {}
    for place in range(number(12)):
        shape = [number(9) for _ in range(number(5))]
        name = theirs_too[number(len(theirs_too))]
        tensors[f"{'größe/' if number(4) == 0 else 'layer.'}{place}.{name}"] = tensor_of(name, *shape)
    metadata = {f"key {i}": f"value\n{i}" for i in range(number(2))} or None  # of more the original has no order
    ours, native, theirs = (tmp_path / f"{name}.safetensors" for name in ("ours", "native", "theirs"))
    tzio.safetensors.torch.save_file(tensors, ours, metadata)
    tzio.save_file(tensors, native, metadata=metadata)
    safetensors.torch.save_file(tensors, theirs, metadata)
    assert ours.read_bytes() == theirs.read_bytes()
    loads = (
        safetensors.torch.load_file(ours),
        safetensors.torch.load_file(native),
        tzio.safetensors.torch.load_file(theirs),
        tzio.load_file(theirs, framework="torch"),
        dict(iter(tzio.open(theirs, framework="torch", prefetch_bytes=100))),
    )
    for loaded in loads:
        assert set(loaded) == set(tensors)
        for name, tensor in tensors.items():
            assert_same(loaded[name], tensor)
    for path in (ours, native, theirs):
        with safetensors.safe_open(path, "pt") as file:
            assert (file.metadata() or None) == metadata
        assert dict(tzio.info(path)[0].metadata) == (metadata or {})
