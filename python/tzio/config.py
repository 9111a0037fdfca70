"""How loads are done. A keyword of a call goes before `Config`, and that before the environment."""

from __future__ import annotations

import dataclasses
import math
import numbers
import operator
import os
import re
from collections.abc import Container
from typing import Any

from .errors import UsageError, refusal

_units = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


#: Those that are one of a few words, as the core has them.
_words = {
    "io": ("auto", "threads", "uring"),
    "direct_io": ("auto", "off", "on"),
    "verify": ("all", "auto", "crc32", "none", "sha256"),
}


def parse_size(size: int | str, name: str) -> int:
    """Bytes from a number or a text like "8MiB" or "2GB". Raises `UsageError`, which says whose size it is: `name`."""
    if not isinstance(size, str):
        return _count(size, name, 64)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b?)\s*", size.lower())
    unit = match and (match[2] if match[2].endswith("b") or not match[2] else match[2] + "b")
    if not match or unit not in _units:
        raise _wrong(name, size, "no size", "write it like 8MiB or 2GB")
    count = float(match[1]) * _units[unit]
    if math.isinf(count):
        raise _wrong(name, size, "too large")
    return _count(int(count), name, 64)


def _count(value: object, name: str, bits: int) -> int:
    try:
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise _wrong(name, value, "no whole number") from None
    if count < 0:
        raise _wrong(name, value, "less than nothing")
    if count >> bits:
        raise _wrong(name, value, "too large")
    return count


def _check(field: str, value: Any, name: str) -> None:
    """Raises `UsageError` for a value that this field can't have; `name` is what it's called where it was given."""
    if value is None:
        return
    if field in ("chunk_size", "kdf_max_memory", "memory_limit"):
        parse_size(value, name)
    elif field in ("concurrency", "kdf_max_passes", "workers"):
        _count(value, name, 32)
    elif field == "deadline" and not (isinstance(value, numbers.Real) and value == value):  # NaN is not itself
        raise _wrong(name, value, "no number of seconds")
    elif field in _words and value not in _words[field] and not (field == "verify" and isinstance(value, bool)):
        raise _wrong(name, value, f"none of {', '.join(_words[field])}")


def _wrong(name: str, value: object, what: str, hint: str = "") -> UsageError:
    return refusal(UsageError, None, f"{name}={value!r} is {what}", hint)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of loads. None leaves a choice to the engine.

    Sizes are bytes, or texts like "8MiB". `verify` is auto, none, crc32, sha256 or all (True: all; False: none);
    `direct_io` auto, on or off; `io` auto, uring or threads; `deadline` seconds. `trace` is a path: a timeline of what
    was read, checked and copied when, for ui.perfetto.dev, written when the call has ended or the file is closed.
    `require` demands a manifest of each file: "key" (signed by who has the file's key), "pubkey:PATH" or "root:HEX"; and
    `subject` that it was made for this. They are checked before tensors are read.
    `kdf_max_passes` (16) and `kdf_max_memory` (2 GiB) are what the key of a password may cost, which its file says: raise
    them for files of somebody whom you trust.
    `network` has options of remote sources by their names in <tz/tz.h>, such as "endpoint-url", "region", "tries" or
    "stall-time-ms".
    """

    concurrency: int | None = None
    chunk_size: int | str | None = None
    memory_limit: int | str | None = None
    workers: int | None = None
    io: str | None = None
    direct_io: str | None = None
    verify: bool | str | None = None
    deadline: float | None = None
    trace: str | os.PathLike[str] | None = None
    require: str | None = None
    subject: str | None = None
    kdf_max_passes: int | None = None
    kdf_max_memory: int | str | None = None
    network: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `UsageError` for what no load could go by: it's told where it was written."""
        for field in dataclasses.fields(self):
            _check(field.name, getattr(self, field.name), field.name)

    def engine_keywords(self) -> dict[str, Any]:
        """What makes an engine; loads whose configurations agree here share one."""
        return {
            "chunk_size": _size(self.chunk_size, "chunk_size"),
            "concurrency": self.concurrency,
            "io": self.io,
            "memory_limit": _size(self.memory_limit, "memory_limit"),
            "workers": self.workers,
        }

    def derivation_limits(self) -> tuple[int | None, int | None]:
        """Passes and bytes."""
        return self.kdf_max_passes, _size(self.kdf_max_memory, "kdf_max_memory")

    def load_keywords(self) -> dict[str, Any]:
        verify = self.verify
        if isinstance(verify, bool):
            verify = "all" if verify else "none"
        passes, memory = self.derivation_limits()
        keywords = {
            "deadline": _seconds(self.deadline),
            "direct_io": self.direct_io,
            "kdf_max_memory": memory,
            "kdf_max_passes": passes,
            "network": self.network,
            "require": self.require,
            "subject": self.subject,
            "verify": verify,
        }
        return {name: value for name, value in keywords.items() if value is not None}


def _seconds(deadline: float | None) -> float | None:
    """The core counts nanoseconds: what is more than 30 years away is no end."""
    return None if deadline is None or deadline >= 1e9 else float(max(deadline, 0))


def _size(size: int | str | None, name: str) -> int | None:
    return None if size is None else parse_size(size, name)


_from_environment = (
    "chunk_size",
    "concurrency",
    "io",
    "kdf_max_memory",
    "kdf_max_passes",
    "memory_limit",
    "verify",
    "workers",
)


def effective(config: Config | None, keywords: dict[str, Any]) -> Config:
    """`config` with `keywords` that are not None, or what the environment says (TZ_CHUNK_SIZE and so on)."""
    unknown = set(keywords) - {field.name for field in dataclasses.fields(Config)}
    if unknown:
        raise TypeError(f"unexpected keyword {sorted(unknown)[0]!r}")
    given = {name: value for name, value in keywords.items() if value is not None}
    if config is None:
        config = Config(**_environment(without=given))
    return dataclasses.replace(config, **given)


def _environment(without: Container[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in _from_environment:
        if field in without:
            continue
        name = "TZ_" + field.upper()
        text = os.environ.get(name)
        if not text:
            continue
        is_count = field in ("concurrency", "kdf_max_passes", "workers") and re.fullmatch(r"\s*[-+]?\d+\s*", text)
        found[field] = int(text) if is_count else text
        _check(field, found[field], name)
    return found
