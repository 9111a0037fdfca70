"""What calls have in common: names of files, secrets, progress."""

from __future__ import annotations

import fnmatch
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Union

from .errors import UsageError, without_secrets

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


def shown_addresses(addresses: list[str]) -> str:
    """For errors: the first of them."""
    return ", ".join(without_secrets(address) for address in addresses[:3]) + (", ..." if addresses[3:] else "")


def selection_of(tensors: Names) -> dict[str, Any]:
    """A list of names and patterns ("*.attn.*"), or a function of a name."""
    if tensors is None:
        return {}
    if isinstance(tensors, str):
        raise TypeError("tensors is a list of names or patterns: ['model.*'], not 'model.*'")
    if callable(tensors):
        return {"wanted": tensors}
    names = [str(name) for name in tensors]
    return {"include": names} if names else {"wanted": lambda _: False}  # to the engine, an empty list is all


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


def unique(files: Iterable[Iterable[str]], holders: Callable[[str], list[str]]) -> None:
    """Raises `UsageError` for a name that two files have: of a dict, the second would take the first one's place.
    `holders` finds the files that have a tensor, for the text."""
    known: set[str] = set()
    for names in files:
        for name in names:
            if name not in known:
                known.add(name)
                continue
            found = holders(name)
            hint = "give files of one model, or load each by itself"
            where = f", in {' and '.join(found)}" if found else ""
            error = UsageError(f"two tensors are called {name!r}{where}; {hint}")
            error.uri, error.hint = (found[-1] if found else None), hint
            raise error


def matches(name: str, patterns: Collection[str]) -> bool:
    """As the engine selects: by the whole name, or a pattern."""
    return name in patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def must_match(tensors: Names, names: Iterable[str], addresses: list[str]) -> None:
    """Raises `UsageError` for a name or pattern that none of `names`, which were selected by them, is: a typing error,
    more often than not, and what was meant would be missing without a word."""
    if tensors is None or callable(tensors):
        return
    known = set(names)
    for pattern in map(str, tensors):
        # fnmatch(3), which the engine goes by, reads these in its own way: of them, one match of any is enough
        is_posix = known and any(sign in pattern for sign in ("\\", "[^", "[:", "[.", "[="))
        if pattern in known or is_posix or any(fnmatch.fnmatchcase(name, pattern) for name in known):
            continue
        files = shown_addresses(addresses)
        error = UsageError(f"{files}: no tensor matches the pattern {pattern!r}; tzio.info() lists the names")
        error.uri = without_secrets(addresses[0]) if len(addresses) == 1 else None
        error.hint = "tzio.info() lists the names"
        raise error
