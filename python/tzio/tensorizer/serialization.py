"""The names of `tensorizer.serialization`."""

from __future__ import annotations

import logging
import os
from typing import Any

from ..errors import CryptographyError, HashMismatchError
from .deserializer import TensorDeserializer
from .devices import current_cuda_device as _resolve_cuda_device
from .encryption import DecryptionParams, EncryptionParams
from .entries import (
    ENCRYPTION_TENSORIZER_VERSION,
    LONG_TENSOR_TENSORIZER_VERSION,
    META_TENSOR_TENSORIZER_VERSION,
    NON_OPAQUE_TENSORIZER_VERSION,
    OPAQUE_TENSORIZER_VERSION,
    TENSORIZER_MAGIC,
    TENSORIZER_VERSION,
    HashType,
    TensorHash,
    TensorType,
)
from .entries import Entry as TensorEntry
from .entries import FileFeatureFlags as _FileFeatureFlags
from .entries import FileHeader as _FileHeader
from .paths import FilterFuncType
from .serializer import TensorSerializer

__all__ = [
    "CryptographyError",
    "DecryptionParams",
    "EncryptionParams",
    "FilterFuncType",
    "TensorDeserializer",
    "TensorSerializer",
    "TensorType",
]

#: Names of the original's module that programs import, beside those of __all__.
_others: tuple[Any, ...] = (
    ENCRYPTION_TENSORIZER_VERSION,
    LONG_TENSOR_TENSORIZER_VERSION,
    META_TENSOR_TENSORIZER_VERSION,
    NON_OPAQUE_TENSORIZER_VERSION,
    OPAQUE_TENSORIZER_VERSION,
    TENSORIZER_MAGIC,
    TENSORIZER_VERSION,
    HashMismatchError,
    HashType,
    TensorEntry,
    TensorHash,
    _FileFeatureFlags,
    _FileHeader,
    _resolve_cuda_device,
)

logger = logging.getLogger("tensorizer.serialization")
cpu_count: int = len(os.sched_getaffinity(0))
