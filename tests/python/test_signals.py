"""Ctrl-C and SIGTERM while something is read or written: it ends soon, and the process can go on."""

import signal
import subprocess
import sys

import pytest
import torch
import tzio
from ranges import serving_slowly

#: Generous: what is bounded is that it ends at all.
SECONDS = 60

begin = """
import asyncio, signal, sys, threading, time
import numpy, tzio
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever is started in the background ignores it
address, path = sys.argv[1:]
try:
{}
except KeyboardInterrupt:
    print("stopped", flush=True)
    assert list(tzio.load_file(path, framework="numpy")) == ["x"]
    print("loaded again", flush=True)
"""

reads = {
    "load_file": "    tzio.load_file(address, framework='numpy')",
    "load_into_module": (
        "    import torch\n"
        "    module = torch.nn.Module()\n"
        "    for i in range(8): module.register_buffer(str(i), torch.empty(1 << 18))\n"
        "    tzio.load_into_module(module, address)"
    ),
    "open": "    tzio.open(address, framework='numpy')",
    "info": "    tzio.info(address)",
    "iteration": "    for name, tensor in tzio.open(address, framework='numpy', prefetch_bytes=1): pass",
    "async iteration": (
        "    async def take():\n"
        "        async with tzio.open(address, framework='numpy', prefetch_bytes=1) as file:\n"
        "            async for name, tensor in file: pass\n"
        "    asyncio.run(take())"
    ),
    "get_tensor": "    tzio.open(address, framework='numpy').get_tensor('7')",
    "get_slice": "    tzio.open(address, framework='numpy').get_slice('7')[1000:200000]",
    "safetensors": (
        "    from tzio.safetensors.numpy import load_file\n"
        "    load_file(address)"
    ),
    "tensorizer": (
        "    import tzio.tensorizer\n"
        "    dict(tzio.tensorizer.TensorDeserializer(address, device='cpu'))"
    ),
    "runai": (
        "    from tzio.compat.runai import SafetensorsStreamer\n"
        "    streamer = SafetensorsStreamer()\n"
        "    streamer.stream_file(address)\n"
        "    for name, tensor in streamer.get_tensors(): pass"
    ),
    "turn": (  # waits for the load of another thread
        "    threading.Thread(target=tzio.load_file, args=[address], daemon=True).start()\n"
        "    while True:\n"
        "        time.sleep(1e-3)\n"
        "        tzio.load_file(path, framework='numpy')"
    ),
}  # fmt: skip

#: Whose index comes slowly too.
index_alone = ("open", "info")


@pytest.fixture
def files(tmp_path):
    small, large = tmp_path / "small.safetensors", tmp_path / "large.safetensors"
    tzio.save_file({"x": torch.zeros(3)}, small)
    tzio.save_file({str(i): torch.zeros(1 << 18) for i in range(8)}, large)
    tzio.save_file({str(i): torch.zeros(1 << 18) for i in range(8)}, tmp_path / "large.tensors")
    return small, tmp_path


def started(code: str, *arguments: object) -> subprocess.Popen:
    words = [sys.executable, "-c", begin.format(code), *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("what", [name for name in reads if name != "turn"])
def test_ctrl_c_ends_a_read_from_a_slow_server(files, what):
    small, folder = files
    name = "large.tensors" if what == "tensorizer" else "large.safetensors"
    with serving_slowly(folder, fast_bytes=0 if what in index_alone else 1 << 20) as (address, begun):
        process = started(reads[what], f"{address}/{name}", small)
        assert begun.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=SECONDS)
    assert (process.returncode, *output) == (0, "stopped\nloaded again\n", "")


def test_ctrl_c_reaches_who_waits_for_another_threads_load(files):
    small, folder = files
    code = reads["turn"]
    with serving_slowly(folder) as (address, begun):
        process = started(code, f"{address}/large.safetensors", small)
        assert begun.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopped\n"
        process.kill()  # the other load has its turn still
        process.communicate(timeout=SECONDS)


@pytest.mark.parametrize("name", ["saved.tensors", "saved.safetensors"])
def test_ctrl_c_in_a_save_leaves_a_whole_file(files, name):
    small, folder = files
    code = (
        "    tensors = {str(i): numpy.zeros(1 << 20) for i in range(8)}\n"
        "    tzio.save_file(tensors, address)\n"
        "    print('begun', flush=True)\n"
        "    while True: tzio.save_file(tensors, address)"
    )
    process = started(code, folder / name, small)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=SECONDS)
    assert (process.returncode, *output) == (0, "stopped\nloaded again\n", "")
    assert len(tzio.load_file(folder / name)) == 8
    assert [path.name for path in folder.glob(name + "*")] == [name]  # no temporary file is left


def test_sigterm_ends_the_process_as_usual(files):
    small, folder = files
    with serving_slowly(folder) as (address, begun):
        process = started(reads["load_file"], f"{address}/large.safetensors", small)
        assert begun.wait(SECONDS)
        process.terminate()
        output = process.communicate(timeout=SECONDS)
    assert (process.returncode, *output) == (-signal.SIGTERM, "", "")


def test_what_a_handler_raises_comes_out_of_the_load(files):
    small, folder = files
    code = (
        "    import signal\n"
        "    class Enough(Exception): pass\n"
        "    def handle(*_): raise Enough\n"
        "    signal.signal(signal.SIGUSR1, handle)\n"
        "    try: tzio.load_file(address, framework='numpy')\n"
        "    except Enough: print('enough')"
    )
    with serving_slowly(folder) as (address, begun):
        process = started(code, f"{address}/large.safetensors", small)
        assert begun.wait(SECONDS)
        process.send_signal(signal.SIGUSR1)
        output = process.communicate(timeout=SECONDS)
    assert (process.returncode, *output) == (0, "enough\n", "")
