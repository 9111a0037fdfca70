"""Parts of tensors of an open file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reader import File


class Slice:
    """A tensor that is indexed like one: `f.get_slice(name)[10:20, :, 0]`. Any thread."""

    def __init__(self, file: File, info: tuple[Any, ...]) -> None:
        self._file = file
        self._name, self._dtype, self._shape, _, _ = info

    def get_shape(self) -> list[int]:
        return list(self._shape)

    def get_dtype(self) -> str:
        """By torch's name, such as "bfloat16"."""
        return str(self._dtype)

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        first = parts[0] if parts else slice(None)
        if not self._shape or first is Ellipsis or not isinstance(first, (int, slice)):
            return self._file.get_tensor(self._name)[index]
        extent = self._shape[0]
        if isinstance(first, int):
            at = first + extent if first < 0 else first
            if not 0 <= at < extent:
                raise IndexError(f"index {first} is out of range for {self._name!r} of {extent}")
            return self._rows(at, at + 1)[(0, *parts[1:])]
        begin, end, step = first.indices(extent)
        if step != 1 or begin >= end:
            return self._file.get_tensor(self._name)[index]
        rows = self._rows(begin, end)
        return rows[(slice(None), *parts[1:])] if len(parts) > 1 else rows

    def _rows(self, begin: int, end: int) -> Any:
        self._file._must_be_open()
        return self._file._load([self._name], slices=[(self._name, 0, begin, end)])[self._name]
