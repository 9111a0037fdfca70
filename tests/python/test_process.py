"""Signals, forks, and the end of the interpreter."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import tzio


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


def test_ctrl_c_ends_a_load(large):
    code = (
        "import tzio, sys\n"
        "def report(p):\n"
        "    if p.bytes_done: print('begun', flush=True)\n"
        "try:\n"
        f"    while True: tzio.load_file({str(large)!r}, progress=report, verify='all')\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped', flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert "stopped" in process.communicate(timeout=30)[0]
    assert process.returncode == 0


def test_the_interpreter_ends_in_the_middle_of_an_iteration(large):
    code = (
        "import tzio\n"
        f"iterator = iter(tzio.open({str(large)!r}, prefetch_bytes='8MiB'))\n"
        "next(iterator)\n"
        "print('here')\n"
    )
    result = run(code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "here\n", "")


def test_a_forked_process_has_engines_of_its_own(large):
    tzio.load_file(large, tensors=["0"])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if len(tzio.load_file(large, tensors=["1"])) == 1 else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + 60
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(ended[1]) == 0


def test_an_open_file_does_not_survive_a_fork(large):
    file = tzio.open(large)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            file.get_tensor("0")
        except tzio.UsageError as error:
            code = 0 if "fork" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
