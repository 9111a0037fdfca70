"""Loads of chosen tensors of one file: keys, hashes, devices and types."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from .. import _core
from ..config import effective
from ..devices import Target, target_of
from ..ending import Running
from ..engine import engine_of
from ..errors import CryptographyError
from ..frameworks import framework
from ..stats import Stats
from .devices import current_cuda_device
from .encryption import DecryptionParams
from .entries import Entry, entries_of, header_of
from .naming import naming
from .sources import Source

#: How much is read at a time where tensors go on to a GPU, or are handed out one by one.
BATCH_BYTES = 512 << 20


class Loader:
    """Of one source. Any thread; loads run one after another."""

    def __init__(
        self,
        source: Source,
        encryption: DecryptionParams | None,
        device: torch.device,
        dtype: torch.dtype | None,
        floating_only: bool,
    ) -> None:
        self._source = source
        self._config = effective(None, {"network": source.network})
        self._engine = engine_of(self._config)
        self._stop = _core.Stop()
        self._encryption = encryption
        self._keys: dict[tuple[int, int, bytes], bytes] = {}  # of the password, by what else makes them
        self._lock = threading.Lock()
        self.stats = Stats()
        self.device = device
        self._device_is_dynamic = device.type == "cuda" and device.index is None
        self._dtype = dtype
        self._floating_only = floating_only
        with naming(source.address, source.name):
            layout = self._engine.layout([source.address], self._keywords(), self._stop)
        facts = layout.file(0)
        if facts["format"] != "tensors":
            raise ValueError(f"{source.name}: Not a tensorizer file: tzio.load_file() reads it")
        self.layout = layout
        self.entries = entries_of(layout)
        self.header = header_of(facts, self.entries)
        self._check_encryption(facts["encrypted"])

    def _check_encryption(self, encrypted: bool) -> None:
        if encrypted and self._encryption is None:
            raise CryptographyError("Tensor is encrypted, but decryption was not requested: give encryption=")
        if self._encryption is not None and not encrypted:
            raise CryptographyError(
                "Tensor decryption was requested, but the file is not encrypted: leave encryption= out, or give another"
                " file"
            )

    def load(self, entries: Iterable[Entry], verify: bool) -> dict[Any, torch.nn.Parameter]:
        """Parameters by path, on their device. Raises `tzio.Error`, and what they are of."""
        loaded: dict[Any, torch.nn.Parameter] = {}
        for batch in self.batches(entries):
            loaded.update(zip((entry.path for entry in batch), self._read(batch, verify)[0]))
        return loaded

    def batches(self, entries: Iterable[Entry], always: bool = False) -> Iterator[list[Entry]]:
        """All at once, unless `always` or where PyTorch copies them."""
        split = always or self._target().copied_to is not None
        batch: list[Entry] = []
        size = 0
        for entry in entries:
            if batch and split and size + entry.bytes > BATCH_BYTES:
                yield batch
                batch, size = [], 0
            batch.append(entry)
            size += entry.bytes
        if batch:
            yield batch

    def read_with_headers(self, batch: list[Entry], verify: bool) -> Iterator[tuple[Entry, int, torch.nn.Parameter]]:
        """Each tensor with the index of its module."""
        parameters, loaded, places = self._read(batch, verify, headers=True)
        for entry, parameter in zip(batch, parameters):
            yield entry, loaded.header(0, places[entry.name])[0], parameter

    def headers(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, tuple[Any, ...]]]:
        """(module index, CRC-32, SHA-256, what they cover before the data, derivation) of each; reads no data."""
        batch = list(entries)
        loaded, places = self._load(batch, headers_only=True)
        for entry in batch:
            yield entry, loaded.header(0, places[entry.name])

    def _read(self, batch: list[Entry], verify: bool, headers: bool = False) -> tuple[list[Any], Any, dict[str, int]]:
        secrets = self._secrets(batch)
        if self._device_is_dynamic:
            self.device = current_cuda_device()
        keywords = {"verify": "all" if verify else "none", "headers": headers or None, **self._target().keywords()}
        try:
            loaded, places = self._load(batch, **keywords, **secrets)
        except CryptographyError:
            if self._encryption is None or self._encryption.source is None or "password" in secrets:
                raise
            loaded, places = self._load(batch, **keywords, password=self._encryption.source)  # another salt
        tensors = framework("torch").tensors(loaded, 0)
        return [self._parameter(tensors[places[entry.name]]) for entry in batch], loaded, places

    def _load(self, batch: list[Entry], **keywords: Any) -> tuple[Any, dict[str, int]]:
        if self._source.closed:
            raise ValueError("the file of this TensorDeserializer is closed")
        names = {} if len(batch) == len(self.entries) else {"names": [entry.name for entry in batch]}
        address = self._source.address
        with naming(address, self._source.name):
            loaded, facts = self._engine.load([address], {**self._keywords(), **names, **keywords}, self._stop, None)
        with self._lock:
            self.stats.add(facts)
        return loaded, {info[0]: place for place, info in enumerate(loaded.tensors(0))}

    def _target(self) -> Target:
        return target_of(self.device, framework("torch"))

    def _keywords(self) -> dict[str, Any]:
        return self._config.load_keywords()

    def _secrets(self, batch: list[Entry]) -> dict[str, bytes]:
        """A password's key is derived once, since that takes half a second."""
        if self._encryption is None:
            return {}
        if self._encryption.key is not None:
            return {"key": self._encryption.key}
        assert self._encryption.source is not None  # else the constructor had refused it
        first = next((entry for entry in batch if entry.bytes), None)
        derivation = next(self.headers([first]))[1][4] if first is not None else None
        if derivation is None:
            return {"password": self._encryption.source}
        with self._lock:
            if derivation not in self._keys:
                with Running():
                    limits = self._config.derivation_limits()
                    self._keys[derivation] = _core.derive_key(self._encryption.source, derivation, *limits)
            return {"key": self._keys[derivation]}

    def _parameter(self, tensor: torch.Tensor) -> torch.nn.Parameter:
        gradient = tensor.dtype.is_floating_point or tensor.dtype.is_complex
        cast = self._dtype is not None and tensor.dtype != torch.bool
        if cast and self._floating_only:
            cast = tensor.dtype.is_floating_point
        return torch.nn.Parameter(tensor.to(self.device, self._dtype if cast else None), requires_grad=gradient)

    def close(self) -> None:
        self._stop.request()
        self._encryption = None
        self._keys.clear()
        self._source.close()
