"""Files to damage: where the fields of a .tensors file are, and safetensors files of any header."""

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

VERSION, FLAGS, COUNT, REGION, ENTRIES = 5, 9, 57, 65, 73

make = """
import sys, numpy, tzio
folder, key = sys.argv[1], bytes(range(32))
tensors = {
    "first": numpy.arange(600, dtype="f4").reshape(20, 30),
    "second": numpy.arange(500, dtype="i8"),
    "third": numpy.arange(77, dtype="u1"),
}
tzio.save_file(tensors, folder + "/plain.tensors")
tzio.save_file(tensors, folder + "/plain.safetensors")
tzio.save_file(tensors, folder + "/sealed.tensors", key=key)
tzio.save_file({str(i): numpy.full(1 << 20, i, dtype="f4") for i in range(8)}, folder + "/large.tensors")
strange = ["../../etc/passwd", "nul\\0", "\\x1b[31mred", "%n%s"]
tzio.save_file({name: numpy.arange(3, dtype="u1") for name in strange}, folder + "/strange.tensors")
alike = ['x["a","b"]', '["a","b"]']
tzio.save_file({name: numpy.arange(3, dtype="u1") for name in alike}, folder + "/alike.tensors")
"""

SUMS = {
    "first": hashlib.sha256(struct.pack("<600f", *range(600))).hexdigest(),
    "second": hashlib.sha256(struct.pack("<500q", *range(500))).hexdigest(),
    "third": hashlib.sha256(bytes(range(77))).hexdigest(),
}
LARGE_SUMS = {str(i): hashlib.sha256(struct.pack("<f", i) * (1 << 20)).hexdigest() for i in range(8)}
KEY = bytes(range(32))


class Samples:
    """Paths of whole files with the tensors of SUMS, or LARGE_SUMS."""

    def __init__(self, folder: Path, environment: dict):
        subprocess.run([sys.executable, "-c", make, str(folder)], env=environment, check=True, timeout=120)
        self.folder = folder
        self.plain, self.safetensors = folder / "plain.tensors", folder / "plain.safetensors"
        self.sealed, self.large = folder / "sealed.tensors", folder / "large.tensors"
        self.strange, self.alike = folder / "strange.tensors", folder / "alike.tensors"
        for path in folder.iterdir():
            path.chmod(0o644)  # for who is `nobody`


class Tensors:
    """The bytes of a .tensors file, and where their fields are. Fields are set as `file.put("<Q", at, value)`."""

    def __init__(self, path: Path):
        self.bytes = bytearray(path.read_bytes())
        self.entries, at = [], ENTRIES
        assert not self.bytes[FLAGS] & 2  # no tags
        for _ in range(self.get("<Q", COUNT)):
            at = self._entry(at)
        self.entries_end = at

    def _entry(self, at: int) -> int:
        kind = at + 2 + self.get("<H", at)
        entry = {"name_length": at, "name": at + 2, "kind": kind} | self._type(kind + 1)
        entry["header_offset"] = self._after_shape(entry)
        entry["data_offset"] = entry["header_offset"] + 8
        entry["data_length"] = entry["header_offset"] + 16
        self.entries.append(entry)
        return entry["header_offset"] + 24

    def _type(self, at: int) -> dict[str, int]:
        dimensions = at + 1 + self.bytes[at]
        return {"dtype_length": at, "dtype": at + 1, "dimensions": dimensions, "shape": dimensions + 1}

    def _after_shape(self, fields) -> int:
        return fields["shape"] + 4 * self.bytes[fields["dimensions"]]

    def header(self, index: int) -> dict[str, int]:
        """Where the fields of a tensor's header are."""
        start, data = (self.get("<Q", self.entries[index][field]) for field in ("header_offset", "data_offset"))
        fields = {"length": start, "kind": start + 10, "name_length": start + 11, "name": start + 13}
        fields |= self._type(start + 13 + self.get("<H", start + 11))
        fields["hashes_size"] = self._after_shape(fields)
        fields["hash_count"] = fields["hashes_size"] + 2
        fields["first_hash"] = fields["hash_count"] + 1
        fields["crypt"] = fields["hash_count"] + self.get("<H", fields["hashes_size"])
        return fields | {"data_length": data - 8, "data": data}

    def get(self, code: str, at: int) -> int:
        return struct.unpack_from(code, self.bytes, at)[0]

    def put(self, code: str, at: int, value: int):
        struct.pack_into(code, self.bytes, at, value)

    def flip(self, at: int):
        self.bytes[at] ^= 1


def safetensors(header, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with this header, text or what becomes JSON, and perhaps another length of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="U8", shape=(4,), begin=0, end=4) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
