"""A safetensors file as fields that can be changed one by one and written again. JSON is written here, so that names
can stand twice and numbers and texts in any form."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Object:
    members: list[list[Any]]  # [name, value]; both may be Raw

    def __getitem__(self, name: str) -> Any:
        return next(value for key, value in self.members if key == name)

    def __setitem__(self, name: str, value: Any) -> None:
        next(member for member in self.members if member[0] == name)[1] = value


@dataclass
class Raw:
    """JSON as it shall stand there, right or wrong."""

    text: bytes


def text_of(value: Any) -> bytes:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Object):
        return b"{" + b",".join(text_of(name) + b":" + text_of(one) for name, one in value.members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(text_of, value)) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()


@dataclass
class SafetensorsFile:
    header: Object
    data: bytes
    before: bytes = b""  # in the header, before and behind the object
    behind: bytes = b""
    length: int | None = None  # of the header
    text: bytes | None = None  # instead of the header
    cut: int | None = None  # the file is cut here
    tensors: list[Object] = field(init=False)

    def __post_init__(self) -> None:
        self.tensors = [value for name, value in self.header.members if name != "__metadata__"]

    def write(self) -> bytes:
        text = self.before + text_of(self.header) + self.behind if self.text is None else self.text
        length = len(text) if self.length is None else self.length
        return (struct.pack("<Q", length) + text + self.data)[: self.cut]


def objects(pairs: list[tuple[str, Any]]) -> Object:
    return Object([list(pair) for pair in pairs])


def read_file(data: bytes) -> SafetensorsFile:
    end = 8 + struct.unpack_from("<Q", data)[0]
    text = data[8:end].decode()
    header = json.loads(text, object_pairs_hook=objects)
    return SafetensorsFile(header, data[end:], behind=text[len(text.rstrip(" ")) :].encode())
