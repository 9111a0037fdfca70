"""What calls have in common: names of files, secrets, progress."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Union

from .errors import UsageError

_log = logging.getLogger("tzio")

Uri = Union[str, "os.PathLike[str]"]
Uris = Union[Uri, Sequence[Uri]]
Names = Union[Sequence[str], Callable[[str], bool], None]


@dataclass(frozen=True)
class Progress:
    """How far a load is. `stage` is "index" or "tensors"; `bytes_total` is 0 until the index is read."""

    stage: str
    bytes_done: int
    bytes_total: int
    tensors_done: int
    tensors_total: int


def addresses_of(uris: Uris) -> list[str]:
    """Paths, URLs, folders, lists of shards or hf://ORG/NAME, as the engine takes them."""
    if isinstance(uris, (str, os.PathLike)):
        uris = [uris]
    return [address_of(uri) for uri in uris]


def address_of(uri: str | os.PathLike[str]) -> str:
    """A path or URL. Raises `UsageError` for one with a NUL, where the system would end it: it'd name another file."""
    address = os.fspath(uri)
    if "\0" in address:
        raise UsageError(f"{address!r} holds a NUL, which no path and no URL has")
    return address


def selection_of(tensors: Names) -> dict[str, Any]:
    """A list of names and patterns ("*.attn.*"), or a function of a name."""
    if tensors is None:
        return {}
    if isinstance(tensors, str):
        raise TypeError("tensors is a list of names or patterns: ['model.*'], not 'model.*'")
    if callable(tensors):
        return {"wanted": tensors}
    return {"include": [str(name) for name in tensors]}


def secrets_of(key: Any, password: Any) -> dict[str, bytes]:
    """A key is 32 bytes or 64 hex digits, a password a text or bytes."""
    secrets = {}
    if key is not None:
        secrets["key"] = key.encode() if isinstance(key, str) else bytes(key)
    if password is not None:
        secrets["password"] = password.encode() if isinstance(password, str) else bytes(password)
    return secrets


def reporter_of(progress: bool | Callable[[Progress], None] | None) -> tuple[Any, Callable[[], None]]:
    """What the engine calls, and what ends it. True: a bar of tqdm where that is installed, on terminals alone."""
    if progress is None or progress is False:
        return None, lambda: None
    if progress is not True:
        return lambda *facts: progress(Progress(*facts)), lambda: None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        _log.warning("progress=True shows a bar where the package tqdm is installed")
        return None, lambda: None
    bar = tqdm(unit="B", unit_scale=True, unit_divisor=1024, disable=None, file=sys.stderr)

    def update(stage: str, done: int, total: int, tensors: int, of: int) -> None:
        if total and bar.total != total:
            bar.total = total
        bar.update(done - bar.n)

    return update, bar.close


def unique(names: Iterable[str]) -> dict[str, int]:
    """Places by name; a name that comes twice is an error."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name in places:
            raise ValueError(f"two tensors are called {name!r}")
        places[name] = place
    return places
