"""Files that are not there, are none, may not be read, or change meanwhile: rows 33, 34, 37 and 38."""

import os
import shutil
import socket
import threading

import pytest
from files import LARGE_SUMS, SUMS
from limits import address_space, descriptors, locked_memory


def test_not_there(loads, tmp_path):
    loads.refuses(tmp_path / "absent.tensors", "not_found")
    loads.refuses(tmp_path / "no" / "folder.tensors", "not_found")
    (tmp_path / "nowhere").symlink_to("absent.tensors")
    loads.refuses(tmp_path / "nowhere", "not_found")


def test_file_in_place_of_a_folder(loads, samples):
    loads.refuses(samples.plain / "x.tensors", "not_found")


def test_no_file(loads, tmp_path):
    """None of them may be waited for: nobody writes to the FIFO."""
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        for path in (tmp_path / "fifo", tmp_path / "s", "/dev/null", "/dev/full"):
            loads.refuses(path, "io")


def test_empty_folder(loads, tmp_path):
    (tmp_path / "empty").mkdir()
    result = loads.run("load", tmp_path / "empty")
    assert (result.code, result.out) == (3, b"") and str(tmp_path / "empty") in result.error, result
    assert loads.in_python(tmp_path / "empty")["raised"] == "NotFoundError"


def test_loop_of_links(loads, tmp_path):
    (tmp_path / "a.tensors").symlink_to("b.tensors")
    (tmp_path / "b.tensors").symlink_to("a.tensors")
    loads.refuses(tmp_path / "a.tensors", "io")


def test_long_name(loads, tmp_path):
    loads.refuses(tmp_path / ("x" * 300), "io")


def copied(samples, tmp_path, mode):
    path = tmp_path / "copy.tensors"
    shutil.copy(samples.plain, path)
    path.chmod(mode)
    return path


def test_no_permission(for_nobody, samples, tmp_path):
    for_nobody().refuses(copied(samples, tmp_path, 0o600), "denied")


def test_no_permission_for_the_folder(for_nobody, samples, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    shutil.copy(samples.plain, tmp_path / "closed" / "x.tensors")
    for_nobody().refuses(tmp_path / "closed" / "x.tensors", "denied")


@pytest.mark.parametrize("size", [0, 64 << 10])
def test_little_locked_memory(for_nobody, samples, tmp_path, size):
    path = copied(samples, tmp_path, 0o644)
    for_nobody(locked_memory(size)).loads(path, SUMS)


def test_64_descriptors(loads_with, samples):
    loads_with(descriptors(64)).loads(samples.large, LARGE_SUMS)


def test_20_descriptors(loads_with, samples):
    loads_with(descriptors(20)).loads(samples.plain, SUMS)


def test_little_memory(loads, samples):
    """An engine alone takes address space; the file of 32 MiB has no room beside it. A limit, and nobody is killed."""
    codes = set()
    for size in range(32, 640, 32):
        loads.prepare = address_space(size << 20)
        result = loads.run("load", "--workers", "1", "--concurrency", "2", samples.large)
        if result.code == 127:  # the system could not load its libraries
            continue
        assert result.code in (0, 7), (size, result)
        assert result.code == 0 or result.error.startswith("tz: "), result
        codes.add(result.code)
    assert codes == {0, 7}


# --- changes during the load


class Slowly:
    """Cuts, replaces or changes a file again and again while it is loaded."""

    def __init__(self, change):
        self.change, self.done = change, threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        while not self.done.is_set():
            self.change()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


@pytest.fixture
def own(samples, tmp_path):
    path = tmp_path / "own.tensors"
    shutil.copy(samples.large, path)
    return path


def test_file_that_shrinks_and_grows(loads, own):
    """Right, cut, or changed, by what the load met: never wrong tensors, and never a crash."""
    size = own.stat().st_size

    def change():
        os.truncate(own, size - (8 << 20))
        os.truncate(own, size)

    allowed = {"ObjectChangedError", "FormatError", "HashMismatchError"}
    found = set()
    with Slowly(change):
        for _ in range(10):
            result = loads.run("load", own)
            assert result.code in (0, 5, 6), result
            assert result.code == 0 or str(own) in result.error, result
            answer = loads.in_python(own)
            assert answer.get("sums") == LARGE_SUMS or answer["raised"] in allowed, answer
            found.add(answer.get("raised"))
    assert found - {None}  # else nothing was provoked


def test_file_that_is_replaced_and_removed(loads, own, samples, tmp_path):
    """The file that was opened goes on, whole."""
    other, aside = tmp_path / "other.tensors", tmp_path / "aside.tensors"

    def replace():
        shutil.copy(samples.large, other)
        os.rename(other, own)

    def remove():
        os.rename(own, aside)
        os.rename(aside, own)

    found = set()
    for change in (replace, remove):
        with Slowly(change):
            for _ in range(5):
                answer = loads.package.load(own)
                assert answer["left"] == {} and answer.get("again", "loaded") == "loaded", answer
                assert answer.get("sums") == LARGE_SUMS or answer["raised"] == "NotFoundError", answer
                found.add(answer.get("raised"))
    assert None in found
    loads.loads(own, LARGE_SUMS)


@pytest.mark.parametrize("direct", ["auto", "on"])
def test_tmpfs(loads, tmpfs, samples, direct):
    path = tmpfs("48m") / "x.tensors"
    shutil.copy(samples.large, path)
    loads.loads(path, LARGE_SUMS, ["--direct", direct], direct_io=direct)
