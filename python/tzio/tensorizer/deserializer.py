"""`TensorDeserializer`: the tensors of a `.tensors` file as a mapping, and into modules."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, KeysView, Mapping
from typing import Any, BinaryIO, Union

import numpy
import torch

from .arguments import check_deserializer
from .devices import chosen_device
from .encryption import DecryptionParams
from .entries import Entry, FileFeatureFlags, FileHeader
from .loader import Loader
from .module import ModuleDifferences, differences, fill, verify
from .paths import FilterFuncType, Path, as_proxies, as_tree, nested, path_of, shown
from .redis_store import store
from .sources import Source
from .tensors import as_array
from .walk import Walk

FileObj = Union[BinaryIO, str, bytes, "os.PathLike[str]", int]
logger = logging.getLogger("tensorizer.serialization")


class TensorDeserializer(Mapping[Any, Any], contextlib.AbstractContextManager["TensorDeserializer"]):
    """Tensors by name, loaded at once or, with `lazy_load`, each when it is first wanted, in any order.

    `file_obj`: a path, a URL (http, https, s3, redis), a descriptor, or a binary file object, which close() closes.
    `device`: None for the GPU where there is one. `filter_func` gets a name, or a path for what is nested; what it
    leaves out is never read. `dtype` casts all but booleans, or with `dtype_policy="floating"` only real numbers.
    `verify_hash` checks every stored hash. `plaid_mode`, `plaid_mode_buffers` and `num_readers` mean nothing here.
    Raises `tzio.Error`, which also is a ValueError for what is no `.tensors` file, an OSError where reading fails.
    """

    def __init__(
        self,
        file_obj: FileObj,
        device: Union[torch.device, str, None] = None,
        filter_func: FilterFuncType | None = None,
        dtype: torch.dtype | None = None,
        *,
        lazy_load: bool = False,
        plaid_mode: bool | None = None,
        plaid_mode_buffers: int | None = None,
        num_readers: int | None = None,
        verify_hash: bool = False,
        encryption: DecryptionParams | None = None,
        dtype_policy: str = "all",
    ) -> None:
        check_deserializer(num_readers, encryption, dtype_policy)
        found = chosen_device(device)
        self._verify_hash = verify_hash
        self._cache: dict[Path, torch.nn.Parameter] = {}
        self.total_compressed_tensor_bytes = 0
        self._source = Source(file_obj)
        try:
            self._loader = Loader(self._source, encryption, found, dtype, dtype_policy == "floating")
            self._entries = self._filtered(filter_func)
            self._walk = Walk(self._loader, self._entries, self._cache)
            self._structure = nested(dict(zip(self._entries, self._entries)))
            self.total_tensor_bytes = sum(entry.bytes for entry in self._entries.values())
            self._log(lazy_load)
            if not lazy_load:
                self._loaded(self._entries.values())
        except BaseException:
            self.close()
            raise
        if not lazy_load:
            self._source.finish()

    def _filtered(self, filter_func: FilterFuncType | None) -> dict[Path, Entry]:
        if not self._loader.entries:
            raise ValueError("Tensor index in the file is empty")
        if filter_func is None:
            return dict(self._loader.entries)
        return {path: entry for path, entry in self._loader.entries.items() if filter_func(shown(path))}

    def _log(self, lazy_load: bool) -> None:
        logger.debug(
            "%d bytes in %d tensors, lazy_load=%s, verify_hash=%s, device=%s, data version %d",
            self.total_tensor_bytes,
            len(self._entries),
            lazy_load,
            self._verify_hash,
            self._device,
            self._file_header.version_number,
        )

    # --- a mapping

    def __getitem__(self, name: Any) -> Any:
        cached = self._cache.get((name,))
        if cached is not None:
            return cached
        if name not in self._structure:
            raise KeyError(f"Tensor {name} not found")
        entry = self._entries.get((name,))
        if entry is not None:
            return self._loaded([entry])[(name,)]
        leaves = self._loaded(self._below((name,)))
        level = nested(leaves)
        return as_proxies(level.get(name, {}))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._structure)

    def __len__(self) -> int:
        return len(self._structure)

    def __contains__(self, name: object) -> bool:
        return name in self._structure

    def keys(self) -> KeysView[Any]:
        return self._structure.keys()

    def tree(
        self,
        prefix: Iterable[Union[str, int]] | None = None,
        *,
        default: Any = None,
        filter_func: FilterFuncType | None = None,
    ) -> Any:
        """Dicts and lists as they were written, or the part of them below a path; `default` where nothing is."""
        if isinstance(prefix, (str, int)):
            raise TypeError(f"a prefix is a sequence: ({prefix!r},), not {prefix!r}")
        start = tuple(prefix) if prefix is not None else ()
        chosen = [e for e in self._below(start) if filter_func is None or filter_func(shown(e.path))]
        if not chosen:
            return default
        level: Any = nested(self._loaded(chosen))
        for key in start:
            level = level[key]
        return as_tree(level)

    def prefetch(self, names: Iterable[Any]) -> None:
        """Reads what of `names` isn't there yet, at once."""
        self._loaded([entry for name in names for entry in self._below(path_of(name))])

    # --- one after another

    def read_tensors(
        self, filter_func: FilterFuncType | None = None, num_tensors: int = -1, verify_hash: bool | None = None
    ) -> Iterator[tuple[int, int, Any, torch.Tensor]]:
        """(module index, type, name, tensor) of each. Goes on where the last call stopped, keeps nothing that wasn't
        loaded before, and reads at most 512 MiB, or one tensor, ahead."""
        for entry, module_index, tensor in self._walk.on(filter_func, num_tensors, self._checked(verify_hash)):
            yield module_index, entry.type, shown(entry.path), tensor

    def read_numpy_arrays(
        self,
        filter_func: FilterFuncType | None = None,
        num_tensors: int = -1,
        allow_raw_data: bool = False,
        verify_hash: bool | None = None,
    ) -> Iterator[tuple[int, int, Any, numpy.ndarray[Any, Any], bool, str | None]]:
        """The same as NumPy arrays, with whether the type is one that NumPy lacks, and then its name: the array is of
        integers of its size. ValueError for such types without `allow_raw_data`."""
        if self._device.type != "cpu":
            raise RuntimeError("read_numpy_arrays is only valid when deserializing to the CPU")
        for entry, module_index, tensor in self._walk.on(filter_func, num_tensors, self._checked(verify_hash)):
            array, torch_dtype = as_array(tensor)
            if torch_dtype is not None and not allow_raw_data:
                raise ValueError(f"{shown(entry.path)} is of {torch_dtype}, which NumPy lacks: set allow_raw_data=True")
            yield module_index, entry.type, shown(entry.path), array, torch_dtype is not None, torch_dtype

    def _checked(self, verify_hash: bool | None) -> bool:
        return self._verify_hash if verify_hash is None else verify_hash

    # --- modules

    def load_into_module(
        self,
        m: torch.nn.Module,
        filter_func: FilterFuncType | None = None,
        verify_hash: bool | None = None,
        *,
        strict: bool = False,
    ) -> int:
        """Registers parameters and buffers by their names, and returns how many; then the file is closed.

        Parameters keep whether they want gradients, buffers whether they are persistent, and weights that were shared
        are so again where the file has the same values for both. KeyError for a submodule that isn't there, and with
        `strict` for whatever module_differences() finds, before anything is loaded or changed; NotImplementedError for
        files of write_state_dict().
        """
        if strict and any(found := self.module_differences(m, filter_func)):
            raise KeyError(
                f"{self._source.name}: in the module alone: {found.missing[:5]}; in the file alone:"
                f" {found.unexpected[:5]}; module_differences() tells all, strict=False takes no notice"
            )
        chosen = [e for e in self._entries.values() if filter_func is None or filter_func(shown(e.path))]
        fill(m, chosen, lambda: self._loaded(chosen, verify_hash))
        self._source.finish()
        return len(chosen)

    def module_differences(
        self, m: torch.nn.Module, filter_func: FilterFuncType | None = None
    ) -> ModuleDifferences:
        """(missing, unexpected): names that only the module has, and only the file. Reads nothing."""
        return differences(m, self._entries.values(), filter_func or (lambda name: True))

    def verify_module(self, m: torch.nn.Module) -> tuple[bool, list[tuple[Any, bool]]]:
        """Whether the module's tensors have the hashes of the file; and of each tensor of the file by name."""
        return verify(m, self._loader.headers(self._entries.values()))

    def to_redis(self, redis_client: Any, key_prefix: str, force: bool = False) -> None:
        """The file as keys PREFIX:NAME:OFFSET, which redis://HOST:PORT/PREFIX is read from."""
        store(self._source, self._loader.layout, redis_client, key_prefix, force)

    # --- facts

    @property
    def total_bytes_read(self) -> int:
        """So far, of tensors' data and headers."""
        return self._loader.stats.read_bytes + self._loader.stats.mapped_bytes

    @property
    def read_bytes(self) -> int:
        return self.total_bytes_read

    @property
    def total_file_bytes(self) -> int:
        return self._file_header.tensor_size

    @property
    def cache_status(self) -> str | None:
        """What the server of a stream said in `x-cache-status`."""
        headers = getattr(self._source.file, "response_headers", None)
        return headers.get("x-cache-status") if headers else None

    @property
    def _device(self) -> torch.device:
        return self._loader.device

    @property
    def _file_header(self) -> FileHeader:
        return self._loader.header

    @property
    def _file_flags(self) -> FileFeatureFlags:
        return self._loader.header.feature_flags

    def close(self) -> None:
        """May be called again. Tensors and facts stay."""
        loader = getattr(self, "_loader", None)
        source = getattr(self, "_source", None)
        if loader is not None:
            loader.close()
        elif source is not None:
            source.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    # --- loading

    def _below(self, prefix: Path) -> list[Entry]:
        return [entry for path, entry in self._entries.items() if path[: len(prefix)] == prefix]

    def _loaded(self, entries: Iterable[Entry], verify_hash: bool | None = None) -> dict[Path, torch.nn.Parameter]:
        """By path, each loaded once."""
        wanted = list(entries)
        missing = [entry for entry in wanted if entry.path not in self._cache]
        if missing:
            self._cache.update(self._loader.load(missing, self._checked(verify_hash)))
        return {entry.path: self._cache[entry.path] for entry in wanted}
