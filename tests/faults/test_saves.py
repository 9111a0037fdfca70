"""Files that can't be written, row 39: the old file stays as it was, and nothing is left beside it."""

import subprocess

import pytest
from files import LARGE_SUMS
from limits import as_nobody, file_size, need_root
from package_saves import saved_in_python

SECONDS = 60


@pytest.fixture
def saves(loads, environment):
    """A function that saves over an old file, by each program and by the package, and looks at what is there then."""

    def check(source, target, code, kinds, prepare=None):
        folder, old = target.parent, target.read_bytes() if target.exists() else None
        loads.watched = folder
        loads.prepare = prepare
        for command in ("convert", "fetch"):
            before = sorted(folder.iterdir()) if folder.exists() else None
            result = loads.run(command, *(["--force"] if old else []), source, target)
            assert (result.code, result.out) == (code, b""), (command, result)
            assert str(target) in result.error or str(folder) in result.error, result
            assert (sorted(folder.iterdir()) if folder.exists() else None) == before, command
            assert old is None or target.read_bytes() == old, command
        kind, text = saved_in_python(environment, source, target, SECONDS, prepare)
        assert kind in kinds and str(target) in text, (kind, text)
        assert old is None or target.read_bytes() == old
        assert not [path for path in folder.glob(".*")]

    return check


def test_disk_that_is_full(saves, samples, tmpfs):
    place = tmpfs("4m")
    (place / "x.tensors").write_bytes(b"old")
    saves(samples.large, place / "x.tensors", 7, {"LimitError"})


def test_file_that_may_not_be_so_large(saves, samples, tmp_path):
    (tmp_path / "x.tensors").write_bytes(b"old")
    saves(samples.large, tmp_path / "x.tensors", 7, {"LimitError"}, file_size(1 << 20))


def test_folder_that_is_not_ours(saves, for_nobody, samples, tmp_path):
    for_nobody()
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "x.tensors").write_bytes(b"old")
    saves(samples.large, folder / "x.tensors", 4, {"DeniedError"}, as_nobody)


def test_no_folder(saves, samples, tmp_path):
    saves(samples.large, tmp_path / "none" / "x.tensors", 3, {"NotFoundError"})


def test_disk_that_may_only_be_read(saves, samples, tmpfs):
    need_root()
    place = tmpfs("4m")
    (place / "x.tensors").write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    saves(samples.large, place / "x.tensors", 4, {"DeniedError"})


def test_output_that_nobody_has_room_for(loads, samples, environment):
    """What is printed may be lost, too."""
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [loads.tz, "inspect", samples.large], env=environment, stdout=full, stderr=subprocess.PIPE, timeout=SECONDS
        )
    assert ended.returncode == 7, ended


def test_room_is_enough(loads, samples, tmpfs):
    """Else the tests above would prove nothing."""
    place = tmpfs("80m")
    ended = subprocess.run(
        [loads.tz, "convert", samples.large, place / "x.tensors"], env=loads.environment, timeout=SECONDS
    )
    assert ended.returncode == 0
    loads.loads(place / "x.tensors", LARGE_SUMS)
