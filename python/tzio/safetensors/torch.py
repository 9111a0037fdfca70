"""`safetensors.torch`: files and bytes to tensors by name, and back; modules with tied weights."""

from __future__ import annotations

import os
from typing import Any

import torch

from .opening import safe_open
from .serializing import TensorSpec, load_bytes, serialize, serialize_file
from .shared import (  # noqa: F401 - its names there, which programs use
    _end_ptr,
    _find_shared_tensors,
    _is_complete,
    _remove_duplicate_names,
    storage_ptr,
    storage_size,
)


def save(tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """A file's bytes. ValueError for tensors that are sparse or have gaps, RuntimeError for those that share memory."""
    held, specs = _specs(tensors)
    return serialize(specs, metadata)


def save_file(
    tensors: dict[str, torch.Tensor],
    filename: str | os.PathLike[str],
    metadata: dict[str, str] | None = None,
) -> None:
    """Writes a file, in place of an old one at once; errors as for `save`, and OSError."""
    held, specs = _specs(tensors)
    serialize_file(specs, filename, metadata)


def load(data: bytes) -> dict[str, torch.Tensor]:
    """The tensors of a file's bytes, which are copied."""
    return load_bytes(data, "torch")


def load_file(
    filename: str | os.PathLike[str],
    device: str | int = "cpu",
    *,
    backend: str = "mmap",
) -> dict[str, torch.Tensor]:
    """The tensors of a file or URL on `device`. They share one block of memory, free when the last of them is gone."""
    with safe_open(filename, framework="pt", device=device, backend=backend) as file:
        return file.get_tensors()


def save_model(
    model: torch.nn.Module,
    filename: str | os.PathLike[str],
    metadata: dict[str, str] | None = None,
    force_contiguous: bool = True,
) -> None:
    """Saves each tied weight once; the metadata say by which name the others go."""
    state = model.state_dict()
    entries = dict(metadata or {})
    for kept, others in _remove_duplicate_names(state).items():
        for other in others:
            entries.setdefault(other, kept)
            del state[other]
    if force_contiguous:
        state = {name: tensor.contiguous() for name, tensor in state.items()}
    try:
        save_file(state, filename, metadata=entries or metadata)
    except ValueError as error:
        raise ValueError(f"{error} Or use save_model(..., force_contiguous=True), which packs them.") from error


def load_model(
    model: torch.nn.Module,
    filename: str | os.PathLike[str],
    strict: bool = True,
    device: str | int = "cpu",
    *,
    backend: str = "mmap",
) -> tuple[set[str], list[str]]:
    """Copies a file's tensors into the model; of a tied weight one name is enough. Gives the names that are missing
    in the file, and those that the model doesn't know; where `strict`, either is a RuntimeError."""
    state = load_file(filename, device=device, backend=backend)
    tied = _remove_duplicate_names(model.state_dict(), preferred_names=list(state))
    result = model.load_state_dict(state, strict=False)
    missing, unexpected = set(result.missing_keys), list(result.unexpected_keys)
    for name in (other for others in tied.values() for other in others):
        if name in missing:
            missing.remove(name)
        else:
            unexpected.append(name)  # the file has it twice
    if strict and (missing or unexpected):
        raise RuntimeError(_disagreement(type(model).__name__, missing, unexpected))
    return missing, unexpected


def _disagreement(model: str, missing: set[str], unexpected: list[str]) -> str:
    lines = [f"Error(s) in loading state_dict for {model}:"]
    for what, names in (("Missing", missing), ("Unexpected", unexpected)):
        if names:
            quoted = ", ".join(f'"{name}"' for name in sorted(names))
            lines.append(f"    {what} key(s) in state_dict: {quoted}")
    return "\n".join(lines)


def _specs(tensors: dict[str, torch.Tensor]) -> tuple[list[torch.Tensor], dict[str, TensorSpec]]:
    """And what must stay until they are written: copies of tensors of other devices."""
    _check(tensors)
    held, specs = [], {}
    for name, tensor in tensors.items():
        here = tensor.detach().to("cpu").resolve_conj().resolve_neg()
        held.append(here)
        specs[name] = TensorSpec(
            dtype=str(here.dtype).removeprefix("torch."),
            shape=here.shape,
            data_ptr=here.data_ptr(),
            data_len=here.numel() * here.element_size(),
        )
    return held, specs


def _check(tensors: Any) -> None:
    if not isinstance(tensors, dict):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected torch.Tensor but received {type(tensor)}")
    sparse = [name for name, tensor in tensors.items() if tensor.layout != torch.strided]
    if sparse:
        raise ValueError(
            f"You are trying to save a sparse tensors: `{sparse}` which this library does not support. You can make it"
            " a dense tensor before saving with `.to_dense()` but be aware this might make a much larger file than"
            " needed."
        )
    shared = [names for names in _find_shared_tensors(tensors) if len(names) > 1]
    if shared:
        raise RuntimeError(
            f"Some tensors share memory, and would be written twice and loaded as different ones: {shared}."
            " `save_model` saves them once."
        )
    gaps = [name for name, tensor in tensors.items() if not tensor.is_contiguous()]
    if gaps:
        raise ValueError(f"You are trying to save a non contiguous tensor: {gaps}. `.contiguous()` packs them.")
