"""`tzio.save_file` to S3, on a stand-in."""

import json

import pytest
import torch

import s3_server
import tzio


@pytest.fixture
def server():
    with s3_server.serving() as made:
        yield made


@pytest.fixture
def config(server, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the secret")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tzio.Config(network={"endpoint-url": server.url, "region": "us-east-1", "tries": "1"})


tensors = {"a": torch.arange(1000.0), "b": torch.ones(7, 3, dtype=torch.bfloat16)}


@pytest.mark.parametrize("name", ["model.tensors", "model.safetensors"])
def test_what_is_saved_there_is_loaded_from_there(config, server, tmp_path, name):
    assert tzio.save_file(tensors, f"s3://bucket/a/{name}", config=config) == [f"s3://bucket/a/{name}"]
    assert list(server.objects) == [f"bucket/a/{name}"]
    loaded = tzio.load_file(f"s3://bucket/a/{name}", config=config)
    assert all(torch.equal(loaded[each], tensor) for each, tensor in tensors.items())
    assert not list(tmp_path.iterdir())


def test_shards_come_before_their_list(config, server):
    names = tzio.save_file(tensors, "s3://bucket/m.safetensors", max_shard_size=2000, config=config)
    assert list(server.objects) == [name.removeprefix("s3://") for name in names]
    index = json.loads(server.objects["bucket/m.safetensors.index.json"])
    assert list(server.objects)[-1] == "bucket/m.safetensors.index.json"
    assert set(index["weight_map"]) == {"a", "b"}


def test_a_refusal_names_the_object_and_leaves_nothing(config, server, tmp_path):
    server.refuse_uploads = True
    with pytest.raises(tzio.DeniedError) as caught:
        tzio.save_file(tensors, "s3://bucket/m.tensors", config=config)
    assert caught.value.uri == "s3://bucket/m.tensors"
    assert not server.objects and not list(tmp_path.iterdir())


def test_http_is_for_reading():
    with pytest.raises(ValueError, match="http:// can't be written"):
        tzio.save_file(tensors, "http://example.invalid/m.tensors")
