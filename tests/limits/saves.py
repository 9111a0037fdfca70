"""Saves and conversions that are killed: what runs them, and how."""

import os
import random
import subprocess
import sys
from pathlib import Path

from calls import Watched
from jobs import FileJob, GrowingJob, Job, ManifestJob, Program, ShardsJob, UploadJob
from power import Disk, digest
from store import Store

MEBIBYTES = 8
KEY = bytes(range(32)).hex()


class Saves:
    """Jobs that each write in a folder of their own, or to a server, over what is old."""

    def __init__(self, build: Path, folder: Path, seed: int):
        self.folder, self.random = folder, random.Random(seed)
        environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "TZ_CONFIG": os.devnull,
            "PYTHONPATH": str(build / "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.tz = Program(build / "bin/tz", environment)
        self.key = folder / "key"
        self.key.write_text(KEY)
        self.key.chmod(0o600)
        self.source = folder / "source.tensors"
        subprocess.run(in_python("save", self.source), env=environment, check=True)
        self.sums = self.tz.checksums(self.source)
        self.store = Store()

    def jobs(self) -> list[Job]:
        key = ["--key-file", self.key]
        convert = [self.tz.path, "convert", "--force"]
        return [
            self.file("convert", "x.tensors", [*convert, self.source]),
            self.file("convert by threads", "x.tensors", [*convert, "--io", "threads", self.source]),
            self.file("convert to safetensors", "x.safetensors", [*convert, self.source]),
            self.file("encrypt", "x.tensors", [self.tz.path, "encrypt", "--force", *key, self.source], key=key),
            self.file("fetch", "x.tensors", [self.tz.path, "fetch", "--force", self.source]),
            self.file("save_file", "x.tensors", in_python("save")),
            self.file("save_file to safetensors", "x.safetensors", in_python("save")),
            self.growing(),
            self.manifest(),
            self.shards(),
            self.upload("upload", "upload", "--part-size", "5MiB"),
            self.upload("convert to S3", "convert"),
        ]

    def place(self, name) -> Path:
        place = self.folder / name.replace(" ", "-")
        place.mkdir()
        return place

    def file(self, name, target, command, kind=FileJob, **more) -> FileJob:
        place = self.place(name)
        return kind(name, [*command, place / target], place, self.tz, self.sums, target=place / target, **more)

    def growing(self) -> GrowingJob:
        first = self.folder / "first.tensors"
        subprocess.run([*in_python("add", first), "--first"], env=self.tz.environment, check=True)
        return self.file("add tensors", "x.tensors", in_python("add"), GrowingJob, first=self.tz.checksums(first))

    def manifest(self) -> ManifestJob:
        command = [self.tz.path, "manifest", "add"]
        return self.file("manifest add", "x.tensors", command, ManifestJob, source=self.source)

    def shards(self) -> ShardsJob:
        place = self.place("convert to shards")
        command = [self.tz.path, "convert", "--force", "--max-shard-size", "3MiB", self.source, place / "x.safetensors"]
        old = [*command, "--metadata", "of=the old set", "--exclude", "7"]
        return ShardsJob("convert to shards", command, place, self.tz, self.sums, old_command=old)

    def upload(self, name, command, *options) -> UploadJob:
        target = f"bucket/{name.replace(' ', '-')}.tensors"
        words = [self.tz.path, command, "--force", *options, *self.store.options, self.source, f"s3://{target}"]
        return UploadJob(name, words, self.place(name), self.tz, self.sums, store=self.store, key=target)

    def run_whole(self, job: Job, look=None):
        """To its end: now only what is new is there, whatever was before."""
        ended = Watched(look=look).run(job.command, self.tz.environment)
        if ended.code != 0:
            raise job.bad(ended)
        job.check_new()
        job.calls, job.seconds = ended.calls, ended.seconds

    # --- kills

    def kill(self, job: Job, at_a_call: bool) -> str | None:
        """Once, at a random call or moment: what was found then; nothing if it ended before."""
        job.put_old()
        if at_a_call:
            watched = Watched(killed_at=self.random.randint(1, job.calls))
        else:
            watched = Watched(killed_after=self.random.uniform(0, job.seconds * 1.1))
        ended = watched.run(job.command, self.tz.environment)
        found = job.look()
        if ended.code == 0 and found == "new":
            return None
        if ended.code != -9:
            raise job.bad(f"ends with {ended}, {found}")
        return found

    # --- power cuts

    def cut_power(self, job: FileJob) -> int:
        """Before every call of one run: how many cuts that were."""
        job.put_old()
        disk = Disk(job.target)
        old = digest(job.target)
        self.run_whole(job, disk.look)
        new = digest(job.target)
        if disk.end() != {new}:
            raise job.bad("ends before the disk has the file")
        if not disk.images <= {old, new}:
            raise job.bad("after a power cut the file is neither old nor new")
        return disk.cuts


def in_python(what, *target) -> list:
    """A save by the package; the target may be last."""
    script = Path(__file__).with_name(f"{what}_in_python.py")
    return [sys.executable, script, str(MEBIBYTES), *target]
