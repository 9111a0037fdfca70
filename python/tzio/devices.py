"""Where tensors go: to a GPU at once, by the engine; to the host's memory; or there, and on by PyTorch's copies."""

from __future__ import annotations

import dataclasses
import logging
import re
import sys
from typing import Any

from . import _core
from .errors import DeviceError, UsageError

_log = logging.getLogger("tzio")

#: CUDA's number (`cudaErrorInsufficientDriver`) for a driver that is older than the toolkit of the build.
OLD_DRIVER = 35
#: CUDA's name (`cudaStreamLegacy`) for the stream that PyTorch and DLPack call 0, which for the engine is none.
DEFAULT_STREAM = 1


@dataclasses.dataclass(frozen=True)
class Target:
    """`gpu`: the number of the one that the engine brings tensors to; None: they come to the host's memory.
    `copied_to`: what PyTorch copies them to from there; None: nothing."""

    gpu: int | None = None
    copied_to: Any = None

    def keywords(self, stream: int = 0) -> dict[str, Any]:
        """Of the engine's loads. `stream`: of the caller, whose work comes before the load writes; 0: none."""
        return {} if self.gpu is None else {"device": (self.gpu, stream)}


HOST = Target()


def target_of(device: Any, framework: Any) -> Target:
    """For tensors of `framework` on `device`. Raises `DeviceError` where there is no such GPU, `UsageError` where the
    framework has no tensors there, and what PyTorch raises for what is no device."""
    if device is None or str(device) == "cpu":
        return HOST
    if framework.name == "torch":
        return _target_of_torch(framework.torch, framework.torch.device(device))
    place = re.fullmatch(r"(?:cuda:)?(\d+)|cuda", str(device))
    if framework.name != "dlpack" or place is None:
        raise UsageError(f"device={str(device)!r}: {framework.name} has no tensors there")
    gpu = int(place[1] or 0)
    if not _core.with_cuda:
        raise _without_cuda(gpu, "this tzio was built without CUDA", "build it where CUDA's toolkit is (TZ_CUDA)")
    _core.open_device(gpu)
    return Target(gpu)


def stream_of(torch: Any, gpu: int) -> int:
    """PyTorch's current one, as the engine takes it."""
    return int(torch.cuda.current_stream(gpu).cuda_stream) or DEFAULT_STREAM


def give_back_cached(keywords: dict[str, Any]) -> bool:
    """Has PyTorch give back what it keeps of a GPU's memory for later; whether that was anything. After a load with
    these `keywords` that found no room."""
    torch = sys.modules.get("torch")
    if "device" not in keywords or torch is None or not torch.cuda.is_initialized():
        return False
    gpu = keywords["device"][0]
    before = torch.cuda.memory_reserved(gpu)
    torch.cuda.empty_cache()
    return bool(torch.cuda.memory_reserved(gpu) < before)


def _target_of_torch(torch: Any, device: Any) -> Target:
    if device.type == "cpu":
        return HOST
    if device.type != "cuda":
        return Target(copied_to=device)
    usable = torch.cuda.is_available()
    gpu = device.index if device.index is not None else torch.cuda.current_device() if usable else 0
    if torch.version.cuda is None and torch.version.hip is None:
        raise _without_cuda(gpu, "this PyTorch was built without CUDA", "install one with CUDA")
    if torch.version.hip is not None or not _core.with_cuda:
        if not usable:
            raise _without_cuda(gpu, "PyTorch finds no GPU, or no driver of one", "look at CUDA_VISIBLE_DEVICES")
        return Target(copied_to=device)
    try:
        _core.open_device(gpu)
    except DeviceError as error:
        if not usable or error.code != OLD_DRIVER:
            raise
        _log.warning("tensors go to the GPU by PyTorch's copies, which are slower: %s", error)
        return Target(copied_to=device)
    return Target(gpu)


def _without_cuda(gpu: int, text: str, hint: str) -> DeviceError:
    error = DeviceError(f"cuda:{gpu}: {text}; {hint}, or leave out the device")
    error.device, error.hint = gpu, f"{hint}, or leave out the device"
    return error
