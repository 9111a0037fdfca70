"""Modules whose parameters are on GPUs."""

import threading
import types

import pytest
import torch
import tzio
from torch import nn

ROWS = 500


class OnGpu(torch.Tensor):
    """A tensor that says so."""

    @property
    def device(self):
        return torch.device("cuda", self.gpu)


def on_gpu(tensor, gpu):
    made = tensor.as_subclass(OnGpu)
    made.gpu = gpu
    return made


class Buffers(nn.Module):
    def __init__(self, tensors):
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


@pytest.fixture
def expected():
    torch.manual_seed(5)
    return {"a": torch.randn(ROWS, 64), "b": torch.randn(300, 7).to(torch.float16), "c": torch.arange(5)}


@pytest.fixture
def path(tmp_path, suffix, expected):
    tzio.save_file(expected, tmp_path / f"new.{suffix}")
    return tmp_path / f"new.{suffix}"


@pytest.fixture
def old(tmp_path, expected, torch_with_cuda):
    """Function of the GPU: tensors of the same kind there."""
    tzio.save_file({name: torch.zeros_like(tensor) for name, tensor in expected.items()}, tmp_path / "old.tensors")
    return lambda gpu: tzio.load_file(tmp_path / "old.tensors", device=f"cuda:{gpu}")


@pytest.fixture
def streams(cuda, monkeypatch):
    """The current streams, by GPU; PyTorch's default ones at first."""
    current = {0: 0, 1: 0}
    monkeypatch.setattr(
        torch.cuda, "current_stream", lambda gpu: types.SimpleNamespace(cuda_stream=current[gpu])
    )
    return current


def assert_filled(tensors, expected):
    for name, tensor in expected.items():
        assert torch.equal(tensors[name], tensor), name


def test_buffers_on_gpus_are_filled_in_place(path, expected, old, streams, cuda):
    tensors = {**{name: (0, tensor) for name, tensor in old(0).items()}, "a": (1, old(1)["a"])}
    held = cuda.device_bytes()
    info = tzio.load_into_module(Buffers({name: on_gpu(value, gpu) for name, (gpu, value) in tensors.items()}), path)
    assert_filled({name: value for name, (_, value) in tensors.items()}, expected)
    assert (info.tensors, info.missing, info.unexpected) == (3, [], [])
    assert cuda.device_bytes() == held


@pytest.mark.parametrize("own", [True, False], ids=["own", "default"])
def test_what_the_stream_has_to_do_comes_first(path, expected, old, streams, cuda, own):
    """Here it spoils what came before it, and can't begin for a while."""
    tensors = old(0)
    module = Buffers({name: on_gpu(value, 0) for name, value in tensors.items()})
    stream = cuda.new_stream(0) if own else 1
    streams[0] = stream if own else 0
    load = threading.Thread(target=tzio.load_into_module, args=(module, path))
    with cuda.holding(stream):
        for tensor in tensors.values():
            cuda.fill(tensor.data_ptr(), tensor.nbytes, stream)
        load.start()
        load.join(0.3)
        assert load.is_alive()
    load.join()
    cuda.synchronize(stream)
    assert_filled(tensors, expected)
    if own:
        cuda.destroy_stream(stream)


def test_what_fits_is_filled_and_the_rest_is_copied(path, expected, old, streams):
    tensors = old(0)
    other = torch.zeros(ROWS, 64, dtype=torch.float64)
    module = Buffers({**{name: on_gpu(value, 0) for name, value in tensors.items()}, "a": other})
    tzio.load_into_module(module, path)
    assert_filled({**tensors, "a": other.float()}, expected)


def test_a_module_without_memory_gets_it_on_the_gpu(path, expected, torch_with_cuda):
    module = Buffers({name: tensor.to("meta") for name, tensor in expected.items()})
    tzio.load_into_module(module, path, device="cuda:1")
    assert_filled(dict(module.named_buffers()), expected)
    assert torch_with_cuda == [1] * len(expected)


def test_what_a_failed_load_filled_is_no_secret(tmp_path, expected, old, streams):
    """What was on its way is overwritten."""
    path = tmp_path / "sealed.tensors"
    tzio.save_file(expected, path, key=bytes(32))
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    tensors = old(0)
    with pytest.raises(tzio.CryptographyError):
        tzio.load_into_module(
            Buffers({name: on_gpu(value, 0) for name, value in tensors.items()}), path, key=bytes(32)
        )
    for name, tensor in tensors.items():
        assert torch.equal(tensor, expected[name]) or not tensor.any(), name
