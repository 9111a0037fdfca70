"""Messages of HTTP/1.1, as far as the client and the activator need them: one request a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

#: Of a request or an answer; those of the benchmark have a few hundred.
BODY_BYTES_MAX = 1 << 20


async def within(seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """Raises asyncio.TimeoutError. (`asyncio.wait_for` loses a cancellation that comes when the work has just ended.)"""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        raise asyncio.TimeoutError
    finally:
        if not task.cancel() and not task.cancelled():
            task.exception()  # seen, or asyncio would complain


def request(method: str, path: str, host: str, body: bytes = b"") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer(status: int, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} -\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def body_length(head: bytes) -> int | None:
    """As Content-Length says, None where nothing does. Raises ValueError for what is no number, or too large a one."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
            if not 0 <= length <= BODY_BYTES_MAX:
                raise ValueError(f"a body of {length} bytes")
            return length
    return None


def status_of(head: bytes) -> int:
    """Raises ValueError where this is no answer's head."""
    words = head.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise ValueError("no answer of HTTP")
    return int(words[1])


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """A whole request as it came. Raises ValueError, EOFError, OSError."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(body_length(head) or 0)


async def exchange(host: str, port: int, message: bytes) -> tuple[int, bytes]:
    """Sends a request over a connection of its own; the answer's status and body. Raises ValueError, EOFError, OSError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(message)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = body_length(head)
        if length is None:
            return status_of(head), await reader.read(BODY_BYTES_MAX)
        return status_of(head), await reader.readexactly(length)
    finally:
        writer.close()
