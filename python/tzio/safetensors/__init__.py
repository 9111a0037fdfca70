"""A drop-in for the package `safetensors` 0.8: change the import, the rest of a program stays.

    from tzio.safetensors import safe_open
    from tzio.safetensors.torch import load_file, save_file, load_model, save_model

Names of files may also be URLs (http, https, s3). `backend` is accepted and ignored: the engine chooses. Tensors own
their memory; they never are pages of a file that someone may cut short.
"""

from .errors import SafetensorError
from .opening import _safe_open_handle, safe_open
from .serializing import TensorSpec, deserialize, serialize, serialize_file

#: The version of `safetensors` whose signatures these are.
__version__ = "0.8.0"

__all__ = ["SafetensorError", "TensorSpec", "deserialize", "safe_open", "serialize", "serialize_file"]
