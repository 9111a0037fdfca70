"""Memory in use, sizes as text, and `no_init_or_tensor`: the names of `tensorizer.utils`."""

from __future__ import annotations

import resource
from typing import Any, NamedTuple, Optional

import torch

from .no_init import no_init_or_tensor

__all__ = [
    "CPUMemoryUsage",
    "GlobalGPUMemoryUsage",
    "MemoryUsage",
    "TorchGPUMemoryUsage",
    "convert_bytes",
    "get_device",
    "get_gpu_name",
    "get_mem_usage",
    "no_init_or_tensor",
]


def convert_bytes(num: float, decimal: bool = True) -> str:
    """As "123.5 MB", or with `decimal=False` "117.7 MiB"."""
    step = 1000.0 if decimal else 1024.0
    infix = "B" if decimal else "iB"
    units = ["bytes", *(letter + infix for letter in "KMGTP")]
    place = 0
    while num >= step and place + 1 < len(units):
        num /= step
        place += 1
    return f"{num:3.1f} {units[place]}"


def get_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def get_gpu_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "N/A"


class GlobalGPUMemoryUsage(NamedTuple):
    """Bytes of one GPU, of all processes."""

    total: int
    free: int
    used: int

    @classmethod
    def now(cls, device: Any = None) -> Optional[GlobalGPUMemoryUsage]:
        if not torch.cuda.is_available():
            return None
        free, total = torch.cuda.mem_get_info(device)
        return cls(total, free, total - free)

    def __str__(self) -> str:
        return f"GPU: (U: {_mib(self.used)} F: {_mib(self.free)} T: {_mib(self.total)})"


class TorchGPUMemoryUsage(NamedTuple):
    """Bytes of one GPU that PyTorch holds here."""

    reserved: int
    reserved_max: int
    used: int
    used_max: int

    @classmethod
    def now(cls, device: Any = None) -> Optional[TorchGPUMemoryUsage]:
        if not torch.cuda.is_available():
            return None
        stats = torch.cuda.memory_stats(device)
        names = ("reserved_bytes.all", "allocated_bytes.all")
        return cls(*(stats.get(f"{name}.{which}", 0) for name in names for which in ("current", "peak")))

    def __str__(self) -> str:
        reserved = f"{_mib(self.reserved)}/{_mib(self.reserved_max)}"
        return f"TORCH: (R: {reserved}, A: {_mib(self.used)}/{_mib(self.used_max)})"


class CPUMemoryUsage(NamedTuple):
    """`maxrss`: the most bytes this process and its children held; `free`: what others can still take."""

    maxrss: int
    free: int

    @classmethod
    def now(cls) -> CPUMemoryUsage:
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return cls(sum(resource.getrusage(each).ru_maxrss for each in who) << 10, _available())

    def __str__(self) -> str:
        return f"CPU: (maxrss: {_mib(self.maxrss)} F: {_mib(self.free)})"


class MemoryUsage(NamedTuple):
    """All three; None for what isn't there."""

    cpu: CPUMemoryUsage
    gpu: Optional[GlobalGPUMemoryUsage]
    torch: Optional[TorchGPUMemoryUsage]

    @classmethod
    def now(cls, device: Any = None) -> MemoryUsage:
        return cls(CPUMemoryUsage.now(), GlobalGPUMemoryUsage.now(device), TorchGPUMemoryUsage.now(device))

    def __str__(self) -> str:
        return " ".join(str(each) for each in self if each)


def get_mem_usage() -> str:
    """str(MemoryUsage.now())"""
    return str(MemoryUsage.now())


def _mib(size: int) -> str:
    return f"{size >> 20:,}MiB"


def _available() -> int:
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0
