"""On which device tensors end up."""

from __future__ import annotations

from typing import Any

import torch


def chosen_device(device: Any) -> torch.device:
    """None: the GPU where there is one. RuntimeError for one that isn't there."""
    found = torch.device("cuda" if torch.cuda.is_available() else "cpu") if device is None else torch.device(device)
    if found.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("Cannot deserialize to CUDA device because CUDA is not available")
    return found


def current_cuda_device() -> torch.device:
    """What a bare "cuda" means now: a `with torch.device("cuda:1")` counts before a torch.cuda.device(1)."""
    mode = torch.overrides._get_current_function_mode()  # type: ignore[no-untyped-call]
    device = getattr(mode, "device", None)
    if isinstance(device, torch.device) and device.type == "cuda" and device.index is not None:
        return device
    initialized = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.device("cuda", torch.cuda.current_device() if initialized else 0)
