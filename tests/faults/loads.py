"""The same load by `tz load` and by the package: both end alike, in time, and leave nothing behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kinds import classes, exit_codes
from program import Result, Run, read

#: No load here takes longer, unless it hangs; also where the machine has much else to do.
SECONDS = 120

#: How long each load of this test took, in seconds: see conftest.py.
taken: list[float] = []


@contextlib.contextmanager
def stopwatch():
    begun = time.monotonic()
    yield
    taken.append(time.monotonic() - begun)


class Package:
    """A process that loads by the package. `prepare` runs in it before the interpreter does. After a load that
    failed it loads `whole`."""

    def __init__(self, environment, whole, prepare=None):
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("load_in_python.py"), whole],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=prepare,
        )

    def load(self, uri, **keywords) -> dict:
        """What became of a load; more than SECONDS fail the test."""
        watch = threading.Timer(SECONDS, self.process.send_signal, [signal.SIGKILL])
        watch.start()
        try:
            with stopwatch():
                print(json.dumps({"uri": str(uri), "keywords": keywords}), file=self.process.stdin, flush=True)
                line = self.process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            pytest.fail(f"the package ended with {self.process.wait()} or hung: {uri}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(SECONDS) == 0


class Program(Run):
    """`tz`, perhaps with something that has to happen in its process first."""

    def __init__(self, command, environment, prepare=None):
        self.command, self.result = command, Result(0, b"", "")
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,
        )


def clean_environment(build: Path, home: Path, temporary: Path) -> dict:
    """Of programs and of the package: nothing that this machine's user has set."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(build / "python"),
        "MALLOC_ARENA_MAX": "1",  # memory of a heap for each thread would hide what a load leaves
        "TZ_CONFIG": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def children() -> set[int]:
    """Processes of ours, and those that their parents left to us (see conftest.py)."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        parent = read(f"/proc/{name}/stat").rpartition(b")")[2].split()[1:2]
        if parent == [str(os.getpid()).encode()]:
            found.add(int(name))
    return found


class Loads:
    """`watched` is the folder of the files that are loaded; temporary files would be there or in TMPDIR."""

    def __init__(self, tz: Path, package: Package, environment: dict, watched: Path, prepare=None):
        self.tz, self.package, self.environment = tz, package, environment
        self.watched, self.prepare = watched, prepare

    def files(self) -> list[str]:
        folders = (self.watched, Path(self.environment["TMPDIR"]))
        return sorted(str(path) for folder in folders for path in folder.rglob("*"))

    def run(self, *arguments) -> Result:
        """`tz` to its end; it may leave neither files nor processes."""
        files, processes = self.files(), children()
        command = [str(self.tz), *map(str, arguments)]
        with stopwatch():
            result = Program(command, self.environment, self.prepare).finish(SECONDS)
        assert (self.files(), children()) == (files, processes), result
        return result

    def in_python(self, uri, **keywords) -> dict:
        files, processes = self.files(), children()
        answer = self.package.load(uri, **keywords)
        assert answer["left"] == {}, answer
        assert answer.get("again", "loaded") == "loaded", answer
        assert (self.files(), children()) == (files, processes), answer
        return answer

    def refuses(self, uri, kind: str, says: str = "", options=(), names=None, several=False, **keywords):
        """Both end with an error of this kind, which names the file or host, says `says`, and where.

        `several`: of several things that are wrong at once, and it is chance which one is met first.
        """
        name = str(uri) if names is None else names
        result = self.run("load", uri, *options)
        assert (result.code, result.out) == (exit_codes()[kind], b""), result
        assert re.fullmatch(r"tz: [^\n]+\n", result.error.splitlines(keepends=True)[-1]), result
        answer = self.in_python(uri, **keywords)
        assert answer.get("raised") == classes()[kind], answer
        for text in (result.error, answer["text"]):
            assert name in text and says in text, (result, answer)
        if answer["offset"] is not None:  # of requests to a server several are under way
            place = r"\d+" if several or "://" in str(uri) else answer["offset"]
            assert re.search(rf"\(at byte {place}\)", result.error), (result, answer)
        return answer

    def loads(self, uri, sums: dict, options=(), **keywords) -> str:
        """Both bring the right bytes. What `tz` says beside them."""
        checksum = self.run("checksum", uri, *options)
        assert checksum.code == 0, checksum
        printed = [line.split("  ", 1) for line in checksum.out.decode().splitlines()]
        assert {name: digest for digest, name in printed if name != "-"} == sums
        answer = self.in_python(uri, **keywords)
        assert answer.get("sums") == sums, answer
        return checksum.error
