"""Every environment loads every kind of file with the same digests, and saves what has them; nothing is left. Rows 36
to 38 of tests/faults."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from environments import ENVIRONMENTS
from files import KEY, LARGE_SUMS, SUMS
from loads import Loads

SECONDS = 60

FILES = {
    "plain.tensors": SUMS,
    "sealed.tensors": SUMS,
    "plain.safetensors": SUMS,
    "large.tensors": LARGE_SUMS,
}


class Place:
    """One environment: where its files are, and runs in it."""

    def __init__(self, environment, tz, variables, samples, source: Path, target: Path, prepare):
        self.environment, self.samples = environment, samples
        self.source, self.target = source, target
        kept = {name: value for name, value in variables.items() if name not in environment.variables}
        self.loads = Loads(tz, None, kept | {"TMPDIR": variables["TMPDIR"]}, target, prepare)
        self.kept = kept

    def key(self, name) -> list:
        return ["--key-file", self.samples.key] if name.startswith("sealed") else []

    def run(self, *arguments):
        result = self.loads.run(*arguments)
        assert result.code == 0, result
        warnings = [line for line in result.error.splitlines() if "warning" in line]
        assert len(warnings) <= 1 and all(self.environment.says in line for line in warnings), result
        return result, bool(warnings)

    def digests(self, path, name) -> dict:
        result, warned = self.run("checksum", path, *self.key(name))
        assert warned == bool(self.environment.says), result
        printed = [line.split("  ", 1) for line in result.out.decode().splitlines()]
        return {name: digest for digest, name in printed if name != "-"}

    def save(self, name) -> Path:
        """Writes the file again, and over an old one."""
        target = self.target / f"saved-{name}"
        target.write_bytes(b"old")
        source = "plain.tensors" if name.startswith("sealed") else name
        files = self.loads.files()
        command = "encrypt" if name.startswith("sealed") else "convert"
        self.run(command, "--force", *self.key(name), self.source / source, target)
        assert self.loads.files() == files
        return target

    def in_python(self, name) -> tuple[Path, dict]:
        target = self.target / f"python-{name}"
        key = KEY.hex() if name.startswith("sealed") else None
        script = Path(__file__).with_name("load_and_save.py")
        request = json.dumps([str(self.source / name), str(target), key])
        ended = subprocess.run(
            [sys.executable, script, request],
            env=self.kept,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            preexec_fn=self.loads.prepare,
        )
        assert ended.returncode == 0, ended
        answer = json.loads(ended.stdout)
        assert answer["left"] == {}
        assert answer["counted"] == self.environment.proc
        return target, answer["sums"]


@pytest.fixture
def place(request, tz, environment, samples, folder):
    made = ENVIRONMENTS[request.param]
    saved = folder / "saved"
    saved.mkdir()
    saved.chmod(0o777)
    with made.files(samples.folder, folder) as (source, target), made.process() as prepare:
        target = saved if target == folder else target
        if made.saves_in is not None:
            prepare = made.saves_in(saved, environment["TMPDIR"])
        yield Place(made, tz, environment, samples, source, target, prepare)


@pytest.fixture
def outside(tz, environment, folder) -> Loads:
    return Loads(tz, None, environment, folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", ENVIRONMENTS, indirect=True)
def test_same_digests(place, outside, name):
    assert place.digests(place.source / name, name) == FILES[name]
    by_program = place.save(name)
    by_package, sums = place.in_python(name)
    assert sums == FILES[name]
    for saved in (by_program, by_package):
        result = outside.run("checksum", saved, *place.key(name))
        assert result.code == 0, result
        assert {line.split("  ", 1)[0] for line in result.out.decode().splitlines()} >= set(FILES[name].values())
        assert not [path for path in place.target.iterdir() if path.name.startswith(".")]
