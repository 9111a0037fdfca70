"""Loads and saves model weights: safetensors and `.tensors` files, from disks, HTTP and S3, verified and decrypted.

    tensors = tzio.load_file("model.safetensors")
    with tzio.open(["shard-1.tensors", "s3://models/shard-2.tensors"]) as f:
        for name, tensor in f:
            ...

Nothing here needs PyTorch before a tensor of PyTorch's is wanted.
"""

from . import main_interpreter  # isort: skip # first: it may refuse
from . import _core
from .config import Config
from .errors import (
    CancelledError,
    CryptographyError,
    DeadlineError,
    DeniedError,
    DeviceError,
    DeviceMemoryError,
    Error,
    FormatError,
    HashMismatchError,
    LimitError,
    NotFoundError,
    ObjectChangedError,
    StorageError,
    UnknownTypeError,
    UnsupportedError,
    UsageError,
)
from .loading import FileInfo, ModuleInfo, TensorInfo, info, load_file, load_into_module
from .reader import File, open  # noqa: A004
from .request import Progress
from .saving import save_file
from .slices import Slice
from .standing_in import install_as
from .stats import Stats

__version__ = _core.version()
del main_interpreter

__all__ = [
    "CancelledError",
    "Config",
    "CryptographyError",
    "DeadlineError",
    "DeniedError",
    "DeviceError",
    "DeviceMemoryError",
    "Error",
    "File",
    "FileInfo",
    "FormatError",
    "HashMismatchError",
    "LimitError",
    "ModuleInfo",
    "NotFoundError",
    "ObjectChangedError",
    "Progress",
    "Slice",
    "Stats",
    "StorageError",
    "TensorInfo",
    "UnknownTypeError",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "info",
    "install_as",
    "load_file",
    "load_into_module",
    "open",
    "save_file",
]
