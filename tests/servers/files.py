"""Files to serve, and what `tz` says of them when it reads them from the disk."""

import functools
import hashlib
import os
import struct
import subprocess
from pathlib import Path

from tz import Tz


class Sample:
    """A file that is served under its name."""

    def __init__(self, path: Path, tz: Tz, *options):
        self.path = path
        self.name = path.name
        self.tz = tz
        self.options = options  # to read it: its key

    @functools.cached_property
    def checksum(self) -> bytes:
        """Digests of all tensors."""
        return self.tz.checksum(self.path, *self.options)

    @functools.cached_property
    def sha256(self) -> str:
        """Of the file."""
        return sha256(self.path)

    @property
    def size(self) -> int:
        return self.path.stat().st_size


def sha256(path) -> str:
    """Of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(tz: Tz, path: Path, size: str, *options) -> Path:
    """Writes random tensors of that size to a file, in the place of any that is there."""
    command = [tz.program.with_name("tz-bench"), "make", path, "--force", "--quiet", "--size", size]
    subprocess.run([*command, *options], check=True, timeout=120)
    return path


class Samples:
    """The files of one folder, all written before a server starts."""

    def __init__(self, tz: Tz, folder: Path, secrets: Path):
        self.tz = tz
        self.folder = folder
        self.key = secrets / "key"
        self.key.write_bytes(os.urandom(32).replace(b"\n", b"n"))
        with_key = ("--key-file", self.key)
        self.plain = Sample(make(tz, folder / "plain.tensors", "36MiB", "--tensor-size", "3MiB"), tz)
        self.unaligned = Sample(make(tz, folder / "unaligned.tensors", "12MiB", "--packed"), tz)
        encrypted = make(tz, folder / "encrypted.tensors", "12MiB", "--encrypt-key-file", self.key)
        self.encrypted = Sample(encrypted, tz, *with_key)
        many = make(tz, folder / "many.tensors", "51200000", "--tensor-size", "512")
        self.many = Sample(many, tz)  # 100,000 tensors

    @functools.cached_property
    def other(self) -> Path:
        """As long as `plain`, but each tensor has other bytes, which no hash fits. Is not served."""
        content = bytearray(self.plain.path.read_bytes())
        for tensor in self.tz("inspect", "--json", self.plain.path).json["tensors"]:
            first = tensor["data_offset"]
            for at in range(first, first + tensor["data_bytes"], 1 << 15):
                content[at] ^= 1
        path = self.key.with_name("other.tensors")
        path.write_bytes(content)
        return path

    def damaged(self) -> Path:
        """`plain` with one bit of a tensor's data flipped."""
        content = bytearray(self.plain.path.read_bytes())
        content[len(content) // 2] ^= 1
        path = self.folder / "damaged.tensors"
        path.write_bytes(content)
        return path


DATA = Path(__file__).parents[1] / "data"


def golden() -> list[Sample]:
    """The files of tests/data; beside each stands what `tz checksum` must print."""
    options = {"key": ["--key-file", DATA / "key.hex"], "password": ["--password-file", DATA / "password.txt"]}
    return [
        Sample(path, None, *options.get(path.stem.rpartition("_")[2], []))
        for path in sorted(DATA.glob("*.tensors"))
    ]


def make_sparse(path: Path, size: int):
    """A file of one tensor, all zeros and without hashes, that takes next to nothing on the disk."""
    row, data_offset = 1 << 20, 4096
    name = struct.pack("<H", 1) + b"w"
    shape = struct.pack("<B3sBII", 3, b"|u1", 2, size // row, row)
    entry = name + b"\0" + shape + struct.pack("<QQQ", 1024, data_offset, size)
    prefix = b"|TZR|" + struct.pack("<I32xQQQQ", 1, size, 0, 1, 1024 - 73)
    header = struct.pack("<QHB", data_offset - 1024, 0, 0) + name + shape + struct.pack("<HB", 1, 0)
    with open(path, "wb") as file:
        file.write(prefix + entry)
        file.seek(1024)
        file.write(header)
        file.seek(data_offset - 8)
        file.write(struct.pack("<Q", size))
        file.truncate(data_offset + size)
