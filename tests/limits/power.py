"""What a disk would hold after a power cut: of files what was there when their last fsync began, of names any state
since the last fsync of their folder."""

import hashlib
import os
from pathlib import Path

from calls import Call

NOTHING = hashlib.sha256().hexdigest()


def digest(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Disk:
    """Told of each call (`look`), it cuts the power before that, in every way that the rules above allow: `images` are
    the digests of the target then. Everything that is there at the beginning is on the disk."""

    def __init__(self, target: Path):
        self.target, self.folder = target, target.parent
        self.states = [self.names()]
        self.durable = {inode: digest(self.folder / name) for name, inode in self.states[0].items()}
        self.images, self.cuts = set(), 0

    def names(self) -> dict[str, int]:
        with os.scandir(self.folder) as entries:
            return {entry.name: entry.inode() for entry in entries if entry.is_file(follow_symlinks=False)}

    def look(self, call: Call) -> bool:
        self.note_names()
        self.cut()
        if call.name not in ("fsync", "fdatasync"):
            return False
        self.sync(call.file)
        return True

    def note_names(self):
        now = self.names()
        if now != self.states[-1]:
            self.states.append(now)
        self.forget()

    def sync(self, path: str):
        """In the program's place, so that the moment of its end is known."""
        if os.path.isdir(path):
            del self.states[:-1]
        else:
            self.durable[os.stat(path).st_ino] = digest(path)
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.close(file)

    def forget(self):
        """Numbers of files that are gone are used again."""
        alive = {inode for state in self.states for inode in state.values()}
        self.durable = {inode: content for inode, content in self.durable.items() if inode in alive}

    def cut(self):
        for state in self.states:
            self.cuts += 1
            inode = state.get(self.target.name)
            self.images.add(None if inode is None else self.durable.get(inode, NOTHING))

    def end(self) -> set:
        """The program has ended well: the digests of what the disk may hold from now on."""
        self.note_names()
        self.images, before = set(), self.images
        self.cut()
        self.images, after = before | self.images, self.images
        return after
