"""Has calls of the core end before the interpreter does.

Threads in the core are without the interpreter, and want it when they return. A daemon thread that wants it once it has
gone would take the process down.
"""

from __future__ import annotations

import atexit
import os
import threading

from . import _core

#: How long calls of other threads may take to end, in seconds. Loads take a tenth of one.
SECONDS_MAX = 10


class Running:
    """A call that leaves the interpreter to others, while it runs. `stop` ends it; without one it is waited for."""

    running: set[Running] = set()
    changed = threading.Condition()
    ending = False

    def __init__(self, stop: _core.Stop | None = None) -> None:
        self.stop = stop

    def __enter__(self) -> None:
        Running.running.add(self)
        if Running.ending:
            self._end()

    def __exit__(self, *_: object) -> None:
        Running.running.discard(self)
        if Running.ending:
            self._end()

    def _end(self) -> None:
        """Goes no further, as all daemon threads at the interpreter's end. Others have ended already."""
        if threading.current_thread() is threading.main_thread():
            return
        Running.running.discard(self)
        with Running.changed:
            Running.changed.notify_all()
        threading.Event().wait()


def _end_all() -> None:
    Running.ending = True
    for call in list(Running.running):
        if call.stop is not None:
            call.stop.request()
    with Running.changed:
        Running.changed.wait_for(lambda: not Running.running, SECONDS_MAX)


atexit.register(_end_all)


def _after_fork() -> None:
    Running.running.clear()  # they are calls of the parent
    Running.changed = threading.Condition()


os.register_at_fork(after_in_child=_after_fork)
