"""What `slice[...]` asks for where the framework is NumPy: what is out of range is an error, as in safetensors.

With PyTorch an index means what it means for a tensor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import SafetensorError


@dataclass(frozen=True)
class Part:
    """What is taken of a dimension: one element, or begin:end:step; `text` is how it was written."""

    taken: int | slice
    text: str


def parse_index(index: Any, shape: tuple[int, ...]) -> tuple[int | slice, ...]:
    """What is taken of each dimension of `shape`, within its bounds. Raises SafetensorError."""
    if isinstance(index, list):
        if index:
            raise SafetensorError("Non empty lists are not implemented")
        index = slice(0, 0)
    items = list(index) if isinstance(index, tuple) else [index]
    ellipses = [place for place, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise SafetensorError("Only one ellipsis (...) is allowed in slice index")
    missing = max(0, len(shape) + len(ellipses) - len(items))
    if ellipses:
        items[ellipses[0] : ellipses[0] + 1] = [slice(None)] * missing
        missing = 0
    written = len(items)
    parts = [_part(item, place, shape) for place, item in enumerate(items + [slice(None)] * missing)]
    _check(parts, written, shape)
    return tuple(part.taken for part in parts)


def _part(item: Any, place: int, shape: tuple[int, ...]) -> Part:
    extent = shape[place] if place < len(shape) else 0
    if isinstance(item, slice):
        step = 1 if item.step is None else item.step.__index__()
        if step < 1:
            raise SafetensorError(f"Slice step must be a positive integer, got {step}")
        begin, end = (None if bound is None else bound.__index__() for bound in (item.start, item.stop))
        text = f"{'' if begin is None else begin}:{'' if end is None else end}" + (f":{step}" if step > 1 else "")
        return Part(slice(_from_end(begin, 0, extent), _from_end(end, extent, extent), step), text)
    if hasattr(item, "__index__") and not isinstance(item, bool):
        at = item.__index__()
        if at + extent < 0:
            raise SafetensorError(f"Invalid index {at} for dimension {place} of size {extent}")
        at = at + extent if at < 0 else at
        return Part(at, str(at))
    raise SafetensorError(f"Unsupported slice index at position {place}: expected slice, int, or ellipsis")


def _from_end(bound: int | None, default: int, extent: int) -> int:
    if bound is None:
        return default
    return max(0, bound + extent) if bound < 0 else bound


def _check(parts: list[Part], written: int, shape: tuple[int, ...]) -> None:
    """What begins or ends behind a dimension is an error, but for nothing out of nothing. The last dimension first."""
    wrong = None
    if len(parts) > len(shape):
        wrong = "more slicing indexes than dimensions in tensor"
    for place, part, extent in reversed(list(zip(range(len(shape)), parts, shape))):
        taken = part.taken if isinstance(part.taken, slice) else slice(part.taken, part.taken + 1)
        begin, end = taken.start, taken.stop
        if (begin >= extent or end > extent) and (begin, end, extent) != (0, 0, 0) and not wrong:
            at = begin if begin >= extent else end - 1
            wrong = f"index {at} out of bounds for tensor dimension #{place} of size {extent}"
    if wrong:
        texts = ", ".join(part.text for part in parts[:written])
        raise SafetensorError(f"Error during slicing [{texts}] with shape {list(shape)}: {wrong}")
