"""What the changes to safetensors files share. Each is a function of the file and of chance, that gives the verdict
which the file must get then, or None where it does not fit the file and has changed nothing."""

from __future__ import annotations

import random
from collections.abc import Callable

from safetensors_file import Object, SafetensorsFile
from verdicts import Verdict

Lots = random.Random
Mutation = Callable[[SafetensorsFile, Lots], Verdict | None]

MUTATIONS: list[Mutation] = []
LARGE = [2**31, 2**32, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


def mutation(function: Mutation) -> Mutation:
    MUTATIONS.append(function)
    return function


def one(file: SafetensorsFile, lots: Lots) -> Object | None:
    return lots.choice(file.tensors) if file.tensors else None


def of_data(file: SafetensorsFile) -> list[Object]:
    """Those that have some."""
    return [tensor for tensor in file.tensors if tensor["data_offsets"][0] != tensor["data_offsets"][1]]


def product(shape: list[int]) -> int:
    total = 1
    for dimension in shape:
        total *= dimension
    return total
