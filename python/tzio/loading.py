"""`load_file`, `load_into_module` and `info`: whole files at once."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _core
from .config import Config, effective
from .devices import target_of
from .engine import engine_of, holders_of, naming, timeline_of
from .frameworks import framework as framework_by_name
from .reader import tensors_by_name
from .request import (
    Names,
    Progress,
    Uris,
    addresses_of,
    reporter_of,
    secrets_of,
    selection_of,
    unique,
)
from .stats import Stats

if TYPE_CHECKING:
    import torch

_log = logging.getLogger("tzio")


def load_file(
    uris: Uris,
    *,
    tensors: Names = None,
    framework: str | None = None,
    device: Any = None,
    memory: str = "owned",
    key: Any = None,
    password: Any = None,
    progress: bool | Callable[[Progress], None] | None = None,
    config: Config | None = None,
    **keywords: Any,
) -> dict[str, Any]:
    """The tensors of a file or model by name, verified and decrypted, in file order.

    `memory`: "owned", or "mapped" for the file's own pages where its tensors are aligned, which nobody may cut short
    while they are used, or "auto": mapped where that leaves no hash unchecked, as with safetensors; on a GPU it's
    always owned. All tensors of a call share one block of memory (on a GPU some of
    1 GiB), which is free when the last of them is gone.
    The rest is as for `open`. Raises `tzio.Error`; then nothing is left behind.
    """
    chosen = framework_by_name(framework)
    target = target_of(device, chosen)
    settings = effective(config, keywords)
    addresses = addresses_of(uris)
    loaded, _ = _load(
        addresses,
        settings,
        progress,
        {"memory": memory, **target.keywords(), **selection_of(tensors), **secrets_of(key, password)},
    )
    with naming(addresses):
        if tensors is not None or len(loaded) > 1:
            names = [loaded.names(file) for file in range(len(loaded))]
            options = settings.load_keywords()
            unique(names, lambda name: holders_of(name, engine_of(settings), addresses, options, _core.Stop()))
        return tensors_by_name(loaded, chosen, target)


def load_into_module(
    module: torch.nn.Module,
    uris: Uris,
    *,
    strict: bool = True,
    device: Any = None,
    key: Any = None,
    password: Any = None,
    progress: bool | Callable[[Progress], None] | None = None,
    config: Config | None = None,
    **keywords: Any,
) -> ModuleInfo:
    """Fills the parameters and buffers of a PyTorch module by their names.

    Where a parameter has memory of the CPU or a GPU that fits, bytes go there at once, on a GPU after what its current
    stream has to do; one on the device `meta` gets memory on `device`; others are copied and cast. Ties, `requires_grad` and persistence stay as they are. `strict`: names that are missing on
    either side are a KeyError, before anything is written. If the load fails, what was filled is undefined.
    """
    from .module import fill_module

    return fill_module(
        module,
        addresses_of(uris),
        strict=strict,
        device=device,
        progress=progress,
        config=effective(config, keywords),
        keywords=secrets_of(key, password),
    )


@dataclasses.dataclass(frozen=True)
class ModuleInfo:
    """What `load_into_module` did."""

    tensors: int
    missing: list[str]  # in the module, not in the files
    unexpected: list[str]  # the other way round
    stats: Stats


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    name: str
    dtype: str  # torch's name for it, such as "bfloat16"
    shape: tuple[int, ...]
    bytes: int


@dataclasses.dataclass(frozen=True)
class FileInfo:
    format: str  # "tensors" or "safetensors"
    version: int
    encrypted: bool
    bytes: int
    tensors: list[TensorInfo]
    metadata: dict[str, str]


_file_facts = ("format", "version", "encrypted", "bytes")


def info(uris: Uris, *, config: Config | None = None, **keywords: Any) -> list[FileInfo]:
    """What the files of a model hold: their indexes alone are read, which takes no key."""
    chosen = effective(config, keywords)
    layout = engine_of(chosen).layout(addresses_of(uris), chosen.load_keywords(), _core.Stop())
    return [
        FileInfo(
            **{name: fact for name, fact in layout.file(file).items() if name in _file_facts},
            tensors=[TensorInfo(*tensor[:4]) for tensor in layout.tensors(file)],
            metadata=dict(layout.metadata(file)),
        )
        for file in range(len(layout))
    ]


def _load(
    uris: Uris,
    config: Config,
    progress: bool | Callable[[Progress], None] | None = None,
    keywords: dict[str, Any] | None = None,
    into: dict[str, tuple[int, int]] | None = None,
    timeline: _core.Timeline | None = None,
) -> tuple[_core.Loaded, Stats]:
    """`timeline`: that of several loads; it is written by whoever made it."""
    report, end = reporter_of(progress)
    own = timeline_of(config) if timeline is None else None
    keywords = {**config.load_keywords(), **(keywords or {}), "progress": report, "timeline": timeline or own}
    try:
        loaded, facts = engine_of(config).load(addresses_of(uris), keywords, _core.Stop(), into)
    finally:
        end()
        if own is not None:
            own.write()
    stats = Stats()
    stats.add(facts)
    _log.info("loaded %s", stats)
    return loaded, stats
