"""Runs `tz` against real servers. See README.md."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/support"))

from ceph import Ceph, S3Tz  # noqa: E402
from files import Samples  # noqa: E402
from program import access  # noqa: E402
from slow_road import SlowRoad  # noqa: E402
from tz import Tz  # noqa: E402
from web import Web  # noqa: E402

# Marks of tests that run with --full only.
FULL = {
    "ceph": "against Ceph",
    "rclone": "against `rclone serve s3`",
    "slow": "takes half a minute or more",
}


def pytest_addoption(parser):
    default = REPOSITORY / "build/release/bin/tz"
    parser.addoption("--tz", type=Path, default=default, help=f"the program (default: {default})")
    parser.addoption("--full", action="store_true", help=f"also tests marked {', '.join(FULL)}")


def pytest_configure(config):
    for mark, meaning in FULL.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}; runs with --full only")
    os.umask(0o077)  # `tz` warns of keys that others can read
    # fixtures stop their servers then, too
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    if config.getoption("--full"):
        return
    left_out = [item for item in items if any(item.get_closest_marker(mark) for mark in FULL)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def tz(request, tmp_path_factory) -> Tz:
    return Tz(access(request.config.getoption("--tz")), tmp_path_factory.mktemp("home"))


@pytest.fixture
def folder():
    """An empty one; what is large does not stay until the end of all tests."""
    path = Path(tempfile.mkdtemp(prefix="tz-servers-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def server_folders():
    """Makes folders with short names, for unix sockets in them; all are removed at the end."""
    made = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="tz-servers-")))
        return made[-1]

    yield make
    for path in made:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def samples(tz, server_folders, tmp_path_factory) -> Samples:
    return Samples(tz, server_folders(), tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="session")
def nginx(samples, server_folders):
    """nginx, serving the samples."""
    require("nginx", "openssl")
    web = Web(server_folders(), samples.folder)
    yield web
    web.stop()


@pytest.fixture
def web(nginx) -> Web:
    """nginx; its log begins with the test."""
    nginx.forget()
    return nginx


def require(*programs):
    """Skips where one is not installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    for program in programs:
        if not shutil.which(program, path=path):
            pytest.skip(f"{program} is not installed")


CEPH = ["ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "curl", "openssl"]


@pytest.fixture(scope="session")
def ceph(server_folders):
    """Ceph, whose error codes are those of AWS."""
    yield from ceph_with(server_folders())


@pytest.fixture
def s3(tz, ceph) -> S3Tz:
    """`tz`, with what is needed in its environment."""
    return S3Tz(tz, ceph)


@pytest.fixture
def slow_s3(tz, ceph):
    """The same, but each connection brings 12 MiB a second."""
    with SlowRoad(int(ceph.url.rpartition(":")[2]), 12 << 20) as road:
        yield S3Tz(tz, ceph, road.url)


@pytest.fixture
def key(ceph, request):
    """A name that no object's begins with, before and after the test."""
    name = request.node.name
    yield name
    ceph.remove(name)


@pytest.fixture
def frozen(ceph):
    """Freezes the server when called; it goes on at the end at the latest."""
    yield lambda: ceph.script("pause")
    ceph.script("resume")


@pytest.fixture(scope="session")
def ceph_sts(server_folders):
    """Ceph with session tokens, and objects on the disk."""
    yield from ceph_with(server_folders(), "--sts", "--store", "bluestore")


def ceph_with(folder, *options):
    require(*CEPH)
    pytest.importorskip("boto3")
    ceph = Ceph(folder, *options)
    yield ceph
    ceph.script("stop")
