"""Runs `tz`, and looks at the process while it runs."""

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

# exit codes
OK, USAGE, NOT_FOUND, DENIED, NETWORK, DATA_WRONG, LIMIT = 0, 2, 3, 4, 5, 6, 7

# What would reach `tz` from whoever runs the tests.
FOREIGN = ("TZ_", "AWS_", "S3_")


@dataclass
class Result:
    """What a run printed, and how it ended."""

    code: int
    out: bytes
    error: str
    peak_bytes: int = 0
    command_lines: set = field(default_factory=set)

    @property
    def json(self) -> dict:
        """What `--json` printed."""
        assert self.code == OK, self
        return json.loads(self.out)


class Run:
    """One process of `tz`, still running."""

    def __init__(self, command, environment):
        self.command = command
        self.result = Result(0, b"", "")
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def look(self):
        """Notes the most memory so far, and the command lines of all processes."""
        for line in read(f"/proc/{self.process.pid}/status").splitlines():
            if line.startswith(b"VmHWM:"):
                self.result.peak_bytes = int(line.split()[1]) * 1024
        for name in os.listdir("/proc"):
            if name.isdigit():
                self.result.command_lines.add(read(f"/proc/{name}/cmdline"))

    def finish(self, seconds) -> Result:
        """Waits for its end; a signal, or more time than that, fail the test."""
        try:
            out, error = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"still running after {seconds} s: {self.command}")
        self.result.code, self.result.out = self.process.returncode, out
        self.result.error = error.decode(errors="replace")
        assert self.result.code >= 0, f"signal {-self.result.code}: {self.command}\n{self.result}"
        return self.result

    def kill(self):
        """For tests that fail before its end."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def read(path) -> bytes:
    """A file of /proc; nothing of a process that has gone."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


class Tz:
    """The program, in an environment without any settings of the machine's user."""

    def __init__(self, program: Path, home: Path):
        self.program = program
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN) and not name.lower().endswith("_proxy")
        }
        self.environment |= {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}

    def start(self, *arguments, environment=None) -> Run:
        """Starts it, for tests that do something meanwhile."""
        command = [str(self.program), *map(str, arguments)]
        return Run(command, self.environment | (environment or {}))

    def __call__(self, *arguments, environment=None, seconds=60) -> Result:
        """Runs it to its end."""
        return self.start(*arguments, environment=environment).finish(seconds)

    def watched(self, *arguments, environment=None, seconds=60, every=0.005) -> Result:
        """The same, looked at so often, in seconds."""
        run = self.start(*arguments, environment=environment)
        ended = threading.Event()

        def look():
            while not ended.is_set():
                run.look()
                time.sleep(every)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            return run.finish(seconds)
        finally:
            ended.set()
            watcher.join()

    def load(self, *arguments, **keywords) -> dict:
        """What a load that must succeed says of itself."""
        return self("load", "--json", *arguments, **keywords).json

    def checksum(self, *arguments, **keywords) -> bytes:
        """What a run that must succeed and say nothing else prints."""
        result = self("checksum", *arguments, **keywords)
        assert (result.code, result.error) == (OK, ""), result
        return result.out

    def refuses(self, code, *arguments, **keywords) -> str:
        """The one line of a run that must fail, and print nothing else."""
        result = self(*arguments, **keywords)
        assert (result.code, result.out) == (code, b""), result
        assert result.error.count("\n") == 1, result
        return result.error
