"""A stand-in for S3 on loopback: buckets of one server, objects by PUT, GET by ranges, HEAD. It checks no signature,
but keeps what came."""

import contextlib
import hashlib
import http.server
import threading
from urllib.parse import unquote, urlsplit


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):  # noqa: N802 - the name that http.server calls
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _without_chunks(body)
        if self.server.refuse_uploads:
            self.answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
            return
        self.server.objects[self.name()] = body
        self.answer(200, b"")

    def do_GET(self):  # noqa: N802
        self.give(send=True)

    def do_HEAD(self):  # noqa: N802
        self.give(send=False)

    def give(self, send):
        self.server.asked.append((self.name(), self.headers.get("Authorization"), urlsplit(self.path).query))
        content = self.server.objects.get(self.name())
        if content is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>", send)
            return
        asked = self.headers.get("Range", "")
        first, _, last = asked.removeprefix("bytes=").partition("-")
        begin, end = (int(first), min(int(last or len(content)) + 1, len(content))) if asked else (0, len(content))
        if begin >= end and asked:
            self.answer(416, b"", send, {"Content-Range": f"bytes */{len(content)}"})
            return
        headers = {"ETag": f'"{hashlib.md5(content).hexdigest()}"', "Accept-Ranges": "bytes"}
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
        self.answer(206 if asked else 200, content[begin:end], send, headers)

    def name(self):
        return unquote(urlsplit(self.path).path).lstrip("/")

    def answer(self, status, body, send=True, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if send:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def _without_chunks(body):
    """What SIZE[;EXTENSIONS] CRLF BYTES CRLF ... 0 CRLF TRAILERS holds."""
    content = b""
    while True:
        head, _, body = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if not size:
            return content
        content += body[:size]
        body = body[size + 2 :]


@contextlib.contextmanager
def serving():
    """The server: its `url`, `objects` by BUCKET/KEY, and what was `asked`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.objects, server.asked, server.refuse_uploads = {}, [], False
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # polls for its end
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
