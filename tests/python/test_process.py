"""Forks, threads, other interpreters, and the end of one. Signals: test_signals.py."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
import tzio
from conftest import in_threads
from ranges import serving_slowly


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Tensors that take long to read in small pieces."""
    path = tmp_path_factory.mktemp("large") / "model.tensors"
    tzio.save_file({str(i): torch.zeros(1 << 18) for i in range(200)}, path)
    return path


def run(code: str, seconds: float = 60) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=seconds)


def test_import_needs_no_torch():
    result = run("import sys, tzio; assert 'torch' not in sys.modules and 'numpy' not in sys.modules")
    assert result.returncode == 0, result.stderr


def test_the_interpreter_ends_in_the_middle_of_an_iteration(large):
    code = (
        "import tzio\n"
        f"iterator = iter(tzio.open({str(large)!r}, prefetch_bytes='8MiB'))\n"
        "next(iterator)\n"
        "print('here')\n"
    )
    result = run(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "here\n", "")


ends = {
    "load": "tzio.load_file(address, framework='numpy')",
    "iteration": "dict(iter(tzio.open(address, framework='numpy', prefetch_bytes=1)))",
    "open": "tzio.open(address)",
    "save": "[tzio.save_file({'x': numpy.zeros(9)}, path) for _ in range(1 << 30)]",
}


@pytest.mark.parametrize("what", ends)
def test_the_interpreter_ends_while_a_daemon_thread_is_at_work(tmp_path, what):
    tzio.save_file({str(i): torch.zeros(1 << 18) for i in range(8)}, tmp_path / "large.safetensors")
    code = (
        "import numpy, os, sys, threading, time, tzio\n"
        "address, path, begun = sys.argv[1:]\n"
        f"threading.Thread(target=lambda: {ends[what]}, daemon=True).start()\n"
        "while not (os.path.exists(begun) or os.path.exists(path)): time.sleep(0.01)\n"
        "print('here')\n"
    )
    mark = tmp_path / "begun"
    with serving_slowly(tmp_path, fast_bytes=0 if what == "open" else 1 << 20) as (address, begun):
        waiter = threading.Thread(target=lambda: begun.wait(60) and mark.touch())
        waiter.start()
        arguments = [f"{address}/large.safetensors", str(tmp_path / "saved.tensors"), str(mark)]
        result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
        begun.set()
        waiter.join()
    assert (result.returncode, result.stdout, result.stderr) == (0, "here\n", "")


def test_the_interpreter_ends_with_tensors_and_files_alive(large):
    code = (
        "import atexit, tzio\n"
        f"file = tzio.open({str(large)!r})\n"
        f"atexit.register(lambda: print(len(tzio.load_file({str(large)!r}, tensors=['0', '1']))))\n"
        "file.cycle = [file, file.get_tensor('3'), iter(file)]\n"
        "next(file.cycle[2])\n"
    )
    result = run(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "2\n", "")


def test_another_interpreter_of_the_process_is_refused():
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    code = (
        f"import {module} as interpreters\n"
        "import tzio\n"
        "other = interpreters.create()\n"
        "try: failed = interpreters.run_string(other, 'import tzio')\n"
        "except Exception as error: failed = error\n"
        "print(failed)\n"
        "interpreters.destroy(other)\n"
    )
    result = run(code)
    assert (result.returncode, result.stderr) == (0, "")
    assert "main interpreter" in result.stdout or "subinterpreters" in result.stdout  # the latter is Python's own word


