"""tzio.compat.runai in the place of runai_model_streamer."""

import multiprocessing
import os

import pytest
import safetensors.torch
import torch
import tzio
from conftest import assert_same, weights
from tzio.compat.runai import ObjectStorageModel, SafetensorsStreamer, list_safetensors, pull_files


@pytest.fixture
def shards(tmp_path):
    names = list(weights())
    paths = [str(tmp_path / f"shard-{i}.safetensors") for i in range(2)]
    for path, half in zip(paths, (names[:4], names[4:]), strict=True):
        safetensors.torch.save_file({name: weights()[name] for name in half}, path)
    return paths


def test_tensors_and_what_describes_them_are_those_of_runai(shards):
    runai = pytest.importorskip("runai_model_streamer")
    seen = []
    for make in (SafetensorsStreamer, runai.SafetensorsStreamer):
        with make() as streamer:
            streamer.stream_files(shards)
            described = {
                (place, each.name): (each.shape, each.dtype, each.get_bytesize(), each.get_item_count())
                + (each.get_element_size(), each.get_torch_dtype(), each.offsets.start, each.offsets.end)
                for place, file in streamer.files_to_tensors_metadata.items()
                for each in file
            }
            tensors = {name: tensor.clone() for name, tensor in streamer.get_tensors()}
            seen.append((streamer.total_size, described, tensors))
    assert seen[0][:2] == seen[1][:2]
    assert set(seen[0][2]) == set(seen[1][2]) == set(weights())
    for name, tensor in weights().items():
        assert_same(seen[0][2][name], tensor)


def test_tensors_that_are_kept_stay_right(shards):
    with SafetensorsStreamer() as streamer:
        streamer.stream_files(shards, owned=False)
        kept = dict(streamer.get_tensors())
    for name, tensor in weights().items():
        assert_same(kept[name], tensor)


def test_names_choose_what_is_read(shards):
    with SafetensorsStreamer() as streamer:
        streamer.stream_files(shards, tensor_names=["scale", "positions"])
        assert dict(streamer.get_tensors()).keys() == {"scale", "positions"}
        assert streamer.total_size == 8008
        streamer.stream_file(shards[0])  # again, with others
        assert len(dict(streamer.get_tensors())) == 4
        for names, text in (("scale", "collection"), ([], "empty"), (["scale", "none"], "not found")):
            with pytest.raises(ValueError, match=text):
                streamer.stream_files(shards, tensor_names=names)
        with pytest.raises(ValueError, match="more than one file"):
            streamer.stream_files([shards[0], shards[0]], tensor_names=["positions"])


def test_errors_are_what_programs_catch(shards, tmp_path):
    with SafetensorsStreamer() as streamer:
        with pytest.raises(FileNotFoundError):
            streamer.stream_file(str(tmp_path / "none.safetensors"))
        os.truncate(shards[0], os.path.getsize(shards[0]) - 1)
        with pytest.raises(ValueError, match="shard-0"):
            streamer.stream_file(shards[0])


def test_memory_is_limited_by_the_environment(shards, monkeypatch):
    monkeypatch.setenv("RUNAI_STREAMER_MEMORY_LIMIT", "0")
    monkeypatch.setenv("RUNAI_STREAMER_CONCURRENCY", "2")
    with SafetensorsStreamer() as streamer:
        streamer.stream_files(shards)
        iterator = streamer.get_tensors()
        next(iterator)
        assert streamer._files[0].stats.tensors <= 3
        assert len(dict(iterator)) == len(weights()) - 1


def test_safetensors_in_a_folder_are_listed(shards, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "more.safetensors").write_text("")
    assert sorted(list_safetensors(str(tmp_path))) == shards
    with pytest.raises(NotImplementedError):
        pull_files(str(tmp_path), str(tmp_path / "copy"))


