"""Random state dicts go both ways between tzio.tensorizer and the original. `TZ_RANDOM` says how many, by default 50;
`TZ_TEST_SEED` repeats one that failed."""

import os
import random

import pytest
import tensorizer as original
import torch
import tzio.tensorizer as ours
from conftest import assert_same, raw, write

COUNT = int(os.environ.get("TZ_RANDOM", "50"))
FIRST_SEED = int(os.environ.get("TZ_TEST_SEED", "0"))
PARTS = 10  # tests, so that a failure is seen early; their order says nothing
KEY = bytes(range(32))


def storable(dtype: torch.dtype) -> bool:
    """Of whole bytes, and without parameters of its own, as the quantized types have."""
    if str(dtype).startswith(("torch.q", "torch.quint")):
        return False
    try:
        return torch.zeros(16, dtype=torch.uint8).view(dtype).numel() == 16 // dtype.itemsize
    except (RuntimeError, AttributeError):
        return False


DTYPES = sorted({each for each in vars(torch).values() if isinstance(each, torch.dtype) and storable(each)}, key=str)


class Maker:
    """Tensors and structures of one seed; without `empty` those that have elements, since the original can't encrypt
    others."""

    def __init__(self, seed: int, empty: bool) -> None:
        self.sizes = [0, 1, 2, 3, 7, 16, 61] if empty else [1, 2, 3, 7, 16, 61]
        self.random = random.Random(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.made: list[torch.Tensor] = []

    def tensor(self) -> torch.Tensor:
        """One of those that were made already, every fifth time: whole, or a part of it."""
        if self.made and self.random.random() < 0.2:
            chosen = self.random.choice(self.made)
            return chosen if chosen.dim() == 0 or self.random.random() < 0.5 else chosen[: (chosen.shape[0] + 1) // 2]
        shape = [self.random.choice(self.sizes) for _ in range(self.random.randrange(4))]
        if self.random.random() < 0.05:
            shape = [300_000]
        dtype = self.random.choice(DTYPES)
        count = int(torch.tensor(shape).prod()) if shape else 1
        filled = torch.randint(0, 256, (count * dtype.itemsize,), dtype=torch.uint8, generator=self.generator)
        tensor = ((filled & 1) if dtype == torch.bool else filled).view(dtype).reshape(shape)
        if len(shape) > 1 and self.random.random() < 0.3:
            tensor = tensor.transpose(0, -1)
        self.made.append(tensor)
        return tensor

    def key(self) -> str:
        letters = "abc.é_ \x1f\"\\/0"
        return "".join(self.random.choice(letters) for _ in range(self.random.randrange(1, 20)))

    def structure(self, depth: int = 0):
        sizes = self.random.randrange(1, 6)
        if depth and self.random.random() < 0.4:
            return [self.value(depth) for _ in range(sizes)]
        return {self.key(): self.value(depth) for _ in range(sizes)}

    def value(self, depth: int):
        return self.structure(depth + 1) if depth < 3 and self.random.random() < 0.25 else self.tensor()


def assert_same_tree(got, expected):
    if isinstance(expected, torch.Tensor):
        assert_same(got.data, expected)
    elif isinstance(expected, dict):
        assert isinstance(got, dict) and list(got) == list(expected)
        for key, value in expected.items():
            assert_same_tree(got[key], value)
    else:
        assert isinstance(got, list) and len(got) == len(expected)
        for one, other in zip(got, expected):
            assert_same_tree(one, other)


def copied(value):
    """For the original, which encrypts in place, and can't write what PyTorch can't copy."""
    if isinstance(value, torch.Tensor):
        return raw(value).view(value.dtype).reshape(value.shape)
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value]


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("part", range(PARTS))
def test_random_state_dicts_go_both_ways(path, part):
    for seed in range(FIRST_SEED + part, FIRST_SEED + COUNT, PARTS):
        print(f"TZ_TEST_SEED={seed}")  # seen when it fails
        encrypted = seed % 4 == 3
        expected = Maker(seed, empty=not encrypted).structure()
        for writer, reader in ((ours, original), (original, ours)):
            value = copied(expected) if writer is original else expected
            write(writer, path, value, encryption=writer.EncryptionParams(KEY) if encrypted else None)
            with reader.TensorDeserializer(
                str(path),
                device="cpu",
                verify_hash=True,
                encryption=reader.DecryptionParams.from_key(KEY) if encrypted else None,
                lazy_load=seed % 3 == 0,
            ) as loaded:
                assert_same_tree(loaded.tree(), expected)


def test_there_are_types_to_choose_from():
    assert len(DTYPES) > 25
    assert {torch.bfloat16, torch.float8_e4m3fn, torch.uint16, torch.complex64, torch.bool} <= set(DTYPES)
