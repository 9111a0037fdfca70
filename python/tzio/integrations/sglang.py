"""SGLang's load format `runai_streamer`, read by this engine: where TZ_REPLACE=runai_streamer is set.

SGLang takes no load formats from others, but has hooks, and this is one, on the function that reads the weights.
Without the variable nothing changes. Written to the signatures of SGLang 0.5.23, and tested with a stand-in made from
these, not with SGLang itself.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any

from ..compat.runai import SafetensorsStreamer

TARGET = "sglang.srt.model_loader.weight_utils.runai_safetensors_weights_iterator"


@functools.cache
def register() -> None:
    """SGLang calls this in each of its processes."""
    if "runai_streamer" not in os.environ.get("TZ_REPLACE", "").split(","):
        return
    from sglang.srt.plugins.hook_registry import HookRegistry, HookType

    HookRegistry.register(TARGET, weights, HookType.REPLACE)


def weights(
    hf_weights_files: Sequence[str], is_distributed: bool = False, device: str = "cpu"
) -> Iterator[tuple[str, Any]]:
    """Name and tensor. On `device` where `is_distributed`, as SGLang's own; every process reads for itself."""
    with SafetensorsStreamer() as streamer:
        streamer.stream_files(hf_weights_files, device=device if is_distributed else "cpu")
        yield from streamer.get_tensors()
