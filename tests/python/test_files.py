"""Whole files: load_file, save_file, info."""

import gc
import os
import subprocess
import sys

import numpy
import pytest
import tzio
from conftest import assert_same, in_threads, weights


@pytest.fixture
def saved(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    tzio.save_file(weights(), path)
    return path


def test_what_was_saved_is_loaded(saved):
    loaded = tzio.load_file(saved)
    assert set(loaded) == set(weights())
    for name, tensor in weights().items():
        assert_same(loaded[name], tensor)


def test_safetensors_reads_what_was_saved_and_we_what_it_writes(tmp_path):
    from safetensors.torch import load_file, save_file

    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    tzio.save_file(weights(), ours, metadata={"format": "pt"})
    save_file(weights(), theirs, metadata={"format": "pt"})
    for loaded in (load_file(ours), tzio.load_file(theirs)):
        for name, tensor in weights().items():
            assert_same(loaded[name], tensor)
    assert tzio.info(theirs)[0].metadata == {"format": "pt"}


def test_tensorizer_reads_what_was_saved(tmp_path):
    from tensorizer import DecryptionParams, TensorDeserializer

    key = bytes(range(32))
    for secrets, read in (({}, {}), ({"key": key}, {"encryption": DecryptionParams.from_key(key)})):
        path = tmp_path / "model.tensors"
        tzio.save_file(weights(), path, **secrets)
        with TensorDeserializer(str(path), device="cpu", verify_hash=True, **read) as loaded:
            for name, tensor in weights().items():
                assert_same(loaded[name].data, tensor)


def test_numpy_needs_no_torch(saved):
    code = (
        "import sys, tzio\n"
        f"loaded = tzio.load_file({str(saved)!r}, framework='numpy', tensors=['positions', 'layers.0.weight'])\n"
        "assert loaded['positions'].sum() == 499500 and loaded['layers.0.weight'].shape == (300, 400)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_numpy_arrays_are_saved(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    arrays = {"a": numpy.arange(12.0).reshape(3, 4).T, "b": numpy.array([1, 2], dtype=">i4")}
    tzio.save_file(arrays, path)
    loaded = tzio.load_file(path, framework="numpy")
    assert all(numpy.array_equal(loaded[name], array) for name, array in arrays.items())


def test_selections_leave_out_the_rest(saved):
    assert list(tzio.load_file(saved, tensors=["layers.1.*"])) == ["layers.1.weight"]
    assert set(tzio.load_file(saved, tensors=lambda name: name.startswith("layers.0"))) == {
        "layers.0.weight",
        "layers.0.bias",
    }
    with pytest.raises(TypeError, match="list of names"):
        tzio.load_file(saved, tensors="layers.1.*")


def test_mapped_memory_has_the_same_bytes(saved):
    loaded = tzio.load_file(saved, memory="mapped")
    for name, tensor in weights().items():
        assert_same(loaded[name], tensor)


def test_tensors_outlive_everything_else(saved):
    kept = tzio.load_file(saved)["layers.0.weight"]
    gc.collect()
    others = [tzio.load_file(saved) for _ in range(3)]  # may take the memory that was freed
    assert_same(kept, weights()["layers.0.weight"])
    assert others


def test_a_tensor_has_a_storage_of_its_own(saved):
    tensor = tzio.load_file(saved)["positions"]
    assert tensor.untyped_storage().nbytes() == 8000


def test_encrypted_files_need_their_key(tmp_path):
    path = tmp_path / "model.tensors"
    tzio.save_file(weights(), path, password="a password")
    assert tzio.info(path)[0].encrypted
    assert_same(tzio.load_file(path, password="a password")["scale"], weights()["scale"])
    for secrets in ({}, {"password": "another"}, {"key": b"k" * 32}):
        with pytest.raises(tzio.CryptographyError) as caught:
            tzio.load_file(path, **secrets)
        assert "a password" not in str(caught.value)


def test_errors_are_what_programs_catch(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        tzio.load_file(tmp_path / "none.tensors")
    assert isinstance(caught.value, tzio.Error)
    assert caught.value.uri == str(tmp_path / "none.tensors")
    (tmp_path / "text.tensors").write_bytes(b"no tensors" * 100)
    with pytest.raises(ValueError, match="text.tensors"):
        tzio.load_file(tmp_path / "text.tensors")
    with pytest.raises(TypeError, match="unexpected keyword 'speed'"):
        tzio.load_file(tmp_path / "none.tensors", speed=3)
    with pytest.raises(tzio.UsageError, match="verify"):
        tzio.load_file(tmp_path / "text.tensors", verify="perhaps")


def test_damage_is_found(tmp_path):
    path = tmp_path / "model.tensors"
    tzio.save_file(weights(), path)
    info = tzio.info(path)[0]
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(tzio.HashMismatchError):
        tzio.load_file(path)
    assert tzio.load_file(path, verify=False)
    assert len(info.tensors) == len(weights())


def test_a_failed_save_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    tzio.save_file(weights(), path)
    before = path.read_bytes()
    with pytest.raises((tzio.Error, TypeError, ValueError)):
        tzio.save_file({"": weights()["scale"], "x" * 70000: weights()["scale"]}, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_shards_are_loaded_as_one(tmp_path):
    files = tzio.save_file(weights(), tmp_path / "model.safetensors", max_shard_size="300KB")
    assert len(files) > 2
    loaded = tzio.load_file(tmp_path)
    for name, tensor in weights().items():
        assert_same(loaded[name], tensor)


def test_progress_is_reported(saved):
    seen = []
    tzio.load_file(saved, progress=seen.append)
    assert seen[-1].bytes_done == seen[-1].bytes_total > 0
    assert seen[-1].tensors_done == len(weights())


def test_what_progress_raises_ends_the_load(saved):
    def refuse(_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        tzio.load_file(saved, progress=refuse)
    assert tzio.load_file(saved)


def test_many_threads_load_at_once(saved):
    def load(_):
        assert_same(tzio.load_file(saved)["positions"], weights()["positions"])

    in_threads(32, load)


def test_loads_leave_nothing_behind(saved):
    def state():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]), len(os.listdir("/proc/self/fd"))

    for _ in range(50):
        tzio.load_file(saved)
    pages, descriptors = state()
    for _ in range(300):
        tzio.load_file(saved)
    more_pages, more_descriptors = state()
    assert more_descriptors == descriptors
    assert more_pages - pages < 2000  # 8 MB; each load brings 1 MB
