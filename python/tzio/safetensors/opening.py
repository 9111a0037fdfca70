"""`safe_open`: tensors of a file as they are wanted."""

from __future__ import annotations

import os
from typing import Any

from ..devices import target_of
from ..frameworks import framework as framework_by_name
from ..request import address_of
from .dtypes import code_of
from .errors import SafetensorError
from .slicing import parse_index
from .source import Source, open_name, open_object

_frameworks = {"pt": "torch", "torch": "torch", "pytorch": "torch", "np": "numpy", "numpy": "numpy"}


class safe_open:
    """The file, its names and its tensors; any thread. Slices and tensors stay usable when it is closed."""

    def __init__(
        self,
        filename: str | os.PathLike[str],
        framework: str,
        device: Any = "cpu",
        *,
        backend: str = "mmap",
    ) -> None:
        self._open(framework, device, backend)
        self._source: Source | None = open_name(address_of(filename))

    def _open(self, framework: str, device: Any, backend: str) -> None:
        if backend not in ("mmap", "pread"):
            raise SafetensorError(f'backend "{backend}" is invalid (expected one of: "mmap", "pread")')
        if framework not in _frameworks:
            raise SafetensorError(f"framework {framework} is invalid: tzio has torch (pt) and numpy (np)")
        self._framework = framework_by_name(_frameworks[framework])
        self._device = _device_of(device, _frameworks[framework])

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *_: object) -> None:
        self._source = None

    def _opened(self) -> Source:
        if self._source is None:
            raise SafetensorError("File is closed")
        return self._source

    def metadata(self) -> dict[str, str] | None:
        """What the file says about itself; None where it says nothing."""
        return dict(self._opened().metadata) or None

    def keys(self) -> list[str]:
        """Names in order."""
        return sorted(self._opened().infos)

    def offset_keys(self) -> list[str]:
        """Names in the order of their data in the file."""
        return list(self._opened().infos)

    def get_tensor(self, name: str) -> Any:
        return self._there(self._opened().tensor(self._framework, name))

    def get_tensors(self) -> dict[str, Any]:
        """All of them, read at once: much faster than one by one."""
        return self._opened().all(self._framework, target_of(self._device, self._framework))

    def get_slice(self, name: str) -> PySafeSlice:
        """A tensor of which an index reads what it takes of the first dimension, no more."""
        source = self._opened()
        return PySafeSlice(source, source.info(name), self._framework, self._device)

    def _there(self, tensor: Any) -> Any:
        return tensor if self._device is None else tensor.to(self._device)


class _safe_open_handle(safe_open):
    """`safe_open` of a file object."""

    def __init__(self, f: Any, framework: str, device: Any = "cpu", *, backend: str = "mmap") -> None:
        self._open(framework, device, backend)
        self._source = open_object(f)


class PySafeSlice:
    """Indexed like a tensor: `f.get_slice(name)[10:20, :, 0]`. Any thread.

    An int or a slice in the first place has only these rows read. With NumPy: ints, slices and `...`, within bounds.
    """

    def __init__(self, source: Source, info: tuple[Any, ...], framework: Any, device: Any) -> None:
        self._source = source
        self._name, self._dtype, self._shape, _, _ = info
        self._framework = framework
        self._device = device

    def get_shape(self) -> list[int]:
        return list(self._shape)

    def get_dtype(self) -> str:
        """As the file spells it, such as "BF16"."""
        return code_of.get(str(self._dtype), str(self._dtype))

    def __getitem__(self, index: Any) -> Any:
        if self._framework.name == "numpy":
            index = parse_index(index, tuple(self._shape))
        rows, index = self._rows(index)
        tensor = self._framework.packed(rows[index])
        return tensor if self._device is None else tensor.to(self._device)

    def _rows(self, index: Any) -> tuple[Any, Any]:
        """What `index` takes of the first dimension, and what is to be taken of that."""
        parts = index if isinstance(index, tuple) else (index,)
        first = parts[0] if parts else None
        in_bytes = self._dtype != "float4_e2m1fn" or len(self._shape) > 1  # else an element begins within a byte
        if self._shape and in_bytes and isinstance(first, slice) and (first.step is None or first.step > 0):
            begin, end, step = first.indices(self._shape[0])
            rows = self._read(begin, max(begin, end))
            return rows, (slice(None, None, step), *parts[1:])
        if self._shape and in_bytes and type(first) is int and -self._shape[0] <= first < self._shape[0]:
            at = first % self._shape[0]
            return self._read(at, at + 1), (0, *parts[1:])
        return self._source.tensor(self._framework, self._name), index

    def _read(self, begin: int, end: int) -> Any:
        if (begin, end) == (0, self._shape[0]):
            return self._source.tensor(self._framework, self._name)
        if begin == end:
            return self._framework.shaped(self._framework.memory(0)[0], self._dtype, (0, *self._shape[1:]))
        return self._source.rows(self._framework, self._name, begin, end)


def _device_of(device: Any, framework: str) -> Any:
    """None for the CPU. "cuda:1", 1 or a torch.device for others."""
    if device is None or str(device) == "cpu":
        return None
    if framework != "torch":
        raise SafetensorError(f"Device {device} is not supported for framework {framework}")
    import torch

    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        raise SafetensorError(f"device {device} is invalid") from None
    return None if chosen.type == "cpu" else chosen
