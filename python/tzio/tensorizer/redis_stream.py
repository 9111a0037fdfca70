"""`RedisStreamFile`: the keys PREFIX:NAME:OFFSET of a Redis server as a file object."""

from __future__ import annotations

import bisect
import io
import time
from typing import Any
from urllib.parse import unquote, urlsplit


class RedisStreamFile(io.BufferedIOBase):
    """Of redis://[USER:PASSWORD@]HOST[:PORT]/PREFIX. Needs the package `redis`. One thread at a time.

    `setup_latency` is seconds until the keys were known, `response_latencies` seconds of each answer since.
    """

    def __init__(
        self, uri: str, *, begin: int | None = None, end: int | None = None, buffer_size: int | None = None
    ) -> None:
        import redis

        parts = urlsplit(uri)
        if parts.scheme.lower() != "redis":
            raise ValueError(f"no URI of Redis: its scheme is {parts.scheme!r}")
        started = time.monotonic()
        self._redis: Any = redis.Redis(
            host=parts.hostname or "localhost",
            port=parts.port or 6379,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )
        prefix = unquote(parts.path.lstrip("/"))
        keys = sorted((int(key.rpartition(b":")[2]), key) for key in self._redis.scan_iter(f"{_literal(prefix)}:*"))
        pipeline = self._redis.pipeline(transaction=False)
        for _, key in keys:
            pipeline.strlen(key)
        self._keys = [key for _, key in keys]
        self._offsets = [offset for offset, _ in keys]
        self._sizes = pipeline.execute() if keys else []
        self._end = self._offsets[-1] + self._sizes[-1] if keys else 0
        if end is not None:
            self._end = min(self._end, end)
        self._curr = begin or 0
        self.setup_latency = time.monotonic() - started
        self.response_latencies: list[float] = []
        self.bytes_read = 0
        self.bytes_skipped = 0
        self.read_operations = 0

    def read(self, size: int | None = None) -> bytes:
        if self.closed:
            raise OSError("RedisStreamFile closed.")
        left = self._end - self._curr if size is None or size < 0 else min(size, self._end - self._curr)
        parts = []
        while left > 0:
            part = self._read_some(left)
            if not part:
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _read_some(self, left: int) -> bytes:
        place = bisect.bisect_right(self._offsets, self._curr) - 1
        within = self._curr - self._offsets[place] if place >= 0 else -1
        if within < 0 or within >= self._sizes[place]:
            raise OSError(f"no key holds the byte at {self._curr}")
        size = min(left, self._sizes[place] - within)
        started = time.monotonic()
        part: bytes = self._redis.getrange(self._keys[place], within, within + size - 1)
        self.response_latencies.append(time.monotonic() - started)
        self._curr += len(part)
        self.bytes_read += len(part)
        self.read_operations += 1
        return part

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._curr, io.SEEK_END: self._end}[whence]
        self._curr = start + position
        return self._curr

    def tell(self) -> int:
        return self._curr

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return True

    def readline(self, size: int | None = -1) -> bytes:
        raise io.UnsupportedOperation("readline")

    def close(self) -> None:
        if not self.closed:
            redis = getattr(self, "_redis", None)
            if redis is not None:
                redis.close()
        super().close()


def _literal(prefix: str) -> str:
    """A prefix in a pattern of Redis."""
    return "".join("\\" + each if each in "*?[]\\" else each for each in prefix)
