"""Our writer, fed with the modules and state dicts that pip's is fed with. And what the encrypted
files of pip hold of chance, so that ours can be given the same."""

from __future__ import annotations

import json
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import torch
from pip_reference import byte_view

NUMPY_CODES = {
    "bool": "|b1", "int8": "|i1", "uint8": "|u1", "int16": "<i2", "int32": "<i4", "int64": "<i8",
    "uint16": "<u2", "uint32": "<u4", "uint64": "<u8", "float16": "<f2", "float32": "<f4",
    "float64": "<f8", "complex64": "<c8", "complex128": "<c16",
}  # fmt: skip
PARAMETER, BUFFER, STATE = range(3)


@dataclass
class Entry:
    path: tuple  # keys
    tensor: torch.Tensor
    kind: int = STATE
    module: int = 0


def entries(contents) -> list[Entry]:
    """A module's or a state dict's tensors in the order in which pip writes them."""
    if isinstance(contents, torch.nn.Module):
        return list(module_entries(contents))
    return list(state_entries(contents))


def module_entries(module: torch.nn.Module):
    for index, (prefix, part) in enumerate(module.named_modules()):
        for kind, tensors in (PARAMETER, part._parameters), (BUFFER, part._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    yield Entry((f"{prefix}.{name}",), tensor.detach(), kind, index)


def state_entries(contents, path=()):
    if isinstance(contents, torch.Tensor):
        yield Entry(path, contents)
        return
    items = contents.items() if isinstance(contents, dict) else enumerate(contents)
    for key, value in items:
        yield from state_entries(value, (*path, key))


def dtype_code(dtype: torch.dtype) -> str:
    name = str(dtype).removeprefix("torch.")
    if name in NUMPY_CODES:
        return NUMPY_CODES[name]
    order = "|" if dtype.itemsize == 1 else "<"
    return f"{order}V{dtype.itemsize}\0torch.{name}"


def data_of(tensor: torch.Tensor) -> bytes:
    if tensor.is_meta or not tensor.nbytes:
        return b""
    return byte_view(tensor.contiguous()).numpy().tobytes()


class OurWriter:
    """The program `tz_interop_writer`. Calling it writes a file."""

    def __init__(self, program: Path, folder: Path):
        self.program, self.folder = program, folder

    def __call__(self, path: Path, *contents, chance: Chance | None = None, **options) -> Path:
        result = self.run(path, [entries(each) for each in contents], chance, options)
        assert result.returncode == 0, result
        return path

    def refuses(self, path: Path, *contents, **options) -> str:
        """The error that it must end with."""
        result = self.run(path, [entries(each) for each in contents], None, options)
        assert result.returncode == 1, result
        assert not path.exists()
        return result.stderr

    def run(self, path, parts, chance, options):
        every = [entry for part in parts for entry in part]
        listed = {"tensors": [described(entry) for entry in every], "options": options}
        if len(parts) > 1:
            listed["parts"] = [len(part) for part in parts]
        if chance:
            listed["nonces"] = [nonce and nonce.hex() for nonce in chance.nonces]
            listed["salt"] = chance.salt.hex()
        list_path, data_path = self.folder / "list.json", self.folder / "data"
        list_path.write_text(json.dumps(listed))
        with data_path.open("wb") as file:
            for entry in every:
                file.write(data_of(entry.tensor))
        command = [self.program, list_path, data_path, path]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


def described(entry: Entry) -> dict:
    tensor = entry.tensor
    return {
        "path": entry.path,
        "kind": entry.kind,
        "module": entry.module,
        "dtype": dtype_code(tensor.dtype),
        "shape": list(tensor.shape),
        "bytes": tensor.numel() * tensor.element_size(),
        "meta": tensor.is_meta,
    }


@dataclass
class Chance:
    nonces: list[bytes | None]  # by tensor; none for those without data
    salt: bytes


def chance_of(file: bytes) -> Chance:
    """The nonces and the salt of an encrypted file that pip wrote."""
    (count,) = struct.unpack_from("<Q", file, 57)
    at, chance = 73, Chance([], b"")
    for _ in range(count):
        (name,) = struct.unpack_from("<H", file, at)
        at += 2 + name + 1
        at += 1 + file[at]  # the dtype
        at += 1 + 4 * file[at]  # the shape
        header, data, _ = struct.unpack_from("<QQQ", file, at)
        at += 24
        chance.nonces.append(crypt_info(file[header:data], chance))
    return chance


def crypt_info(header: bytes, chance: Chance) -> bytes | None:
    (name,) = struct.unpack_from("<H", header, 11)
    at = 13 + name
    at += 1 + header[at]  # the dtype
    at += 1 + 4 * header[at]  # the shape
    at += 2 + struct.unpack_from("<H", header, at)[0]  # hashes
    (chunks,) = struct.unpack_from("<H", header, at + 8)
    at, nonce = at + 10, None
    for _ in range(chunks):
        length, kind = struct.unpack_from("<QH", header, at)
        chunk = header[at + 8 : at + 8 + length]
        if kind == 1:
            chance.salt = chunk[26:42]
        else:
            nonce = chunk[10:34]
        at += 8 + length
    return nonce
