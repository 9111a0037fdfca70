"""Files to change: written by tensorizer and by safetensors, the same for a seed in every run."""

from __future__ import annotations

import ctypes
import io
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import tensorizer
import torch
from safetensors.torch import save
from tensors_file import TensorsFile, read_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))

from pip_reference import KEY, PASSWORD, filled, password_encryption  # noqa: E402

DTYPES = [
    torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool, torch.complex64,
    torch.float8_e4m3fn,
]  # fmt: skip
SAFETENSORS_DTYPES = [*DTYPES, torch.float64, torch.uint16, torch.float8_e5m2, torch.float8_e8m0fnu]
SHAPES = [(), (1,), (3,), (2, 3), (7, 1, 2), (40,), (0,), (2, 0, 3), (600,)]
PROTECTIONS = ["plain", "plain", "plain", "key", "key", "password"]
FILES = 24  # of each format


@dataclass
class Base:
    file: TensorsFile
    protection: str


class SeededNonces(tensorizer.TensorSerializer):
    """Never to be used but for tests: its nonces can be foretold."""

    lots = random.Random(0)

    def _new_nonces(self, count: int) -> tuple[bytes, ...]:
        return tuple(self.lots.randbytes(24) for _ in range(count))


def state_dict(lots: random.Random, empty: bool) -> dict:
    """With lists and dicts inside, sometimes, and tensors of torch's device `meta`."""
    contents: dict = {}
    for number in range(lots.randrange(1, 5)):
        dtype = lots.choice(DTYPES)
        shapes = [shape for shape in SHAPES if empty or 0 not in shape]
        if dtype in (torch.bfloat16, torch.float8_e4m3fn):  # tensorizer can't read empty ones
            shapes = [shape for shape in shapes if 0 not in shape]
        tensor = filled(dtype, *lots.choice(shapes), seed=lots.randrange(1000))
        name = lots.choice(["w", "layer.weight", "é", "x y", "n" * 40]) + str(number)
        contents[name] = [tensor, tensor.clone()] if lots.random() < 0.15 else tensor
    if empty and lots.random() < 0.2:
        contents["meta"] = torch.empty(2, 3, device="meta")
    if empty and lots.random() < 0.1:
        contents["long"] = torch.empty(2**32 + 8, 0)
    return contents


def module(lots: random.Random) -> torch.nn.Module:
    made = torch.nn.Sequential(torch.nn.Linear(lots.randrange(1, 4), 2), torch.nn.BatchNorm1d(2))
    for parameter in made.parameters():
        parameter.data = filled(parameter.dtype, *parameter.shape, seed=lots.randrange(1000))
    return made


def tensors_base(lots: random.Random) -> Base:
    protection = lots.choice(PROTECTIONS)
    salt = lots.randbytes(16)
    encryption = {
        "plain": lambda: None,
        "key": lambda: tensorizer.EncryptionParams(KEY),
        "password": lambda: password_encryption(salt=salt),
    }[protection]()
    SeededNonces.lots = lots
    out = Kept()
    serializer = SeededNonces(out, **({"encryption": encryption} if encryption else {}))
    if lots.random() < 0.25:
        serializer.write_module(module(lots))
    else:
        serializer.write_state_dict(state_dict(lots, empty=encryption is None))
    serializer.close()
    data = out.getvalue()
    file = read_file(data, plain_of(data, protection))
    file.unused = bytes(lots.choice([0, 1, 8, 64]))  # tensorizer leaves 256 KiB free, which costs each load some time
    return Base(file, protection)


class Kept(io.BytesIO):
    """The serializer closes what it has written."""

    def close(self) -> None:
        pass


def decryption_of(protection: str):
    if protection == "plain":
        return None
    params = tensorizer.DecryptionParams
    return params.from_key(KEY) if protection == "key" else params.from_string(PASSWORD)


def plain_of(data: bytes, protection: str) -> list[bytes]:
    """What is hashed of each tensor, in the order of the file: nothing of those without data."""
    reader = tensorizer.TensorDeserializer(
        io.BytesIO(data), device="cpu", lazy_load=True, num_readers=1, encryption=decryption_of(protection)
    )
    with reader:
        entries = list(reader._metadata.values())
        tensors = [tensor for _, _, _, tensor in reader.read_tensors()]
    return [b"" if entry.data_length == 0 else data_of(tensor) for entry, tensor in zip(entries, tensors, strict=True)]


def data_of(tensor: torch.Tensor) -> bytes:
    if not tensor.nbytes:
        return b""
    tensor = tensor.detach().contiguous()
    return ctypes.string_at(tensor.data_ptr(), tensor.nbytes)


def safetensors_base(lots: random.Random) -> bytes:
    tensors = {}
    for number in range(lots.randrange(0 if lots.random() < 0.1 else 1, 5)):
        dtype = lots.choice(SAFETENSORS_DTYPES)
        tensors[lots.choice(["w", "layer.weight", "é", 'q"', "n" * 40]) + str(number)] = filled(
            dtype, *lots.choice(SHAPES), seed=lots.randrange(1000)
        )
    return save(tensors, lots.choice([None, {"format": "pt"}, {"ü": "\n"}]))


def bases(seed: int) -> tuple[list[Base], list[bytes]]:
    tensors = [tensors_base(random.Random(f"{seed} tensors {number}")) for number in range(FILES)]
    return tensors, [safetensors_base(random.Random(f"{seed} safetensors {number}")) for number in range(FILES)]
