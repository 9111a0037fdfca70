"""Modules that get tensors of a file, and that are compared with one."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch

from .entries import Entry, TensorType
from .paths import Path, shown
from .tensors import bytes_of, on_cpu


class ModuleDifferences(NamedTuple):
    """Names as the file has them: a dot before those of the outermost module."""

    missing: list[str]  # of the module, and not in the file
    unexpected: list[str]  # the other way round


def differences(module: torch.nn.Module, entries: Iterable[Entry], keep: Callable[[Any], Any]) -> ModuleDifferences:
    """Of what `keep` says True to. Buffers that are not persistent may be missing, and a shared weight is there where
    one of its names is."""
    there = {shown(entry.path): None for entry in entries}  # in the file's order
    owned: dict[str, torch.Tensor] = {}
    wanted: dict[str, torch.Tensor] = {}
    for prefix, part in module.named_modules(remove_duplicate=False):
        for name, tensor in (*part._parameters.items(), *part._buffers.items()):
            if tensor is not None:
                owned[f"{prefix}.{name}"] = tensor
                if name not in part._non_persistent_buffers_set:
                    wanted[f"{prefix}.{name}"] = tensor
    shared = {id(tensor) for name, tensor in owned.items() if name in there}
    return ModuleDifferences(
        [name for name, tensor in wanted.items() if id(tensor) not in shared and keep(name)],
        [str(name) for name in there if name not in owned and keep(name)],
    )


def fill(module: torch.nn.Module, entries: list[Entry], load: Callable[[], dict[Path, torch.nn.Parameter]]) -> None:
    """Loads, and registers what came. Nothing is loaded for a module that it can't go to."""
    modules = dict(module.named_modules(remove_duplicate=False))
    places = [(entry, *_place(entry, modules)) for entry in entries]
    olds = [part._parameters.get(name) for _, part, name in places]
    loaded = load()
    shared: dict[int, torch.nn.Parameter] = {}
    for (entry, part, name), old in zip(places, olds):
        tensor = loaded[entry.path]
        if entry.type is TensorType.BUFFER:
            part.register_buffer(name, tensor.detach(), persistent=name not in part._non_persistent_buffers_set)
            continue
        if old is not None:
            first = shared.setdefault(id(old), tensor)
            tensor = first if first is tensor or _same(first, tensor) else tensor
            if not old.requires_grad:
                tensor.requires_grad_(False)
        part.register_parameter(name, tensor)


def _place(entry: Entry, modules: dict[str, torch.nn.Module]) -> tuple[torch.nn.Module, str]:
    """The submodule and the name of a tensor in it. A name of the outermost one begins with a dot."""
    name = shown(entry.path)
    if entry.type is TensorType.STATE_DICT:
        raise NotImplementedError(
            "The file was written by TensorSerializer.write_state_dict(), so load_into_module() can't load it: use the"
            " TensorDeserializer as a mapping"
        )
    if not isinstance(name, str):
        raise NotImplementedError("A module has no place for nested names: use the TensorDeserializer as a mapping")
    owner, _, own = name.rpartition(".")
    if owner not in modules:
        raise KeyError(f"the module has no submodule {owner!r} for {name!r}")
    return modules[owner], own


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and bool(torch.equal(one, other))


def verify(
    module: torch.nn.Module, headers: Iterable[tuple[Entry, tuple[Any, ...]]]
) -> tuple[bool, list[tuple[Any, bool]]]:
    """Hashes the module's tensors as the file's were."""
    live: dict[Any, torch.Tensor] = {}
    for prefix, part in module.named_modules(remove_duplicate=False):
        for name, tensor in (*part._parameters.items(), *part._buffers.items()):
            if tensor is not None:
                live[f"{prefix}.{name}"] = tensor  # of the outermost module with a dot, as the file has it
    results = []
    for entry, header in headers:
        name = shown(entry.path)
        tensor = live.get(name if isinstance(name, str) and "." in name else f".{name}")
        results.append((name, tensor is not None and _fits(tensor, entry, header)))
    return all(fits for _, fits in results), results


def _fits(tensor: torch.Tensor, entry: Entry, header: tuple[Any, ...]) -> bool:
    _, crc32, sha256, before, _ = header
    if not entry.bytes or not entry.data_bytes:
        return tuple(tensor.shape) == tuple(entry.shape)  # there is nothing else to compare
    if tensor.is_meta or (crc32 is None and sha256 is None):
        return False
    data = bytes_of(on_cpu(tensor))
    if data.nbytes != entry.bytes:
        return False
    if sha256 is not None:
        digest = hashlib.sha256(before)
        digest.update(data)
        return bool(digest.digest() == sha256)
    return bool(zlib.crc32(data, zlib.crc32(before)) == crc32)
