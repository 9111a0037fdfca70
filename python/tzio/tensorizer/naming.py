"""Errors of what the engine knows by a descriptor, by the name that its user knows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from ..errors import Error


def name_of(file: Any) -> str:
    """Of a file object or descriptor: its path where it has one, without a password of a URL."""
    name = getattr(file, "name", None)
    if isinstance(name, (str, bytes)):
        return os.fsdecode(name)
    if isinstance(file, int):
        return f"descriptor {file}"
    return f"a {type(file).__name__}"


@contextlib.contextmanager
def naming(address: str, name: str) -> Iterator[None]:
    """Has errors from within say `name` for what the engine calls `address`."""
    try:
        yield
    except Error as error:
        if address != name and error.args:
            error.args = (str(error.args[0]).replace(address, name), *error.args[1:])
            if error.uri == address:
                error.uri = name
        raise
