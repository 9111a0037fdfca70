"""What constructors refuse before they open anything: arguments of wrong types and values."""

from __future__ import annotations

from typing import Any

from .encryption import DecryptionParams, EncryptionParams


def _check_count(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, int):
        raise TypeError(f"{name}: expected int or None, got {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{name} must be positive, got {value}")


def check_serializer(limit_cpu_concurrency: Any, encryption: Any) -> None:
    _check_count("limit_cpu_concurrency", limit_cpu_concurrency)
    if encryption is not None and not isinstance(encryption, EncryptionParams):
        raise TypeError(f"encryption: expected EncryptionParams or None, {type(encryption).__name__} found")


def check_deserializer(num_readers: Any, encryption: Any, dtype_policy: str) -> None:
    _check_count("num_readers", num_readers)
    if encryption is not None and not isinstance(encryption, DecryptionParams):
        raise TypeError(f"encryption: expected DecryptionParams or None, {type(encryption).__name__} found")
    if encryption is not None and encryption.key is None and encryption.source is None:
        raise ValueError("Invalid DecryptionParams, no key or source string provided")
    if dtype_policy not in ("all", "floating"):
        raise ValueError(f"dtype_policy={dtype_policy!r} is neither all nor floating")
