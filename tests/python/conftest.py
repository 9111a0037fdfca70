"""Tests of the package `tzio`, by pytest: `PYTHONPATH=build/release/python python -m pytest tests/python`."""

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(params=["tensors", "safetensors"])
def suffix(request) -> str:
    return request.param


def weights() -> dict[str, torch.Tensor]:
    """A bit of everything."""
    torch.manual_seed(1)
    return {
        "layers.0.weight": torch.randn(300, 400),
        "layers.0.bias": torch.randn(300).to(torch.bfloat16),
        "layers.1.weight": torch.randn(500, 300).to(torch.float16),
        "positions": torch.arange(1000),
        "mask": torch.tensor([[True, False], [False, True]]),
        "scale": torch.tensor(0.5, dtype=torch.float64),
        "nothing": torch.empty(0, 7),
        "bytes": torch.randint(0, 256, (12345,), dtype=torch.uint8),
        "fp8": torch.randn(16, 16).to(torch.float8_e4m3fn),
    }


def assert_same(got: torch.Tensor, expected: torch.Tensor):
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    raw = got.contiguous().reshape(-1).view(torch.uint8), expected.contiguous().reshape(-1).view(torch.uint8)
    assert torch.equal(*raw)
