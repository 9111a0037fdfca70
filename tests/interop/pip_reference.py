"""The reference of these tests: what pip's `tensorizer` writes, and what it reads back.
The writing half runs with old releases too, for `tests/data/make_golden.py`."""

from __future__ import annotations

import ctypes
import hashlib
import json
import random

import tensorizer
import torch

KEY = bytes(range(32))
PASSWORD = "pw"
QUANTISED = {torch.qint8, torch.quint8, torch.qint32, torch.quint4x2, torch.quint2x4}


def password_encryption(
    password=PASSWORD, preset="MIN", salt: bytes | None = None
) -> tensorizer.EncryptionParams:
    """The key of a password, as costly to derive as the preset says."""
    params = tensorizer.EncryptionParams
    return params.from_string(
        password, opslimit=params.OpsLimit[preset], memlimit=params.MemLimit[preset], salt=salt
    )


def storable_dtypes() -> list[torch.dtype]:
    """Every dtype of this torch that the format can hold."""
    dtypes = {value for value in vars(torch).values() if isinstance(value, torch.dtype)}
    return sorted(dtypes - QUANTISED, key=str)


def byte_view(tensor: torch.Tensor) -> torch.Tensor:
    """The memory of a contiguous tensor of any dtype, as bytes. Some dtypes know no `.view()`."""
    view = torch.empty(0, dtype=torch.uint8)
    start = tensor.storage_offset() * tensor.element_size()
    return view.set_(tensor.untyped_storage(), start, (tensor.nbytes,))


def filled(dtype: torch.dtype, *shape: int, seed=0) -> torch.Tensor:
    """A tensor whose bytes are random, but the same in every run: NaNs, infinities and all."""
    tensor = torch.empty(shape, dtype=dtype)
    if tensor.nbytes:
        data = bytearray(random.Random(f"{seed} {dtype} {shape}").randbytes(tensor.nbytes))
        if dtype == torch.bool:
            data = bytearray(byte & 1 for byte in data)
        byte_view(tensor).copy_(torch.frombuffer(data, dtype=torch.uint8))
    return tensor


def write(path, *contents, encryption: tensorizer.EncryptionParams | None = None):
    """Writes modules and state dicts, each in a call of its own, to one file."""
    options = {"encryption": encryption} if encryption else {}
    serializer = tensorizer.TensorSerializer(path, **options)
    for content in contents:
        if isinstance(content, torch.nn.Module):
            serializer.write_module(content)
        else:
            serializer.write_state_dict(content)
    serializer.close()
    return path


def printed_name(name: str | tuple) -> str:
    """A name as `tz checksum` prints it: a path as its JSON array, escaped as `sha256sum` does. (A
    backslash at the start of the line announces escapes.)"""
    if not isinstance(name, str):
        name = json.dumps(name, separators=(",", ":"))
    return name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def data_hash(tensor: torch.Tensor) -> str:
    data = b""
    if tensor.nbytes:
        tensor = tensor.detach().contiguous()
        data = (ctypes.c_char * tensor.nbytes).from_address(tensor.data_ptr())
    return hashlib.sha256(data).hexdigest()


def checksum_lines(tensors) -> bytes:
    """What `tz checksum` prints for these pairs of name and tensor."""
    lines = ""
    for name, tensor in tensors:
        printed = printed_name(name)
        escaped = "\\" if "\\" in printed else ""
        lines += f"{escaped}{data_hash(tensor)}  {printed}\n"
    text = lines.encode()
    return text + f"{hashlib.sha256(text).hexdigest()}  -\n".encode()


def read(path, encryption: tensorizer.DecryptionParams | None = None):
    """Tuples of module index, kind, name and tensor, in file order."""
    with tensorizer.TensorDeserializer(
        path, device="cpu", lazy_load=True, num_readers=1, verify_hash=True, encryption=encryption
    ) as reader:
        yield from reader.read_tensors()


def checksum_of(path, encryption: tensorizer.DecryptionParams | None = None) -> bytes:
    """What `tz checksum` must print for a file, by what pip's reader returns."""
    return checksum_lines((name, tensor) for _, _, name, tensor in read(path, encryption))
