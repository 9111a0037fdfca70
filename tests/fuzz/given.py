"""What many changes begin with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def given(choose: Callable[[Any, Any], Any]) -> Callable:
    """For a change of what `choose` finds in the file, by chance: without that the change does not fit the file."""

    def of_chosen(change: Callable) -> Callable:
        @functools.wraps(change)
        def fitting(file, lots):
            chosen = choose(file, lots)
            return None if chosen is None else change(file, chosen, lots)

        return fitting

    return of_chosen
