"""`python -m tzio info`: what is in the files of a model."""

from __future__ import annotations

import dataclasses
import json

from ..loading import info


def show_info(address: str, *, as_json: bool) -> None:
    """Prints a line a tensor, or one JSON object. Reads the indexes alone. Raises `tzio.Error`."""
    files = info(address)
    if as_json:
        print(json.dumps({"schema": "tzio-info/1", "files": [dataclasses.asdict(file) for file in files]}))
        return
    for file in files:
        sealed = ", encrypted" if file.encrypted else ""
        print(f"{file.format}, version {file.version}{sealed}: {len(file.tensors)} tensors, {file.bytes} bytes")
        for tensor in file.tensors:
            print(f"  {tensor.name}  {tensor.dtype}  {list(tensor.shape)}  {tensor.bytes} bytes")
