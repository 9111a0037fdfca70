"""A read that never ends, as from the disk of a server that is gone: `tz` ends at its deadline all the same. Row 35 of
tests/faults."""

import contextlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fuse import mounted
from loads import SECONDS, Loads, Program
from store import Store

SIGNED = Path(__file__).parents[1] / "data/model-signing"

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


def commands_with_a_deadline(tz, environment) -> set[str]:
    def help_of(*words):
        return subprocess.run([tz, *words, "--help"], env=environment, capture_output=True, text=True, check=True).stdout

    def commands_of(*words):
        _, _, listed = help_of(*words).partition("Subcommands:\n")
        return re.findall(r"^  (\w+)", listed.partition("\n\n")[0], re.MULTILINE)

    names = [[name] for name in commands_of() if name != "manifest"]
    names += [["manifest", name] for name in commands_of("manifest")]
    return {" ".join(words) for words in names if "--deadline" in help_of(*words)}


def test_deadline_of_every_command(tz, environment, samples, folder):
    """All of them at once, each with the first of its reads held. One that is missing here is found by its help."""
    own, fused = folder / "own", folder / "fuse"
    own.mkdir()
    fused.mkdir()
    store = Store()
    key, target = ["--key-file", samples.key], folder / "x.tensors"
    signature = ["--model-signature", SIGNED / "model-p256.sig", "--pubkey", SIGNED / "p256.pub"]
    commands = {
        "load": (["load"], []),
        "verify": (["verify"], []),
        "checksum": (["checksum"], []),
        "fetch": (["fetch"], [target]),
        "convert": (["convert"], [target]),
        "encrypt": (["encrypt", *key], [target]),
        "decrypt": (["decrypt", *key], [target]),
        "upload": (["upload", *store.options], ["s3://bucket/x"]),
        **{f"manifest {name}": (["manifest", name], []) for name in ("add", "show", "strip", "verify")},
    }
    assert set(commands) == commands_with_a_deadline(tz, environment)
    for name in commands:  # who waits for a page that somebody else reads can't be ended
        shutil.copy(samples.large, own / name)
    shutil.copytree(SIGNED / "model", own / "model")
    with contextlib.closing(store), mounted(own, fused) as fuse:
        fuse.reads_max = 0
        lines = [[*words, fused / name, *targets] for name, (words, targets) in commands.items()]
        lines.append(["verify", *signature, fused / "model"])
        runs = [Program([str(tz), *map(str, line), "--deadline", DEADLINE], environment) for line in lines]
        for run in runs:
            result = run.finish(SECONDS)
            assert (result.code, result.out) == (5, b""), (run.command, result)
            assert "in time" in result.error, (run.command, result)
            assert ("tz uploads" in result.error) == ("upload" in run.command), (run.command, result)
    assert store.objects == {} and not target.exists()
