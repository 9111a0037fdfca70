"""Bad files and faults from outside, by `tz` and by the package. See README.md."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/support"))

from files import Samples  # noqa: E402
from limits import as_nobody, both, let_pass, need_root  # noqa: E402
from loads import Loads, Package, clean_environment, taken  # noqa: E402
from program import access  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36


def pytest_addoption(parser):
    build = REPOSITORY / "build/release"
    parser.addoption("--build", type=Path, default=build, help=f"what was built (default: {build})")
    parser.addoption("--tz", type=Path, help="the program (default: bin/tz of --build)")


def pytest_configure(config):
    os.umask(0o077)  # `tz` warns of keys that others can read
    # what a program leaves running becomes a child of ours, and is seen
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(autouse=True)
def slowest_load(request):
    """Goes with the result of each test; tests/promises compares it with the row's `seconds`. No test fails by it."""
    taken.clear()
    yield
    if taken:
        request.node.user_properties.append(("slowest_s", round(max(taken), 3)))


@pytest.fixture(scope="session")
def build(request) -> Path:
    return request.config.getoption("--build").resolve()


@pytest.fixture(scope="session")
def tz(request, build) -> Path:
    return access(request.config.getoption("--tz") or build / "bin/tz")


@pytest.fixture(scope="session")
def environment(build, tmp_path_factory) -> dict:
    return clean_environment(build, tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("temporary"))


@pytest.fixture(scope="session")
def samples(tmp_path_factory, environment) -> Samples:
    """Whole files, which no test changes."""
    return Samples(tmp_path_factory.mktemp("samples"), environment)


@pytest.fixture(scope="session")
def package(environment, samples):
    package = Package(environment, samples.plain)
    yield package
    package.close()


@pytest.fixture
def loads(tz, package, environment, tmp_path) -> Loads:
    return Loads(tz, package, environment, tmp_path)


@pytest.fixture
def loads_with(tz, environment, tmp_path, samples):
    """Loads in processes that begin with a call of this function."""
    packages = []

    def make(prepare, **variables) -> Loads:
        package = Package(environment | variables, samples.plain, prepare)
        packages.append(package)
        return Loads(tz, package, environment | variables, tmp_path, prepare)

    yield make
    for package in packages:
        package.close()


@pytest.fixture
def for_nobody(loads_with, tmp_path, samples):
    """A function that makes loads without rights, of folders that everybody may look into."""
    need_root()
    let_pass(tmp_path, *tmp_path.parents, samples.folder)
    return lambda *calls: loads_with(both(*calls, as_nobody))


@pytest.fixture
def tmpfs(tmp_path):
    """A function that mounts one of this size."""
    need_root()
    place = tmp_path / "tmpfs"
    place.mkdir()

    def mount(size: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip(f"no mounts are allowed here: {mounted.stderr.strip()}")
        return place

    yield mount
    if place.is_mount():
        subprocess.run(["umount", "-l", place], check=True)
