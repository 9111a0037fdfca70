"""Tests of the package `tzio`, by pytest: `PYTHONPATH=build/release/python python -m pytest tests/python`."""

import concurrent.futures
import threading

import fake_cuda
import pytest
import torch
from fake_cuda import cuda, torch_with_cuda  # noqa: F401 - fixtures

torch.set_num_threads(1)

#: CTest runs these with the package that is built for them.
collect_ignore_glob = [] if fake_cuda.is_there() else ["test_device_*.py"]


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
    assert torch.equal(raw(got), raw(expected))


def raw(tensor: torch.Tensor) -> torch.Tensor:
    """Its bytes, by integers: PyTorch can't copy all types, nor view all single elements as bytes."""
    whole = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}
    numbers = tensor.detach().view(whole[tensor.element_size()])
    return numbers.clone(memory_format=torch.contiguous_format).reshape(-1).view(torch.uint8)


def mapped_file(address: int) -> str:
    """Whose pages lie there; empty where they are no file's."""
    for line in open("/proc/self/maps"):
        places, *_, last = line.split(maxsplit=5)
        begin, end = (int(each, 16) for each in places.split("-"))
        if begin <= address < end:
            return last.strip() if last.startswith("/") else ""
    raise AssertionError("nothing lies there")


def in_threads(count, work):
    """Calls `work` in so many threads, which begin at once, each with its number; what one of them raises is raised."""
    ready = threading.Barrier(count)

    def begin(number):
        ready.wait(60)
        work(number)

    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        for done in [threads.submit(begin, number) for number in range(count)]:
            done.result()


nested = {"model": {"layers": [{"w": torch.ones(2)}, {"w": torch.zeros(3)}]}, "head": torch.arange(5)}


class Small(torch.nn.Module):
    """Parameters and buffers, at the root and below, one shared, one frozen."""

    def __init__(self, fill: float = 1.0) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(5, 3)
        self.head = torch.nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight
        self.norm = torch.nn.BatchNorm1d(3)
        self.scale = torch.nn.Parameter(torch.full((3,), fill), requires_grad=False)
        self.register_buffer("table", torch.full((4,), fill), persistent=False)
        torch.nn.init.constant_(self.embed.weight, fill)


def write(package, path, value, **keywords):
    """A module or state dict, by the serializer of ours or the original."""
    serializer = package.TensorSerializer(str(path), **keywords)
    if isinstance(value, torch.nn.Module):
        serializer.write_module(value)
    else:
        serializer.write_state_dict(value)
    serializer.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.tensors"
