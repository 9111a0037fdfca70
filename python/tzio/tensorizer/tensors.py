"""Tensors in memory, as the engine writes them, and as it hands them out."""

from __future__ import annotations

from typing import Any

import numpy
import torch

from ..frameworks import framework
from .paths import Path

_quantized = tuple(
    getattr(torch, name) for name in ("quint8", "qint8", "qint32", "quint4x2", "quint2x4") if hasattr(torch, name)
)
#: Numbers by their size, to move what PyTorch or NumPy has no operations for.
_integers = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}


def on_cpu(tensor: Any) -> Any:
    """The tensor or array as it can be written: contiguous, on the CPU, neither conjugated nor sparse."""
    if isinstance(tensor, numpy.ndarray):
        try:
            torch.from_numpy(numpy.empty((), tensor.dtype))
        except TypeError:
            raise TypeError(f"Cannot serialize an array with dtype {tensor.dtype.name}") from None
        return tensor
    if not isinstance(tensor, torch.Tensor):
        tensor = torch.utils.dlpack.from_dlpack(tensor)
    if tensor.dtype in _quantized:
        raise NotImplementedError(f"Serialization for {tensor.dtype} is not implemented: it has parameters of its own")
    if tensor.layout != torch.strided:
        raise RuntimeError(f"a tensor of layout {tensor.layout} can't be written; to_dense() makes one that can")
    tensor = tensor.detach()
    if tensor.is_meta:
        return tensor
    return _contiguous(tensor.resolve_conj().resolve_neg().cpu())


def _contiguous(tensor: torch.Tensor) -> torch.Tensor:
    """PyTorch can't copy some of its types, but can their bytes as integers."""
    if tensor.is_contiguous():
        return tensor
    return tensor.view(_integers[tensor.element_size()]).contiguous().view(tensor.dtype)


def described(path: Path, kind: int, module_index: int, tensor: Any) -> tuple[Any, tuple[Any, ...]]:
    """What on_cpu() gave, to be kept while it is written, and what the engine wants to know of it."""
    if isinstance(tensor, torch.Tensor) and tensor.is_meta:
        size = tensor.element_size()
        name = str(tensor.dtype).removeprefix("torch.")
        return tensor, (path, kind, module_index, name, tuple(tensor.shape), None, tensor.numel() * size, size)
    kept, facts = framework("numpy" if isinstance(tensor, numpy.ndarray) else "torch").address(tensor)
    return kept, (path, kind, module_index, *facts)


def bytes_of(tensor: torch.Tensor) -> Any:
    """The bytes of a tensor as a buffer; that of on_cpu(). A single element may have any stride, which view() minds."""
    return tensor.as_strided((tensor.numel(),), (1,)).view(torch.uint8).numpy()


def as_array(tensor: torch.Tensor) -> tuple[numpy.ndarray[Any, Any], str | None]:
    """A NumPy array of the same memory; and the tensor's type where NumPy has none of that kind, and the array is of
    integers of its size."""
    tensor = tensor.detach()
    try:
        return tensor.numpy(), None
    except TypeError:
        return tensor.view(_integers[tensor.element_size()]).numpy(), str(tensor.dtype)
