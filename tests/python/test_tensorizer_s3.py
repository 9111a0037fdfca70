"""Objects of S3 that tzio.tensorizer writes and reads, on a stand-in; and the same on moto where that is installed."""

import gc
import glob
import os
import tempfile
import threading

import pytest
import s3_server
import tensorizer as original
import torch
import tzio
import tzio.tensorizer as ours
from conftest import assert_same, weights, write
from tzio.tensorizer import TensorDeserializer, stream_io

pytest.importorskip("boto3")
pytest.importorskip("botocore")

keys = {"s3_access_key_id": "someone", "s3_secret_access_key": "the secret"}


@pytest.fixture
def server(monkeypatch, tmp_path):
    for name in [each for each in os.environ if each.startswith(("AWS_", "S3_", "TZ_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(stream_io, "_s3_default_config_paths", ())
    monkeypatch.setattr(original.stream_io, "_s3_default_config_paths", ())
    with s3_server.serving() as made:
        yield made


@pytest.fixture
def environment(server, monkeypatch):
    """As programs mostly have it: nothing but the address is in the code."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the secret")
    return server


def opened(package, uri, mode, server):
    return package.stream_io.open_stream(uri, mode, **keys, s3_endpoint=server.url, force_http=True)


def test_an_address_alone_is_written_and_read(environment):
    write(ours, "s3://bucket/a/model.tensors", weights())
    assert list(environment.objects) == ["bucket/a/model.tensors"]
    with TensorDeserializer("s3://bucket/a/model.tensors", device="cpu", verify_hash=True) as loaded:
        for name, tensor in weights().items():
            assert_same(loaded[name].data, tensor)


@pytest.mark.parametrize("mode", ["wb", "wb+", "ab+"])
def test_what_a_stream_is_given_is_the_object(server, mode):
    with opened(ours, "s3://bucket/text", mode, server) as file:
        file.write(b"0123456789")
        assert not server.objects
    assert server.objects == {"bucket/text": b"0123456789"}
    with opened(ours, "s3://bucket/text", "rb", server) as file:
        assert file.read(4) == b"0123"
        file.seek(8)
        assert file.read() == b"89"
    with stream_io.open_stream(
        "s3://bucket/text", **keys, s3_endpoint=server.url, force_http=True, begin=3, end=6
    ) as part:
        assert part.read() == b"345"


@pytest.mark.parametrize(("writer", "reader"), [(ours, original), (original, ours)], ids=["ours to theirs", "to ours"])
def test_streams_of_s3_are_exchanged(server, writer, reader):
    uri = "s3://bucket/model.tensors"
    serializer = writer.TensorSerializer(opened(writer, uri, "wb+", server))
    serializer.write_state_dict(weights())
    serializer.close()
    with opened(reader, uri, "rb", server) as stream, reader.TensorDeserializer(stream, device="cpu") as loaded:
        for name, tensor in weights().items():
            assert_same(loaded[name].data, tensor)


def test_loads_ask_with_a_signature_and_not_by_a_signed_address(server):
    with ours.TensorSerializer(opened(ours, "s3://bucket/model.tensors", "wb+", server)) as serializer:
        serializer.write_state_dict(weights())
    stream = opened(ours, "s3://bucket/model.tensors", "rb", server)
    server.asked.clear()
    TensorDeserializer(stream, device="cpu")
    assert server.asked
    assert all(
        "Credential=someone" in (authorization or "") and "Signature" not in query
        for _, authorization, query in server.asked
    )


def test_empty_keys_sign_nothing(server):
    server.objects["bucket/text"] = b"text"
    unsigned = {"s3_access_key_id": "", "s3_secret_access_key": "", "s3_endpoint": server.url, "force_http": True}
    with stream_io.open_stream("s3://bucket/text", **unsigned) as stream:
        assert stream.read() == b"text"
    assert all(authorization is None and "Signature" not in query for _, authorization, query in server.asked)


def test_what_is_not_there_is_an_error_without_a_secret(environment):
    with pytest.raises(FileNotFoundError) as caught:
        TensorDeserializer("s3://bucket/none", device="cpu")
    assert isinstance(caught.value, tzio.NotFoundError)
    with pytest.raises(OSError, match="404") as stream_caught:
        stream_io.open_stream("s3://bucket/none")
    for text in (str(caught.value), str(stream_caught.value)):
        assert "s3://bucket/none" in text
        assert "secret" not in text and "Signature" not in text


def test_an_upload_that_fails_is_an_error_of_close_and_leaves_no_file(environment, tmp_path):
    environment.refuse_uploads = True
    serializer = ours.TensorSerializer("s3://bucket/model.tensors")
    serializer.write_state_dict(weights())
    with pytest.raises(Exception, match="AccessDenied"):
        serializer.close()
    serializer.close()
    assert not environment.objects and not glob.glob(str(tmp_path / "tensors-upload-*"))


def test_errors_of_writing_name_the_object(environment):
    with ours.TensorSerializer("s3://bucket/model.tensors") as serializer:
        serializer.write_state_dict({"a": torch.ones(1)})
        with pytest.raises(ValueError, match="^s3://bucket/model.tensors: "):
            serializer.write_state_dict({"a": torch.ones(1)})


def test_a_failed_with_uploads_nothing(environment, tmp_path):
    with pytest.raises(RuntimeError), ours.TensorSerializer("s3://bucket/model.tensors") as serializer:
        serializer.write_state_dict(weights())
        raise RuntimeError
    assert not environment.objects and not glob.glob(str(tmp_path / "tensors-upload-*"))


def test_a_forgotten_serializer_uploads_when_it_is_collected(environment):
    serializer = ours.TensorSerializer("s3://bucket/model.tensors")
    serializer.write_state_dict({"a": torch.ones(2)})
    del serializer
    gc.collect()
    assert torch.equal(TensorDeserializer("s3://bucket/model.tensors", device="cpu")["a"], torch.ones(2))


@pytest.mark.parametrize("coreweave", [False, True])
def test_the_profile_of_aws_names_the_endpoint_where_nothing_else_does(server, monkeypatch, tmp_path, coreweave):
    (tmp_path / "config").write_text(
        f"[default]\nendpoint_url = {server.url}\naws_access_key_id = someone\naws_secret_access_key = the secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    if coreweave:  # as with TZIO_COREWEAVE=1
        for name in ("default_s3_read_endpoint", "default_s3_write_endpoint"):
            monkeypatch.setattr(stream_io, name, "object.invalid")
    write(ours, "s3://bucket/model.tensors", {"a": torch.ones(2)})
    assert list(TensorDeserializer("s3://bucket/model.tensors", device="cpu")) == ["a"]


@pytest.mark.parametrize("package", [ours, original], ids=["ours", "theirs"])
def test_keys_and_endpoint_come_from_s3cfg(server, tmp_path, package):
    host = server.url.removeprefix("http://")
    path = tmp_path / "s3cfg"
    path.write_text(f"[default]\naccess_key = x\nsecret_key = y\nhost_base = {host}\nuse_https = False\n")
    with package.stream_io.open_stream("s3://bucket/text", "wb", s3_config_path=path) as file:
        file.write(b"text")
    with package.stream_io.open_stream("s3://bucket/text", s3_config_path=str(path)) as file:
        assert file.read() == b"text"


@pytest.mark.parametrize("package", [ours, original], ids=["ours", "theirs"])
def test_an_endpoint_without_encryption_must_be_asked_for(server, package):
    with pytest.raises(ValueError, match="Non-HTTPS"):
        package.stream_io.open_stream("s3://bucket/text", **keys, s3_endpoint=server.url)


@pytest.fixture
def moto_url():
    moto = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    import werkzeug.serving

    app = moto.DomainDispatcherApplication(moto.create_backend_app)
    made = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


def test_moto_takes_and_gives_the_same(environment, monkeypatch, moto_url):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    import boto3

    boto3.client("s3").create_bucket(Bucket="bucket")
    write(ours, "s3://bucket/model.tensors", {"a": torch.arange(5)})
    assert torch.equal(TensorDeserializer("s3://bucket/model.tensors", device="cpu")["a"], torch.arange(5))
    with stream_io.open_stream("s3://bucket/model.tensors") as stream:
        assert stream.read(5) == b"|TZR|"
