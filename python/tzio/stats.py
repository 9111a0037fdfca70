"""Facts of loads."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass
class Stats:
    """What the loads of a call, or of an open file so far, took. Bytes are those of tensors; seconds of waiting for
    the loads, not for whoever uses the tensors. `stages` has bytes, CPU seconds and seconds of waiting of each step."""

    bytes: int = 0
    tensors: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    read_bytes: int = 0
    mapped_bytes: int = 0
    requests: int = 0
    retries: int = 0
    refetched: int = 0
    staging_bytes: int = 0  # the most
    stages: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    explanation: str = ""

    def add(self, facts: dict[str, Any]) -> None:
        for name in (
            "bytes", "tensors", "seconds", "cpu_seconds", "read_bytes", "mapped_bytes", "requests", "retries", "refetched",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + facts[name])
        self.staging_bytes = max(self.staging_bytes, facts["staging_bytes"])
        for stage, values in facts["stages"].items():
            sums = self.stages.setdefault(stage, dict.fromkeys(values, 0))
            for name, value in values.items():
                sums[name] += value
        self.explanation = facts["explanation"]

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        rate = self.bytes / self.seconds / 1e9 if self.seconds else 0.0
        return f"{self.bytes / 1e9:.2f} GB in {self.seconds:.2f} s, {rate:.2f} GB/s; {self.explanation}"
