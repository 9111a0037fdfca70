"""What goes wrong with GPUs, as Python hears of it."""

import gc
import pickle
import types

import pytest
import torch
import tzio
from conftest import assert_same, weights
from fake_cuda import ILLEGAL_ADDRESS, INITIALIZATION, OUT_OF_MEMORY
from tzio import _core, devices


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    tzio.save_file(weights(), path)
    return path


def failure(path, device="cuda:0", **keywords) -> tzio.DeviceError:
    with pytest.raises(tzio.DeviceError) as caught:
        tzio.load_file(path, device=device, **keywords)
    return caught.value


def test_there_is_no_driver(saved, torch_with_cuda, cuda):
    cuda.set_driver(1, version=0)
    error = failure(saved)
    assert "there is no NVIDIA driver" in str(error)
    assert (error.device, error.code, error.sticky) == (0, 35, False)
    assert error.hint in str(error) and isinstance(error, RuntimeError)


def test_the_driver_is_old(saved, torch_with_cuda, cuda):
    cuda.set_driver(1, version=11080)
    assert "knows CUDA 11.8 at most" in str(failure(saved))


def test_the_driver_is_too_old_for_tzio_but_not_for_pytorch(saved, torch_with_cuda, cuda, monkeypatch):
    cuda.set_driver(1, version=11080)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    expected, copied = weights(), []
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, device: copied.append(device) or tensor)
    assert_same(tzio.load_file(saved, device="cuda:0")["positions"], expected["positions"])
    assert copied == [torch.device("cuda", 0)] * len(expected)
    assert torch_with_cuda == []


def test_there_is_no_gpu(saved, torch_with_cuda, cuda):
    cuda.set_driver(0)
    error = failure(saved)
    assert "sees no GPU" in str(error) and "CUDA_VISIBLE_DEVICES" in error.hint


def test_the_number_is_out_of_range(saved, torch_with_cuda, cuda):
    error = failure(saved, "cuda:2")
    assert "there is no such device: the driver shows 2" in str(error)
    assert (error.device, error.sticky) == (2, False)
    with pytest.raises(tzio.DeviceError):
        tzio.open(saved, device="cuda:2")


def test_a_gpu_without_room(saved, torch_with_cuda, cuda):
    cuda.set_memory(10_000)
    error = failure(saved)
    assert type(error) is tzio.DeviceMemoryError and isinstance(error, MemoryError)
    assert (error.device, error.code, error.sticky) == (0, OUT_OF_MEMORY, False)
    assert str(saved) in str(error) and "bytes of memory are free on the device" in str(error)
    cuda.set_memory(1 << 34)
    assert len(tzio.load_file(saved, device="cuda:0")) == len(weights())


def test_an_allocation_that_fails(saved, torch_with_cuda, cuda):
    cuda.fail("cudaMalloc", OUT_OF_MEMORY)
    assert type(failure(saved)) is tzio.DeviceMemoryError


def test_what_pytorch_keeps_for_later_makes_room(saved, torch_with_cuda, cuda, monkeypatch):
    reserved = [1 << 30]

    def empty_cache():
        reserved[0] = 0
        cuda.set_memory(1 << 34)

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda gpu: reserved[gpu])
    monkeypatch.setattr(torch.cuda, "empty_cache", empty_cache)
    cuda.set_memory(10_000)
    assert len(tzio.load_file(saved, device="cuda:0")) == len(weights())
    cuda.set_memory(10_000)
    assert type(failure(saved)) is tzio.DeviceMemoryError  # it keeps nothing any more


def test_a_sticky_error_says_so(saved, torch_with_cuda, cuda):
    cuda.fail("work", ILLEGAL_ADDRESS)
    error = failure(saved)
    assert (error.sticky, error.code, error.device) == (True, ILLEGAL_ADDRESS, 0)
    assert "end this process" in error.hint
    assert failure(saved).sticky  # every later one too
    cuda.reset()


@pytest.mark.parametrize("call", ["cudaMemcpyAsync", "cudaStreamCreateWithFlags", "cudaEventRecord", "cudaMemGetInfo"])
def test_a_call_that_fails_leaves_nothing(saved, torch_with_cuda, cuda, call):
    cuda.fail(call, INITIALIZATION)
    error = failure(saved)
    assert (error.code, error.sticky) == (INITIALIZATION, False) and call in str(error)
    assert cuda.device_bytes() == 0
    assert len(tzio.load_file(saved, device="cuda:0")) == len(weights())


