"""`no_init_or_tensor`: modules without memory and without random numbers."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

_active: contextvars.ContextVar[bool] = contextvars.ContextVar("no_init_or_tensor", default=False)
_initialized = (torch.nn.Linear, torch.nn.Embedding, torch.nn.LayerNorm)


def no_init_or_tensor(loading_code: Callable[..., Any] | None = None) -> Any:
    """What is built meanwhile gets its `torch.empty` on the device meta, and linear, embedding and layer norm modules
    aren't initialized. Calls `loading_code` so, and returns what that does; without it, gives a context manager. Other
    threads and tasks are not concerned."""
    if loading_code is None:
        return _context()
    if not callable(loading_code):
        raise TypeError(f"no_init_or_tensor() takes a callable or None, not a {type(loading_code).__name__!r}")
    with _context():
        return loading_code()


class _Patches:
    """In place while any context is open; what they do depends on the context of who calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._originals: list[tuple[Any, str, Any]] = []

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._replace(torch, "empty", _on_meta)
                for kind in _initialized:
                    self._replace(kind, "reset_parameters", _unless_active)

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            while self._users == 0 and self._originals:
                setattr(*self._originals.pop())

    def _replace(self, owner: Any, name: str, made: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        self._originals.append((owner, name, original))
        setattr(owner, name, made(original))


_patches = _Patches()


def _on_meta(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def empty(*args: Any, **keywords: Any) -> Any:
        if _active.get():
            keywords["device"] = "meta"
        return original(*args, **keywords)

    return empty


def _unless_active(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def reset_parameters(*args: Any, **keywords: Any) -> Any:
        return None if _active.get() else original(*args, **keywords)

    return reset_parameters


@contextlib.contextmanager
def _context() -> Iterator[None]:
    if _active.get():
        yield
        return
    _patches.begin()
    token = _active.set(True)
    try:
        yield
    finally:
        _active.reset(token)
        _patches.end()
