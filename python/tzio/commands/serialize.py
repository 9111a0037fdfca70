"""`python -m tzio serialize`: a model as .tensors files with what loading it takes, in a folder or a bucket of S3."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FormatError, UsageError
from ..reader import open as open_tensors
from .huggingface import Loaded, load
from .places import Folder, Place, Prefix, split_bucket
from .secret_files import encryption_of

if TYPE_CHECKING:
    import torch

    from ..tensorizer.encryption import EncryptionParams


def serialize(arguments: argparse.Namespace) -> None:
    """See command_line.py for the arguments. Prints the address of each file of tensors. Raises `tzio.Error` and
    OSError; then nothing new is there, but with --force files may have been replaced by whole new ones."""
    place = _place(arguments)
    place.check()
    encryption = encryption_of(
        arguments.encrypt_key_file, arguments.encrypt_password_file, arguments.encrypt_password_env
    )
    loaded = load(arguments.hf_model_id, arguments.model_type, arguments.precision)
    with place.staging() as staged:
        loaded.small(staged)
        for name, module in loaded.modules.items():
            _write(module, staged / f"{name}.tensors", encryption)
        if arguments.validate:
            validate(loaded, str(staged), {}, encryption)
        with place.publish(staged, loaded.last):
            if arguments.validate and place.network:
                validate(loaded, place.address, place.network, encryption)
    for name, module in loaded.modules.items():
        count = len(dict(_tensors_of(module)))
        checked = ", validated" if arguments.validate else ""
        print(f"{place.address}/{name}.tensors: {count} tensors{checked}")


def _place(arguments: argparse.Namespace) -> Place:
    if arguments.output is not None:
        if arguments.dest_prefix is not None or arguments.s3_endpoint is not None:
            raise UsageError("--dest-prefix and --s3-endpoint go with --dest-bucket, not with --output")
        return Folder(arguments.output.rstrip("/") or "/", arguments.force)
    bucket, prefix = split_bucket(arguments.dest_bucket)
    below = arguments.dest_prefix
    if below is None:
        model = arguments.hf_model_id
        below = os.path.basename(os.path.abspath(model)) if os.path.isdir(model) else model
        below += "/fp16" if arguments.precision == "float16" else ""
    key = "/".join(part for part in (prefix, below.strip("/")) if part)
    if not key:
        raise UsageError("--dest-prefix: an empty one would fill the bucket's root; name a folder")
    return Prefix(bucket, key, arguments.force, arguments.s3_endpoint)


def _write(module: torch.nn.Module, path: Path, encryption: EncryptionParams | None) -> None:
    from ..tensorizer.serializer import TensorSerializer

    with TensorSerializer(path, encryption=encryption) as serializer:
        serializer.write_module(module, include_non_persistent_buffers=False)


def validate(loaded: Loaded, address: str, network: dict[str, str], encryption: EncryptionParams | None) -> None:
    """Reads all tensors back, a part at a time, checks every hash, and compares types, shapes and bytes with those of
    the modules. Raises FormatError for a difference, and as tzio.open does."""
    import torch

    options: dict[str, Any] = {"verify": "all"}
    if network:
        options["network"] = network
    for name, module in loaded.modules.items():
        file_address = f"{address}/{name}.tensors"
        expected = dict(_tensors_of(module))
        with open_tensors(
            file_address, framework="torch", key=encryption.key if encryption else None, **options
        ) as file:
            for tensor_name, tensor in file:
                original = expected.pop(tensor_name, None)
                if original is None or not _same(torch, tensor, original):
                    raise FormatError(f"{file_address}: {tensor_name} is not what the model has; write it again")
        if expected:
            raise FormatError(f"{file_address}: {next(iter(expected))} is missing; write it again")


def _tensors_of(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """By their names in the file."""
    for prefix, part in module.named_modules():
        for name, parameter in part.named_parameters(recurse=False):
            yield f"{prefix}.{name}", parameter
        for name, buffer in part.named_buffers(recurse=False):
            if name not in part._non_persistent_buffers_set:
                yield f"{prefix}.{name}", buffer


def _same(torch: Any, one: torch.Tensor, other: torch.Tensor) -> bool:
    """Bit by bit: NaN is what it was, too."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    raw = [tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other)]
    return bool(torch.equal(raw[0], raw[1]))
