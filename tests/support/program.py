"""Runs a program, and looks at the process while it runs: for the tests of `tz` in Python."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

# exit codes
OK, USAGE, NOT_FOUND, DENIED, NETWORK, DATA_WRONG, LIMIT = 0, 2, 3, 4, 5, 6, 7


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


def hear_ctrl_c():
    """Tests that were started in the background ignore it, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run:
    """One process, still running."""

    def __init__(self, command, environment):
        self.command = command
        self.result = Result(0, b"", "")
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=hear_ctrl_c,
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


def access(program: Path) -> Path:
    """The program that the option `--tz` names; without it no test can run."""
    program = program.resolve()
    if not os.access(program, os.X_OK):
        pytest.exit(f"{program} is missing: build it, or give --tz", returncode=2)
    return program
