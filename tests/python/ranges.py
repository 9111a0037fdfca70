"""A server of a folder's files, by ranges, on loopback."""

import contextlib
import http.server
import mmap
import os
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = ""

    def do_GET(self):  # noqa: N802 - the name that http.server calls
        self.answer(send=True)

    def do_HEAD(self):  # noqa: N802
        self.answer(send=False)

    def answer(self, send):
        path = os.path.join(self.folder, self.path.partition("?")[0].lstrip("/"))
        if not os.path.isfile(path):
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        asked = self.headers.get("Range", "")
        begin, end = 0, len(content)
        if asked.startswith("bytes="):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(int(last or len(content)) + 1, len(content))
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
        self.send_header("Content-Length", str(end - begin))
        self.send_header("ETag", f'"{os.stat(path).st_mtime_ns}"')
        self.end_headers()
        if send:
            self.deliver(content, begin, end)

    def deliver(self, content, begin, end):
        try:
            self.wfile.write(content[begin:end])
        except ConnectionError:  # whoever asked has seen enough
            self.close_connection = True

    def log_message(self, *_):
        pass


class Slow(Handler):
    """Sends what is behind `fast_bytes` of a file so slowly that nobody waits for its end."""

    fast_bytes = 1 << 20
    begun: threading.Event

    def deliver(self, content, begin, end):
        try:
            fast = max(begin, min(end, self.fast_bytes))
            self.wfile.write(content[begin:fast])
            for at in range(fast, end, 4096):
                self.begun.set()
                time.sleep(0.05)
                self.wfile.write(content[at : min(at + 4096, end)])
        except ConnectionError:
            self.close_connection = True


class Failing(Handler):
    """Refuses the first requests."""

    refusals = 4

    def answer(self, send):
        if type(self).refusals == 0:
            super().answer(send)
            return
        type(self).refusals -= 1
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextlib.contextmanager
def serving_slowly(folder, **how):
    """Its address, and an event: that somebody waits for it."""
    begun = threading.Event()
    with serving(folder, Slow, begun=begun, **how) as address:
        yield address, begun


@contextlib.contextmanager
def serving(folder, kind=Handler, **how):
    """Its address."""
    handler = type("FolderHandler", (kind,), {"folder": str(folder), **how})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
