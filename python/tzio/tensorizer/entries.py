"""What a `.tensors` file says of its tensors, by tensorizer's names for it."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from .. import _core
from .paths import Path, path_of

TENSORIZER_VERSION = 5
LONG_TENSOR_TENSORIZER_VERSION = 5
META_TENSOR_TENSORIZER_VERSION = 4
ENCRYPTION_TENSORIZER_VERSION = 3
OPAQUE_TENSORIZER_VERSION = 2
NON_OPAQUE_TENSORIZER_VERSION = 1
TENSORIZER_MAGIC = b"|TZR|"


class TensorType(enum.IntEnum):
    """What a tensor was in its module."""

    PARAM = 0
    BUFFER = 1
    STATE_DICT = 2


class HashType(enum.IntEnum):
    CRC32 = 0
    SHA256 = 1


@dataclasses.dataclass(order=True)
class TensorHash:
    type: HashType
    hash: bytes


class FileFeatureFlags(enum.IntFlag):
    encrypted = enum.auto()
    versioned_headers = enum.auto()


@dataclasses.dataclass
class FileHeader:
    version_number: int
    feature_flags: FileFeatureFlags
    tensor_size: int
    tensor_count: int


@dataclasses.dataclass(frozen=True)
class Entry:
    """A tensor in the index. `name` is what the engine calls it, `shape` and `bytes` are those of its data."""

    path: Path
    name: str
    dtype: str  # torch's name for it, such as "bfloat16"
    shape: tuple[int, ...]
    bytes: int
    data_bytes: int  # in the file: 0 for tensors of the device meta
    type: TensorType


def entries_of(layout: _core.Loaded) -> dict[Path, Entry]:
    """By path, in file order."""
    entries = {}
    for path, facts, (_, _, stored) in zip(map(path_of, layout.paths(0)), layout.tensors(0), layout.ranges(0)):
        name, dtype, shape, size, kind = facts
        entries[path] = Entry(path, name, dtype, shape, size, stored, TensorType(kind))
    return entries


def header_of(facts: dict[str, Any], entries: dict[Path, Entry]) -> FileHeader:
    version = facts["version"]
    flags = FileFeatureFlags(0)
    if facts["encrypted"]:
        flags |= FileFeatureFlags.encrypted
    if version >= LONG_TENSOR_TENSORIZER_VERSION:
        flags |= FileFeatureFlags.versioned_headers
    return FileHeader(version, flags, facts["bytes"], len(entries))
