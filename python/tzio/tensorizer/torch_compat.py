"""`torch.save` and `torch.load` whose tensors lie in a `.tensors` file beside the pickle.

with tensorizer_saving():
    torch.save(module, "module.pt")  # and module.pt.tensors
with tensorizer_loading(device="cuda"):
    module = torch.load("module.pt", weights_only=False)
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import io
import logging
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any, Union

import torch

from .storage_pickle import SavedStorages, StoredTensors, pickle_module_of

__all__ = ("tensorizer_loading", "tensorizer_saving")

logger = logging.getLogger("tensorizer.torch_compat")

_FileLike = Union[str, "os.PathLike[str]", Any]
_LOAD_WRAPPER_DEFAULT_MODULE: Any = None


@dataclasses.dataclass(frozen=True)
class _Settings:
    """Of one context."""

    file_obj: Any
    function: Callable[..., Any] | None
    keywords: dict[str, Any]
    suppress_weights_only: bool = False

    def place(self, f: _FileLike) -> Any:
        """Where the tensors of what is saved to `f`, or loaded from it, are. None: in `f`."""
        if callable(self.file_obj):
            return self.file_obj(f)
        if self.file_obj is not None:
            return self.file_obj
        if isinstance(f, io.BytesIO):
            logger.warning("io.BytesIO has no name for a .tensors file beside it: give file_obj; tensors stay in it")
            return None
        name = f if isinstance(f, (str, bytes, os.PathLike)) else f.name
        return os.fsdecode(name) + ".tensors"


_saving: contextvars.ContextVar[_Settings | None] = contextvars.ContextVar("tensorizer_saving", default=None)
_loading: contextvars.ContextVar[_Settings | None] = contextvars.ContextVar("tensorizer_loading", default=None)


class _Patch:
    """A function of torch that is ours while any context is open, in whatever thread; what it does depends on the
    context of who calls it."""

    def __init__(self, name: str, ours: Callable[..., Any]) -> None:
        self._name = name
        self._ours = ours
        self._original: Any = None
        self._users = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._original = getattr(torch, self._name)
                setattr(torch, self._name, self._ours)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    setattr(torch, self._name, self._original)


_torch_save = torch.save
_torch_load = torch.load


@functools.wraps(_torch_save)
def _save(obj: object, f: _FileLike, pickle_module: Any = pickle, *args: Any, **keywords: Any) -> Any:
    settings = _saving.get()
    if settings is None:
        return _torch_save(obj, f, pickle_module, *args, **keywords)
    _must_be_usual(pickle_module)
    place = settings.place(f)
    if place is None:
        return _torch_save(obj, f, pickle_module, *args, **keywords)
    storages = SavedStorages(place, settings.function, settings.keywords)
    return _torch_save(obj, f, pickle_module_of(storages), *args, **keywords)


@functools.wraps(_torch_load)
def _load(
    f: _FileLike,
    map_location: Any = None,
    pickle_module: Any = _LOAD_WRAPPER_DEFAULT_MODULE,
    *args: Any,
    weights_only: bool | None = None,
    **keywords: Any,
) -> Any:
    settings = _loading.get()
    if settings is None:
        return _torch_load(f, map_location, pickle_module, *args, weights_only=weights_only, **keywords)
    _must_be_usual(pickle_module)
    place = settings.place(f)
    if settings.suppress_weights_only:
        weights_only = False
    tensors = StoredTensors(place, settings.function, settings.keywords)
    return _torch_load(
        f, map_location, pickle_module_of(tensors), *args, weights_only=weights_only, **keywords
    )


def _must_be_usual(pickle_module: Any) -> None:
    if pickle_module is not None and pickle_module is not pickle:
        raise ValueError("tensors can't be kept apart with a pickle_module of one's own")


_save_patch = _Patch("save", _save)
_load_patch = _Patch("load", _load)


@contextlib.contextmanager
def tensorizer_saving(
    file_obj: Any = None, *, save_func: Callable[..., Any] | None = None, **kwargs: Any
) -> Iterator[None]:
    """Within it, `torch.save` of this thread or task writes the memory of tensors by a TensorSerializer.

    `file_obj`: what that takes, or a function that gives it for the file of `torch.save`, or None for plain
    `torch.save`; by default the name of that file with ".tensors" behind it. `save_func(file_obj, tensors, kwargs)`
    writes in the serializer's place; `kwargs` are the serializer's.
    """
    token = _saving.set(_Settings(file_obj, save_func, kwargs))
    try:
        with _save_patch.applied():
            yield
    finally:
        _saving.reset(token)


@contextlib.contextmanager
def tensorizer_loading(
    file_obj: Any = None,
    *,
    load_func: Callable[..., Any] | None = None,
    suppress_weights_only: bool = False,
    **kwargs: Any,
) -> Iterator[None]:
    """Within it, `torch.load` of this thread or task reads what tensorizer_saving() wrote, and other files as ever.

    `file_obj` as there; `load_func(file_obj, kwargs)` gives the tensors in the deserializer's place. torch takes no
    `weights_only=True` for such files; `suppress_weights_only` makes that False. `kwargs` are the TensorDeserializer's.
    """
    token = _loading.set(_Settings(file_obj, load_func, kwargs, suppress_weights_only))
    try:
        with _load_patch.applied():
            yield
    finally:
        _loading.reset(token)
