"""Whole files: load_file, save_file, info."""

import functools
import gc
import json
import os
import struct
import subprocess
import sys

import numpy
import pytest
import torch
import tzio
import tzio.safetensors
from conftest import assert_same, in_threads, mapped_file, weights


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


def test_files_that_safetensors_writes_are_mapped(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "theirs.safetensors"
    for length in range(8):  # of the header, which moves the data by multiples of 8
        save_file(weights(), path, metadata={"x": "x" * 8 * length})
        owned, mapped = tzio.load_file(path), tzio.load_file(path, memory="mapped")
        assert list(owned) == list(mapped)
        for name, tensor in mapped.items():
            assert_same(tensor, owned[name])
            if tensor.numel():
                assert mapped_file(tensor.data_ptr()) == str(path), name
                assert not mapped_file(owned[name].data_ptr())


def test_mapped_arrays_are_aligned_as_numpy_wants_them(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "theirs.safetensors"
    arrays = {"a": numpy.arange(6, dtype=numpy.float32), "b": numpy.arange(5.0), "c": numpy.arange(3, dtype=numpy.int8)}
    save_file(arrays, path)
    for name, array in tzio.load_file(path, framework="numpy", memory="mapped").items():
        assert mapped_file(array.ctypes.data) == str(path)
        assert array.flags.aligned and array.flags.writeable and numpy.array_equal(array, arrays[name])


def test_of_a_mapped_file_what_lies_at_odd_places_is_copied(tmp_path):
    path = tmp_path / "odd.safetensors"
    halves = torch.arange(1000, dtype=torch.bfloat16)
    header = json.dumps(
        {
            "a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
            "b": {"dtype": "BF16", "shape": [1000], "data_offsets": [3, 2003]},
            "c": {"dtype": "U8", "shape": [1], "data_offsets": [2003, 2004]},
            "d": {"dtype": "BF16", "shape": [1000], "data_offsets": [2004, 4004]},
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    content = halves.view(torch.uint8).numpy().tobytes()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"123" + content + b"4" + content)
    loaded = tzio.load_file(path, memory="mapped")
    assert [bool(mapped_file(tensor.data_ptr())) for tensor in loaded.values()] == [True, False, True, True]
    assert loaded["a"].tolist() + loaded["c"].tolist() == list(b"1234")
    assert torch.equal(loaded["b"], halves) and torch.equal(loaded["d"], halves)


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


def saved_twice(folder, suffix):
    """Two files, each with a tensor "same"."""
    paths = [folder / f"one.{suffix}", folder / f"two.{suffix}"]
    for number, path in enumerate(paths):
        tzio.save_file({"same": torch.full((3,), float(number)), f"own{number}": torch.ones(2)}, path)
    return paths


@pytest.mark.parametrize("load", [tzio.load_file, tzio.open, "load_into_module", "safe_open"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_name_that_two_files_have_is_refused(tmp_path, suffix, load, is_folder):
    """Nobody knows which is meant; of a dict, the second would take the place of the first."""
    paths = saved_twice(tmp_path, suffix)
    uris = tmp_path if is_folder else paths
    if load == "load_into_module":
        load = functools.partial(tzio.load_into_module, torch.nn.Linear(2, 3), strict=False)
    elif load == "safe_open":
        if not is_folder:
            pytest.skip("takes no lists")
        load = functools.partial(tzio.safetensors.safe_open, framework="pt")
    with pytest.raises(tzio.UsageError, match="'same'") as caught:
        load(uris)
    assert all(str(path) in str(caught.value) for path in paths)
    assert caught.value.uri == str(paths[1]) and caught.value.hint in str(caught.value)


def test_a_name_that_two_files_have_may_be_left_out(tmp_path, suffix):
    paths = saved_twice(tmp_path, suffix)
    assert list(tzio.load_file(paths, tensors=["own*"])) == ["own0", "own1"]
    with tzio.open(paths, tensors=["own*"]) as file:
        assert [name for name, _ in file] == ["own0", "own1"]


@pytest.mark.parametrize("load", [tzio.load_file, tzio.open])
@pytest.mark.parametrize("names", [["nomatch"], ["layers.7.*"], ["positions", "layers.?.bais"]])
def test_a_name_or_pattern_that_selects_nothing_is_refused(saved, load, names):
    """It's a typing error, more often than not."""
    with pytest.raises(tzio.UsageError) as caught:
        load(saved, tensors=names)
    assert str(caught.value).startswith(f"{saved}: no tensor matches the pattern {names[-1]!r}")
    assert caught.value.uri == str(saved) and caught.value.hint


def test_of_an_empty_list_and_of_functions_nothing_has_to_be_there(saved):
    for nothing in ([], lambda name: False):
        assert tzio.load_file(saved, tensors=nothing) == {}
        assert tzio.open(saved, tensors=nothing).keys() == []


@pytest.mark.parametrize("name", ["a[0]", "b\\c", "[d]?*"])
def test_a_name_that_looks_like_a_pattern_selects_its_tensor(tmp_path, suffix, name):
    path = tmp_path / f"model.{suffix}"
    tzio.save_file({name: torch.ones(2), "other": torch.ones(3)}, path)
    assert list(tzio.load_file(path, tensors=[name])) == [name]
    assert tzio.open(path, tensors=[name]).keys() == [name]


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
