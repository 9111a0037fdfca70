"""Where the weights of a model are, for whoever has the address of its folder, which on a server can't be listed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from .errors import NotFoundError
from .request import Uri, address_of

Opened = TypeVar("Opened")

_file_names = ("model.safetensors.index.json", "model.safetensors", "model.tensors")


def model_places(uri: Uri) -> tuple[str, list[str]]:
    """The folder with the config.json, and what the weights may be called, to be tried in turn."""
    name = address_of(uri)
    if name.endswith((".safetensors", ".tensors", ".index.json")):
        return os.path.dirname(name) or ".", [name]
    folder = name.rstrip("/") or "/"
    if not is_local(name):
        return folder, [f"{folder}/{each}" for each in _file_names]
    return folder, [folder]


def is_local(name: str) -> bool:
    """Whether it means a file or folder of this machine; hf:// is the cache of the Hub's own programs."""
    return "://" not in name or name.startswith(("file://", "hf://"))


def first_found(candidates: list[str], open_one: Callable[[str], Opened]) -> Opened:
    """What `open_one` makes of the first that is there; raises as it does for the last."""
    for candidate in candidates[:-1]:
        try:
            return open_one(candidate)
        except NotFoundError:
            continue
    return open_one(candidates[-1])
