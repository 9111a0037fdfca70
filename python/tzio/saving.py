"""`save_file`: tensors to a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from . import _core
from .config import parse_size
from .ending import Running
from .frameworks import framework_of
from .request import Uri, secrets_of


def save_file(
    tensors: Mapping[str, Any],
    path: Uri,
    *,
    metadata: Mapping[str, str] | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    key: Any = None,
    password: Any = None,
    max_shard_size: int | str | None = None,
) -> list[str]:
    """Writes tensors of PyTorch or NumPy to a new file, durably and in place of the old one at once; returns its name.

    `format`: "tensors" (with hashes; encrypted with `key` or `password`) or "safetensors" (with `metadata`; in shards and
    their list where `max_shard_size` is less than all), by default what the name ends in. Raises `tzio.Error`; then the
    old file is as it was. Ctrl-C is heard once the file is whole.
    """
    name = os.fspath(path)
    chosen = format or ("tensors" if name.endswith(".tensors") else "safetensors")
    secrets = secrets_of(key, password)
    held, described = [], []
    for tensor_name, tensor in tensors.items():
        kept, facts = framework_of(tensor).address(tensor)
        held.append(kept)  # until it is written
        described.append((tensor_name, *facts))
    if chosen == "tensors":
        if metadata or max_shard_size is not None:
            raise ValueError(".tensors files take neither metadata nor shards")
        with Running():
            _core.save_tensors(name, described, secrets.get("key"), secrets.get("password"))
        return [name]
    if chosen != "safetensors":
        raise ValueError(f"format={format!r} is neither tensors nor safetensors")
    if secrets:
        raise ValueError("safetensors files can't be encrypted; format='tensors' can")
    limit = None if max_shard_size is None else parse_size(max_shard_size)
    with Running():
        return list(_core.save_safetensors(name, described, dict(metadata or {}), limit))