def test_an_error_that_the_program_left_behind_is_not_swallowed(saved, torch_with_cuda, cuda):
    cuda.leave_error(ILLEGAL_ADDRESS)
    error = failure(saved)
    assert "a call of CUDA before this load failed" in str(error) and error.code == ILLEGAL_ADDRESS
    assert cuda.take_error() == ILLEGAL_ADDRESS


def test_freeing_tensors_takes_no_error_of_the_program_away(saved, torch_with_cuda, cuda):
    tensors = tzio.load_file(saved, device="cuda:0")
    cuda.leave_error(INITIALIZATION)
    del tensors
    gc.collect()
    assert cuda.device_bytes() == 0
    assert cuda.take_error() == INITIALIZATION


def test_what_the_progress_raises_comes_out_and_nothing_stays(saved, torch_with_cuda, cuda):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tzio.load_file(saved, device="cuda:0", progress=interrupt)
    assert cuda.device_bytes() == 0


@pytest.mark.parametrize("kind", [tzio.DeviceError, tzio.DeviceMemoryError])
def test_errors_survive_pickling(kind):
    made = tzio.errors.from_device("cuda:1: text", kind is tzio.DeviceMemoryError, 1, 700, True, "do this")
    again = pickle.loads(pickle.dumps(made))
    assert (type(again), vars(again), str(again)) == (kind, vars(made), "cuda:1: text")
    assert (again.device, again.code, again.sticky, again.hint) == (1, 700, True, "do this")


class TestTargets:
    """Which way tensors take, by what there is."""

    @staticmethod
    def stand_in(cuda=None, hip=None, usable=False):
        there = types.SimpleNamespace(is_available=lambda: usable, current_device=lambda: 1)
        made = types.SimpleNamespace(
            device=torch.device, version=types.SimpleNamespace(cuda=cuda, hip=hip), cuda=there
        )
        return types.SimpleNamespace(name="torch", torch=made)

    @pytest.mark.parametrize(
        "device, with_cuda, torch_has, expected",
        [
            (None, True, {}, devices.HOST),
            ("cpu", True, {}, devices.HOST),
            ("cpu:0", True, {}, devices.HOST),
            ("meta", True, {}, devices.Target(copied_to=torch.device("meta"))),
            ("mps", True, {}, devices.Target(copied_to=torch.device("mps"))),
            ("cuda:1", True, {"cuda": "12.8", "usable": True}, devices.Target(1)),
            ("cuda", True, {"cuda": "12.8", "usable": True}, devices.Target(1)),
            ("cuda", True, {"cuda": "12.8"}, devices.Target(0)),
            ("cuda:1", False, {"cuda": "12.8", "usable": True}, devices.Target(copied_to=torch.device("cuda", 1))),
            ("cuda:1", True, {"hip": "6", "usable": True}, devices.Target(copied_to=torch.device("cuda", 1))),
            ("cuda:1", True, {}, "this PyTorch was built without CUDA"),
            ("cuda:1", False, {}, "this PyTorch was built without CUDA"),
            ("cuda:1", False, {"cuda": "12.8"}, "PyTorch finds no GPU"),
            ("cuda:1", True, {"hip": "6"}, "PyTorch finds no GPU"),
        ],
    )
    def test_of_pytorch(self, cuda, monkeypatch, device, with_cuda, torch_has, expected):
        monkeypatch.setattr(_core, "with_cuda", with_cuda)
        framework = self.stand_in(**torch_has)
        if not isinstance(expected, str):
            assert devices.target_of(device, framework) == expected
            return
        with pytest.raises(tzio.DeviceError, match=expected) as caught:
            devices.target_of(device, framework)
        assert (caught.value.device, caught.value.sticky) == (1, False)
        assert caught.value.hint in str(caught.value)

    @pytest.mark.parametrize("device, gpu", [("cuda", 0), ("cuda:1", 1), (1, 1)])
    def test_of_dlpack(self, cuda, device, gpu):
        assert devices.target_of(device, types.SimpleNamespace(name="dlpack")) == devices.Target(gpu)

    def test_of_dlpack_without_cuda(self, cuda, monkeypatch):
        monkeypatch.setattr(_core, "with_cuda", False)
        with pytest.raises(tzio.DeviceError, match="this tzio was built without CUDA"):
            devices.target_of("cuda:1", types.SimpleNamespace(name="dlpack"))

    @pytest.mark.parametrize("name, device", [("numpy", "cuda:0"), ("dlpack", "mps"), ("dlpack", "cuda:x")])
    def test_of_what_has_no_tensors_there(self, cuda, name, device):
        with pytest.raises(tzio.UsageError, match="has no tensors there"):
            devices.target_of(device, types.SimpleNamespace(name=name))
