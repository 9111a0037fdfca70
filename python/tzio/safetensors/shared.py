"""Which tensors share memory, and under which of their names it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch


def storage_ptr(tensor: torch.Tensor) -> int:
    """The address of the memory that the tensor is a part of; 0 on the device `meta`."""
    try:
        return tensor.untyped_storage().data_ptr()
    except NotImplementedError:
        return 0


def storage_size(tensor: torch.Tensor) -> int:
    """The bytes of that memory."""
    try:
        return tensor.untyped_storage().nbytes()
    except NotImplementedError:
        return tensor.nelement() * tensor.element_size()


def _end_ptr(tensor: torch.Tensor) -> int:
    """The address behind the last element."""
    if tensor.nelement() == 0:
        return tensor.data_ptr()
    last = sum((extent - 1) * stride for extent, stride in zip(tensor.shape, tensor.stride()))
    return tensor.data_ptr() + (last + 1) * tensor.element_size()


def _is_complete(tensor: torch.Tensor) -> bool:
    """Whether it is all of its memory."""
    size = tensor.nelement() * tensor.element_size()
    return tensor.data_ptr() == storage_ptr(tensor) and size == storage_size(tensor)


def _find_shared_tensors(state_dict: Mapping[str, torch.Tensor]) -> list[set[str]]:
    """Names in groups: tensors of one group overlap in memory, of different ones don't. Those without memory have none.
    """
    by_storage: dict[tuple[torch.device, int, int], list[str]] = {}
    for name, tensor in state_dict.items():
        if tensor.device.type == "meta" or storage_ptr(tensor) == 0 or storage_size(tensor) == 0:
            continue
        by_storage.setdefault((tensor.device, storage_ptr(tensor), storage_size(tensor)), []).append(name)
    groups: list[set[str]] = []
    for names in by_storage.values():
        groups += _overlapping(names, state_dict)
    return groups


def _overlapping(names: list[str], tensors: Mapping[str, torch.Tensor]) -> list[set[str]]:
    if len(names) == 1:
        return [set(names)]
    groups: list[set[str]] = []
    reached = 0
    for begin, end, name in sorted((tensors[name].data_ptr(), _end_ptr(tensors[name]), name) for name in names):
        if groups and begin < reached:
            groups[-1].add(name)
        else:
            groups.append({name})
        reached = max(reached, end)
    return groups


def _remove_duplicate_names(
    state_dict: Mapping[str, torch.Tensor],
    *,
    preferred_names: Iterable[str] | None = None,
    discard_names: Iterable[str] | None = None,
) -> dict[str, list[str]]:
    """By the name that is kept of each group: the others. A kept tensor is all of its memory; RuntimeError where a
    group has none. Of several: the first that is preferred, else that is not to be discarded, else the first."""
    preferred, discarded = set(preferred_names or ()), set(discard_names or ())
    removed: dict[str, list[str]] = {}
    for group in _find_shared_tensors(state_dict):
        complete = {name for name in group if _is_complete(state_dict[name])}
        if not complete:
            raise RuntimeError(
                f"None of the tensors {sorted(group)} is all of the memory that they share, so none can be saved for"
                " the others: save copies of them instead (`.clone()`)."
            )
        kept = min((complete & preferred) or (complete - discarded) or complete)
        others = sorted(group - {kept})
        if others:
            removed[kept] = others
    return removed
