"""Saves and conversions that are killed, and what is found then."""

import os
import random
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from calls import Watched
from power import Disk, digest

MEBIBYTES = 8
OLD = b"the old file " * 1000
KEY = bytes(range(32)).hex()


@dataclass
class Job:
    name: str
    command: list
    target: Path
    environment: dict
    key: list = field(default_factory=list)  # of files that are different each time
    whole: set = field(default_factory=set)  # digests of what is known to be whole
    calls: int = 0
    seconds: float = 0


class Bad(Exception):
    """A file that is neither the old one nor the new one, or something beside it that has no business there."""


class Saves:
    """Jobs that each write a target in a folder of their own, over an old file."""

    def __init__(self, build: Path, folder: Path, seed: int):
        self.tz, self.folder, self.random = build / "bin/tz", folder, random.Random(seed)
        self.environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "TZ_CONFIG": os.devnull,
            "PYTHONPATH": str(build / "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.key = folder / "key"
        self.key.write_text(KEY)
        self.key.chmod(0o600)
        self.source = folder / "source.tensors"
        subprocess.run(self.save(self.source), env=self.environment, check=True)
        self.sums = self.checksums(self.source)
        self.found = Counter()

    def save(self, target) -> list:
        return [sys.executable, Path(__file__).with_name("save_in_python.py"), target, str(MEBIBYTES)]

    def checksums(self, path, key=()) -> str | None:
        command = [self.tz, "checksum", *key, path]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        digests = [line for line in ended.stdout.splitlines() if not line.endswith("  -")]
        return "\n".join(digests) if ended.returncode == 0 else None

    def jobs(self) -> list[Job]:
        key = ["--key-file", self.key]
        convert = [self.tz, "convert", "--force"]
        return [
            self.job("convert", "x.tensors", [*convert, self.source]),
            self.job("convert by threads", "x.tensors", [*convert, "--io", "threads", self.source]),
            self.job("convert to safetensors", "x.safetensors", [*convert, self.source]),
            self.job("encrypt", "x.tensors", [self.tz, "encrypt", "--force", *key, self.source], key),
            self.job("fetch", "x.tensors", [self.tz, "fetch", "--force", self.source]),
            self.job("save_file", "x.tensors", self.save("")[:2]),
            self.job("save_file to safetensors", "x.safetensors", self.save("")[:2]),
        ]

    def job(self, name, target, command, key=()) -> Job:
        place = self.folder / name.replace(" ", "-")
        place.mkdir()
        end = [str(MEBIBYTES)] if name.startswith("save_file") else []
        return Job(name, [*command, place / target, *end], place / target, self.environment, list(key))

    def put_old(self, job: Job):
        with open(job.target, "wb") as file:
            file.write(OLD)

    def run_whole(self, job: Job, look=None):
        """To its end: now only the new file is there, whatever was before."""
        ended = Watched(look=look).run(job.command, job.environment)
        if ended.code != 0:
            raise Bad(f"{job.name}: {ended}")
        if os.listdir(job.target.parent) != [job.target.name]:
            raise Bad(f"{job.name} leaves {os.listdir(job.target.parent)}")
        if not self.is_whole(job):
            raise Bad(f"{job.name} writes something else")
        job.calls, job.seconds = ended.calls, ended.seconds

    def is_whole(self, job: Job) -> bool:
        content = digest(job.target)
        if content in job.whole:
            return True
        if job.whole and not job.key:
            return False
        if self.checksums(job.target, job.key) != self.sums:
            return False
        job.whole.add(content)
        return True

    # --- kills

    def kill(self, job: Job, at_a_call: bool) -> str | None:
        """Once, at a random call or moment: what was found then, "old" or "new"; nothing if it ended before."""
        self.put_old(job)
        if at_a_call:
            watched = Watched(killed_at=self.random.randint(1, job.calls))
        else:
            watched = Watched(killed_after=self.random.uniform(0, job.seconds * 1.1))
        ended = watched.run(job.command, job.environment)
        found = self.look_at(job)
        if ended.code == 0 and found == "new":
            return None
        if ended.code != -9:
            raise Bad(f"{job.name} ends with {ended}, {found}")
        return found

    def look_at(self, job: Job) -> str:
        partial = re.compile(rf"\.{re.escape(job.target.name)}\.[0-9a-f]{{12}}\.partial")
        for name in os.listdir(job.target.parent):
            if name != job.target.name and not partial.fullmatch(name):
                raise Bad(f"{job.name} leaves {name}")
        if job.target.read_bytes() == OLD:
            return "old"
        if self.is_whole(job):
            return "new"
        raise Bad(f"{job.name} leaves a file of {job.target.stat().st_size} bytes that is neither old nor new")

    # --- power cuts

    def cut_power(self, job: Job) -> int:
        """Before every call of one run: how many cuts that were."""
        self.put_old(job)
        disk = Disk(job.target)
        old = digest(job.target)
        self.run_whole(job, disk.look)
        new = digest(job.target)
        if disk.end() != {new}:
            raise Bad(f"{job.name} ends before the disk has the file")
        if not disk.images <= {old, new}:
            raise Bad(f"{job.name}: after a power cut the file is neither old nor new")
        return disk.cuts
