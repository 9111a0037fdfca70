"""How loads are done. A keyword of a call goes before `Config`, and that before the environment."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import Any

_units = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def parse_size(size: int | str) -> int:
    """Bytes from a number or a text like "8MiB" or "2GB"."""
    if isinstance(size, int):
        return size
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b?)\s*", size.lower())
    unit = match and (match[2] if match[2].endswith("b") or not match[2] else match[2] + "b")
    if not match or unit not in _units:
        raise ValueError(f"{size!r} is no size: write it like 8MiB or 2GB")
    return int(float(match[1]) * _units[unit])


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of loads. None leaves a choice to the engine.

    Sizes are bytes, or texts like "8MiB". `verify` is auto, none, crc32, sha256 or all (True: all; False: none);
    `direct_io` auto, on or off; `io` auto, uring or threads; `deadline` seconds. `trace` is a path: a timeline of what
    was read, checked and copied when, for ui.perfetto.dev, written when the call has ended or the file is closed.
    `require` demands a manifest of each file: "key" (signed by who has the file's key), "pubkey:PATH" or "root:HEX"; and
    `subject` that it was made for this. They are checked before tensors are read.
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
    network: dict[str, str] = dataclasses.field(default_factory=dict)

    def engine_keywords(self) -> dict[str, Any]:
        """What makes an engine; loads whose configurations agree here share one."""
        return {
            "chunk_size": _size(self.chunk_size),
            "concurrency": self.concurrency,
            "io": self.io,
            "memory_limit": _size(self.memory_limit),
            "workers": self.workers,
        }

    def load_keywords(self) -> dict[str, Any]:
        verify = self.verify
        if isinstance(verify, bool):
            verify = "all" if verify else "none"
        keywords = {
            "deadline": self.deadline,
            "direct_io": self.direct_io,
            "network": self.network,
            "require": self.require,
            "subject": self.subject,
            "verify": verify,
        }
        return {name: value for name, value in keywords.items() if value is not None}


def _size(size: int | str | None) -> int | None:
    return None if size is None else parse_size(size)


_from_environment = {
    "concurrency": int,
    "chunk_size": str,
    "memory_limit": str,
    "workers": int,
    "io": str,
    "verify": str,
}


def effective(config: Config | None, keywords: dict[str, Any]) -> Config:
    """`config` with `keywords` that are not None, or what the environment says (TZ_CHUNK_SIZE and so on)."""
    if config is None:
        found = {name: os.environ.get("TZ_" + name.upper()) for name in _from_environment}
        config = Config(**{name: _from_environment[name](text) for name, text in found.items() if text})
    unknown = set(keywords) - {field.name for field in dataclasses.fields(Config)}
    if unknown:
        raise TypeError(f"unexpected keyword {sorted(unknown)[0]!r}")
    return dataclasses.replace(config, **{name: value for name, value in keywords.items() if value is not None})
