"""A drop-in for `runai_model_streamer` 0.17: `from tzio.compat.runai import SafetensorsStreamer`.

Tensors come in file order, and always belong to whoever takes them (`owned=False` is accepted). `is_distributed` is
accepted too: every process reads what it is asked for by itself. RUNAI_STREAMER_CONCURRENCY, _MEMORY_LIMIT,
_S3_ENDPOINT and _S3_UNSIGNED are honoured; the engine has its own way with chunks.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import os
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..config import effective
from ..frameworks import framework
from ..reader import PREFETCH_BYTES, File
from ..safetensors.dtypes import code_of
from .runai_storage import ObjectStorageModel, S3Credentials, list_safetensors, network_of, pull_files

if TYPE_CHECKING:
    import torch

__all__ = ["ObjectStorageModel", "S3Credentials", "SafetensorsStreamer", "list_safetensors", "pull_files"]


@dataclasses.dataclass(frozen=True)
class Offsets:
    """Bytes behind the header."""

    start: int
    end: int

    def get_diff(self) -> int:
        return self.end - self.start


@dataclasses.dataclass(frozen=True)
class SafetensorMetadata:
    """A tensor of a file. `dtype` as the file spells it: "BF16"."""

    name: str
    shape: list[int]
    dtype: str
    offsets: Offsets
    _torch_name: str = dataclasses.field(repr=False)

    def get_bytesize(self) -> int:
        return self.offsets.get_diff()

    def get_item_count(self) -> int:
        return math.prod(self.shape)

    def get_element_size(self) -> int:
        return int(self.get_torch_dtype().itemsize)

    def get_torch_dtype(self) -> torch.dtype:
        return framework("torch").dtype(self._torch_name)  # type: ignore[no-any-return]


class SafetensorsStreamer:
    """Streams the tensors of files, one set of files after another. One thread at a time.

    with SafetensorsStreamer() as streamer:
        streamer.stream_files(paths, device="cuda:0")
        for name, tensor in streamer.get_tensors():
            ...
    """

    def __init__(self) -> None:
        #: Of each file, by its place in the list: what get_tensors() will give.
        self.files_to_tensors_metadata: dict[int, list[SafetensorMetadata]] = {}
        self.total_size = 0  # bytes
        self.device_str: str | None = None
        self.unaligned_copies = 0  # none: every tensor is aligned
        self._files: list[File] = []

    def __enter__(self) -> SafetensorsStreamer:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def stream_file(
        self,
        path: str,
        s3_credentials: S3Credentials | None = None,
        device: str | None = "cpu",
        is_distributed: bool = False,
        tensor_names: Collection[str] | None = None,
        owned: bool = True,
    ) -> None:
        """`stream_files` of one."""
        self.stream_files([path], s3_credentials, device, is_distributed, tensor_names, owned)

    def stream_files(
        self,
        paths: Sequence[str],
        s3_credentials: S3Credentials | None = None,
        device: str | None = "cpu",
        is_distributed: bool = False,
        tensor_names: Collection[str] | None = None,
        owned: bool = True,
    ) -> None:
        """Reads the headers; get_tensors() reads the rest. ValueError for names that no file has, or two have."""
        if isinstance(tensor_names, str):
            raise ValueError("tensor_names must be a collection of names, not a single str")
        if tensor_names is not None and len(tensor_names) == 0:
            raise ValueError("tensor_names must not be empty - pass None to load every tensor")
        self._close()
        self.device_str = device
        wanted = None if tensor_names is None else frozenset(tensor_names)
        self._files = [_opened(path, s3_credentials, device, wanted) for path in paths]
        self.files_to_tensors_metadata = {
            place: [made for made in _described(file) if made.name in file] for place, file in enumerate(self._files)
        }
        self.total_size = sum(file.total_bytes for file in self._files)
        if wanted is not None:
            _check(wanted, self._files)

    def get_tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Name and tensor, while those behind are being read."""
        for file in self._files:
            yield from file

    def _close(self) -> None:
        for file in self._files:
            file.close()
        self._files = []


def _opened(path: str, credentials: S3Credentials | None, device: Any, wanted: frozenset[str] | None) -> File:
    concurrency = os.environ.get("RUNAI_STREAMER_CONCURRENCY")
    limit = int(os.environ.get("RUNAI_STREAMER_MEMORY_LIMIT", "-1"))  # -1: none; 0: one tensor
    keywords = {"concurrency": int(concurrency) if concurrency else None, "network": network_of(credentials)}
    return File(
        path,
        tensors=None if wanted is None else wanted.__contains__,
        framework_name="torch",
        device=device,
        key=None,
        password=None,
        progress=None,
        prefetch_bytes=PREFETCH_BYTES if limit < 0 else max(1, min(limit, PREFETCH_BYTES)),
        config=effective(None, keywords),
    )


def _described(file: File) -> list[SafetensorMetadata]:
    """Of all tensors of the file: the format leaves no room between them."""
    made, at = [], 0
    for name, dtype, shape, size, _ in file.layout_of(0):
        made.append(SafetensorMetadata(name, list(shape), code_of.get(dtype, dtype), Offsets(at, at + size), dtype))
        at += size
    return made


def _check(wanted: frozenset[str], files: list[File]) -> None:
    found = collections.Counter(name for file in files for name in file.keys())
    missing = sorted(wanted - set(found))
    if missing:
        raise ValueError(f"tensor_names not found in checkpoint: {missing}")
    twice = sorted(name for name, count in found.items() if count > 1)
    if twice:
        raise ValueError(f"tensor_names requested tensors that appear in more than one file: {twice}")
