"""The engines of this process: threads, rings and staging memory that live across loads."""

from __future__ import annotations

import os
import threading
from typing import Any

from . import _core
from .config import Config

_lock = threading.Lock()
_engines: dict[tuple[Any, ...], _core.Engine] = {}
_process = os.getpid()


def engine_of(config: Config) -> _core.Engine:
    """The engine for loads configured so; made when it is first wanted. After a fork: new ones."""
    global _process
    keywords = config.engine_keywords()
    key = tuple(sorted(keywords.items(), key=lambda item: item[0]))
    with _lock:
        if _process != os.getpid():
            _engines.clear()
            _process = os.getpid()
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = _core.Engine(keywords)
        return engine


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread may have held it


os.register_at_fork(after_in_child=_after_fork)
