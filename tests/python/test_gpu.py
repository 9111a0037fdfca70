"""Loads to a real GPU. test_device_*.py have the rest, without one."""

import gc

import pytest
import torch
import tzio
from conftest import assert_same, weights
from tzio import _core

pytestmark = pytest.mark.skipif(
    not (_core.with_cuda and torch.cuda.is_available()), reason="needs a GPU, a PyTorch with CUDA, and a tzio with it"
)


@pytest.fixture
def saved(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    tzio.save_file(weights(), path)
    return path


def assert_weights(tensors):
    torch.cuda.synchronize()
    assert set(tensors) == set(weights())
    for name, expected in weights().items():
        assert tensors[name].device == torch.device("cuda", 0)
        assert_same(tensors[name].cpu(), expected)


def test_tensors_are_pytorchs_on_the_gpu(saved):
    assert_weights(tzio.load_file(saved, device="cuda:0"))
    with tzio.open(saved, device="cuda", prefetch_bytes="100KB") as file:
        assert_weights(dict(iter(file)))


def test_encrypted_tensors_are_decrypted_on_the_way(tmp_path):
    tzio.save_file(weights(), tmp_path / "a.tensors", key=bytes(32))
    assert_weights(tzio.load_file(tmp_path / "a.tensors", device="cuda:0", key=bytes(32), verify="all"))


def test_objects_of_dlpack_become_tensors(saved):
    made = tzio.load_file(saved, framework="dlpack", device="cuda:0")
    assert_same(torch.from_dlpack(made["positions"]).cpu(), weights()["positions"])


def test_memory_goes_back_to_the_gpu(tmp_path):
    tzio.save_file({"a": torch.ones(64 << 20)}, tmp_path / "a.tensors")
    # what a process takes once, PyTorch's kernels too
    assert tzio.load_file(tmp_path / "a.tensors", device="cuda:0")["a"][:10].sum().item() == 10
    gc.collect()
    before = torch.cuda.mem_get_info(0)[0]
    kept = tzio.load_file(tmp_path / "a.tensors", device="cuda:0")["a"][:10]
    assert before - torch.cuda.mem_get_info(0)[0] >= 256 << 20
    assert kept.sum().item() == 10
    del kept
    gc.collect()
    assert before - torch.cuda.mem_get_info(0)[0] < 64 << 20


@pytest.mark.parametrize("own", [True, False], ids=["own", "default"])
def test_parameters_are_filled_in_place_after_what_the_stream_has_to_do(tmp_path, own):
    expected = torch.nn.Linear(2000, 2000)
    tzio.save_file(expected.state_dict(), tmp_path / "a.safetensors")
    module = torch.nn.Linear(2000, 2000, device="cuda:0")
    places = [parameter.data_ptr() for parameter in module.parameters()]
    torch.cuda.synchronize()
    with torch.cuda.stream(torch.cuda.Stream() if own else torch.cuda.default_stream()):
        torch.cuda._sleep(2_000_000_000)  # of the GPU's cycles, a second or so
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(7)
        tzio.load_into_module(module, tmp_path / "a.safetensors")
    torch.cuda.synchronize()
    assert [parameter.data_ptr() for parameter in module.parameters()] == places
    for name, parameter in module.state_dict().items():
        assert_same(parameter.cpu(), expected.state_dict()[name])


def test_a_number_that_is_out_of_range(saved):
    with pytest.raises(tzio.DeviceError, match="there is no such device") as caught:
        tzio.load_file(saved, device="cuda:77")
    assert not caught.value.sticky
    assert_weights(tzio.load_file(saved, device="cuda:0"))
