"""Runs `tz` on files that pip's `tensorizer` wrote. See README.md."""

import ctypes
import functools
import os
import re
import sys
from pathlib import Path

import pytest
from our_writer import OurWriter
from pip_reference import KEY, PASSWORD

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/support"))

from program import DATA_WRONG, OK, Result, Run, access  # noqa: E402


def pytest_addoption(parser):
    default = REPOSITORY / "build/release/bin/tz"
    parser.addoption("--tz", type=Path, default=default, help=f"the program (default: {default})")
    parser.addoption(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="damage only every Nth byte of files, for programs that start slowly (default: 1)",
    )
    parser.addoption(
        "--full", action="store_true", help="1,000 random state dicts in place of a few"
    )
    parser.addoption(
        "--releases",
        type=Path,
        default=REPOSITORY / "build/releases",
        metavar="FOLDER",
        help="where old releases of tensorizer are, each in a folder (default: build/releases)",
    )


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore:ComplexHalf support is experimental")
    os.umask(0o077)  # `tz` warns of keys that others can read


class Tz:
    """The program. Calling it runs it; a signal or more than ten seconds fail the test."""

    def __init__(self, program: Path):
        self.program = program
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("TZ_")}
        self.environment["TZ_CONFIG"] = os.devnull

    def __call__(self, *arguments, seconds: float = 10) -> Result:
        return Run([str(self.program), *map(str, arguments)], self.environment).finish(seconds)

    def checksum(self, path, *options, **keywords) -> bytes:
        """The output of a run that must succeed."""
        result = self("checksum", path, *options, **keywords)
        assert result.code == OK, result
        return result.out

    def refuses(self, *arguments, path, code=DATA_WRONG) -> str:
        """A run that must fail, and print nothing but one line that names the file."""
        result = self(*arguments)
        assert (result.code, result.out) == (code, b""), result
        assert_one_line(result, path)
        return result.error


def assert_one_line(result: Result, path):
    assert re.fullmatch(r"[^\n]+\n", result.error), result
    assert str(path) in result.error, result
    assert KEY.hex() not in result.error and PASSWORD + " " not in result.error, result


@pytest.fixture(scope="session")
def tz(request) -> Tz:
    return Tz(access(request.config.getoption("--tz")))


@pytest.fixture
def ours(request, tmp_path_factory) -> OurWriter:
    """Our writer, which is built beside the program."""
    program = request.config.getoption("--tz").parent / "tz_interop_writer"
    return OurWriter(access(program), tmp_path_factory.mktemp("writer"))


@functools.cache
def io_uring_refused() -> bool:
    """Containers often forbid it."""
    SYS_io_uring_setup, parameters = 425, ctypes.create_string_buffer(120)
    descriptor = ctypes.CDLL(None).syscall(SYS_io_uring_setup, 1, parameters)
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor < 0


@functools.cache
def direct_refused(folder: Path) -> bool:
    """Some filesystems know no O_DIRECT."""
    probe = folder / "probe"
    probe.touch()
    try:
        os.close(os.open(probe, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return True
    return False


@pytest.fixture(params=["uring", "threads"])
def io(request) -> str:
    if request.param == "uring" and io_uring_refused():
        pytest.skip("the kernel refuses io_uring")
    return request.param


@pytest.fixture(params=["on", "off"])
def direct(request, tmp_path_factory) -> str:
    if request.param == "on" and direct_refused(tmp_path_factory.getbasetemp()):
        pytest.skip("no O_DIRECT in the folder for temporary files")
    return request.param


@pytest.fixture(scope="session")
def key_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_bytes(KEY)
    return path


@pytest.fixture(scope="session")
def password_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("password") / "password"
    path.write_text(PASSWORD + "\n")
    return path
