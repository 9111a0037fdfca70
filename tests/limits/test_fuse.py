"""A read that never ends, as from the disk of a server that is gone: `tz` ends at its deadline all the same. Row 35 of
tests/faults."""

import shutil

import pytest
from fuse import mounted
from loads import Loads

#: Each waits for two seconds more; the rest is the machine's.
DEADLINE = "500ms"

COMMANDS = {
    "load": ["load"],
    "cached": ["load", "--direct", "off"],
    "threads": ["load", "--io", "threads"],
    "mapped": ["load", "--memory", "mapped"],
    "verify": ["verify"],
    "convert": ["convert", "--force"],
    "fetch": ["fetch", "--force"],
}


@pytest.fixture
def held(samples, folder):
    """The file system, and a file of it; a folder to write to."""
    for name in ("own", "fuse", "out"):
        (folder / name).mkdir()
    shutil.copy(samples.large, folder / "own/large.tensors")
    with mounted(folder / "own", folder / "fuse") as fuse:
        yield fuse, folder / "fuse/large.tensors", folder / "out"


@pytest.mark.parametrize("reads", [0, 5])
@pytest.mark.parametrize("command", COMMANDS)
def test_deadline_ends_a_read_that_never_ends(tz, environment, held, command, reads):
    """While the index is read, and the data. The old file stays, with at most a partial one beside it."""
    fuse, file, out = held
    fuse.reads_max = reads
    loads = Loads(tz, None, environment, out / "none")
    target = [out / "x.tensors"] if command in ("convert", "fetch") else []
    for path in target:
        path.write_bytes(b"old")
    result = loads.run(*COMMANDS[command], "--deadline", DEADLINE, file, *target)
    assert fuse.held.is_set()
    assert (result.code, result.out) == (5, b""), result
    assert result.error.startswith("tz: ") and "in time" in result.error, result
    for path in target:
        assert path.read_bytes() == b"old"
        assert {name.name for name in out.iterdir() if name != path and not name.name.endswith(".partial")} == set()


def test_deadline_of_who_is_in_time(tz, environment, held):
    """It ends nobody else."""
    _, file, out = held
    result = Loads(tz, None, environment, out).run("load", "--deadline", "1h", file)
    assert result.code == 0, result
