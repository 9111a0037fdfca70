"""Kinds of saves that are killed: what was there before each, and what may be there then."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from power import digest
from store import Store

OLD = b"the old file " * 1000


class Bad(Exception):
    """What is neither the old nor the new, or something beside it that has no business there."""


@dataclass
class Program:
    """`tz`, which reads what was saved."""

    path: Path
    environment: dict

    def run(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run([self.path, *arguments], env=self.environment, capture_output=True, text=True)

    def checksums(self, path, key=()) -> str | None:
        ended = self.run("checksum", *key, path)
        digests = [line for line in ended.stdout.splitlines() if not line.endswith("  -")]
        return "\n".join(digests) if ended.returncode == 0 else None


@dataclass
class Job:
    """A command that saves, over and over, in `folder`, which is its own."""

    name: str
    command: list
    folder: Path
    tz: Program
    sums: str  # of all that it saves
    calls: int = 0
    seconds: float = 0

    def put_old(self):
        raise NotImplementedError

    def look(self) -> str:
        """What a kill left: "old", "new", or "between" where a kind of save has such a thing."""
        raise NotImplementedError

    def check_new(self):
        """After a whole run."""
        raise NotImplementedError

    def bad(self, what) -> Bad:
        return Bad(f"{self.name}: {what}")

    def check_names(self, *names):
        """Beside these there may be what they are called until they are whole."""
        partial = re.compile(rf"\.({'|'.join(map(re.escape, names))})\.[0-9a-f]{{12}}\.partial")
        for name in os.listdir(self.folder):
            if name not in names and not partial.fullmatch(name):
                raise self.bad(f"leaves {name}")

    def check_only(self, *names):
        if sorted(os.listdir(self.folder)) != sorted(names):
            raise self.bad(f"leaves {os.listdir(self.folder)}")


@dataclass
class FileJob(Job):
    """Writes the file `target`, in the place of an old one."""

    target: Path = None
    key: list = field(default_factory=list)  # of files that are different each time
    whole: set = field(default_factory=set)  # digests of what is known to be whole

    def put_old(self):
        self.target.write_bytes(OLD)

    def check_new(self):
        self.check_only(self.target.name)
        if not self.is_whole():
            raise self.bad("writes something else")

    def is_whole(self) -> bool:
        content = digest(self.target)
        if content in self.whole:
            return True
        if self.whole and not self.key:
            return False
        if self.tz.checksums(self.target, self.key) != self.sums:
            return False
        self.whole.add(content)
        return True

    def look(self) -> str:
        self.check_names(self.target.name)
        if self.target.read_bytes() == OLD:
            return "old"
        if self.is_whole():
            return "new"
        raise self.bad(f"leaves a file of {self.target.stat().st_size} bytes that is neither old nor new")


@dataclass
class GrowingJob(FileJob):
    """Writes a file twice: tensors, and then others behind them."""

    first: str = ""  # the sums of what it writes first

    def look(self) -> str:
        self.check_names(self.target.name)
        if self.target.read_bytes() == OLD:
            return "old"
        sums = self.tz.checksums(self.target)
        if sums not in (self.first, self.sums):
            raise self.bad("leaves a file that reads as something else")
        return "new" if sums == self.sums else "between"


@dataclass
class ManifestJob(Job):
    """Puts a manifest into the unused bytes of the file `target`, which reads the same at any time."""

    target: Path = None
    source: Path = None

    def put_old(self):
        shutil.copyfile(self.source, self.target)

    def check_new(self):
        self.check_only(self.target.name)
        if self.look() != "new":
            raise self.bad("leaves no manifest")

    def look(self) -> str:
        self.check_names(self.target.name)
        if self.tz.checksums(self.target) != self.sums:
            raise self.bad("leaves a file that reads otherwise")
        if self.target.stat().st_size != self.source.stat().st_size:
            raise self.bad("leaves a file of another size")
        if digest(self.target) == digest(self.source):
            return "old"
        return "new" if self.tz.run("manifest", "verify", self.target).returncode == 0 else "between"


@dataclass
class ShardsJob(Job):
    """Writes several files and the list of them, in the place of as many old ones. Each is replaced at once, and the
    list last: between the first and that, the old list names whole files, of which some are new."""

    LIST = "x.safetensors.index.json"
    old_command: list = field(default_factory=list)
    old: dict = field(default_factory=dict)  # contents by name
    new: dict = field(default_factory=dict)  # digests by name

    def put_old(self):
        if not self.old:
            subprocess.run(self.old_command, env=self.tz.environment, check=True, stdout=subprocess.DEVNULL)
            self.old = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        for name, content in self.old.items():
            (self.folder / name).write_bytes(content)

    def check_new(self):
        self.new = self.new or {path.name: digest(path) for path in self.folder.iterdir()}
        self.check_only(*self.new)
        if len(self.new) < 4 or self.tz.checksums(self.folder / self.LIST) != self.sums:
            raise self.bad("writes something else")
        if self.look() != "new":
            raise self.bad("leaves old files")

    def look(self) -> str:
        self.check_names(*self.new)
        listed = set(json.loads((self.folder / self.LIST).read_text())["weight_map"].values())
        if listed | {self.LIST} != set(self.new):
            raise self.bad(f"leaves a list of {sorted(listed)}")
        found = {name: self.state_of(name) for name in self.new}
        if len(set(found.values())) == 1:
            return found[self.LIST]
        if found[self.LIST] == "new":
            raise self.bad(f"gives the list its name too early: {found}")
        return "between"

    def state_of(self, name) -> str:
        path = self.folder / name
        if not path.exists():
            raise self.bad(f"leaves a list that names {name}, which is missing")
        if path.read_bytes() == self.old.get(name):
            return "old"
        if digest(path) == self.new[name]:
            return "new"
        raise self.bad(f"leaves {name}, which is neither old nor new")


@dataclass
class UploadJob(Job):
    """Writes the object `key` of the bucket, in the place of an old one. What it reads is elsewhere; here is nothing."""

    store: Store = None
    key: str = ""
    old: bytes = OLD
    whole: bytes | None = None

    def put_old(self):
        self.store.objects[self.key] = self.old

    def check_new(self):
        self.store.wait()
        self.whole = self.whole or self.store.objects[self.key]
        self.check_object()
        if self.look() != "new":
            raise self.bad("leaves the old object")
        ended = self.tz.run("uploads", *self.store.options, "--abort", f"s3://{Path(self.key).parent}")
        if ended.returncode != 0 or self.store.uploads:
            raise self.bad(f"`tz uploads` leaves {self.store.uploads}: {ended}")

    def check_object(self):
        """That it is what was read or has the tensors."""
        path = self.folder / Path(self.key).name
        path.write_bytes(self.store.objects[self.key])
        sums = self.tz.checksums(path)
        path.unlink()
        if sums != self.sums:
            raise self.bad("writes something else")

    def look(self) -> str:
        self.check_only()
        self.store.wait()
        found = self.store.objects.get(self.key)
        if found == self.old:
            return "old"
        if found == self.whole:
            return "new"
        raise self.bad(f"leaves {'no object' if found is None else f'an object of {len(found)} bytes'}")
