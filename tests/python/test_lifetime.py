"""How long tensors, memory, descriptors and threads last."""

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy
import pytest
import torch
import tzio
import tzio.safetensors
import tzio.safetensors.numpy
import tzio.safetensors.torch
import tzio.tensorizer
from tzio.compat.runai import SafetensorsStreamer

COUNT, ROWS = 6, 3000

#: Loads in one process, of small files; TZIO_TEST_LOADS has more of them.
LOADS = int(os.environ.get("TZIO_TEST_LOADS", "500"))
#: What the process may grow by between the hundredth load and the last, in bytes: what the allocator keeps and gives
#: back by turns. A load brings 100 KB, so one that was kept each time would be found.
GROWTH_BYTES_MAX = 8 << 20


def value(file: int, name: int) -> float:
    return float(100 * file + name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Files of the same layout with other values."""
    made = tmp_path_factory.mktemp("files")
    for file in range(4):
        tensors = {f"t{i}": torch.full((ROWS, 16), value(file, i)) for i in range(COUNT)}
        for suffix in ("tensors", "safetensors"):
            tzio.save_file(tensors, made / f"{file}.{suffix}")
        tzio.save_file(tensors, made / f"sealed{file}.tensors", key=bytes(32))
    return made


def by_open(path):
    with tzio.open(path, prefetch_bytes=1 << 18) as file:
        return dict(iter(file))


def by_get_tensor(path):
    with tzio.open(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def by_get_slice(path):
    with tzio.open(path) as file:
        return {name: file.get_slice(name)[1 : ROWS - 1] for name in file.keys()}


def by_deserializer(path, **keywords):
    with tzio.tensorizer.TensorDeserializer(str(path), device="cpu", **keywords) as loaded:
        return {name: loaded[name] for name in loaded}


def by_read_tensors(path):
    with tzio.tensorizer.TensorDeserializer(str(path), device="cpu", lazy_load=True) as loaded:
        return {name: tensor for _, _, name, tensor in loaded.read_tensors()}


def by_read_numpy_arrays(path):
    with tzio.tensorizer.TensorDeserializer(str(path), device="cpu", lazy_load=True) as loaded:
        return {name: array for _, _, name, array, *_ in loaded.read_numpy_arrays()}


def by_safe_open(path):
    with tzio.safetensors.safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def by_safe_slice(path):
    with tzio.safetensors.safe_open(path, framework="pt") as file:
        return {name: file.get_slice(name)[2:-2] for name in file.keys()}


def by_streamer(path):
    with SafetensorsStreamer() as streamer:
        streamer.stream_file(str(path), owned=False)
        return dict(streamer.get_tensors())


def into_module(path):
    module = torch.nn.Module()
    for i in range(COUNT):
        module.register_buffer(f"t{i}", torch.empty(ROWS, 16, device="meta"))
    tzio.load_into_module(module, path)
    return dict(module.state_dict())


ways = {
    "load_file": (tzio.load_file, "{}.tensors"),
    "load_file of numpy": (lambda path: tzio.load_file(path, framework="numpy"), "{}.safetensors"),
    "load_file mapped": (lambda path: tzio.load_file(path, memory="mapped"), "{}.safetensors"),
    "load_file sealed": (lambda path: tzio.load_file(path, key=bytes(32)), "sealed{}.tensors"),
    "load_into_module": (into_module, "{}.tensors"),
    "open": (by_open, "{}.tensors"),
    "get_tensor": (by_get_tensor, "{}.safetensors"),
    "get_slice": (by_get_slice, "{}.safetensors"),
    "tensorizer": (by_deserializer, "{}.tensors"),
    "tensorizer lazy": (lambda path: by_deserializer(path, lazy_load=True), "{}.tensors"),
    "tensorizer plaid": (lambda path: by_deserializer(path, plaid_mode=True), "{}.tensors"),
    "tensorizer read_tensors": (by_read_tensors, "{}.tensors"),
    "tensorizer read_numpy_arrays": (by_read_numpy_arrays, "{}.tensors"),
    "safetensors load_file": (tzio.safetensors.torch.load_file, "{}.safetensors"),
    "safetensors load": (lambda path: tzio.safetensors.torch.load(path.read_bytes()), "{}.safetensors"),
    "safetensors numpy": (tzio.safetensors.numpy.load_file, "{}.safetensors"),
    "safe_open": (by_safe_open, "{}.safetensors"),
    "safe_open get_slice": (by_safe_slice, "{}.safetensors"),
    "runai": (by_streamer, "{}.safetensors"),
}


@pytest.mark.parametrize("way", ways)
def test_a_tensor_stays_right_while_later_loads_reuse_memory(folder, way):
    load, pattern = ways[way]
    kept = load(folder / pattern.format(0))["t3"]
    gc.collect()
    for turn in range(30):
        others = load(folder / pattern.format(1 + turn % 3))
        assert bool((others["t3"] == value(1 + turn % 3, 3)).all())
        del others
    assert bool((kept == value(0, 3)).all())
    with torch.no_grad():
        kept += 1  # it is the caller's to write to
    assert bool((load(folder / pattern.format(0))["t3"] == value(0, 3)).all())


def test_a_tensor_stays_right_while_the_file_it_was_read_from_is_replaced(folder, tmp_path):
    path = tmp_path / "model.safetensors"
    tzio.save_file(tzio.load_file(folder / "0.safetensors"), path)
    kept = tzio.load_file(path), tzio.load_file(path, memory="mapped")
    tzio.save_file(tzio.load_file(folder / "1.safetensors"), path)
    for tensors in kept:
        assert all(bool((tensors[f"t{i}"] == value(0, i)).all()) for i in range(COUNT))


def test_memory_goes_with_the_last_tensor(folder):
    tensors = tzio.load_file(folder / "0.tensors", framework="numpy")
    base = tensors["t0"]
    while isinstance(base.base, numpy.ndarray):
        base = base.base
    gone = weakref.ref(base)
    part = tensors["t0"][5:9]
    del tensors, base
    gc.collect()
    assert gone() is not None and bool((part == value(0, 0)).all())
    del part
    gc.collect()
    assert gone() is None


def test_garbage_is_collected_in_the_middle_of_an_iteration(folder):
    with tzio.open(folder / "0.tensors", prefetch_bytes=1) as file:
        names = []
        for name, tensor in file:
            cycle = [tensor]
            cycle.append(cycle)
            del cycle
            gc.collect()
            assert bool((tensor == value(0, int(name[1:]))).all())
            names.append(name)
    assert names == file.keys()


def test_garbage_in_a_progress_callback_may_be_an_iteration_that_waits_for_this_very_load(folder):
    file = tzio.open(folder / "1.tensors", prefetch_bytes=1)
    left = [iter(file)]
    next(left[0])
    while file.stats.tensors < 2:  # the second is there
        time.sleep(0.001)
    gone = []

    def report(_):
        if left:
            cycle = [left.pop()]
            next(cycle[0])  # now it reads the third, after this load
            gone.append(weakref.ref(cycle[0]))
            cycle.append(cycle)
            del cycle
        gc.collect()

    gc.disable()
    try:
        tensors = tzio.load_file(folder / "0.tensors", progress=report)
    finally:
        gc.enable()
    assert [reference() for reference in gone] == [None]
    assert all(bool((tensors[f"t{i}"] == value(0, i)).all()) for i in range(COUNT))
    assert len(dict(iter(file))) == COUNT


def test_an_iteration_that_was_left_ends_its_thread(folder):
    def threads():
        return [thread for thread in threading.enumerate() if thread.name == "tzio-ahead"]

    file = tzio.open(folder / "0.tensors", prefetch_bytes=1)
    for _ in file:
        break
    iterator = iter(file)
    next(iterator)
    assert len(threads()) <= 2
    del iterator
    gc.collect()
    assert threads() == []
    next(iter(file))
    file.close()
    assert threads() == []


loads = """
import gc, os, sys, tzio, tzio.safetensors.numpy, tzio.tensorizer
folder, count = sys.argv[1], int(sys.argv[2])

def state():
    gc.collect()
    with open("/proc/self/statm") as file:
        rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return rss, len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

def once(turn):
    kind = turn % 5
    if kind == 0:
        tzio.load_file(f"{folder}/small.tensors", framework="numpy")
    elif kind == 1:
        tzio.load_file(f"{folder}/small.safetensors", framework="numpy", memory="mapped")
    elif kind == 2:
        with tzio.open(f"{folder}/small.tensors", framework="numpy", prefetch_bytes=1) as file:
            for name, tensor in file:
                break
            file.get_slice("a")[3:5]
    elif kind == 3:
        tzio.safetensors.numpy.load_file(f"{folder}/small.safetensors")
    else:
        try:
            tzio.load_file(f"{folder}/broken.tensors")
        except tzio.HashMismatchError:
            pass

for turn in range(100): once(turn)
before = state()
for turn in range(100, count): once(turn)
print(*before, *state())
"""


def test_many_loads_leave_memory_descriptors_and_threads_as_they_were(tmp_path):
    arrays = {name: numpy.ones((50, 128), dtype=numpy.float32) for name in "abcd"}
    for name in ("small.tensors", "small.safetensors", "broken.tensors"):
        tzio.save_file(arrays, tmp_path / name)
    content = bytearray((tmp_path / "broken.tensors").read_bytes())
    content[-100] ^= 1
    (tmp_path / "broken.tensors").write_bytes(content)
    result = subprocess.run(
        [sys.executable, "-c", loads, str(tmp_path), str(LOADS)], capture_output=True, text=True, timeout=1200
    )
    assert result.returncode == 0, result.stderr
    print(result.stdout)
    rss, descriptors, threads, rss_after, descriptors_after, threads_after = map(int, result.stdout.split())
    assert descriptors_after == descriptors
    assert threads_after <= threads
    assert rss_after - rss < GROWTH_BYTES_MAX
