"""Pickles whose tensors' memory is elsewhere: what torch.save and torch.load take for the module `pickle`.

In the pickle a storage is ("TensorizerPickler", 0, "storage", its place in the list of tensors, its type).
"""

from __future__ import annotations

import pickle
import types
from collections.abc import Callable
from typing import Any, Union

import torch

_MARK = "TensorizerPickler"
_VERSION = 0


class SavedStorages:
    """Storages that a pickle met, each once, until they are written."""

    def __init__(self, file_obj: Any, save: Callable[..., Any] | None, keywords: dict[str, Any]) -> None:
        self._file_obj = file_obj
        self._save = save
        self._keywords = keywords
        self._tensors: list[torch.Tensor] = []
        self._places: dict[tuple[Any, ...], int] = {}

    def name_of(self, storage: Any) -> tuple[Any, ...] | None:
        """What stands for it in the pickle; None for what torch is to see to."""
        if not torch.is_storage(storage):
            return None
        memory = getattr(storage, "_untyped_storage", storage)
        if memory.device.type == "meta" or memory.data_ptr() == 0:
            return None
        key = (str(memory.device), memory.data_ptr(), memory.nbytes())
        place = self._places.setdefault(key, len(self._tensors))
        if place == len(self._tensors):
            view = torch.empty(0, dtype=torch.uint8, device=memory.device)
            self._tensors.append(view.set_(memory))
        return (_MARK, _VERSION, "storage", place, getattr(storage, "dtype", None))

    def write(self) -> None:
        tensors, self._tensors = self._tensors, []
        self._places.clear()
        if not tensors:
            return
        if self._save is not None:
            self._save(self._file_obj, tensors, self._keywords)
            return
        from .serializer import TensorSerializer

        with TensorSerializer(self._file_obj, **self._keywords) as serializer:
            serializer.write_state_dict(tensors)


class StoredTensors:
    """Tensors that a pickle speaks of, loaded when it first does."""

    def __init__(self, file_obj: Any, load: Callable[..., Any] | None, keywords: dict[str, Any]) -> None:
        self._file_obj = file_obj
        self._load = load
        self._keywords = keywords
        self._tensors: list[torch.Tensor] | None = None

    def storage_of(self, name: Any) -> Any:
        """None for what isn't a name of ours."""
        if self._file_obj is None or not isinstance(name, tuple) or len(name) < 3 or name[0] != _MARK:
            return None
        if name[1] != _VERSION or name[2] != "storage":
            raise pickle.UnpicklingError(f"a newer version has written the pickle: {name[1]!r}, {name[2]!r}")
        place, dtype = name[3:]
        if self._tensors is None:
            self._tensors = self._loaded()
        memory = self._tensors[place].untyped_storage()
        kind = dtype or torch.uint8
        return torch.TypedStorage(wrap_storage=memory, dtype=kind, _internal=True)  # type: ignore[no-untyped-call]

    def _loaded(self) -> list[torch.Tensor]:
        if self._load is not None:
            return list(self._load(self._file_obj, self._keywords))
        from .deserializer import TensorDeserializer

        with TensorDeserializer(self._file_obj, **self._keywords) as deserializer:
            return list(deserializer.tree())


def pickle_module_of(storages: Union[SavedStorages, StoredTensors]) -> types.ModuleType:
    """A module like `pickle`, for one call of torch.save or torch.load."""
    module = types.ModuleType("tensorizer_pickle")
    module.__dict__.update({name: value for name, value in vars(pickle).items() if not name.startswith("__")})
    if isinstance(storages, SavedStorages):
        module.Pickler = _pickler_of(storages)  # type: ignore[attr-defined]
    else:
        module.Unpickler = _unpickler_of(storages)  # type: ignore[attr-defined]
    return module


def _pickler_of(storages: SavedStorages) -> type[pickle.Pickler]:
    """torch sets persistent_id in a subclass, or on an object: ours goes before it."""

    def first_ours(theirs: Callable[..., Any]) -> Callable[..., Any]:
        def persistent_id(*args: Any) -> Any:
            name = storages.name_of(args[-1])
            return theirs(*args) if name is None else name

        return persistent_id

    class Pickler(pickle.Pickler):
        def __init_subclass__(cls, **keywords: Any) -> None:
            super().__init_subclass__(**keywords)
            if "persistent_id" in vars(cls):
                cls.persistent_id = first_ours(vars(cls)["persistent_id"])  # type: ignore[method-assign]

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, first_ours(value) if name == "persistent_id" else value)

        def dump(self, obj: Any) -> None:
            super().dump(obj)
            storages.write()

    return Pickler


def _unpickler_of(tensors: StoredTensors) -> type[pickle.Unpickler]:
    def first_ours(theirs: Callable[..., Any]) -> Callable[..., Any]:
        def persistent_load(*args: Any) -> Any:
            storage = tensors.storage_of(args[-1])
            return theirs(*args) if storage is None else storage

        return persistent_load

    class Unpickler(pickle.Unpickler):
        def __init_subclass__(cls, **keywords: Any) -> None:
            super().__init_subclass__(**keywords)
            if "persistent_load" in vars(cls):
                cls.persistent_load = first_ours(vars(cls)["persistent_load"])  # type: ignore[method-assign]

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, first_ours(value) if name == "persistent_load" else value)

    return Unpickler
