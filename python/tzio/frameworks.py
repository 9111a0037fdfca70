"""Tensors as PyTorch's or NumPy's, or as DLPack has them. No package is imported before a tensor of it is wanted."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
from typing import Any

from . import _core
from .errors import UnknownTypeError, UsageError


def default_framework() -> str:
    """PyTorch where it is imported already or can be found, else NumPy."""
    if "torch" in sys.modules:
        return "torch"
    import importlib.util

    return "torch" if importlib.util.find_spec("torch") else "numpy"


#: Names of types that are NumPy's own. Whatever else it takes for one would be a name from a file.
NUMPY = frozenset(
    ("bool", "complex64", "complex128", "float16", "float32", "float64")
    + tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
)

#: Types whose elements share bytes, and how many bits one has. Frameworks that have no such type get the bytes.
PACKED = {"float4_e2m1fn": 4, "float4_e2m1fn_x2": 8, "float6_e2m3fn": 6, "float6_e3m2fn": 6}


def packed_shape(name: str, shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Of the bytes of a tensor of such a type: as its own, if its rows begin with bytes; else all in a row."""
    bits = (shape[-1] if shape else 1) * PACKED[name]
    if bits % 8 != 0:
        return (size,)
    return (*shape[:-1], bits // 8) if shape else ()


def check_size(name: str, item_size: int, shape: tuple[int, ...], size: int) -> None:
    """A safetensors file may give elements of any size to a type that its format doesn't have."""
    if math.prod(shape) * item_size != size:
        raise UnknownTypeError(f"{size} bytes are no tensor of the type {name} and the shape {list(shape)}")


class Torch:
    """Tensors own the memory of their load together: it is free when the last of them is."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        self.torch = torch
        # without the look for __dlpack__, which takes longer than the rest
        self.from_dlpack = getattr(torch._C, "_from_dlpack", torch.utils.dlpack.from_dlpack)

    @functools.cache
    def dtype(self, name: str) -> Any:
        if name == "float4_e2m1fn":
            name = "float4_e2m1fn_x2"
        dtype = getattr(self.torch, name, None)
        if not isinstance(dtype, self.torch.dtype):
            if name in PACKED:
                return self.torch.uint8
            raise UnknownTypeError(f"this PyTorch has no type {name}")
        return dtype

    def tensors(self, loaded: _core.Loaded, file: int) -> list[Any]:
        made, as_bytes = loaded.all(file, self.from_dlpack)
        infos = loaded.tensors(file) if as_bytes else []
        for index in as_bytes:
            made[index] = self.shaped(made[index], infos[index][1], infos[index][2])
        return made

    def tensor(self, loaded: _core.Loaded, file: int, index: int) -> Any:
        capsule, known = loaded.tensor(file, index)
        tensor = self.from_dlpack(capsule)
        if known:
            return tensor
        info = loaded.tensors(file)[index]
        return self.shaped(tensor, info[1], info[2])

    def memory(self, size: int) -> tuple[Any, int]:
        """Fresh memory of `size` bytes, for shaped(), and its address."""
        data = self.torch.empty(size, dtype=self.torch.uint8, device="cpu")
        return data, data.data_ptr()

    def shaped(self, data: Any, name: str, shape: tuple[int, ...]) -> Any:
        """Bytes as a tensor of the type `name`."""
        if name in PACKED:
            shape = packed_shape(name, shape, data.numel())
        dtype = self.dtype(name)
        check_size(name, dtype.itemsize, shape, data.numel())
        return data.view(dtype).reshape(shape)

    def packed(self, tensor: Any) -> Any:
        """The same, in memory without gaps."""
        return tensor.contiguous()

    def address(self, tensor: Any) -> tuple[Any, tuple[Any, ...]]:
        """A contiguous tensor of the CPU, to be kept, and (dtype, shape, address, bytes, element bytes)."""
        tensor = tensor.detach().to("cpu").contiguous()
        name = str(tensor.dtype).removeprefix("torch.")
        size = tensor.element_size()
        return tensor, (name, tuple(tensor.shape), tensor.data_ptr(), tensor.numel() * size, size)


class Dlpack:
    """Objects with `__dlpack__`, of which CuPy, JAX, PyTorch and others make their own tensors. Types that DLPack 1.0
    doesn't know are their bytes in a row."""

    name = "dlpack"

    def tensors(self, loaded: _core.Loaded, file: int) -> list[Any]:
        return [self.tensor(loaded, file, index) for index in range(len(loaded.names(file)))]

    def tensor(self, loaded: _core.Loaded, file: int, index: int) -> Any:
        return loaded.exporter(file, index)[0]


class Numpy:
    """Arrays own the memory of their load together. Types that NumPy lacks are ml_dtypes' where it is there; of types
    whose elements share bytes there are these bytes."""

    name = "numpy"

    def __init__(self) -> None:
        import numpy

        self.numpy = numpy

    @functools.cache
    def dtype(self, name: str) -> Any:
        if name in NUMPY:
            return self.numpy.dtype(name)
        scalar: Any = None
        with contextlib.suppress(ImportError):
            import ml_dtypes

            scalar = getattr(ml_dtypes, name, None)
        if isinstance(scalar, type) and issubclass(scalar, self.numpy.generic):
            return self.numpy.dtype(scalar)
        raise UnknownTypeError(f"NumPy has no type {name}; ml_dtypes may have it, and PyTorch")

    def tensors(self, loaded: _core.Loaded, file: int) -> list[Any]:
        return [self._array(loaded, file, index, info) for index, info in enumerate(loaded.tensors(file))]

    def tensor(self, loaded: _core.Loaded, file: int, index: int) -> Any:
        return self._array(loaded, file, index, loaded.tensors(file)[index])

    def _array(self, loaded: _core.Loaded, file: int, index: int, info: tuple[Any, ...]) -> Any:
        return self.shaped(self.numpy.asarray(loaded.buffer(file, index)), info[1], info[2])

    def memory(self, size: int) -> tuple[Any, int]:
        data = self.numpy.empty(size, dtype=self.numpy.uint8)
        return data, data.ctypes.data

    def shaped(self, data: Any, name: str, shape: tuple[int, ...]) -> Any:
        if name in PACKED:  # of which ml_dtypes would have one in a byte
            shape, dtype = packed_shape(name, shape, data.nbytes), data.dtype
        else:
            dtype = self.dtype(name)
        check_size(name, dtype.itemsize, shape, data.nbytes)
        return data.view(dtype).reshape(shape)

    def packed(self, array: Any) -> Any:
        return self.numpy.asarray(array, order="C")

    def address(self, array: Any) -> tuple[Any, tuple[Any, ...]]:
        array = self.numpy.asarray(array)
        shape = array.shape
        array = self.numpy.ascontiguousarray(array)
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        return array, (array.dtype.name, shape, array.ctypes.data, array.nbytes, array.itemsize)


@functools.cache
def framework(name: str | None) -> Any:
    """By "torch" (or "pt"), "numpy" (or "np"), "dlpack", or None for default_framework()."""
    chosen = name or default_framework()
    if chosen in ("torch", "pt"):
        return Torch()
    if chosen in ("numpy", "np"):
        return Numpy()
    if chosen == "dlpack":
        return Dlpack()
    raise UsageError(f"framework={name!r} is none of torch, numpy and dlpack")


def framework_of(tensor: Any) -> Any:
    return framework("torch" if type(tensor).__module__.startswith("torch") else "numpy")
