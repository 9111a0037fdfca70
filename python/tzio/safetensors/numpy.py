"""`safetensors.numpy`: files and bytes to arrays by name, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .opening import safe_open
from .serializing import TensorSpec, load_bytes, serialize, serialize_file


def save(tensor_dict: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file's bytes. Raises SafetensorError for types that the format lacks."""
    held, specs = _specs(tensor_dict)
    return serialize(specs, metadata)


def save_file(
    tensor_dict: Mapping[str, np.ndarray[Any, Any]],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a file, in place of an old one at once."""
    held, specs = _specs(tensor_dict)
    serialize_file(specs, filename, metadata)


def load(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a file's bytes, which are copied."""
    return load_bytes(data, "numpy")


def load_file(filename: str | os.PathLike[str], *, backend: str = "mmap") -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a file or URL. bfloat16 and the like need the package ml_dtypes."""
    with safe_open(filename, framework="np", backend=backend) as file:
        return file.get_tensors()


def _specs(arrays: Mapping[str, np.ndarray[Any, Any]]) -> tuple[list[Any], dict[str, TensorSpec]]:
    """And what must stay until they are written: copies of arrays that are swapped or have gaps."""
    held, specs = [], {}
    for name, array in arrays.items():
        packed = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        held.append(packed)
        specs[name] = TensorSpec(
            dtype=packed.dtype.name, shape=packed.shape, data_ptr=packed.ctypes.data, data_len=packed.nbytes
        )
    return held, specs
