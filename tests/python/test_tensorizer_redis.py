"""Files of tzio.tensorizer as keys of a Redis server, which the tests start."""

import shutil
import socket
import subprocess
import time

import pytest
import tensorizer as original
import torch
import tzio
import tzio.tensorizer as ours
from conftest import assert_same, nested, weights, write
from tzio.tensorizer import DecryptionParams, EncryptionParams, TensorDeserializer, redis_store, stream_io

redis = pytest.importorskip("redis")
pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


class Server:
    """Without a disk, on a port that was free; by no password unless users are given one."""

    def __init__(self, folder) -> None:
        self.port = free_port()
        self.uri = f"redis://127.0.0.1:{self.port}"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            ["redis-server", *options, "--dir", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.client = redis.Redis(port=self.port)
        for _ in range(1000):
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                assert self.process.poll() is None, "redis-server ended"
                time.sleep(0.01)
        self.process.kill()
        raise RuntimeError("redis-server does not answer")

    def close(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("redis"))
    yield made
    made.close()


@pytest.fixture
def server(running):
    running.client.flushall()
    return running


def stored(package, path, server, value, **keywords):
    """The file as keys of the prefix "model"."""
    write(ours, path, value)
    with package.TensorDeserializer(str(path), device="cpu", lazy_load=True) as loaded:
        loaded.to_redis(server.client, "model", **keywords)


def test_what_went_to_redis_comes_from_there(server, path):
    stored(ours, path, server, weights())
    for lazy in (False, True):
        loaded = TensorDeserializer(server.uri + "/model", device="cpu", verify_hash=True, lazy_load=lazy)
        for name, tensor in weights().items():
            assert_same(loaded[name].data, tensor)


def test_keys_are_the_originals(server, path):
    values = {name: tensor for name, tensor in weights().items() if tensor.numel()}
    contents = []
    for package in (ours, original):
        server.client.flushall()
        stored(package, path, server, values)
        contents.append({key: server.client.get(key) for key in server.client.scan_iter()})
    assert contents[0] == contents[1]


def test_the_original_reads_what_we_stored(server, path):
    values = {name: tensor for name, tensor in weights().items() if tensor.numel()}
    stored(ours, path, server, values)
    loaded = original.TensorDeserializer(server.uri + "/model", device="cpu")
    for name, tensor in values.items():
        assert_same(loaded[name].data, tensor)


def test_nested_names_keep_their_place(server, path):
    stored(ours, path, server, nested)
    tree = TensorDeserializer(server.uri + "/model", device="cpu").tree()
    assert torch.equal(tree["model"]["layers"][0]["w"], torch.ones(2))


def test_keys_that_are_there_stay_unless_forced(server, path):
    stored(ours, path, server, {"a": torch.ones(2)})
    stored(ours, path, server, {"a": torch.zeros(2)})
    assert torch.equal(TensorDeserializer(server.uri + "/model", device="cpu")["a"], torch.ones(2))
    stored(ours, path, server, {"a": torch.zeros(2)}, force=True)
    assert torch.equal(TensorDeserializer(server.uri + "/model", device="cpu")["a"], torch.zeros(2))


def test_long_tensors_are_cut_into_several_values(server, path, monkeypatch):
    monkeypatch.setattr(redis_store, "VALUE_BYTES_MAX", 1000)
    stored(ours, path, server, {"a": torch.arange(1000)})
    assert max(server.client.strlen(key) for key in server.client.scan_iter("model:a:*")) == 1000
    assert torch.equal(TensorDeserializer(server.uri + "/model", device="cpu")["a"], torch.arange(1000))


def test_a_stream_reads_and_seeks_over_keys(server):
    for offset, text in ((0, "0123"), (4, "45"), (6, "6789")):
        server.client.set(f"text:part:{offset}", text)
    with stream_io.open_stream(server.uri + "/text") as stream:
        assert stream.read(5) == b"01234"
        assert stream.seek(3) == 3 == stream.tell()
        buffer = bytearray(4)
        assert stream.readinto(buffer) == 4 and bytes(buffer) == b"3456"
        assert stream.read() == b"789" and stream.read(1) == b""
    with stream_io.open_stream(server.uri + "/text", begin=2, end=8) as stream:
        assert stream.read() == b"234567"


def test_encrypted_files_are_stored_as_they_are(server, path):
    params = EncryptionParams.random()
    write(ours, path, {"a": torch.arange(9)}, encryption=params)
    key = DecryptionParams.from_key(params.key)
    with TensorDeserializer(path, device="cpu", lazy_load=True, encryption=key) as loaded:
        loaded.to_redis(server.client, "model")
    loaded = TensorDeserializer(server.uri + "/model", device="cpu", encryption=key)
    assert torch.equal(loaded["a"], torch.arange(9))


def test_a_prefix_without_keys_is_not_found(server):
    with pytest.raises(FileNotFoundError, match="127.0.0.1:.*/none") as caught:
        TensorDeserializer(server.uri + "/none", device="cpu")
    assert isinstance(caught.value, tzio.NotFoundError)


def test_a_key_that_is_gone_is_named_by_its_place(server):
    server.client.set("text:part:0", "0123")
    server.client.set("text:part:6", "6789")
    with stream_io.open_stream(server.uri + "/text") as stream, pytest.raises(tzio.StorageError, match="byte at 4"):
        stream.read()


def test_a_server_that_is_not_there_is_an_os_error():
    with pytest.raises(OSError, match="redis://127.0.0.1") as caught:
        stream_io.open_stream(f"redis://someone:the-password@127.0.0.1:{free_port()}/model")
    assert isinstance(caught.value, tzio.StorageError) and caught.value.retryable
    assert "the-password" not in str(caught.value) + str(caught.value.uri)


def test_user_and_password_of_the_uri_count(server, path):
    stored(ours, path, server, {"a": torch.ones(2)})
    server.client.execute_command("ACL", "SETUSER", "someone", "on", ">pass/word", "~*", "+@all")
    server.client.execute_command("ACL", "SETUSER", "default", "off")
    try:
        uri = f"redis://someone:pass%2Fword@127.0.0.1:{server.port}/model"
        assert list(TensorDeserializer(uri, device="cpu")) == ["a"]
        with pytest.raises(PermissionError) as caught:
            stream_io.open_stream(f"redis://someone:swordfish@127.0.0.1:{server.port}/model")
        assert isinstance(caught.value, tzio.DeniedError) and "swordfish" not in str(caught.value)
    finally:
        redis.Redis(port=server.port, username="someone", password="pass/word").execute_command(
            "ACL", "SETUSER", "default", "on"
        )
