"""`tzio.open`: a file or model whose tensors are read as they are wanted."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from . import _core
from .ahead import Ahead
from .config import Config, effective, parse_size
from .devices import Target, target_of
from .engine import engine_of, holders_of, naming, timeline_of
from .errors import UsageError
from .frameworks import framework
from .request import (
    Names,
    Progress,
    Uris,
    addresses_of,
    matches,
    must_match,
    reporter_of,
    secrets_of,
    selection_of,
    shown_addresses,
    unique,
)
from .slices import Slice
from .stats import Stats

#: How far ahead of whoever iterates tensors are read.
PREFETCH_BYTES = 1 << 30

_log = logging.getLogger("tzio")


class File:
    """Tensors by name, in one file or many. Made by `open`; belongs to one thread at a time, its tensors to whoever
    takes them. Closing it stops what it reads; tensors stay valid."""

    def __init__(
        self,
        uris: Uris,
        *,
        tensors: Names,
        framework_name: str | None,
        device: Any,
        key: Any,
        password: Any,
        progress: bool | Callable[[Progress], None] | None,
        prefetch_bytes: int | str,
        config: Config,
    ) -> None:
        self._framework = framework(framework_name)
        self._target = target_of(device, self._framework)
        self._engine = engine_of(config)
        self._addresses = addresses_of(uris)
        self._keywords = {**config.load_keywords(), **secrets_of(key, password)}
        self._progress = progress
        self._batch_bytes = max(1, parse_size(prefetch_bytes, "prefetch_bytes") // 2)  # one is read while another is used
        self._timeline = timeline_of(config)
        self._stop = _core.Stop()
        self._iterations: weakref.WeakSet[Ahead] = weakref.WeakSet()
        self._closed = False
        self.stats = Stats()
        self._layout = self._engine.layout(self._addresses, self._keywords, self._stop)
        files = [self._layout.tensors(file) for file in range(len(self._layout))]
        wanted = _filter(tensors)
        self._infos = {info[0]: info for each in files for info in each if wanted(info[0])}
        unique(([info[0] for info in each if info[0] in self._infos] for each in files), self._holders)
        must_match(tensors, self._infos, self._addresses)

    def keys(self) -> list[str]:
        """The names of the tensors, in file order."""
        return list(self._infos)

    def __len__(self) -> int:
        return len(self._infos)

    def __contains__(self, name: object) -> bool:
        return name in self._infos

    def metadata(self) -> dict[str, str]:
        """What safetensors files say about themselves; of entries that differ between files, the first."""
        entries: dict[str, str] = {}
        for file in range(len(self._layout)):
            for name, text in self._layout.metadata(file):
                entries.setdefault(name, text)
        return entries

    def layout_of(self, file: int) -> list[tuple[Any, ...]]:
        """(name, type, shape, bytes, kind) of each tensor of a file, by its place, in the order of their data."""
        return list(self._layout.tensors(file))

    @property
    def total_bytes(self) -> int:
        """Of all its tensors."""
        return sum(info[3] for info in self._infos.values())

    def get_tensor(self, name: str) -> Any:
        """Reads one tensor, whatever was read before. KeyError where there is none."""
        self._must_be_open()
        self._must_have(name)
        return self._load([name])[name]

    def get_slice(self, name: str) -> Slice:
        """A tensor of which only what an index takes of its first dimension is read."""
        self._must_be_open()
        self._must_have(name)
        return Slice(self, self._infos[name])

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Name and tensor, in file order, while those behind are being read: at most `prefetch_bytes` ahead."""
        self._must_be_open()
        ahead = self._read_ahead()
        try:
            while (batch := ahead.take()) is not None:
                while batch:
                    name = next(iter(batch))
                    yield name, batch.pop(name)
        finally:
            ahead.close()

    async def __aiter__(self) -> AsyncIterator[tuple[str, Any]]:
        self._must_be_open()
        ahead = self._read_ahead()
        try:
            while (batch := await asyncio.to_thread(ahead.take)) is not None:
                while batch:
                    name = next(iter(batch))
                    yield name, batch.pop(name)
        finally:
            ahead.stop()  # which ends take(), if this was cancelled meanwhile
            await asyncio.to_thread(ahead.close)

    def close(self) -> None:
        """Stops what is being read. May be called twice; the timeline of `trace` is written by the first."""
        if self._closed:
            return
        self._closed = True
        self._stop.request()
        for ahead in list(self._iterations):
            ahead.stop()
        if self.stats.tensors:
            _log.info("loaded %s", self.stats)
        if self._timeline is not None:
            self._timeline.write()

    def __enter__(self) -> File:
        self._must_be_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> File:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)

    # --- reading

    def _must_be_open(self) -> None:
        if self._closed:
            raise UsageError(f"{shown_addresses(self._addresses)}: the file is closed")

    def _must_have(self, name: str) -> None:
        if name not in self._infos:
            raise KeyError(f"{shown_addresses(self._addresses)}: no tensor is called {name!r}; keys() lists the names")

    def _holders(self, name: str) -> list[str]:
        return holders_of(name, self._engine, self._addresses, self._keywords, self._stop)

    def _batches(self) -> Iterator[list[str]]:
        names: list[str] = []
        size = 0
        for name, info in self._infos.items():
            if names and size + info[3] > self._batch_bytes:
                yield names
                names, size = [], 0
            names.append(name)
            size += info[3]
        if names:
            yield names

    def _load(self, names: list[str], stop: _core.Stop | None = None, **keywords: Any) -> dict[str, Any]:
        keywords = {**self._keywords, **self._target.keywords(), "names": names, "timeline": self._timeline, **keywords}
        loaded, facts = self._engine.load(self._addresses, keywords, stop or self._stop, None)
        self.stats.add(facts)
        with naming(self._addresses):
            return tensors_by_name(loaded, self._framework, self._target)

    def _read_ahead(self) -> Ahead:
        ahead = Ahead(self._batches(), self._load_for_iteration())
        self._iterations.add(ahead)
        return ahead

    def _load_for_iteration(self) -> Callable[[list[str], Any], dict[str, Any]]:
        report, end = reporter_of(self._progress)
        done_bytes, done_tensors = 0, 0
        total_bytes, total_tensors = self.total_bytes, len(self)

        def load(names: list[str], stop: Any) -> dict[str, Any]:
            nonlocal done_bytes, done_tensors

            def update(stage: str, done: int, _: int, tensors: int, __: int) -> None:
                report(stage, done_bytes + done, total_bytes, done_tensors + tensors, total_tensors)

            batch = self._load(names, stop, progress=update if report else None)
            done_bytes += sum(self._infos[name][3] for name in names)
            done_tensors += len(names)
            if done_tensors == total_tensors:
                end()
            return batch

        return load


