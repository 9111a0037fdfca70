"""safetensors to bytes and files, byte for byte as the package `safetensors` writes them.

`tzio.save_file` begins data at multiples of 4096 bytes instead, which loads faster.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..frameworks import framework
from .dtypes import bits_of, code_of, rank_of
from .errors import SafetensorError
from .source import open_bytes

#: Bytes of a header that readers take.
HEADER_BYTES_MAX = 100_000_000


class TensorSpec:
    """A tensor in memory that the caller keeps until it is serialized: `data_len` bytes at `data_ptr`.

    `dtype`: PyTorch's name; raises SafetensorError for others. `shape` counts elements, where PyTorch counts pairs too.
    """

    def __init__(self, *, dtype: str, shape: Sequence[int], data_ptr: int, data_len: int) -> None:
        if dtype not in code_of:
            raise SafetensorError(f'Unknown dtype "{dtype}". Supported dtypes: {", ".join(code_of)}')
        self.dtype = code_of[dtype]
        self.shape = [int(extent) for extent in shape]
        if self.dtype == "F4" and self.shape:
            self.shape[-1] *= 2
        self.data_ptr = int(data_ptr)
        self.data_len = int(data_len)

    def __repr__(self) -> str:
        return (
            f"TensorSpec(dtype='{self.dtype}', shape={self.shape}, data_ptr={self.data_ptr}, data_len={self.data_len})"
        )


def serialize(tensor_dict: Mapping[str, TensorSpec], metadata: Mapping[str, str] | None = None) -> bytes:
    """A file's bytes."""
    return b"".join(_pieces(tensor_dict, metadata))


def serialize_file(
    tensor_dict: Mapping[str, TensorSpec],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a file durably, in place of an old one at once; raises OSError, and then the old one is as it was."""
    pieces = _pieces(tensor_dict, metadata)
    path = os.path.realpath(os.fspath(filename))
    folder = os.path.dirname(path)
    unfinished = os.path.join(folder, f".{os.path.basename(path)[:200]}.{secrets.token_hex(8)}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            for piece in pieces:
                rest = memoryview(piece).cast("B")
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    _sync_folder(folder)


def deserialize(bytes: Any) -> list[tuple[str, dict[str, Any]]]:  # noqa: A002 - its name there
    """(name, {"shape", "dtype", "data": bytearray}) of each tensor, in file order."""
    source = open_bytes(bytes, "<bytes>")
    arrays = source.raw()
    items = []
    for name, data in arrays.items():
        _, dtype, shape, _, _ = source.infos[name]
        items.append((name, {"shape": list(shape), "dtype": code_of[dtype], "data": bytearray(data)}))
    return items


def load_bytes(data: Any, framework_name: str) -> dict[str, Any]:
    """The tensors of a file's bytes, which are copied."""
    return open_bytes(data, "<bytes>").all(framework(framework_name))


def _pieces(tensors: Mapping[str, TensorSpec], metadata: Mapping[str, str] | None) -> Iterable[Any]:
    """The header, and the bytes of each tensor: large elements first, then by name."""
    for name, spec in tensors.items():
        if not isinstance(spec, TensorSpec):
            raise TypeError(f"{name!r} is no TensorSpec but {type(spec)}")
        if math.prod(spec.shape) * bits_of[spec.dtype] != spec.data_len * 8:
            raise SafetensorError(f"Error while serializing: {name!r}: {spec.data_len} bytes don't fit {spec!r}")
    order = sorted(tensors, key=lambda name: (-rank_of[tensors[name].dtype], name))
    header = _header({name: tensors[name] for name in order}, metadata)
    return [header, *(_memory(tensors[name]) for name in order if tensors[name].data_len)]


def _header(tensors: Mapping[str, TensorSpec], metadata: Mapping[str, str] | None) -> bytes:
    entries: dict[str, Any] = {}
    if metadata is not None:
        if not all(isinstance(text, str) for entry in metadata.items() for text in entry):
            raise TypeError("metadata is texts by name")
        entries["__metadata__"] = dict(metadata)
    at = 0
    for name, spec in tensors.items():
        if name == "__metadata__":
            raise SafetensorError("Error while serializing: no tensor may be called '__metadata__'")
        entries[name] = {"dtype": spec.dtype, "shape": spec.shape, "data_offsets": [at, at + spec.data_len]}
        at += spec.data_len
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > HEADER_BYTES_MAX:
        raise SafetensorError(f"Error while serializing: a header of {len(text)} bytes, which no reader takes")
    return len(text).to_bytes(8, "little") + text


def _memory(spec: TensorSpec) -> Any:
    return (ctypes.c_char * spec.data_len).from_address(spec.data_ptr)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
