"""`SafetensorError`, which `except safetensors.SafetensorError` catches too where that package is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import DeviceError, Error, FormatError, LimitError, NotFoundError

if TYPE_CHECKING:
    class _Theirs(Exception): ...

else:
    try:
        from safetensors import SafetensorError as _Theirs
    except ImportError:
        _Theirs = Exception


class SafetensorError(_Theirs, Error):
    """A file, an index or an argument is wrong."""


class TooLargeError(SafetensorError, LimitError):
    """The file asks for more than a limit allows."""


@contextlib.contextmanager
def as_safetensors(name: str, address: str) -> Iterator[None]:
    """Errors as programs of `safetensors` expect them; they say `name` where the engine was given `address`."""
    try:
        yield
    except NotFoundError as error:
        if "://" in name:
            raise
        raise _like(NotFoundError(f"No such file or directory: {name}"), error, name) from None
    except (FormatError, LimitError) as error:
        if isinstance(error, DeviceError):
            raise
        kind = TooLargeError if isinstance(error, LimitError) else SafetensorError
        raise _like(kind(str(error).replace(address, name)), error, name) from error
    except Error as error:
        error.args = tuple(text.replace(address, name) if isinstance(text, str) else text for text in error.args)
        error.uri = name
        raise


def _like(made: Error, error: Error, name: str) -> Error:
    made.uri, made.offset, made.hint = name, error.offset, error.hint
    return made
