"""A drop-in for tensorizer 2.12.1: `import tzio.tensorizer as tensorizer`, or `tzio.install_as("tensorizer")`.

Files are the same, both ways. What differs is written in docs/tensorizer.md.
"""

from . import serialization, stream_io, torch_compat, utils
from ._version import __version__
from .serialization import (
    CryptographyError,
    DecryptionParams,
    EncryptionParams,
    FilterFuncType,
    TensorDeserializer,
    TensorSerializer,
    TensorType,
)

__all__ = [
    "CryptographyError",
    "DecryptionParams",
    "EncryptionParams",
    "FilterFuncType",
    "TensorDeserializer",
    "TensorSerializer",
    "TensorType",
    "__version__",
    "serialization",
    "stream_io",
    "torch_compat",
    "utils",
]