class Bucket:
    """What boto3's client does, for the keys of one bucket."""

    keys = ("m/a.safetensors", "m/b.safetensors", "m/config.json", "m/", "m/below/c.safetensors", "mm/d.safetensors")

    def get_paginator(self, operation):
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket, Prefix, Delimiter=None):  # noqa: N803 - boto3's names
        assert Bucket == "bucket"
        found = [key for key in self.keys if key.startswith(Prefix)]
        if Delimiter:
            found = [key for key in found if Delimiter not in key[len(Prefix) :]]
        for key in found:
            yield {"Contents": [{"Key": key}]}
        yield {}

    def download_file(self, bucket, key, target):
        with open(target, "x") as file:
            file.write(key)


@pytest.fixture
def bucket(monkeypatch):
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setattr(boto3, "client", lambda *_, **__: Bucket())
    return "s3://bucket/m"


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def test_buckets_are_listed_and_copied(bucket, tmp_path):
    assert list_safetensors(bucket) == ["s3://bucket/m/a.safetensors", "s3://bucket/m/b.safetensors"]
    pull_files(bucket, str(tmp_path / "all"))
    assert files_below(tmp_path / "all") == ["a.safetensors", "b.safetensors", "below/c.safetensors", "config.json"]
    pull_files(bucket + "/", str(tmp_path / "some"), ["*.safetensors"], ["*below*"])
    assert files_below(tmp_path / "some") == ["a.safetensors", "b.safetensors"]


def test_keys_dont_lead_out_of_the_folder(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(Bucket, "keys", ("m/../../evil",))
    with pytest.raises(ValueError, match="outside"):
        pull_files(bucket, str(tmp_path / "all" / "deep"))
    assert files_below(tmp_path) == []


def test_a_model_is_copied_once(bucket, tmp_path, monkeypatch):
    folder = str(tmp_path / "model")
    with pytest.raises(KeyError), ObjectStorageModel(bucket, folder):
        raise KeyError
    for _ in range(2):
        with ObjectStorageModel(bucket, folder) as model:
            model.pull_files(["*.json"])
        monkeypatch.setattr(Bucket, "keys", ())
    assert files_below(folder) == [".runai_complete", "config.json"]
    with pytest.raises(RuntimeError, match="No files"), ObjectStorageModel(bucket, str(tmp_path / "empty")) as model:
        model.pull_files()
    with pytest.raises(ValueError, match="not a supported"):
        ObjectStorageModel("/local", folder)


def copy(folder, turn):
    with ObjectStorageModel("s3://bucket/m", folder) as model:
        turn.put(model._skip)
        if not model._skip:
            open(os.path.join(folder, "file"), "x").close()


def test_processes_wait_for_the_one_that_copies(tmp_path):
    context = multiprocessing.get_context("spawn")
    turn = context.Queue()
    processes = [context.Process(target=copy, args=(str(tmp_path / "model"), turn)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert sorted(turn.get(timeout=10) for _ in processes) == [False, True, True]


def test_credentials_never_show(monkeypatch):
    from tzio.compat.runai import S3Credentials
    from tzio.compat.runai_storage import network_of

    credentials = S3Credentials("id", "secret", "token", "region", "https://host")
    assert "secret" not in repr(credentials) and "token=" not in repr(credentials)
    assert network_of(credentials) == {
        "access-key-id": "id",
        "secret-access-key": "secret",
        "session-token": "token",
        "region": "region",
        "endpoint-url": "https://host",
    }
    monkeypatch.setenv("RUNAI_STREAMER_S3_UNSIGNED", "1")
    assert network_of(None) == {"no-sign-request": "1"}


def test_it_feeds_a_module(shards):
    module = torch.nn.Linear(400, 300)
    state = {"layers.0.weight": module.weight, "layers.0.bias": module.bias}
    with SafetensorsStreamer() as streamer:
        streamer.stream_files(shards, tensor_names=list(state))
        for name, tensor in streamer.get_tensors():
            with torch.no_grad():
                state[name].copy_(tensor)
    assert torch.equal(module.weight, weights()["layers.0.weight"])
    assert tzio.info(shards[0])
