"""Loads and saves where a process is denied something. See README.md."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FAULTS = REPOSITORY / "tests/faults"
sys.path[:0] = [str(REPOSITORY / "tests/support"), str(FAULTS)]

from files import KEY, Samples  # noqa: E402
from kernel import own_mounts  # noqa: E402
from limits import NOBODY, let_pass, need_root  # noqa: E402
from loads import clean_environment  # noqa: E402
from program import access  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36


def pytest_addoption(parser):
    build = REPOSITORY / "build/release"
    parser.addoption("--build", type=Path, default=build, help=f"what was built (default: {build})")


def pytest_configure(config):
    # what a program leaves running becomes a child of ours, and is seen
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(scope="session")
def build(request) -> Path:
    return request.config.getoption("--build").resolve()


@pytest.fixture(scope="session")
def tz(build) -> Path:
    return access(build / "bin/tz")


def opened(folder: Path) -> Path:
    """A folder that everybody may look into and write to: for who is nobody."""
    folder.chmod(0o777)
    let_pass(*folder.parents)
    return folder


@pytest.fixture(scope="session")
def environment(build, tmp_path_factory) -> dict:
    home, temporary = (opened(tmp_path_factory.mktemp(name)) for name in ("home", "temporary"))
    return clean_environment(build, home, temporary) | {
        "PYTHONPATH": f"{build}/python:{FAULTS}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture(scope="session")
def samples(tmp_path_factory, environment) -> Samples:
    """Whole files, which no test changes, and the key of one."""
    need_root()
    samples = Samples(opened(tmp_path_factory.mktemp("samples")), environment)
    samples.key = samples.folder / "key"
    samples.key.write_text(KEY.hex())
    os.chown(samples.key, NOBODY, NOBODY)  # root may read it all the same
    samples.key.chmod(0o600)
    return samples


@pytest.fixture(scope="session")
def may_mount():
    """In a container root may not, unless it was given that."""
    need_root()
    try:
        subprocess.run(["true"], check=True, preexec_fn=own_mounts)
    except subprocess.SubprocessError:
        pytest.skip("no mounts are allowed here")


@pytest.fixture
def folder(may_mount, tmp_path) -> Path:
    return opened(tmp_path)
