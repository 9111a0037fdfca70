"""What can go wrong. Everything is an `Error`; its classes are also those that programs catch already."""

from __future__ import annotations

import re
from typing import TypeVar


class Error(Exception):
    """A load or save failed. The text says what is wrong, where, and what to do; it never holds a secret.

    `uri` is the file or URL without its query, or None; `offset` the byte in it, or None; `hint` what to do, or "".
    """

    uri: str | None = None
    offset: int | None = None
    hint: str = ""


E = TypeVar("E", bound=Error)


class FormatError(Error, ValueError):
    """The file breaks its format, or is of one that this version doesn't know."""


class UnsupportedError(FormatError):
    """A version, flag or type that this version doesn't know."""


class UnknownTypeError(UnsupportedError, TypeError):
    """A tensor of a type that the framework it is wanted for doesn't have."""


class HashMismatchError(Error):
    """A stored hash doesn't fit the bytes, or is missing though it was asked for."""


class CryptographyError(Error):
    """A MAC or signature doesn't fit, or a key is wrong, missing, or of no use."""


class StorageError(Error, OSError):
    """The disk, the network or the server failed. `retryable`: the same call may succeed later."""

    retryable: bool = False

    def __str__(self) -> str:  # OSError's shows its arguments in its own way
        return str(self.args[0]) if self.args else ""


class NotFoundError(StorageError, FileNotFoundError):
    """There is no such file or object."""


class DeniedError(StorageError, PermissionError):
    """Permissions or credentials don't suffice."""


class ObjectChangedError(StorageError):
    """The file or object was replaced or written to during the load."""


class DeadlineError(StorageError, TimeoutError):
    """The time that was given is over."""


class LimitError(Error, MemoryError):
    """More memory or space than there is, or more than one of the limits allows."""


class DeviceError(Error, RuntimeError):
    """A GPU failed, or isn't there. `device` is its number and `code` CUDA's of the error (0: CUDA wasn't asked).
    `sticky`: whatever the process asks of the device from now on fails too; it has to end."""

    device: int | None = None
    code: int = 0
    sticky: bool = False


class DeviceMemoryError(DeviceError, LimitError):
    """A GPU has no room."""


class CancelledError(Error):
    """Somebody asked the load to stop."""


class UsageError(Error, ValueError):
    """Arguments that can't hold together."""


_classes: dict[str, type[Error]] = {
    "format": FormatError,
    "integrity": HashMismatchError,
    "auth": CryptographyError,
    "unsupported": UnsupportedError,
    "not_found": NotFoundError,
    "denied": DeniedError,
    "transport": StorageError,
    "deadline": DeadlineError,
    "object_changed": ObjectChangedError,
    "limit": LimitError,
    "io": StorageError,
    "device": DeviceError,
    "cancelled": CancelledError,
    "usage": UsageError,
}


#: What hints say to those who use the program `tz`, and what that is in a call.
_phrases = {
    "load with --memory none": "read tensors one by one with tzio.open()",
    "--verify none": 'verify="none"',
    "--io auto": 'io="auto"',
    "--io threads": 'io="threads"',
    "`tz inspect` lists": "tzio.info() lists",
    "with `tz keygen`": "with secrets.token_bytes(32)",
}
_arguments = {
    "--allow-http": 'network={"allow-http": "1"}',
    "--ca-file": 'network={"ca-file": ...}',
    "--chunk-size": "chunk_size",
    "--client-cert": 'network={"client-cert": ...}',
    "--client-key": 'network={"client-key": ...}',
    "--concurrency": "concurrency",
    "--deadline": "deadline",
    "--io": "io",
    "--kdf-max-memory": "kdf_max_memory",
    "--kdf-max-passes": "kdf_max_passes",
    "--key-file": "key",
    "--memory": "memory",
    "--memory-limit": "memory_limit",
    "--no-sign-request": 'network={"no-sign-request": "1"}',
    "--password-file": "password",
    "--verify": "verify",
    "--workers": "workers",
}


def in_arguments(hint: str) -> str:
    """A hint that speaks of options of `tz`, for who calls the package. Options of other programs stay."""
    for phrase, ours in _phrases.items():
        hint = hint.replace(phrase, ours)
    return re.sub(r"--[a-z-]+", lambda option: _arguments.get(option[0], option[0]), hint)


def from_core(kind: str, text: str, source: str, offset: int | None, hint: str) -> Error:
    """The exception for an error of the engine, which calls this."""
    if hint and text.endswith(hint):
        text = text.removesuffix(hint) + in_arguments(hint)
        hint = in_arguments(hint)
    error = _classes[kind](text)
    error.uri = without_secrets(source) or None
    error.offset = offset
    error.hint = hint
    if isinstance(error, StorageError):
        error.retryable = kind in ("transport", "object_changed")
    return error


def from_device(text: str, is_limit: bool, device: int, code: int, sticky: bool, hint: str) -> DeviceError:
    """The same for an error of CUDA."""
    error = (DeviceMemoryError if is_limit else DeviceError)(text)
    error.device, error.code, error.sticky, error.hint = device, code, sticky, hint
    return error


def without_secrets(address: str) -> str:
    """A URL without user, password and query; paths as they are."""
    return re.sub(r"//[^/@]*@", "//", address.partition("?")[0], count=1) if "://" in address else address


def refusal(kind: type[E], address: str | None, text: str, hint: str = "") -> E:
    """An error of the package's own: what is wrong, with which address if any, and what to do."""
    shown = None if address is None else without_secrets(address)
    error = kind((f"{shown}: " if shown else "") + text + (f"; {hint}" if hint else ""))
    error.uri, error.hint = shown, hint
    return error


def name_file(error: Error, addresses: list[str]) -> None:
    """Where an error is of a load as a whole, and that of one file: it says which."""
    if error.uri is None and len(addresses) == 1 and not isinstance(error, UsageError):
        error.uri = without_secrets(addresses[0])
        error.args = (f"{error.uri}: {error}", *error.args[1:])
