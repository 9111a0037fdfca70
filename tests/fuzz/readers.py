"""What the readers make of a file: tzio, tensorizer and safetensors, in this process."""

from __future__ import annotations

import io
import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import tensorizer
import torch
import tzio
from base_files import KEY, PASSWORD, data_of, decryption_of
from tzio import errors

logging.getLogger("tzio").setLevel(logging.ERROR)  # what is odd in a file is no news here
warnings.filterwarnings("ignore", message=".*not writable.*|ComplexHalf support.*")

# Files that are read are a few KiB. More than this would not be checked here but run out of memory.
TENSOR_BYTES_MAX = 1 << 24

KINDS = {errors._classes[kind]: kind for kind in errors._classes if kind != "io"}


@dataclass
class Outcome:
    """`kind` and `text` of a refusal, or the tensors by name: dtype, shape and bytes. The dtype is None where the
    reader tells none."""

    kind: str | None
    text: str = ""
    tensors: dict[str, tuple[Any, tuple[int, ...], bytes]] | None = None

    @property
    def loaded(self) -> bool:
        return self.kind is None


def by_tzio(path: Path, protection: str, verify: str) -> Outcome:
    """A refusal that is no `tzio.Error` has the kind "untyped"."""
    keys = {"plain": {}, "key": {"key": KEY}, "password": {"password": PASSWORD}}[protection]
    try:
        loaded = tzio.load_file(str(path), verify=verify, framework="torch", **keys)
        shapes = {tensor.name: tensor.shape for tensor in tzio.info(str(path))[0].tensors}
    except tzio.UnknownTypeError as error:
        return Outcome("no such type", str(error))
    except tzio.Error as error:
        return Outcome(KINDS.get(type(error), "io"), str(error))
    except Exception as error:
        return Outcome("untyped", repr(error))
    return Outcome(None, tensors={name: (t.dtype, shapes[name], data_of(t)) for name, t in loaded.items()})


def by_tensorizer(data: bytes, protection: str, verify: bool) -> Outcome:
    try:
        reader = tensorizer.TensorDeserializer(
            io.BytesIO(data),
            device="cpu",
            lazy_load=True,
            num_readers=1,
            verify_hash=verify,
            encryption=decryption_of(protection),
        )
        with reader:
            if reader.total_tensor_bytes > TENSOR_BYTES_MAX:
                return Outcome("limit", "not tried here")
            read = list(reader.read_tensors())
    except Exception as error:
        return Outcome("refused", f"{type(error).__name__}: {error}")
    return Outcome(None, tensors={shown(name): (t.dtype, tuple(t.shape), data_of(t)) for _, _, name, t in read})


def shown(name: str | tuple) -> str:
    """As tzio gives it: texts as they are, other paths as JSON."""
    path = name if isinstance(name, tuple) else (name,)
    if len(path) == 1 and isinstance(path[0], str):
        return path[0]
    return json.dumps(path, separators=(",", ":"))


def by_safetensors(data: bytes) -> Outcome:
    """By its Rust reader alone, which knows no tensors of torch's."""
    try:
        read = safetensors.deserialize(data)
    except Exception as error:
        return Outcome("refused", f"{type(error).__name__}: {error}")
    return Outcome(None, tensors={shown(name): (None, tuple(t["shape"]), bytes(t["data"])) for name, t in read})


def same(ours: Outcome, theirs: Outcome) -> bool:
    assert ours.tensors is not None and theirs.tensors is not None
    if ours.tensors.keys() != theirs.tensors.keys():
        return False
    for name, (dtype, shape, data) in theirs.tensors.items():
        our_dtype, our_shape, our_data = ours.tensors[name]
        if (our_shape, our_data) != (shape, data) or dtype not in (None, our_dtype):
            return False
    return True


torch.set_num_threads(1)
