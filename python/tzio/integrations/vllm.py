"""vLLM's load format `tzio`: `vllm serve MODEL --load-format tzio`, once this package is installed beside it.

`--model-loader-extra-config` takes a JSON object with, all optional:
    concurrency   reads or connections at once, as Config.concurrency
    memory_limit  staging memory, bytes or a text like "4GiB", as Config.memory_limit
    pattern       which files of a local folder: "consolidated*.safetensors"
    distributed   accepted: every process reads what it is asked for by itself
    key_file      a file with the key of encrypted .tensors files: 32 bytes, or 64 hex digits

With --enable-expert-parallel and --enable-ep-weight-filter, weights of other processes' experts are not read.

Written to the signatures of vLLM 0.28 to 0.31, and tested with stand-ins made from these, not with vLLM itself.
"""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..model_places import first_found, model_places
from ..reader import open as open_files
from .vllm_experts import is_wanted

FORMAT = "tzio"

_config_keys = ("concurrency", "memory_limit")
_keys = (*_config_keys, "pattern", "distributed", "key_file")


@functools.cache
def register() -> None:
    """vLLM calls this in each of its processes, some of them more than once."""
    from vllm.model_executor.model_loader import register_model_loader
    from vllm.model_executor.model_loader.base_loader import BaseModelLoader

    class TzioModelLoader(BaseModelLoader):  # type: ignore[misc]
        """Streams safetensors and .tensors files into a model."""

        def __init__(self, load_config: Any) -> None:
            super().__init__(load_config)
            self._extra = checked(load_config.model_loader_extra_config)

        def download_model(self, model_config: Any) -> None:
            """Fetches a model of the Hugging Face Hub; folders and URLs need no copy."""
            self._place(model_config)

        def load_weights(self, model: Any, model_config: Any) -> None:
            progress, wanted = self.load_config.use_tqdm_on_load, is_wanted(self.load_config, model_config)
            model.load_weights(weights(self._place(model_config), self._extra, progress, wanted))

        def _place(self, model_config: Any) -> str:
            name = getattr(model_config, "model_weights", None) or model_config.model
            if "://" in name or os.path.exists(name):
                return str(name)
            from vllm.model_executor.model_loader.weight_utils import download_weights_from_hf

            config = self.load_config
            return str(
                download_weights_from_hf(
                    name,
                    config.download_dir,
                    [self._extra.get("pattern", "*.safetensors"), "*.safetensors.index.json"],
                    model_config.revision,
                    ignore_patterns=config.ignore_patterns,
                )
            )

    register_model_loader(FORMAT)(TzioModelLoader)


def checked(extra: Any) -> dict[str, Any]:
    """The extra configuration. `UsageError`, which is a ValueError, for what it doesn't know."""
    found = dict(extra or {})
    unknown = sorted(set(found) - set(_keys))
    if unknown:
        raise UsageError(f"model_loader_extra_config: {FORMAT} knows {list(_keys)}, not {unknown}")
    for name, kinds in (("concurrency", int), ("distributed", bool), ("pattern", str), ("key_file", str)):
        if name in found and not isinstance(found[name], kinds):
            raise UsageError(f"model_loader_extra_config: {name}={found[name]!r} is no {kinds.__name__}")
    return found


def weights(
    place: str, extra: dict[str, Any], progress: bool, wanted: Callable[[str], bool] | None = None
) -> Iterator[tuple[str, Any]]:
    """Name and tensor, in file order, while those behind are being read. The tensors belong to whoever takes them.
    What isn't `wanted` is not read."""
    uris: Any = model_places(place)[1]
    if "pattern" in extra and os.path.isdir(place):
        uris = [sorted(glob.glob(os.path.join(glob.escape(place), extra["pattern"])))]
        if not uris[0]:
            raise FileNotFoundError(f"{place} has no files like {extra['pattern']}")
    key = Path(extra["key_file"]).read_bytes() if "key_file" in extra else None
    keywords: dict[str, Any] = {name: extra[name] for name in _config_keys if name in extra}
    keywords |= {"framework": "torch", "key": _stripped(key), "progress": progress and _is_first(), "tensors": wanted}
    file = first_found(uris, lambda uri: open_files(uri, **keywords))
    with file:
        yield from file


def _stripped(key: bytes | None) -> bytes | None:
    """Without the newline behind hex digits."""
    return key.strip() if key is not None and len(key) > 32 else key


def _is_first() -> bool:
    """One bar is enough."""
    import torch

    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not distributed or torch.distributed.get_rank() == 0
