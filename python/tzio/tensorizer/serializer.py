"""`TensorSerializer`: modules, state dicts and tensors into a `.tensors` file."""

from __future__ import annotations

import logging
import operator
import os
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, Union

import torch

from .. import _core
from ..ending import Running
from .arguments import check_serializer
from .encryption import EncryptionParams
from .entries import TensorType
from .naming import naming
from .paths import Path, flatten
from .targets import Target
from .tensors import described, on_cpu

FileObj = Union[BinaryIO, str, bytes, "os.PathLike[str]", int]
logger = logging.getLogger("tensorizer.serialization")

_INDEX_BYTES = 256 << 10  # what tensorizer makes room for; more where the first write needs it
#: Of tensors that are copied to be written (from a GPU, or to be contiguous), so much at a time.
_STAGED_BYTES_MAX = 2 << 30
_MODULES_MAX = 1 << 16  # the file has 16 bits for the place of a module


class _Item(NamedTuple):
    path: Path
    kind: TensorType
    module_index: int
    tensor: Any


class TensorSerializer:
    """Writes to a path, s3:// address, descriptor, or binary file object that can be read, written and sought.

    A path gets its name with the first write, and then holds a whole file after each further one; what has no name is
    written where it is. close() ends the file and closes the file object; leaving a `with` by an exception forgets what
    is meant for S3. The caller's tensors are only read. `compress_tensors` and `limit_cpu_concurrency` mean nothing
    here. Raises `tzio.Error`.
    """

    def __init__(
        self,
        file_obj: FileObj,
        compress_tensors: bool = False,
        *,
        encryption: EncryptionParams | None = None,
        limit_cpu_concurrency: int | None = None,
    ) -> None:
        check_serializer(limit_cpu_concurrency, encryption)
        self.compress_tensors = compress_tensors
        self.cpu_limit = limit_cpu_concurrency or os.cpu_count() or 1
        self.total_tensor_bytes = 0
        self.total_compressed_tensor_bytes = 0
        self._encryption = encryption
        self._session: _core.SaveSession | None = None
        self._failed = False
        self._closed = False
        self._target = Target(file_obj)

    def write_tensor(self, idx: int, name: str, tensor_type: TensorType, tensor: Any) -> None:
        """One tensor: of PyTorch, NumPy, or whatever speaks DLPack. `idx` is the place of its module."""
        if not isinstance(name, str):
            raise TypeError(f"the name of a tensor is a str, not {type(name).__name__}: {name!r}")
        self._write([_Item((name,), TensorType(tensor_type), operator.index(idx), tensor)])

    def write_module(
        self, m: torch.nn.Module, remove_tensors: bool = False, *, include_non_persistent_buffers: bool = True
    ) -> None:
        """All parameters and buffers of a module, for load_into_module(). `remove_tensors` puts None in their places
        once they are written."""
        found = list(_of_module(m, include_non_persistent_buffers))
        self._write([item for _, _, item in found])
        if remove_tensors:
            for part, name, _ in found:
                setattr(part, name, None)

    def write_state_dict(self, state_dict: Any) -> None:
        """Tensors in dicts and lists, nested as they like; keys are strings. They come back by the names, or by
        TensorDeserializer.tree() as they were. TypeError for anything else."""
        self._write(
            [_Item(path, TensorType.STATE_DICT, 0, tensor) for path, tensor in flatten(state_dict, torch.Tensor)]
        )

    def close(self) -> None:
        """Ends the file. May be called again. Errors of an upload come from here."""
        if self._closed:
            return
        if self._session is None and not self._failed:
            self._write([])
        self._closed = True
        self._session = None
        self._target.close(self._failed)
        logger.debug("%d bytes of tensors written", self.total_tensor_bytes)

    def __enter__(self) -> TensorSerializer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._failed = True
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True) and hasattr(self, "_target"):
            self._closed = True
            self._session = None
            self._target.close(self._failed)

    # --- writing

    def _write(self, items: list[_Item]) -> None:
        if self._closed:
            raise ValueError("the TensorSerializer is closed")
        for item in items:
            if not 0 <= item.module_index < _MODULES_MAX:
                raise ValueError(
                    f"{self._target.name}: {item.path[0]!r} is of module {item.module_index}: a file has numbers for"
                    f" those below {_MODULES_MAX}"
                )
        try:
            with naming(self._target.path, self._target.name):
                for staged in _staged(items):
                    self._add(staged, items)
            self._target.written()
            self._failed = False
        except BaseException:
            self._failed = self.total_tensor_bytes == 0  # what was written before is still there
            raise

    def _add(self, staged: list[_Item], items: list[_Item]) -> None:
        if self._session is None:
            self._session = self._begin(items)
        made = [described(item.path, item.kind, item.module_index, on_cpu(item.tensor)) for item in staged]
        with Running():
            self._session.add([facts for _, facts in made])
        self.total_tensor_bytes += sum(facts[6] for _, facts in made if facts[5] is not None)

    def _begin(self, items: list[_Item]) -> _core.SaveSession:
        entries = sum(64 + 8 * len(item.tensor.shape) + 6 * sum(len(str(k)) + 3 for k in item.path) for item in items)
        key, derivation = None, None
        if self._encryption is not None:
            key, derivation = self._encryption.key, self._encryption._derivation
        return _core.save_session(
            self._target.path, self._target.in_place, max(_INDEX_BYTES, entries), key, derivation
        )


def _of_module(module: torch.nn.Module, non_persistent: bool) -> Iterator[tuple[torch.nn.Module, str, _Item]]:
    for index, (prefix, part) in enumerate(module.named_modules()):
        for name, tensor in part.named_parameters(recurse=False):
            yield part, name, _Item((f"{prefix}.{name}",), TensorType.PARAM, index, tensor)
        for name, tensor in part.named_buffers(recurse=False):
            if non_persistent or name not in part._non_persistent_buffers_set:
                yield part, name, _Item((f"{prefix}.{name}",), TensorType.BUFFER, index, tensor)


def _staged(items: list[_Item]) -> Iterable[list[_Item]]:
    """All at once, but for what takes copies of more than so much memory."""
    batch: list[_Item] = []
    size = 0
    for item in items:
        cost = _copy_bytes(item.tensor)
        if batch and cost and size + cost > _STAGED_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += cost
    yield batch


def _copy_bytes(tensor: Any) -> int:
    if not isinstance(tensor, torch.Tensor) or tensor.is_meta or tensor.layout != torch.strided:
        return 0
    return 0 if tensor.device.type == "cpu" and tensor.is_contiguous() else tensor.numel() * tensor.element_size()
