"""`save_file`: tensors to a file or object."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from . import _core
from .config import Config, effective, parse_size
from .ending import Running
from .engine import engine_of
from .errors import UsageError, refusal
from .frameworks import framework_of
from .request import Uri, address_of, secrets_of


def save_file(
    tensors: Mapping[str, Any],
    uri: Uri,
    *,
    metadata: Mapping[str, str] | None = None,
    format: str | None = None,  # noqa: A002 - the word for it
    key: Any = None,
    password: Any = None,
    max_shard_size: int | str | None = None,
    config: Config | None = None,
) -> list[str]:
    """Writes tensors of PyTorch or NumPy to a new file, durably and in place of the old one at once; returns its name.

    `uri`: a path, `file://` or `s3://BUCKET/KEY`; on the way to S3 there is a temporary file (in $TMPDIR), and `config`
    says how to get there. `format`: "tensors" (with hashes; encrypted with `key` or `password`) or "safetensors" (with
    `metadata`; in shards and their list where `max_shard_size` is less than all), by default what the name ends in: another ending is a `UsageError`, but with a
    key or password.
    Raises `tzio.Error`; then the old file is as it was. Ctrl-C is heard once the file is whole, or while it is uploaded.
    """
    name = address_of(uri)
    secrets = secrets_of(key, password)
    chosen = format or _format_of(name, bool(secrets))
    if chosen not in ("tensors", "safetensors"):
        raise UsageError(f"format={format!r} is neither tensors nor safetensors")
    if chosen == "tensors" and (metadata or max_shard_size is not None):
        raise refusal(UsageError, name, ".tensors files take neither metadata nor shards", "safetensors files do")
    if chosen == "safetensors" and secrets:
        raise refusal(UsageError, name, "safetensors files can't be encrypted", '.tensors files can: format="tensors"')
    limit = None if max_shard_size is None else parse_size(max_shard_size, "max_shard_size")

    def write(path: str) -> list[str]:
        held, described = [], []
        for tensor_name, tensor in tensors.items():
            kept, facts = framework_of(tensor).address(tensor)
            held.append(kept)  # until it is written
            described.append((tensor_name, *facts))
        with Running():
            if chosen == "safetensors":
                return list(_core.save_safetensors(path, described, dict(metadata or {}), limit))
            _core.save_tensors(path, described, secrets.get("key"), secrets.get("password"))
            return [path]

    scheme = urlsplit(name).scheme if "://" in name else "file"
    if scheme == "file":
        return write(name.removeprefix("file://"))
    if scheme != "s3":
        raise refusal(UsageError, name, f"{scheme}:// can't be written", "save to a path or s3://BUCKET/KEY")
    return _upload(write, name, effective(config, {}))


def _format_of(name: str, is_encrypted: bool) -> str:
    """As `tz convert` has it: what is called otherwise would be written as what its reader doesn't take it for."""
    if name.endswith(".safetensors"):
        return "safetensors"
    if name.endswith(".tensors") or is_encrypted:
        return "tensors"
    hint = 'end it in .tensors or .safetensors, or give format="tensors" or "safetensors"'
    raise refusal(UsageError, name, "the name does not say which format to write", hint)


def _upload(write: Any, uri: str, config: Config) -> list[str]:
    """What `write` writes to a folder, put beside each other in S3, the list of shards last."""
    folder_uri, _, last = uri.rpartition("/")
    uploaded = []
    with tempfile.TemporaryDirectory(prefix="tzio-") as folder:
        for path in write(os.path.join(folder, last)):
            target = f"{folder_uri}/{os.path.basename(path)}"
            engine_of(config).upload(path, {"network": config.network}, _core.Stop(), target)
            uploaded.append(target)
    return uploaded
