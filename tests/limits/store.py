"""A server of S3's requests for writing, on loopback: objects, and uploads in parts. It checks no signatures."""

import contextlib
import hashlib
import http.server
import itertools
import threading
import time
from urllib.parse import parse_qs, unquote, urlsplit


class Store:
    """`objects` by BUCKET/KEY; `uploads` by their ids: the object's name and the parts by number. What a client has not
    sent to the end is not done."""

    def __init__(self):
        self.objects, self.uploads = {}, {}
        self.numbers, self.lock, self.open = itertools.count(1), threading.Lock(), 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"store": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{self.server.server_port}"
        self.options = ["--no-sign-request", "--region", "us-east-1", "--endpoint-url", address]

    def wait(self):
        """Until all has been done that clients sent who are gone."""
        end = time.monotonic() + 60
        while self.open:
            assert time.monotonic() < end, "connections stay open"
            time.sleep(0.001)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        with self.store.lock:
            self.store.open += 1
        try:
            with contextlib.suppress(OSError):
                super().handle()
        finally:
            with self.store.lock:
                self.store.open -= 1

    def do_HEAD(self):  # noqa: N802 - the name that http.server calls
        found = self.store.objects.get(self.name())
        if found is None:
            self.answer(404)
        else:
            self.answer(200, length=len(found), etag=etag_of(found))

    def do_PUT(self):  # noqa: N802
        body = self.body()
        if body is None:
            return
        query = self.query()
        if "uploadId" not in query:
            self.store.objects[self.name()] = body
        elif query["uploadId"] in self.store.uploads:
            self.store.uploads[query["uploadId"]][1][int(query["partNumber"])] = body
        else:
            return self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
        self.answer(200, etag=etag_of(body))

    def do_POST(self):  # noqa: N802
        body = self.body()
        if body is None:
            return
        query = self.query()
        if "uploads" in query:
            number = str(next(self.store.numbers))
            self.store.uploads[number] = (self.name(), {})
            text = f"<UploadId>{number}</UploadId>"
            return self.answer(200, f"<InitiateMultipartUploadResult>{text}</InitiateMultipartUploadResult>".encode())
        name, parts = self.store.uploads.pop(query["uploadId"])
        self.store.objects[name] = b"".join(parts[number] for number in sorted(parts))
        text = '<ETag>"1-1"</ETag>'
        self.answer(200, f"<CompleteMultipartUploadResult>{text}</CompleteMultipartUploadResult>".encode())

    def do_GET(self):  # noqa: N802
        bucket, _, begin = self.name().partition("/")
        text = ""
        for number, (name, _) in list(self.store.uploads.items()):
            key = name.removeprefix(bucket + "/")
            if key.startswith(begin):
                time_text = "<Initiated>2026-01-01T00:00:00.000Z</Initiated>"
                text += f"<Upload><Key>{key}</Key><UploadId>{number}</UploadId>{time_text}</Upload>"
        end = "<IsTruncated>false</IsTruncated>"
        self.answer(200, f"<ListMultipartUploadsResult>{end}{text}</ListMultipartUploadsResult>".encode())

    def do_DELETE(self):  # noqa: N802
        gone = self.store.uploads.pop(self.query()["uploadId"], None)
        self.answer(404 if gone is None else 204, b"<Error><Code>NoSuchUpload</Code></Error>" if gone is None else b"")

    def name(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def query(self) -> dict:
        return {key: value for key, (value, *_) in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()}

    def body(self) -> bytes | None:
        """Nothing where the client is gone before its end."""
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        self.close_connection = self.close_connection or len(body) < size
        return body if len(body) == size else None

    def answer(self, status, body=b"", length=None, etag=None):
        self.send_response(status)
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def etag_of(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'