def _filter(tensors: Names) -> Callable[[str], bool]:
    selection = selection_of(tensors)
    if not selection:
        return lambda _: True
    if "wanted" in selection:
        wanted: Callable[[str], bool] = selection["wanted"]
        return wanted
    patterns = dict.fromkeys(selection["include"])
    return lambda name: matches(name, patterns)


def tensors_by_name(loaded: _core.Loaded, with_framework: Any, target: Target) -> dict[str, Any]:
    """Of all files of a load for `target`, in their order."""
    made: dict[str, Any] = {}
    for file in range(len(loaded)):
        tensors = with_framework.tensors(loaded, file)
        if target.copied_to is not None:
            tensors = [tensor.to(target.copied_to) for tensor in tensors]
        made.update(zip(loaded.names(file), tensors))
    return made


def open(  # noqa: A001 - the word for it
    uris: Uris,
    *,
    tensors: Names = None,
    framework: str | None = None,
    device: Any = None,
    key: Any = None,
    password: Any = None,
    progress: bool | Callable[[Progress], None] | None = None,
    prefetch_bytes: int | str = PREFETCH_BYTES,
    config: Config | None = None,
    **keywords: Any,
) -> File:
    """Opens a path, URL, folder, list of shards, hf://ORG/NAME, or several of them as one; reads their indexes.

    `tensors`: names or patterns ("model.*"), each of which has to match, or a function of a name; what it leaves out is
    never read. A name that two files have is a `UsageError`. `key`: 32 bytes or hex digits, or `password`, for encrypted files. `framework`: torch, numpy, or dlpack for objects that others take
    by `from_dlpack`. `device`: "cuda:1" has tensors read to that GPU. `progress`: True for a bar, or a function of `Progress`. Keywords
    are those of `Config`. Raises `tzio.Error`.
    """
    return File(
        uris,
        tensors=tensors,
        framework_name=framework,
        device=device,
        key=key,
        password=password,
        progress=progress,
        prefetch_bytes=prefetch_bytes,
        config=effective(config, keywords),
    )
