"""Calls of the system that fail, by a library between the programs and the C library (shim.c): rows 35, 39 and 43."""

import ctypes
import errno
import os
import shutil
import subprocess

import pytest
from files import LARGE_SUMS, SUMS
from limits import need_root
from loads import SECONDS, Program
from package_saves import saved_in_python
from server import ranged, serving

ALWAYS = 1 << 30
CLONE_NEWNET = 0x40000000
#: Reads by threads, through the page cache: calls that the shim is between.
READS = (["--io", "threads", "--direct", "off"], {"io": "threads", "direct_io": "off"})


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The library; and the variables by which it is told what to do."""
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    source = os.path.join(os.path.dirname(__file__), "shim.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)

    def variables(call, path, error=0, first=0, count=1, step=1, most=0):
        fault = f"{call} {path} {first} {count} {step} {error} {most}"
        return {"LD_PRELOAD": str(library), "FAULT": fault, "FAULT_LOG": str(library.parent / "log")}

    variables.log = library.parent / "log"
    return variables


@pytest.fixture
def faulty(loads_with, shim):
    """A function that makes loads with faults. After the test some must have come to pass."""
    shim.log.unlink(missing_ok=True)
    yield lambda *fault, **more: loads_with(lambda: None, **shim(*fault, **more))
    assert shim.log.stat().st_size > 0


# --- reads


@pytest.mark.parametrize("number", [0, 1, 5])
@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE])
def test_read_that_fails(faulty, samples, tmp_path, error, number):
    shutil.copy(samples.large, tmp_path / "mine.tensors")
    loads = faulty("preadv", "mine.tensors", error, number)
    options, keywords = READS
    loads.refuses(tmp_path / "mine.tensors", "io", os.strerror(error), options, several=True, **keywords)


@pytest.mark.parametrize("error", [errno.EINTR, errno.EAGAIN])
def test_reads_that_are_interrupted(faulty, samples, tmp_path, error):
    """Every second one, up to a hundred."""
    shutil.copy(samples.large, tmp_path / "mine.tensors")
    options, keywords = READS
    options = [*options, "--chunk-size", "256KiB"]
    loads = faulty("preadv", "mine.tensors", error, count=100, step=2)
    loads.loads(tmp_path / "mine.tensors", LARGE_SUMS, options, chunk_size="256KiB", **keywords)


def test_read_that_is_interrupted_for_ever(faulty, samples, tmp_path):
    shutil.copy(samples.plain, tmp_path / "mine.tensors")
    loads = faulty("preadv", "mine.tensors", errno.EINTR, count=ALWAYS)
    options, keywords = READS
    loads.refuses(tmp_path / "mine.tensors", "io", os.strerror(errno.EINTR), options, **keywords)


@pytest.mark.parametrize("suffix", ["tensors", "safetensors"])
def test_reads_of_one_byte(faulty, samples, tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    shutil.copy(samples.folder / f"plain.{suffix}", path)
    loads = faulty("preadv", "mine", count=ALWAYS, most=1 if suffix == "safetensors" else 1000)
    options, keywords = READS
    loads.loads(path, SUMS, options, **keywords)


# --- writes

#: A call, what it fails with, the exit code of `tz` and the class of the package. For room `convert` alone asks.
WRITES = [
    ("pwrite", errno.ENOSPC, 7, "LimitError"),
    ("pwrite", errno.EDQUOT, 7, "LimitError"),
    ("pwrite", errno.EIO, 1, "StorageError"),
    ("fallocate", errno.ENOSPC, 7, None),
    ("fsync", errno.EIO, 1, "StorageError"),
    ("fsync", errno.ENOSPC, 7, "LimitError"),
    ("fchmod", errno.EPERM, 4, "DeniedError"),
    ("rename", errno.EXDEV, 1, "StorageError"),
    ("rename", errno.EACCES, 4, "DeniedError"),
]


@pytest.mark.parametrize("call, error, code, name", WRITES, ids=[f"{w[0]}-{errno.errorcode[w[1]]}" for w in WRITES])
def test_write_that_fails(faulty, samples, tmp_path, call, error, code, name):
    """The old file stays as it was, and alone. What is not there yet is not there afterwards."""
    target = tmp_path / "x" / "mine.tensors"
    target.parent.mkdir()
    loads = faulty(call, "mine.tensors", error)
    for old in (None, b"old"):
        if old:
            target.write_bytes(old)
        before = sorted(target.parent.iterdir())
        for command in ("convert", "fetch") if name else ("convert",):
            options = ["--io", "threads", *(["--force"] if old else [])]
            result = loads.run(command, *options, samples.plain, target)
            assert (result.code, result.out) == (code, b"") and str(target) in result.error, result
        if name:
            kind, text = saved_in_python(loads.environment, samples.plain, target, 2 * SECONDS)
            assert kind == name and str(target) in text, (kind, text)
        assert sorted(target.parent.iterdir()) == before
        assert old is None or target.read_bytes() == old


def test_folder_that_goes_away(loads, samples, tmp_path):
    """While a server is slow the folder is removed: an error, and nobody makes it anew."""
    folder = tmp_path / "x"
    folder.mkdir()
    content = samples.large.read_bytes()

    def slowly(request):
        if request.number > 0 and folder.exists():
            shutil.rmtree(folder)
        return ranged(request, content)

    with serving(slowly) as server:
        fetch = Program([str(loads.tz), "fetch", server.url(), str(folder / "m.tensors")], loads.environment)
        result = fetch.finish(SECONDS)
    assert result.code == 3 and str(folder) in result.error, result
    assert not folder.exists()


# --- sockets


@pytest.mark.parametrize("call, error", [("connect", errno.ENETUNREACH), ("connect", errno.EACCES)])
def test_connection_that_the_system_refuses(faulty, samples, call, error):
    content = samples.plain.read_bytes()
    with serving(lambda request: ranged(request, content)) as server:
        loads = faulty(call, "*", error, count=ALWAYS)
        loads.refuses(server.url(), "transport", "", ["--tries", "2"], network={"tries": "2"})
        assert server.requests == []


@pytest.mark.parametrize("error", [errno.ECONNRESET, errno.ETIMEDOUT])
def test_connection_that_breaks_once(faulty, samples, error):
    content = samples.plain.read_bytes()
    with serving(lambda request: ranged(request, content)) as server:
        loads = faulty("recvmsg", "*", error, first=1)
        assert loads.in_python(server.url()).get("sums") == SUMS
        assert loads.run("load", server.url()).code == 0


def without_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def test_machine_without_network(loads_with, samples):
    """Nor has it a loopback device that is up."""
    need_root()
    if subprocess.run(["true"], preexec_fn=lambda: ctypes.CDLL(None).unshare(CLONE_NEWNET) and os._exit(1)).returncode:
        pytest.skip("no namespaces are allowed here")
    loads = loads_with(without_network)
    options = ["--tries", "2", "--connect-timeout", "2s"]
    network = {"tries": "2", "connect-timeout-ms": "2000"}
    for url in ("http://127.0.0.1:9/m.tensors", "https://192.0.2.1/m.tensors", "http://[::1]:9/m.tensors"):
        loads.refuses(url, "transport", "", options, network=network)
    loads.loads(samples.plain, SUMS)
