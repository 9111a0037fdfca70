"""A file as keys of Redis: PREFIX:NAME:OFFSET, each with the bytes that begin there."""

from __future__ import annotations

import json
from typing import Any

from .. import _core
from . import stream_io
from .s3_settings import stream_keywords
from .sources import Source

#: Redis takes 512 MB a value; longer tensors get several keys.
VALUE_BYTES_MAX = 256 << 20


def store(source: Source, layout: _core.Loaded, client: Any, prefix: str, force: bool) -> None:
    """Keys that are there stay, unless `force`."""
    if source.closed:
        raise ValueError("the file of this TensorDeserializer is closed")
    with stream_io.open_stream(source.address, **stream_keywords(source.network)) as file:
        client.set(f"{prefix}:header:0", _read(file, layout.file(0)["index_bytes"]))
        for path, (header, data, size) in zip(layout.paths(0), layout.ranges(0)):
            name = path if isinstance(path, str) else "\x1e" + json.dumps(path, separators=(",", ":"))
            key = f"{prefix}:{name}"
            if not force and client.exists(f"{key}:{header}"):
                continue
            file.seek(header)
            client.set(f"{key}:{header}", _read(file, data - header))
            for offset in range(data, data + size, VALUE_BYTES_MAX):
                client.set(f"{key}:{offset}", _read(file, min(VALUE_BYTES_MAX, data + size - offset)))


def _read(file: Any, size: int) -> bytes:
    parts = []
    while size > 0:
        part = file.read(size)
        if not part:
            raise OSError("the file ended early")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