def in_child(work) -> int:
    """What the exit status of a forked process is; 0 where `work` returned a true value."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + 60
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError("the child hangs")
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1])


def test_a_forked_process_has_engines_of_its_own(large):
    tzio.load_file(large, tensors=["0"])
    assert in_child(lambda: len(tzio.load_file(large, tensors=["1"])) == 1) == 0
    assert len(tzio.load_file(large, tensors=["2"])) == 1


def says_fork(work) -> bool:
    try:
        work()
    except tzio.UsageError as error:
        return "fork" in str(error) and bool(error.hint)
    return False


def test_an_open_file_does_not_survive_a_fork_and_the_parents_goes_on(large):
    with tzio.open(large, prefetch_bytes=1) as file:
        iterator = iter(file)
        names = [next(iterator)[0]]
        part = file.get_slice("0")
        assert in_child(lambda: says_fork(lambda: file.get_tensor("0"))) == 0
        assert in_child(lambda: says_fork(lambda: part[2:3])) == 0
        assert in_child(lambda: says_fork(lambda: next(iter(file)))) == 0
        assert in_child(lambda: says_fork(lambda: [name for name, _ in iterator])) == 0
        assert in_child(lambda: len(tzio.open(large).get_tensor("1")) == 1 << 18) == 0
        names += [name for name, _ in iterator]
        assert names == file.keys()


def test_a_forked_process_closes_what_its_parent_opened(large):
    file = tzio.open(large, prefetch_bytes=1)
    iterator = iter(file)
    next(iterator)

    def close():
        iterator.close()
        file.close()
        return True

    assert in_child(close) == 0
    assert len(list(iterator)) == len(file) - 1


def test_a_fork_in_the_middle_of_a_load_leaves_both_well(tmp_path, large):
    tzio.save_file({str(i): torch.zeros(1 << 18) for i in range(8)}, tmp_path / "slow.safetensors")
    with serving_slowly(tmp_path) as (address, begun), tzio.open(f"{address}/slow.safetensors") as file:
        failed = []

        def read():
            try:
                file.get_tensor("7")
            except tzio.Error as error:
                failed.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        assert begun.wait(60)
        assert in_child(lambda: len(tzio.load_file(large, tensors=["1"])) == 1) == 0
        file.close()
        thread.join()
    assert [type(error) for error in failed] == [tzio.CancelledError]
    assert len(tzio.load_file(large, tensors=["1"])) == 1


class Items(torch.utils.data.Dataset):
    """Tensors of a file that each worker opens when it first wants one."""

    def __init__(self, path, open_file=None):
        self.path = path
        self.file = open_file

    def __len__(self):
        return 12

    def __getitem__(self, place):
        if self.file is None:
            self.file = tzio.open(self.path)
        return self.file.get_tensor(str(place))[:3]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_data_loader_read(large, method):
    tzio.load_file(large, tensors=["0"])  # so that the parent has an engine
    loader = torch.utils.data.DataLoader(Items(large), batch_size=4, num_workers=2, multiprocessing_context=method)
    batches = list(loader)
    assert [tuple(batch.shape) for batch in batches] == [(4, 3)] * 3
    assert torch.equal(torch.cat(batches), torch.zeros(12, 3))


def test_forked_workers_read_a_safetensors_file_that_was_open_before(tmp_path):
    from tzio.safetensors import safe_open

    path = tmp_path / "model.safetensors"
    tzio.save_file({str(i): torch.full((1 << 21,), float(i)) for i in range(12)}, path)
    with safe_open(path, framework="pt") as file:
        assert file.get_tensor("3")[0] == 3
        loader = torch.utils.data.DataLoader(
            Items(path, file), batch_size=4, num_workers=2, multiprocessing_context="fork"
        )
        assert torch.equal(torch.cat(list(loader))[:, 0], torch.arange(12.0))


def test_32_threads_load_the_same_and_different_files(tmp_path):
    paths = [tmp_path / f"{i}.{suffix}" for i in range(8) for suffix in ("tensors", "safetensors")]
    for place, path in enumerate(paths):
        tzio.save_file({"x": torch.full((1000,), place), "place": torch.tensor(place)}, path)

    def work(place):
        for turn in range(12):
            which = (place // 2 + turn) % len(paths)  # two threads each have the same
            if turn % 3 == 0:
                tensors = tzio.load_file(paths[which])
            elif turn % 3 == 1:
                tensors = dict(iter(tzio.open(paths[which], prefetch_bytes=1)))
            else:
                tensors = tzio.load_file([paths[which]], concurrency=2)
            assert torch.equal(tensors["x"], torch.full((1000,), which)) and tensors["place"] == which

    in_threads(32, work)


def test_a_callback_that_loads_is_told_so(large):
    caught = []

    def load_more(_):
        with pytest.raises(tzio.UsageError, match="callback") as error:
            tzio.load_file(large, tensors=["0"])
        caught.append(error.value.hint)

    tzio.load_file(large, tensors=["1"], progress=load_more)
    assert caught and all(caught)
