"""`RedisStreamFile`: the keys PREFIX:NAME:OFFSET of a Redis server as a file object."""

from __future__ import annotations

import bisect
import contextlib
import io
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import from_core
from .read_only import ReadOnlyStream


class RedisStreamFile(ReadOnlyStream):
    """Of redis://[USER:PASSWORD@]HOST[:PORT]/PREFIX. Needs the package `redis`. One thread at a time.

    `setup_latency` is seconds until the keys were known, `response_latencies` seconds of each answer since. Raises
    `tzio.StorageError`, which also is an OSError: `NotFoundError` where no key has the prefix, `DeniedError` for a
    wrong password. Errors, and `name`, have no password.
    """

    def __init__(
        self, uri: str, *, begin: int | None = None, end: int | None = None, buffer_size: int | None = None
    ) -> None:
        parts = urlsplit(uri)
        if parts.scheme.lower() != "redis":
            raise ValueError(f"no URI of Redis: its scheme is {parts.scheme!r}")
        prefix = unquote(parts.path.lstrip("/"))
        self.name = f"redis://{parts.netloc.rpartition('@')[2]}/{prefix}"
        started = time.monotonic()
        self._redis = _client(parts.hostname, parts.port, parts.username, parts.password)
        with self._typed_errors():
            self._find(prefix)
        if not self._keys:
            self.close()
            raise from_core("not_found", f"{self.name}: no key begins with {prefix!r}", self.name, None, "")
        self._end = self._offsets[-1] + self._sizes[-1]
        if end is not None:
            self._end = min(self._end, end)
        self._curr = begin or 0
        self.setup_latency = time.monotonic() - started
        self.response_latencies: list[float] = []
        self.bytes_read = 0
        self.bytes_skipped = 0
        self.read_operations = 0

    def _find(self, prefix: str) -> None:
        found = self._redis.scan_iter(f"{_literal(prefix)}:*")
        keys = sorted((int(key.rpartition(b":")[2]), key) for key in found)
        pipeline = self._redis.pipeline(transaction=False)
        for _, key in keys:
            pipeline.strlen(key)
        self._keys = [key for _, key in keys]
        self._offsets = [offset for offset, _ in keys]
        self._sizes = pipeline.execute() if keys else []

    @contextlib.contextmanager
    def _typed_errors(self) -> Iterator[None]:
        import redis

        try:
            yield
        except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
            raise self._failure("denied", error, "check the user and the password of the URI") from None
        except redis.RedisError as error:
            raise self._failure("transport", error, "check the host and the port, and that the server runs") from None

    def _failure(self, kind: str, error: Exception, hint: str) -> Exception:
        self.close()
        return from_core(kind, f"{self.name}: {error}; {hint}", self.name, None, hint)

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
            text = f"{self.name}: no key holds the byte at {self._curr}; write it anew with to_redis(force=True)"
            raise from_core("io", text, self.name, self._curr, "write it anew with to_redis(force=True)")
        size = min(left, self._sizes[place] - within)
        started = time.monotonic()
        with self._typed_errors():
            part: bytes = self._redis.getrange(self._keys[place], within, within + size - 1)
        self.response_latencies.append(time.monotonic() - started)
        self._curr += len(part)
        self.bytes_read += len(part)
        self.read_operations += 1
        return part

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._curr, io.SEEK_END: self._end}[whence]
        self._curr = start + position
        return self._curr

    def close(self) -> None:
        if not self.closed:
            redis = getattr(self, "_redis", None)
            if redis is not None:
                redis.close()
        super().close()


def _client(host: str | None, port: int | None, user: str | None, password: str | None) -> Any:
    try:
        import redis
    except ImportError:
        raise NotImplementedError("streams of Redis need the package redis (pip install redis)") from None
    return redis.Redis(
        host=host or "localhost",
        port=port or 6379,
        username=unquote(user) if user else None,
        password=unquote(password) if password else None,
    )


def _literal(prefix: str) -> str:
    """A prefix in a pattern of Redis."""
    return "".join("\\" + each if each in "*?[]\\" else each for each in prefix)
