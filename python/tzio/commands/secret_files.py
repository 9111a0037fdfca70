"""Keys and passwords from files and the environment. Neither is ever an argument: arguments show in `ps`."""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING

from ..errors import CryptographyError, UsageError

if TYPE_CHECKING:
    from ..tensorizer.encryption import EncryptionParams

SECRET_BYTES_MAX = 4096
KEY_BYTES = 32

_log = logging.getLogger("tzio")


def encryption_of(
    key_file: str | None, password_file: str | None, password_variable: str | None
) -> EncryptionParams | None:
    """Made of the one that is given; None where none is. A password costs half a second and 256 MiB.

    Raises `tzio.Error` that names the file or variable, never what is in it; OSError for files that can't be read.
    """
    from ..tensorizer.encryption import EncryptionParams

    if key_file is not None:
        return EncryptionParams(read_key(key_file))
    if password_file is not None:
        return EncryptionParams.from_string(_read_password(password_file))
    if password_variable is not None:
        password = os.environ.get(password_variable)
        if not password:
            raise UsageError(f"the environment variable {password_variable} has no password; set it, or name a file")
        return EncryptionParams.from_string(password)
    return None


def read_key(path: str) -> bytes:
    """32 raw bytes, or 64 hex digits and a line end."""
    content = _read(path)
    if len(content) == KEY_BYTES:
        return content
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise CryptographyError(f"{path}: no key: that is 32 bytes or 64 hex digits, which `tz keygen` makes")
    return key


def _read_password(path: str) -> bytes:
    content = _read(path).removesuffix(b"\n").removesuffix(b"\r")
    if not content:
        raise CryptographyError(f"{path}: no password: the file is empty")
    return content


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        content = file.read(SECRET_BYTES_MAX + 1)
    if stat.S_ISREG(mode) and mode & 0o077:
        _log.warning("%s: others can read or write it; chmod 600 would keep it secret", path)
    if len(content) > SECRET_BYTES_MAX:
        raise UsageError(f"{path}: more than {SECRET_BYTES_MAX} bytes are neither a key nor a password")
    return content
