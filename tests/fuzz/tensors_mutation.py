"""What the changes to `.tensors` files share. Each is a function of the file and of chance, that gives the verdict
which the file must get then, or None where it does not fit the file and has changed nothing."""

from __future__ import annotations

import random
from collections.abc import Callable

from tensors_file import Tensor, TensorsFile
from verdicts import Verdict

Lots = random.Random
Mutation = Callable[[TensorsFile, Lots], Verdict | None]

MUTATIONS: list[Mutation] = []
LARGE = [2**16, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


def mutation(function: Mutation) -> Mutation:
    MUTATIONS.append(function)
    return function


def one(file: TensorsFile, lots: Lots) -> Tensor:
    return lots.choice(file.tensors)


def encrypted(file: TensorsFile) -> bool:
    return file.tensors[0].crypt is not None


def product(shape) -> int:
    total = 1
    for dimension in shape:
        total *= dimension
    return total


def untagged_region_bytes(file: TensorsFile) -> int:
    """Of an index whose entries have no versions."""
    return sum(len(tensor.description(tensor.index, False)) + 24 for tensor in file.tensors) + len(file.unused)


def region_bytes(file: TensorsFile) -> int:
    return untagged_region_bytes(file) + (4 * len(file.tensors) if file.flags[0] & 2 else 0)
