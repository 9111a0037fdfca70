"""Streams of tzio.tensorizer over HTTP, and what is loaded through them."""

import contextlib
import http.server
import io
import threading

import pytest
import torch
import tzio.tensorizer as ours
from conftest import write
from tzio.tensorizer import TensorDeserializer, stream_io


class Handler(http.server.BaseHTTPRequestHandler):
    """Files of a dict, by ranges. Those called "broken" end after 1000 bytes, those called "plain" know no ranges."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(send=False)

    def do_GET(self) -> None:
        self.answer(send=True)

    def answer(self, send: bool) -> None:
        name = self.path.partition("?")[0].strip("/")
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
            return
        first, last = 0, len(content) - 1
        wanted = self.headers.get("Range") if name != "plain" else None
        if wanted:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end), last) if end else last
        self.server.asked.append((name, first, last))
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.send_header("ETag", '"one"')
        self.send_header("x-cache-status", "HIT")
        self.end_headers()
        if not send:
            return
        body = content[first : last + 1]
        with contextlib.suppress(ConnectionError):  # of readers that have enough
            self.wfile.write(body[:1000] if name == "broken" else body)
        if name == "broken":
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.files, made.asked = {}, []
    made.url = f"http://127.0.0.1:{made.server_port}/"
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


text = bytes(range(256)) * 20


@pytest.mark.parametrize("name", ["file", "plain", "broken"])
def test_a_stream_reads_ranges_and_seeks(server, name):
    server.files[name] = text
    with stream_io.open_stream(server.url + name) as stream:
        assert stream.read(7) == text[:7]
        assert stream.seek(3000) == 3000 == stream.tell()
        assert stream.read(2000) == text[3000:5000]
        stream.seek(5)
        buffer = bytearray(2500)
        assert stream.readinto(buffer) == 2500
        assert buffer == text[5:2505]
        assert stream.read() == text[2505:]
        assert stream.read(1) == b""
    with stream_io.open_stream(server.url + name, begin=10, end=20) as stream:
        assert stream.read(100) == text[10:20]


def test_wrong_ranges_and_missing_files_are_errors(server):
    for begin, end in ((-1, None), (5, 5), (10, 5), (None, 0)):
        with pytest.raises(ValueError):
            stream_io.CURLStreamFile(server.url, begin=begin, end=end)
    with pytest.raises(OSError, match="404") as caught:
        stream_io.open_stream(server.url + "none?Signature=secret")
    assert "secret" not in str(caught.value) and server.url + "none" in str(caught.value)


def test_certificates_are_of_one_kind(tmp_path):
    for wrong in ({}, {"cacert": str(tmp_path / "none")}, {"capath": str(tmp_path), "allow_untrusted": True}):
        with pytest.raises(ValueError):
            stream_io.CAInfo(**wrong)
    assert stream_io.CAInfo(capath=str(tmp_path)).curl_flags == ("--capath", str(tmp_path))


def test_a_file_is_loaded_by_url_and_by_stream(server, path):
    tensors = {f"t{number}": torch.full((1 << 18,), number) for number in range(16)}
    write(ours, path, tensors)
    server.files["model.tensors"] = path.read_bytes()
    url = server.url + "model.tensors"
    loaded = TensorDeserializer(url, device="cpu", verify_hash=True)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    server.asked.clear()
    with stream_io.open_stream(url) as stream, TensorDeserializer(stream, device="cpu", lazy_load=True) as loaded:
        assert loaded.cache_status == "HIT"
        opened = len(server.asked)
        assert loaded["t15"][0] == 15 and loaded["t0"][0] == 0
    data = sum(last + 1 - first for _, first, last in server.asked[opened:])
    assert 2 * (2 << 20) <= data < 3 * (2 << 20)


def test_a_stream_that_only_python_can_read_is_copied(server, path):
    write(ours, path, {"a": torch.arange(5)})
    server.files["model.tensors"] = path.read_bytes()
    stream = stream_io.CURLStreamFile(server.url + "model.tensors", headers={"X-Header": "1"})
    assert torch.equal(TensorDeserializer(stream, device="cpu")["a"], torch.arange(5))


def test_errors_of_a_copied_stream_name_its_address(server):
    server.files["other"] = text
    stream = stream_io.CURLStreamFile(server.url + "other?Signature=secret", headers={"X-Header": "1"})
    with pytest.raises(ValueError, match=server.url + "other: ") as caught:
        TensorDeserializer(stream, device="cpu")
    assert "secret" not in str(caught.value)


class Unseekable(io.RawIOBase):
    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._content.readinto(buffer)


def test_an_object_that_only_reads_will_do(path):
    write(ours, path, {"a": torch.arange(5)})
    loaded = TensorDeserializer(Unseekable(path.read_bytes()), device="cpu")
    assert torch.equal(loaded["a"], torch.arange(5))
