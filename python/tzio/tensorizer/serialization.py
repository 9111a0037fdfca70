"""The names of `tensorizer.serialization`: those of __all__, and others that programs import from there."""

from __future__ import annotations

import logging
import os

from ..errors import CryptographyError
from ..errors import HashMismatchError as HashMismatchError
from .deserializer import TensorDeserializer
from .devices import current_cuda_device as _resolve_cuda_device
from .encryption import DecryptionParams, EncryptionParams
from .entries import (
    ENCRYPTION_TENSORIZER_VERSION as ENCRYPTION_TENSORIZER_VERSION,
    LONG_TENSOR_TENSORIZER_VERSION as LONG_TENSOR_TENSORIZER_VERSION,
    META_TENSOR_TENSORIZER_VERSION as META_TENSOR_TENSORIZER_VERSION,
    NON_OPAQUE_TENSORIZER_VERSION as NON_OPAQUE_TENSORIZER_VERSION,
    OPAQUE_TENSORIZER_VERSION as OPAQUE_TENSORIZER_VERSION,
    TENSORIZER_MAGIC as TENSORIZER_MAGIC,
    TENSORIZER_VERSION as TENSORIZER_VERSION,
    HashType as HashType,
    TensorHash as TensorHash,
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

logger = logging.getLogger("tensorizer.serialization")
cpu_count: int = len(os.sched_getaffinity(0))
