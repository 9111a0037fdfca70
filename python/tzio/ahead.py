"""Batches of tensors that a thread reads ahead of whoever iterates over an open file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from . import _core
from .errors import UsageError

Batch = dict[str, Any]


class Ahead:
    """One batch is read while the one before is used, no more. Belongs to one iteration; `stop` may come from any
    thread, and so may `close`, which a collection of garbage calls for an iteration that was left."""

    def __init__(self, batches: Iterator[list[str]], load: Callable[[list[str], Any], Batch]) -> None:
        """`load` reads the tensors of these names until the `Stop` that it is given stops it."""
        self._batches = batches
        self._load = load
        self._stop = _core.Stop()
        self._ended = False  # nobody wants more
        self._finished = False  # nothing more will come
        self._ready: Batch | None = None
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="tzio-ahead", daemon=True)
        self._thread.start()

    def take(self) -> Batch | None:
        """The next batch, which belongs to the caller; None behind the last. Raises what reading it raised."""
        self._must_be_of_this_process()
        with self._changed:
            self._changed.wait_for(lambda: self._ready is not None or self._finished)
            batch, self._ready = self._ready, None
            self._changed.notify_all()
        if batch is None and self._error is not None:
            raise self._error
        return batch

    def stop(self) -> None:
        """Ends the read that is under way, soon, with an error for who waits for it. Doesn't wait itself."""
        if self._process != os.getpid():
            return
        self._stop.request()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Stops, and waits until nothing is read any more."""
        self.stop()
        if self._process == os.getpid() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            for names in self._batches:
                with self._changed:
                    self._changed.wait_for(lambda: self._ended or self._ready is None)
                batch = self._load(names, self._stop)  # which says so where it was stopped
                with self._changed:
                    self._ready = batch
                    self._changed.notify_all()
                del batch  # it is the taker's
        except BaseException as error:  # for whoever iterates
            self._error = error
        finally:
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def _must_be_of_this_process(self) -> None:
        if self._process == os.getpid():
            return
        error = UsageError("this process was forked from the one in which the iteration began")
        error.hint = "open the file anew in this process, or start processes by 'spawn'"
        raise error
