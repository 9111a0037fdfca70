"""PyTorch modules that get their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from . import _core
from .config import Config
from .devices import Target, stream_of, target_of
from .engine import engine_of, holders_of, naming, timeline_of
from .frameworks import framework
from .loading import ModuleInfo, _load
from .reader import tensors_by_name
from .request import Progress, shown_addresses, unique
from .stats import Stats


def fill_module(
    module: torch.nn.Module,
    addresses: list[str],
    *,
    strict: bool,
    device: Any,
    progress: bool | Callable[[Progress], None] | None,
    config: Config,
    keywords: dict[str, Any],
) -> ModuleInfo:
    """See `load_into_module`."""
    owners = _owners(module)
    settings = {**config.load_keywords(), **keywords}
    layout = engine_of(config).layout(addresses, settings, _core.Stop())
    files = [layout.tensors(file) for file in range(len(layout))]
    unique(
        ([info[0] for info in each] for each in files),
        lambda name: holders_of(name, engine_of(config), addresses, settings, _core.Stop()),
    )
    infos = {info[0]: info for each in files for info in each}
    missing = _without_ties([name for name in owners if name not in infos], owners, infos)
    unexpected = [name for name in infos if name not in owners]
    if strict and (missing or unexpected):
        raise KeyError(
            f"{shown_addresses(addresses)}: in the module alone: {missing[:5]}; in the files alone: {unexpected[:5]}"
        )
    wanted = {name: info for name, info in infos.items() if name in owners}
    in_place, rest = _sort(wanted, owners, device)
    stats = Stats()
    timeline = timeline_of(config)
    for target, tensors in in_place.items():
        stream = 0 if target.gpu is None else stream_of(torch, target.gpu)
        places = {name: (tensor.data_ptr(), _bytes(tensor)) for name, tensor in tensors.items()}
        to = {"names": list(places), **target.keywords(stream), **keywords}
        _, took = _load(addresses, config, progress, to, places, timeline)
        stats.add(took.as_dict())
    if rest:
        target = target_of(device, framework("torch"))
        loaded, took = _load(
            addresses, config, progress, {"names": rest, **target.keywords(), **keywords}, None, timeline
        )
        stats.add(took.as_dict())
        with naming(addresses):
            _assign(owners, tensors_by_name(loaded, framework("torch"), target))
    if timeline is not None:
        timeline.write()
    return ModuleInfo(len(wanted), missing, unexpected, stats)


_Owner = tuple[torch.nn.Module, str]  # a module, and what its parameter or buffer is called there


def _owners(module: torch.nn.Module) -> dict[str, _Owner]:
    """By full name; buffers that are not persistent are not saved, and not filled."""
    owners: dict[str, _Owner] = {}
    for prefix, part in module.named_modules(remove_duplicate=False):
        dot = prefix + "." if prefix else ""
        for name, parameter in part._parameters.items():
            if parameter is not None:
                owners[dot + name] = (part, name)
        for name, buffer in part._buffers.items():
            if buffer is not None and name not in part._non_persistent_buffers_set:
                owners[dot + name] = (part, name)
    return owners


def _value(owner: _Owner) -> torch.Tensor:
    part, name = owner
    return part._parameters[name] if name in part._parameters else part._buffers[name]  # type: ignore[return-value]


def _without_ties(missing: list[str], owners: dict[str, _Owner], infos: dict[str, Any]) -> list[str]:
    """A tied weight is there where one of its names is."""
    there = {id(_value(owners[name])) for name in infos if name in owners}
    return [name for name in missing if id(_value(owners[name])) not in there]


def _sort(
    wanted: dict[str, Any], owners: dict[str, _Owner], device: Any
) -> tuple[dict[Target, dict[str, torch.Tensor]], list[str]]:
    """What is read to where it belongs, by where that is; and the names of the rest."""
    in_place: dict[Target, dict[str, torch.Tensor]] = {}
    rest = []
    targets: dict[torch.device, Target] = {}
    for name, info in wanted.items():
        value = _value(owners[name])
        if not _fits(value, info) or (device is not None and torch.device(device) != value.device):
            rest.append(name)
            continue
        if value.device not in targets:
            targets[value.device] = target_of(value.device, framework("torch"))
        target = targets[value.device]
        if target.copied_to is not None:
            rest.append(name)
        else:
            in_place.setdefault(target, {})[name] = value
    return in_place, rest


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _fits(target: torch.Tensor, info: tuple[Any, ...]) -> bool:
    _, dtype, shape, size, _ = info
    return (
        target.device.type in ("cpu", "cuda")
        and target.is_contiguous()
        and not target.is_conj()
        and str(target.dtype) == "torch." + dtype
        and tuple(target.shape) == tuple(shape)
        and _bytes(target) == size
    )


def _assign(owners: dict[str, _Owner], tensors: dict[str, torch.Tensor]) -> None:
    made: dict[int, torch.Tensor] = {}  # tied weights stay tied
    for name, tensor in tensors.items():
        part, own = owners[name]
        old = _value(owners[name])
        if old.device.type != "meta":
            with torch.no_grad():
                old.copy_(tensor)
            continue
        if tensor.dtype != old.dtype:
            tensor = tensor.to(old.dtype)
        if own in part._parameters:
            new: torch.Tensor = torch.nn.Parameter(tensor, requires_grad=old.requires_grad)
        else:
            new = tensor
        made[id(old)] = new
    for part, own in owners.values():
        new_value = made.get(id(_value((part, own))))
        if new_value is None:
            continue
        if own in part._parameters:
            part._parameters[own] = new_value  # type: ignore[assignment]
        else:
            part._buffers[own] = new_value
