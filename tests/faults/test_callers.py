"""Odd paths, and programs whose outputs are closed: of rows 33 and 39."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from files import KEY, LARGE_SUMS, SUMS
from loads import SECONDS, Program

#: As a shell writes them: of stdin, stdout and stderr.
CLOSED = ["2>&-", "<&- 2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"]


@pytest.mark.parametrize("name", ["new\nline.tensors", "red\x1b[31m.tensors", "%n%s.tensors", "-dash.tensors"])
def test_path_of_any_characters(loads, samples, tmp_path, name):
    """Loads; and what is said of it is one line without control characters."""
    path = tmp_path / name
    shutil.copy(samples.plain, path)
    assert loads.in_python(path)["sums"] == SUMS
    assert loads.run("load", path).code == 0
    path.write_bytes(b"no tensors")
    shown = str(path).replace("\n", "\\x0a").replace("\x1b", "\\x1b")
    result = loads.run("load", path)
    assert (result.code, result.out, result.error.count("\n")) == (6, b"", 1), result
    loads.refuses(path, "format", "not a .tensors", names=shown)


def test_path_with_a_nul_is_no_path(loads, samples):
    assert loads.in_python(f"{samples.plain}\0.safetensors")["raised"] == "UsageError"


def in_shell(loads, command, closed):
    """Its exit code, with outputs closed."""
    script = f'exec "$@" {closed}'
    ended = subprocess.run(
        ["sh", "-c", script, "sh", loads.tz, *map(str, command)],
        env=loads.environment,
        capture_output=True,
        timeout=SECONDS,
    )
    return ended.returncode


@pytest.mark.parametrize("closed", CLOSED)
def test_closed_outputs_spoil_no_file(loads, samples, tmp_path, closed):
    """Files that are opened get the numbers of what is closed: nothing that is said may land in them."""
    for command in ("convert", "fetch"):
        path = tmp_path / f"{command}.tensors"
        in_shell(loads, [command, "-vv", "--progress", "on", samples.large, path], closed)
        loads.loads(path, LARGE_SUMS)
    trace = tmp_path / "trace.json"
    in_shell(loads, ["load", "-vv", "--progress", "on", "--trace", trace, samples.large], closed)
    assert json.loads(trace.read_text())


def test_closed_output_is_an_error(loads, samples):
    assert in_shell(loads, ["load", samples.large], ">&-") == 1


def test_closed_output_is_an_error_whatever_is_opened(loads, samples, tmp_path):
    files = ["--trace", tmp_path / "trace.json", "--metrics-file", tmp_path / "metrics.prom"]
    assert in_shell(loads, ["load", *files, samples.large], ">&-") == 1


def waits_for(load, fifo):
    """Until the program has the FIFO open, which nobody writes to yet."""
    folder = f"/proc/{load.process.pid}/fd"
    while load.process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if any(os.readlink(f"{folder}/{number}") == str(fifo) for number in os.listdir(folder)):
                return
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("option", ["--key-file", "--password-file"])
def test_signal_ends_the_wait_for_a_key(loads, samples, tmp_path, option, number):
    """One is enough."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    heard = lambda: signal.signal(number, signal.SIG_DFL)  # noqa: E731
    load = Program([str(loads.tz), "load", option, str(fifo), str(samples.sealed)], loads.environment, heard)
    waits_for(load, fifo)
    load.process.send_signal(number)
    result = load.finish(SECONDS)
    assert (result.code, result.out, result.error.count("\n")) == (130, b"", 1), result
    assert str(fifo) in result.error, result


def test_key_comes_through_a_fifo(loads, samples, tmp_path):
    """In parts, from who opens it late."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    load = Program([str(loads.tz), "load", "--key-file", str(fifo), str(samples.sealed)], loads.environment)
    waits_for(load, fifo)
    with open(fifo, "wb", buffering=0) as writer:
        for byte in KEY:
            writer.write(bytes([byte]))
    result = load.finish(SECONDS)
    assert result.code == 0, result
