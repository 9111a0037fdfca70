"""A `.tensors` file as fields that can be changed one by one and written again. Whatever is not changed is made to fit
the rest: lengths, offsets, counts and hashes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

MAGIC, PREFIX_BYTES = b"|TZR|", 73
CRC32, SHA256 = 0, 1


class Reader:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def number(self, code: str) -> int:
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def take(self, size: int) -> bytes:
        assert self.at + size <= len(self.data)
        self.at += size
        return self.data[self.at - size : self.at]

    def shape(self, long: bool) -> tuple[int, ...]:
        return tuple(self.number("Q" if long else "I") for _ in range(self.number("B")))


@dataclass
class Tensor:
    """`index` and `header` hold what stands otherwise there than it should, by the name of the field."""

    name: bytes
    kind: int
    dtype: bytes
    shape: tuple[int, ...]
    data: bytes  # as it stands in the file
    plain: bytes  # what is hashed
    module: int = 0
    hashes: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: the right one
    crypt: list[bytearray] | None = None  # chunks; None in files without encryption
    long: bool = False  # dimensions of 8 bytes
    gap: bytes = b""  # before its header
    index: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)

    def both(self, name: str, value: Any) -> None:
        """The same in index and header."""
        self.index[name] = self.header[name] = value

    def description(self, changed: dict[str, Any], kind_first: bool) -> bytes:
        """Name, type, dtype and shape."""
        name, dtype = changed.get("name", self.name), changed.get("dtype", self.dtype)
        shape = changed.get("shape", self.shape)
        kind = bytes([changed.get("kind", self.kind)])
        named = struct.pack("<H", changed.get("name_bytes", len(name))) + name
        text = kind + named if kind_first else named + kind
        text += bytes([changed.get("dtype_bytes", len(dtype))]) + dtype
        return text + bytes([changed.get("dimensions", len(shape))]) + self.dimensions(shape)

    def dimensions(self, shape: tuple[int, ...]) -> bytes:
        size = 8 if self.long else 4
        return b"".join(dimension.to_bytes(8, "little")[:size] for dimension in shape)

    def header_bytes(self) -> bytes:
        start = struct.pack("<H", self.header.get("module", self.module)) + self.description(self.header, True)
        crypt = b"" if self.crypt is None else self.crypt_block()
        end = crypt + struct.pack("<Q", self.header.get("data_bytes", len(self.data)))
        block_bytes = 3 + sum(2 + self.hash_bytes(place) for place in range(len(self.hashes)))
        length = struct.pack("<Q", self.header.get("bytes", 8 + len(start) + block_bytes + len(end)))
        zeros = [bytes(self.hash_bytes(place)) for place in range(len(self.hashes))]
        hashed = length + start + self.hash_block(zeros) + end[len(crypt) :] + self.plain
        right = {CRC32: struct.pack("<I", zlib.crc32(hashed)), SHA256: hashlib.sha256(hashed).digest()}
        values = [right.get(kind, b"") if value is None else value for kind, value in self.hashes]
        return length + start + self.hash_block(values) + end

    def hash_bytes(self, place: int) -> int:
        kind, value = self.hashes[place]
        return len(value) if value is not None else {CRC32: 4, SHA256: 32}.get(kind, 0)

    def hash_block(self, values: list[bytes]) -> bytes:
        listed = [bytes([kind, len(value)]) + value for (kind, _), value in zip(self.hashes, values, strict=True)]
        block = bytes([self.header.get("hash_count", len(listed))]) + b"".join(listed)
        return struct.pack("<H", self.header.get("hashes_bytes", len(block))) + block

    def crypt_block(self) -> bytes:
        chunks = [struct.pack("<Q", len(chunk)) + chunk for chunk in self.crypt or []]
        block = struct.pack("<H", self.header.get("chunk_count", len(chunks))) + b"".join(chunks)
        return struct.pack("<Q", self.header.get("crypt_bytes", len(block))) + block


@dataclass
class TensorsFile:
    version: int
    flags: bytes
    total: int
    reserved: bytes
    tensors: list[Tensor]
    changed: dict[str, int] = field(default_factory=dict)  # "count", "region_bytes"
    unused: bytes = b""  # of the region, behind the entries
    end: bytes = bytes(8)  # behind the last tensor
    length: int | None = None  # the file is cut here

    def write(self) -> bytes:
        tagged = bool(self.flags[0] & 2)
        headers = [tensor.header_bytes() for tensor in self.tensors]
        names = [tensor.description(tensor.index, False) for tensor in self.tensors]
        region = sum(len(name) + 24 + 4 * tagged for name in names) + len(self.unused)
        at = PREFIX_BYTES + region
        entries = b""
        body = b""
        for tensor, header, name in zip(self.tensors, headers, names, strict=True):
            at += len(tensor.gap)
            here = {"header_at": at, "data_at": at + len(header), "data_bytes": len(tensor.data)} | tensor.index
            entries += struct.pack("<I", tensor.index.get("tag", 5 if tensor.long else 1)) if tagged else b""
            entries += name + struct.pack("<QQQ", here["header_at"], here["data_at"], here["data_bytes"])
            body += tensor.gap + header + tensor.data
            at += len(header) + len(tensor.data)
        prefix = MAGIC + struct.pack("<I", self.version) + self.flags + struct.pack("<Q", self.total) + self.reserved
        prefix += struct.pack("<Q", self.changed.get("count", len(self.tensors)))
        prefix += struct.pack("<Q", self.changed.get("region_bytes", region))
        file = prefix + entries + self.unused + body + self.end
        return file if self.length is None else file[: self.length]


def read_file(data: bytes, plain: list[bytes]) -> TensorsFile:
    """A file that is right, and whose hashes are. `plain` is what its tensors hold."""
    reader = Reader(data, len(MAGIC))
    assert data.startswith(MAGIC)
    version, flags = reader.number("I"), reader.take(32)
    file = TensorsFile(version, flags, reader.number("Q"), reader.take(8), [])
    count, region = reader.number("Q"), reader.number("Q")
    begin, tagged = reader.at, bool(flags[0] & 2)
    encrypted = version == 3 or (version >= 4 and flags[0] & 1)
    end = begin + region
    for number in range(count):
        tensor, places = read_entry(reader, tagged, end)
        tensor.plain = plain[number]
        tensor.gap = data[end : places[0]]
        read_header(Reader(data, places[0]), tensor, bool(encrypted))
        tensor.data = data[places[1] : places[1] + places[2]]
        end = places[1] + places[2]
        file.tensors.append(tensor)
    file.unused, file.end = data[reader.at : begin + region], data[end:]
    assert file.write() == data
    return file


def read_entry(reader: Reader, tagged: bool, end: int) -> tuple[Tensor, tuple[int, int, int]]:
    long = tagged and reader.number("I") == 5
    name, kind = reader.take(reader.number("H")), reader.number("B")
    dtype, shape = reader.take(reader.number("B")), reader.shape(long)
    tensor = Tensor(name, kind, dtype, shape, b"", b"", long=long)
    places = reader.number("Q"), reader.number("Q"), reader.number("Q")
    assert places[0] >= end
    return tensor, places


def read_header(reader: Reader, tensor: Tensor, encrypted: bool) -> None:
    reader.number("Q")
    tensor.module = reader.number("H")
    assert (reader.number("B"), reader.take(reader.number("H"))) == (tensor.kind, tensor.name)
    assert (reader.take(reader.number("B")), reader.shape(tensor.long)) == (tensor.dtype, tensor.shape)
    reader.number("H")
    for _ in range(reader.number("B")):
        kind = reader.number("B")
        reader.take(reader.number("B"))
        tensor.hashes.append((kind, None))
    if encrypted:
        reader.number("Q")
        tensor.crypt = [bytearray(reader.take(reader.number("Q"))) for _ in range(reader.number("H"))]
