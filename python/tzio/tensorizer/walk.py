"""Tensors one after another: what `read_tensors` and `read_numpy_arrays` go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from .entries import Entry
from .loader import Loader
from .paths import FilterFuncType, Path, shown


class Walk:
    """Through the entries of a file, each call going on behind what the last one gave. One thread at a time.

    What `cache` has is taken from there, and nothing is put there.
    """

    def __init__(
        self, loader: Loader, entries: Mapping[Path, Entry], cache: Mapping[Path, torch.nn.Parameter]
    ) -> None:
        self._loader = loader
        self._entries = entries
        self._cache = cache
        self._position = 0

    def on(
        self, filter_func: FilterFuncType | None, num_tensors: int, verify: bool
    ) -> Iterator[tuple[Entry, int, torch.nn.Parameter]]:
        """At most `num_tensors`, or all with -1, each with the index of its module."""
        if num_tensors < -1:
            raise ValueError("num_tensors must be -1 or non-negative")
        places = {path: place for place, path in enumerate(self._entries)}
        chosen = [
            entry
            for place, entry in enumerate(self._entries.values())
            if place >= self._position and (filter_func is None or filter_func(shown(entry.path)))
        ]
        if num_tensors != -1:
            chosen = chosen[:num_tensors]
        for batch in self._loader.batches(chosen, always=True):
            for entry, module_index, tensor in self._with_modules(batch, verify):
                self._position = places[entry.path] + 1
                yield entry, module_index, tensor

    def _with_modules(self, batch: list[Entry], verify: bool) -> Iterator[tuple[Entry, int, torch.nn.Parameter]]:
        if not all(entry.path in self._cache for entry in batch):
            yield from self._loader.read_with_headers(batch, verify)
            return
        for entry, header in self._loader.headers(batch):
            yield entry, header[0], self._cache[entry.path]
