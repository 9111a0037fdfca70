"""What the safetensors package makes of files, and files that it could write only with other tensors
than torch has. `tests/data/make_safetensors.py` uses it too."""

import hashlib
import json
import struct

import torch
from pip_reference import filled, printed_name
from safetensors import deserialize
from safetensors.torch import save_file

# Every dtype of the format that torch has.
DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32,
    torch.uint64, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64,
    torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz, torch.float8_e8m0fnu, torch.float4_e2m1fn_x2,
]  # fmt: skip


def all_dtypes() -> dict[str, torch.Tensor]:
    tensors = {str(dtype).removeprefix("torch."): filled(dtype, 6, 8) for dtype in DTYPES}
    return {
        **tensors,
        "scalar": filled(torch.float32),
        "empty": filled(torch.int64, 3, 0, 2),
        'odd "\\\n\r\tname é 中': filled(torch.uint8, 3),
    }


def save(tensors, path, metadata=None):
    save_file(tensors, path, metadata)
    return path


def packed_file() -> bytes:
    """Types that no tensor of torch's has, packed."""
    entries = {"f4": ("F4", [2, 4], 4), "f6a": ("F6_E2M3", [4], 3), "f6b": ("F6_E3M2", [2, 4], 6)}
    return raw_file(entries)


def raw_file(entries: dict, extra: bytes = b"") -> bytes:
    """A file of names, each with dtype, shape and bytes of data; these count up."""
    header, at = {}, 0
    for name, (dtype, shape, size) in entries.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(i % 256 for i in range(at)) + extra


def checksum_of(file: bytes) -> bytes:
    """What `tz checksum` must print, by what the package's own reader returns, which has no order.
    Throws what that does."""
    tensors = dict(deserialize(file))
    header = json.loads(file[8 : 8 + struct.unpack_from("<Q", file)[0]])
    header.pop("__metadata__", None)
    lines = ""
    for name in sorted(header, key=lambda name: header[name]["data_offsets"]):
        tensor = tensors[name]
        printed = printed_name(name)
        escaped = "\\" if "\\" in printed else ""
        lines += f"{escaped}{hashlib.sha256(tensor['data']).hexdigest()}  {printed}\n"
    text = lines.encode()
    return text + f"{hashlib.sha256(text).hexdigest()}  -\n".encode()
