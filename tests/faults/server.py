"""A server on loopback whose answers a test writes, byte by byte if need be."""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field

#: What an answer may hold beside bytes: the connection is reset there.
RESET = object()


@dataclass
class Request:
    """Of a client: the first line's path, headers by lower-case name, and how many came before."""

    method: str
    path: str
    headers: dict[str, str]
    number: int

    def range(self, size: int) -> tuple[int, int]:
        """What it asks for of an object: the first byte, and the one behind the last."""
        text = self.headers.get("range", "bytes=0-").removeprefix("bytes=")
        first, _, last = text.partition("-")
        return int(first), min(int(last or size), size - 1) + 1


@dataclass
class Server:
    """`answer` makes of a request what is sent: bytes, seconds of silence, RESET; and then the connection goes on."""

    answer: object
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.stopped, self.lock, self.open = threading.Event(), threading.Lock(), set()
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def url(self, path="/model.tensors") -> str:
        return f"http://{self.host}{path}"

    def accept(self):
        threads = []
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # closed
                break
            with self.lock:
                self.open.add(connection)
            threads.append(threading.Thread(target=self.serve, args=[connection]))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def serve(self, connection):
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as lines:
            while not self.stopped.is_set() and (request := self.read(lines)):
                for part in self.answer(request):
                    if part is RESET:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
                    if part is None:  # an end without a word
                        return
                    if isinstance(part, bytes):
                        connection.sendall(part)
                    else:
                        self.stopped.wait(part)
        with self.lock:
            self.open.discard(connection)

    def read(self, lines) -> Request | None:
        first = lines.readline().decode().split()
        if not first:
            return None
        headers = {}
        while line := lines.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        with self.lock:
            request = Request(first[0], first[1], headers, len(self.requests))
            self.requests.append(request)
        return request

    def close(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for connection in self.open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()


def head(status: str, **fields) -> bytes:
    """`content_length=3` becomes "Content-Length: 3"; None leaves a field out."""
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in fields.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def ranged(request: Request, content: bytes, body: bytes | None = None, status="206 Partial Content", **changes):
    """The right answer to a request for a range, or with other fields or another body."""
    begin, end = request.range(len(content))
    fields = {
        "content_range": f"bytes {begin}-{end - 1}/{len(content)}",
        "content_length": end - begin,
        "etag": '"1"',
    } | changes
    yield head(status, **fields)
    yield content[begin:end] if body is None else body


def said(status: str, body: bytes = b"", **fields):
    yield head(status, content_length=len(body), **fields) + body


@contextlib.contextmanager
def serving(answer):
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()
