"""`EncryptionParams` and `DecryptionParams`: keys, and passwords that become keys by Argon2id."""

from __future__ import annotations

import enum
import os
from typing import Union

from .. import _core
from ..ending import Running

KEY_BYTES = 32
SALT_BYTES = 16

_Bytes = Union[bytes, bytearray, memoryview]


class _OpsLimit(enum.IntEnum):
    """Passes over the memory: libsodium's presets."""

    MIN = 1
    INTERACTIVE = 2
    MODERATE = 3
    SENSITIVE = 4


class _MemLimit(enum.IntEnum):
    """Bytes of memory that each guess takes: libsodium's presets."""

    MIN = 8 << 10
    INTERACTIVE = 64 << 20
    MODERATE = 256 << 20
    SENSITIVE = 1 << 30


class EncryptionParams:
    """How a TensorSerializer encrypts: with `EncryptionParams(key)` of 32 bytes, a `random()` one, or `from_string()`.

    `key` opens the file by `DecryptionParams.from_key`, however it was made. It is never shown by repr().
    """

    __slots__ = ("_derivation", "key")

    OpsLimit = _OpsLimit
    MemLimit = _MemLimit

    def __init__(self, key: _Bytes) -> None:
        if not isinstance(key, (bytes, bytearray, memoryview)):
            raise TypeError("a key is bytes; EncryptionParams.from_string() makes one of a text")
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}; EncryptionParams.from_string() makes one")
        self.key = bytes(key)
        self._derivation: tuple[int, int, bytes] | None = None

    @classmethod
    def random(cls) -> EncryptionParams:
        """With a new key, to be kept: without it the file is lost."""
        return cls(os.urandom(KEY_BYTES))

    @classmethod
    def from_string(
        cls,
        source: Union[str, bytes],
        opslimit: Union[_OpsLimit, int, None] = None,
        memlimit: Union[_MemLimit, int, None] = None,
        salt: Union[str, bytes, None] = None,
        *,
        encoding: str = "utf-8",
    ) -> EncryptionParams:
        """With the key that Argon2id makes of a password, by default in half a second and 256 MiB.

        `opslimit` is the number of passes, `memlimit` bytes; `salt` 16 bytes, random unless given. Both limits and the
        salt are stored in the file. Raises `tzio.Error` where they ask for more than this machine or tzio allows.
        """
        password = _password(source, encoding)
        if isinstance(opslimit, _MemLimit) or not isinstance(opslimit, (int, type(None))):
            raise TypeError(f"opslimit is an EncryptionParams.OpsLimit, int or None, not {type(opslimit).__name__}")
        if isinstance(memlimit, _OpsLimit) or not isinstance(memlimit, (int, type(None))):
            raise TypeError(f"memlimit is an EncryptionParams.MemLimit, int or None, not {type(memlimit).__name__}")
        if isinstance(salt, str):
            salt = salt.encode(encoding)
        if salt is not None and not isinstance(salt, (bytes, bytearray, memoryview)):
            raise TypeError(f"a salt is str, bytes or None, not {type(salt).__name__}")
        chosen = os.urandom(SALT_BYTES) if salt is None else bytes(salt)
        if len(chosen) != SALT_BYTES:
            raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(chosen)}")
        passes = _OpsLimit.MODERATE if opslimit is None else opslimit
        memory = _MemLimit.MODERATE if memlimit is None else memlimit
        derivation = (int(passes), int(memory), chosen)
        with Running():
            params = cls(_core.derive_key(password, derivation))
        params._derivation = derivation
        return params

    @property
    def salt(self) -> bytes:
        """Of from_string(); ValueError for keys that come from nowhere."""
        if self._derivation is None:
            raise ValueError("An exact binary key is being used, which has no salt")
        return self._derivation[2]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EncryptionParams):
            return NotImplemented
        return (self.key, self._derivation) == (other.key, other._derivation)

    __hash__ = None  # type: ignore[assignment] # as the original has it

    def __repr__(self) -> str:
        return f"EncryptionParams({'random or given key' if self._derivation is None else 'key of a password'})"


class DecryptionParams:
    """How a TensorDeserializer decrypts: made by `from_string()` or `from_key()`. repr() shows neither."""

    __slots__ = ("key", "source")

    def __init__(self) -> None:
        self.key: bytes | None = None
        self.source: bytes | None = None

    @classmethod
    def from_string(cls, source: Union[str, bytes], *, encoding: str = "utf-8") -> DecryptionParams:
        """For files of EncryptionParams.from_string(); what else makes the key stands in the file."""
        params = cls()
        params.source = _password(source, encoding)
        return params

    @classmethod
    def from_key(cls, key: _Bytes) -> DecryptionParams:
        """For any encrypted file."""
        if not key:
            raise ValueError("Key cannot be empty")
        if not isinstance(key, (bytes, bytearray, memoryview)):
            raise TypeError("a key is bytes; DecryptionParams.from_string() takes a text")
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}; DecryptionParams.from_string() takes texts")
        params = cls()
        params.key = bytes(key)
        return params

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DecryptionParams):
            return NotImplemented
        return (self.key, self.source) == (other.key, other.source)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DecryptionParams({'key' if self.key is not None else 'password'})"


def _password(source: object, encoding: str) -> bytes:
    """Its bytes. What it is stays out of the errors."""
    if not source:
        raise ValueError("Source cannot be empty")
    if isinstance(source, str):
        try:
            return source.encode(encoding)
        except UnicodeEncodeError:
            raise ValueError(f"the password has letters that {encoding} lacks: give another encoding") from None
    if not isinstance(source, (bytes, bytearray, memoryview)):
        raise TypeError(f"a password is str or bytes, not {type(source).__name__}")
    return bytes(source)
