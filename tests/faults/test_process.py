"""What befalls the process, not the file: signals, no GPU, no memory, no threads. Rows 38, 58 and 60."""

import signal
import subprocess
import sys
import time

import pytest
from loads import SECONDS, Program
from server import ranged, serving


def stalled(request):
    yield 3600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_load(loads, number):
    """While it waits for a server that says nothing."""
    heard = lambda: signal.signal(number, signal.SIG_DFL)  # noqa: E731 - who is started in the background ignores it
    with serving(stalled) as server:
        load = Program([str(loads.tz), "load", server.url()], loads.environment, heard)
        while not server.requests and load.process.poll() is None:
            time.sleep(0.01)
        load.process.send_signal(number)
        result = load.finish(SECONDS)
    assert (result.code, result.out) == (130, b""), result
    assert result.error.count("\n") == 1, result


@pytest.mark.parametrize("device", ["cuda:0", "cuda:99"])
def test_no_gpu(loads_with, samples, device):
    """A device that is asked for and is not there is an error before anything is read."""
    loads = loads_with(None, CUDA_VISIBLE_DEVICES="")
    result = loads.run("load", "--device", device, samples.plain)
    assert (result.code, result.out) == (1, b""), result
    assert "cuda" in result.error.lower(), result


#: Loads with little more address space than the process has; how that ends, in a word a line; then once more without
#: a limit.
SMALL = """
import resource, sys, numpy, tzio
whole = sys.argv[1]
for extra in range(0, 400, 20):
    pages = int(open("/proc/self/statm").read().split()[0])
    size = pages * resource.getpagesize() + (extra << 20)
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    try:
        tzio.load_file(whole, framework="numpy", workers=1, concurrency=2)
        print("loaded")
    except BaseException as error:
        print(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(len(tzio.load_file(whole, framework="numpy")))
"""


def python(environment, script, *arguments, prepare=None) -> list[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=2 * SECONDS, preexec_fn=prepare
    )
    assert ended.returncode == 0, ended
    return ended.stdout.split()


def test_no_memory_in_python(environment, samples):
    *ends, last = python(environment, SMALL, samples.large)
    assert set(ends) <= {"loaded", "LimitError", "MemoryError"}, ends
    assert "loaded" in ends and len(set(ends)) > 1, ends
    assert last == "8"


#: The same with a number of threads that is too small, and grows.
THREADS = """
import os, resource, sys, numpy, tzio
whole = sys.argv[1]
for more in range(0, 200, 20):
    resource.setrlimit(resource.RLIMIT_NPROC, (1 + more, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    try:
        print("loaded" if len(tzio.load_file(whole, framework="numpy")) == 3 else "wrong")
    except BaseException as error:
        print(type(error).__name__)
"""


def test_no_threads_in_python(for_nobody, environment, samples):
    ends = python(environment, THREADS, samples.plain, prepare=for_nobody().prepare)
    assert set(ends) <= {"loaded", "LimitError"}, ends
    assert ends[0] == "LimitError" and ends[-1] == "loaded", ends


def test_deadline(loads, samples):
    content = samples.large.read_bytes()

    def slow(request):
        return ranged(request, content) if request.number == 0 else stalled(request)

    with serving(slow) as server:
        loads.refuses(server.url(), "deadline", "", ["--deadline", "500ms"], deadline=0.5)


def test_deadline_of_a_millisecond(loads):
    with serving(stalled) as server:
        loads.refuses(server.url(), "deadline", "", ["--deadline", "1ms"], deadline=0.001)


def test_deadline_of_several_names_the_first(loads, samples):
    with serving(stalled) as server:
        result = loads.run("load", samples.plain, server.url(), "--deadline", "100ms")
    assert result.code == 5 and f"{samples.plain} and 1 more: " in result.error, result


def test_deadline_of_a_fetch_names_what_was_late(loads, tmp_path):
    with serving(stalled) as server:
        result = loads.run("fetch", server.url() + "?sig=secret", tmp_path / "m", "--deadline", "100ms")
    assert result.code == 5 and server.url() in result.error and "secret" not in result.error, result


def test_package_says_what_to_do_in_its_own_words(loads):
    with serving(stalled) as server:
        answer = loads.in_python(server.url(), deadline=0.1)
    assert answer["hint"] == "raise deadline" and answer["text"].endswith("; raise deadline"), answer
