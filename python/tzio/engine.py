"""The engines of this process: threads, rings and staging memory that live across loads."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

from . import _core
from .config import Config
from .devices import give_back_cached
from .ending import Running
from .errors import DeviceMemoryError, Error, name_file, without_secrets


class Engine:
    """The core's, whose loads end before the interpreter does. Any thread; loads run one after another."""

    def __init__(self, keywords: dict[str, Any]) -> None:
        with Running():
            self._core = _core.Engine(keywords)

    def load(
        self,
        addresses: list[str],
        keywords: dict[str, Any],
        stop: _core.Stop,
        into: dict[str, tuple[int, int]] | None,
    ) -> tuple[_core.Loaded, dict[str, Any]]:
        """The tensors, in memory of their own or `into` (address, bytes) by name; and facts for Stats. With the keyword
        "device", of `Target.keywords`, on a GPU."""
        with Running(stop), naming(addresses):
            try:
                return self._core.load(addresses, keywords, stop, into)
            except DeviceMemoryError:  # before anything was read
                if not give_back_cached(keywords):
                    raise
            return self._core.load(addresses, keywords, stop, into)

    def layout(self, addresses: list[str], keywords: dict[str, Any], stop: _core.Stop) -> _core.Loaded:
        """What the files hold, without their data."""
        with Running(stop), naming(addresses):
            return self._core.layout(addresses, keywords, stop)

    def read(self, addresses: list[str], keywords: dict[str, Any], stop: _core.Stop, bytes_max: int) -> bytes:
        """All of one file of any kind, of which there may be at most `bytes_max`."""
        with Running(stop), naming(addresses):
            return self._core.read(addresses, keywords, stop, bytes_max)

    def upload(self, path: str, keywords: dict[str, Any], stop: _core.Stop, to: str) -> None:
        """A file copied to s3://BUCKET/KEY, in parts at once; it appears whole, in place of what is there."""
        with Running(stop), naming([to]):
            self._core.upload([path], keywords, stop, to)

    @property
    def io(self) -> str:
        """ "uring" or "threads"."""
        return self._core.io


@contextlib.contextmanager
def naming(addresses: list[str]) -> Iterator[None]:
    """Errors say which file they are of."""
    try:
        yield
    except Error as error:
        name_file(error, addresses)
        raise


def holders_of(
    name: str, engine: Engine, addresses: list[str], keywords: dict[str, Any], stop: _core.Stop
) -> list[str]:
    """Which of the files have a tensor of this name, for an error: their indexes are read once more. What can't be read
    now isn't told."""
    found = []
    for address in addresses:
        for part in _files_of(address):
            with contextlib.suppress(Error):
                layout = engine.layout([part], keywords, stop)
                for file in range(len(layout)):
                    if name in layout.names(file):
                        shown = without_secrets(part)
                        found.append(shown if len(layout) == 1 else f"file {file + 1} of {shown}")
    return found


def _files_of(address: str) -> list[str]:
    """Those of a folder of this machine; else what the engine makes of the address."""
    folder = address.removeprefix("file://")
    if not os.path.isdir(folder):
        return [address]
    return [
        os.path.join(folder, name)
        for name in sorted(os.listdir(folder))
        if name.endswith((".tensors", ".safetensors")) and not name.startswith(".")
    ]


_lock = threading.Lock()
_engines: dict[tuple[Any, ...], Engine] = {}
_process = os.getpid()


def engine_of(config: Config) -> Engine:
    """The engine for loads configured so; made when it is first wanted. After a fork: new ones."""
    global _process
    keywords = config.engine_keywords()
    key = tuple(sorted(keywords.items(), key=lambda item: item[0]))
    with _lock:
        if _process != os.getpid():
            _engines.clear()
            _process = os.getpid()
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = Engine(keywords)
        return engine


def timeline_of(config: Config) -> _core.Timeline | None:
    """Of the loads of a call or of an open file, where one is wanted. Raises `tzio.Error` if it can't be written."""
    return None if config.trace is None else _core.Timeline(os.fspath(config.trace))


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held it


os.register_at_fork(after_in_child=_after_fork)
