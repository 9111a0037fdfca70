"""A server of S3's most needed requests, for boto3 and the engine, on loopback. Objects are files of a folder."""

import contextlib
import http.server
import pathlib
import threading
import urllib.parse
from xml.sax.saxutils import escape

from ranges import Handler


class Server:
    """`keys`: of what was put, in order; `signers`: the access keys that requests were signed with; `refused`: the end
    of keys that may not be put; `damaged`: of those of which a byte is stored wrong."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.keys = []
        self.signers = set()
        self.refused = None
        self.damaged = None
        self.address = ""

    def objects(self, bucket="bucket"):
        root = self.folder / bucket
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


class BucketHandler(Handler):
    server_of = None

    def do_GET(self):  # noqa: N802 - the name that http.server calls
        self.note_signer()
        path, _, query = self.path.partition("?")
        if "list-type=2" in query:
            return self.list(path.strip("/"), urllib.parse.parse_qs(query).get("prefix", [""])[0])
        self.path = urllib.parse.unquote(path)
        return self.answer(send=True)

    def do_HEAD(self):  # noqa: N802
        self.note_signer()
        self.path = urllib.parse.unquote(self.path.partition("?")[0])
        self.answer(send=False)

    def do_PUT(self):  # noqa: N802
        self.note_signer()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        key = urllib.parse.unquote(self.path.partition("?")[0]).lstrip("/")
        if self.server_of.refused and key.endswith(self.server_of.refused):
            return self.say(403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
        if self.server_of.damaged and key.endswith(self.server_of.damaged):
            content = content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]
        target = self.server_of.folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.server_of.keys.append(key)
        return self.say(200, "")

    def do_DELETE(self):  # noqa: N802
        target = self.server_of.folder / urllib.parse.unquote(self.path).lstrip("/")
        target.unlink(missing_ok=True)
        self.say(204, "")

    def list(self, bucket, prefix):
        keys = [key for key in self.server_of.objects(bucket) if key.startswith(prefix)]
        contents = "".join(f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in keys)
        self.say(200, f"<ListBucketResult><KeyCount>{len(keys)}</KeyCount>{contents}</ListBucketResult>")

    def note_signer(self):
        credential = self.headers.get("Authorization", "").partition("Credential=")[2]
        self.server_of.signers.add(credential.partition("/")[0])

    def say(self, code, text):
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        self.wfile.write(text.encode())


@contextlib.contextmanager
def serving_buckets(folder):
    """A Server with its address."""
    made = Server(folder)
    handler = type("TheBucketHandler", (BucketHandler,), {"folder": str(folder), "server_of": made})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
