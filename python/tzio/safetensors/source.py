"""Where `safe_open` reads from: a file that stays the same one when its name is taken away, or a URL."""

from __future__ import annotations

import ctypes
import os
import stat
from typing import Any

from .. import _core
from ..config import effective
from ..devices import HOST, Target
from ..engine import Engine, engine_of, holders_of
from ..reader import tensors_by_name
from ..request import unique
from .errors import SafetensorError, as_safetensors

#: Reads of a local file up to this size are a call of the system; the engine's threads would cost more than they bring.
SMALL_BYTES_MAX = 4 << 20


class Source:
    """The tensors of one file. Any thread; open until nothing refers to it."""

    def __init__(self, name: str, descriptor: int | None) -> None:
        """`descriptor`: of a regular file, which the source closes."""
        self._descriptor = descriptor
        self._name = name
        self._address = name if descriptor is None else f"/proc/self/fd/{descriptor}"
        self._config = effective(None, {})
        self._keywords = self._config.load_keywords()
        self._stop = _core.Stop()
        with as_safetensors(self._name, self._address):
            self._layout = self._engine().layout([self._address], self._keywords, self._stop)
        files = range(len(self._layout))
        in_files = [self._layout.tensors(file) for file in files]
        infos = [info for each in in_files for info in each]
        if len(in_files) > 1:  # a folder or list, which the original doesn't open
            unique(([info[0] for info in each] for each in in_files), self._holders)
        self.infos: dict[str, tuple[Any, ...]] = {info[0]: info for info in infos}
        self.metadata = {key: text for file in files for key, text in self._layout.metadata(file)}
        self._offsets = self._find_offsets(infos)
        self._state = self._current_state()

    def __del__(self) -> None:
        descriptor = getattr(self, "_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)

    def info(self, name: str) -> tuple[Any, ...]:
        """(name, torch's name of the type, shape, bytes, kind)"""
        if name not in self.infos:
            raise SafetensorError(f"File does not contain tensor {name}")
        return self.infos[name]

    def all(self, framework: Any, target: Target = HOST) -> dict[str, Any]:
        return self._load(framework, list(self.infos), target) if self.infos else {}

    def raw(self) -> dict[str, memoryview]:
        """The bytes of all of them."""
        with as_safetensors(self._name, self._address):
            loaded, _ = self._engine().load([self._address], self._keywords, self._stop, None)
        return {name: memoryview(loaded.buffer(0, place)) for place, name in enumerate(self.infos)}

    def tensor(self, framework: Any, name: str) -> Any:
        info = self.info(name)
        if self._offsets is not None and info[3] <= SMALL_BYTES_MAX:
            return self._read(framework, info, self._offsets[name], info[3], info[2])
        return self._load(framework, [name])[name]

    def rows(self, framework: Any, name: str, begin: int, end: int) -> Any:
        """begin:end of the first dimension, which has these."""
        info = self.info(name)
        shape = (end - begin, *info[2][1:])
        row_bytes = info[3] // info[2][0]
        size = row_bytes * (end - begin)
        if self._offsets is not None and size <= SMALL_BYTES_MAX:
            return self._read(framework, info, self._offsets[name] + row_bytes * begin, size, shape)
        return self._load(framework, [name], slices=[(name, 0, begin, end)])[name]

    def _engine(self) -> Engine:
        """Of this process: workers of a DataLoader take what was opened before they were forked."""
        return engine_of(self._config)

    def _holders(self, name: str) -> list[str]:
        return holders_of(name, self._engine(), [self._name], self._keywords, self._stop)

    def _load(self, framework: Any, names: list[str], target: Target = HOST, **keywords: Any) -> dict[str, Any]:
        self._must_be_unchanged()
        wanted = {} if len(names) == len(self.infos) else {"names": names}
        keywords = {**self._keywords, **target.keywords(), **wanted, **keywords}
        with as_safetensors(self._name, self._address):
            loaded, _ = self._engine().load([self._address], keywords, self._stop, None)
        return tensors_by_name(loaded, framework, target)

    def _read(self, framework: Any, info: tuple[Any, ...], offset: int, size: int, shape: tuple[int, ...]) -> Any:
        self._must_be_unchanged()
        data, address = framework.memory(size)
        done = 0
        while done < size:
            place = (ctypes.c_char * (size - done)).from_address(address + done)
            got = os.preadv(self._descriptor, [place], offset + done)  # type: ignore[arg-type]
            if got == 0:
                raise self._changed()
            done += got
        return framework.shaped(data, info[1], shape)

    def _find_offsets(self, infos: list[tuple[Any, ...]]) -> dict[str, int] | None:
        """By name, in a plain local file: the format leaves no room between tensors."""
        if self._descriptor is None or len(self._layout) != 1 or self._layout.file(0)["format"] != "safetensors":
            return None
        at = 8 + int.from_bytes(os.pread(self._descriptor, 8, 0), "little")
        offsets = {}
        for info in infos:
            offsets[info[0]] = at
            at += info[3]
        return offsets

    def _current_state(self) -> tuple[int, int] | None:
        if self._descriptor is None:
            return None
        facts = os.fstat(self._descriptor)
        return facts.st_size, facts.st_mtime_ns

    def _must_be_unchanged(self) -> None:
        if self._current_state() != self._state:
            raise self._changed()

    def _changed(self) -> SafetensorError:
        return SafetensorError(f"{self._name}: the file was written to since it was opened; open it again")


def open_name(name: str) -> Source:
    """Of a path or URL; folders and lists of shards are opened as one."""
    if "://" in name or name.endswith(".json"):
        return Source(name, None)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return Source(name, None)  # the engine says what is wrong
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return Source(name, None)
    return Source(name, descriptor)


def open_object(file: Any) -> Source:
    """Of a file object: by its descriptor, or a copy in memory of what it holds."""
    name = str(getattr(file, "name", "<file object>"))
    try:
        descriptor = os.dup(file.fileno())
    except (AttributeError, OSError):
        return open_bytes(file.read(), name)
    return Source(name, descriptor)


def open_bytes(data: Any, name: str) -> Source:
    """Of bytes in memory, which are copied."""
    descriptor = os.memfd_create("safetensors", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    return Source(name, descriptor)
