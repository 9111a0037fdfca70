"""A real control group of 512 MiB: whoever takes more is killed by the kernel. A file that is larger is read by
streaming; one that does not fit is refused; in between nobody is killed either. Row 38 of tests/faults."""

import subprocess
import sys

import pytest
from environments import ENVIRONMENTS, need_groups
from kernel import memory_group
from loads import Loads

MIB = 1 << 20
GROUP = 512 * MIB
#: Tensors of 4 MiB each, 1 GiB in all.
MAKE = """
import sys, numpy, tzio
one = numpy.frombuffer(numpy.random.default_rng(1).bytes(4 << 20), dtype="f4")
tzio.save_file({str(i): one for i in range(256)}, sys.argv[1])
"""
LOAD = """
import sys, numpy, tzio
try:
    tzio.load_file(sys.argv[1], framework="numpy")
except tzio.LimitError as error:
    print(error)
print(len(tzio.load_file(sys.argv[1], framework="numpy", tensors=["1", "2"])))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory, environment):
    path = tmp_path_factory.mktemp("large") / "large.tensors"
    subprocess.run([sys.executable, "-c", MAKE, path], env=environment, check=True, timeout=300)
    yield path
    path.unlink()


@pytest.fixture
def within(tz, environment, folder):
    """A function that gives runs of `tz` in a group of this size."""

    def make(size):
        def run(*arguments):
            with memory_group(size) as enter:
                return Loads(tz, None, environment, folder, enter).run(*arguments)

        return run

    need_groups()
    return make


STREAMS = {
    "verify": ["verify"],
    "verify SHA-256": ["load", "--memory", "none", "--verify", "sha256"],
    "page cache": ["load", "--memory", "none", "--direct", "off"],
    "threads": ["load", "--memory", "none", "--io", "threads"],
    "mapped": ["load", "--memory", "mapped"],
    "checksum": ["checksum"],
}


@pytest.mark.parametrize("command", STREAMS)
def test_streaming_needs_no_room_for_the_file(within, large, command):
    result = within(GROUP)(*STREAMS[command], large)
    assert result.code == 0, result


@pytest.mark.parametrize("size", [64 * MIB, GROUP])
@pytest.mark.parametrize("command", ["convert", "fetch"])
def test_copies_need_no_room_for_the_file(within, large, folder, command, size):
    """They take fewer lanes where there is no room for all."""
    target = folder / "copy.tensors"
    target.write_bytes(b"old")
    result = within(size)(command, "--force", large, target)
    assert result.code == 0, result
    assert target.stat().st_size >= 256 * 4 * MIB
    target.unlink()


def test_what_does_not_fit_is_refused(within, large):
    result = within(GROUP)("load", large)
    assert (result.code, result.out) == (7, b""), result
    assert "bytes of memory are available" in result.error and "--memory none" in result.error, result


@pytest.mark.parametrize("options", [[], ["--direct", "off"], ["--io", "threads"]], ids=str)
def test_what_hardly_fits_is_loaded_or_refused(within, large, options):
    """Nobody is killed: between what fits with all its lanes, and what does not."""
    codes = []
    for count in (96, 112, 116, 119, 121, 123, 125, 127, 128):
        wanted = [text for i in range(count) for text in ("--include", str(i))]
        codes.append(within(GROUP)("load", *wanted, *options, large).code)
    assert set(codes) == {0, 7} and codes == sorted(codes), codes


def test_package_is_refused_and_goes_on(large, environment, may_mount):
    need_groups()
    with memory_group(GROUP) as enter:
        ended = subprocess.run(
            [sys.executable, "-c", LOAD, large],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            preexec_fn=enter,
        )
    assert ended.returncode == 0, ended
    refused, loaded = ended.stdout.splitlines()
    assert "bytes of memory are available" in refused and loaded == "2", ended


@pytest.mark.parametrize("name", ["512 MiB", "512 MiB, version 2", "512 MiB, version 1"])
def test_limit_is_known(tz, environment, folder, name):
    """Of the group, by the files of version 1 or 2."""
    with ENVIRONMENTS[name].process() as prepare:
        result = Loads(tz, None, environment, folder, prepare).run("info", "--json")
    assert 0.9 * GROUP < result.json["memory"]["available_bytes"] <= GROUP, result
