"""Tensors that are read to GPUs."""

import gc

import fake_cuda
import pytest
import ranges
import s3_server
import torch
import tzio
import tzio.safetensors.torch
import tzio.tensorizer
from conftest import assert_same, raw, weights

KEY = bytes(range(32))


@pytest.fixture
def saved(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    tzio.save_file(weights(), path)
    return path


def assert_weights(tensors):
    assert set(tensors) == set(weights())
    for name, expected in weights().items():
        assert_same(tensors[name], expected)


def test_every_tensor_comes_to_the_gpu_that_was_named(saved, torch_with_cuda):
    assert_weights(tzio.load_file(saved, device="cuda:1"))
    assert torch_with_cuda == [1] * len(weights())


def test_a_device_of_pytorch_will_do(saved, torch_with_cuda):
    assert_weights(tzio.load_file(saved, device=torch.device("cuda", 0)))
    assert torch_with_cuda == [0] * len(weights())


def test_no_memory_of_the_host_is_taken_for_the_tensors(tmp_path, torch_with_cuda, cuda):
    """They pass through what is pinned for the while."""
    tzio.save_file({"a": torch.arange(3_000_000)}, tmp_path / "a.tensors")
    loaded = tzio.load_file(tmp_path / "a.tensors", device="cuda:0")
    assert cuda.device_of(loaded["a"].data_ptr(), loaded["a"].nbytes) == 0
    assert cuda.calls("cudaMemcpyAsync") > 0 and cuda.calls("cudaMemcpy") == 0


def test_encrypted_tensors_are_decrypted_on_the_way(tmp_path, torch_with_cuda):
    path = tmp_path / "model.tensors"
    tzio.save_file(weights(), path, key=KEY)
    assert_weights(tzio.load_file(path, device="cuda:0", verify="all", key=KEY))
    assert torch_with_cuda == [0] * len(weights())


def test_what_was_changed_comes_to_no_gpu(tmp_path, torch_with_cuda, cuda):
    path = tmp_path / "model.tensors"
    tzio.save_file(weights(), path)
    content = bytearray(path.read_bytes())
    at = content.index(bytes(raw(weights()["bytes"]).numpy()))
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(tzio.HashMismatchError):
        tzio.load_file(path, device="cuda:0", verify="all")
    assert (torch_with_cuda, cuda.device_bytes()) == ([], 0)


def test_from_http(saved, torch_with_cuda):
    with ranges.serving(saved.parent) as address:
        assert_weights(tzio.load_file(f"{address}/{saved.name}", device="cuda:0"))
    assert set(torch_with_cuda) == {0}


def test_from_s3(saved, torch_with_cuda, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the secret")
    with s3_server.serving() as server:
        server.objects[f"bucket/{saved.name}"] = saved.read_bytes()
        config = tzio.Config(network={"endpoint-url": server.url, "region": "us-east-1", "tries": "1"})
        assert_weights(tzio.load_file(f"s3://bucket/{saved.name}", device="cuda:0", config=config))
    assert set(torch_with_cuda) == {0}


def test_an_open_file_reads_ahead_to_the_gpu(saved, torch_with_cuda):
    with tzio.open(saved, device="cuda:1", prefetch_bytes="100KB") as file:
        assert_weights(dict(iter(file)))
        assert_same(file.get_tensor("positions"), weights()["positions"])
        assert_same(file.get_slice("layers.0.weight")[10:20, 3], weights()["layers.0.weight"][10:20, 3])
    assert torch_with_cuda == [1] * (len(weights()) + 2)


def test_other_interfaces_bring_them_too(tmp_path, torch_with_cuda, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    expected = weights()
    tzio.save_file(expected, tmp_path / "a.safetensors")
    tzio.save_file(expected, tmp_path / "a.tensors")
    by_safetensors = tzio.safetensors.torch.load_file(tmp_path / "a.safetensors", device="cuda:1")
    assert set(torch_with_cuda) == {1} and len(torch_with_cuda) == len(weights())
    for name, tensor in by_safetensors.items():
        assert_same(tensor, expected[name])
    torch_with_cuda.clear()
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, *_: tensor)  # PyTorch's own, where it is on the GPU already
    with tzio.tensorizer.TensorDeserializer(str(tmp_path / "a.tensors"), device="cuda:1") as loaded:
        for name, tensor in loaded.items():
            assert_same(tensor.detach(), expected[name])
    assert torch_with_cuda == [1] * len(weights())


def test_memory_is_free_when_the_last_tensor_is_gone(saved, torch_with_cuda, cuda):
    tensors = tzio.load_file(saved, device="cuda:0")
    kept = tensors["layers.1.weight"][3]
    del tensors
    gc.collect()
    assert cuda.device_bytes() > 0
    assert_same(kept, weights()["layers.1.weight"][3])
    del kept
    gc.collect()
    assert cuda.device_bytes() == 0


def test_a_capsule_that_nobody_takes_frees_its_memory(saved, cuda):
    made = tzio.load_file(saved, framework="dlpack", device="cuda:0")
    capsules = [each.__dlpack__() for each in made.values()]
    del made
    gc.collect()
    assert cuda.device_bytes() > 0
    capsules.clear()
    assert cuda.device_bytes() == 0


class TestDlpack:
    """Objects that others make tensors of."""

    def test_capsules_say_what_and_where_tensors_are(self, saved, cuda):
        made = tzio.load_file(saved, framework="dlpack", device="cuda:1")
        for name, expected in weights().items():
            assert made[name].__dlpack_device__() == (fake_cuda.CUDA, 1)
            capsule = made[name].__dlpack__()
            assert cuda.gpu_of(capsule) == 1
            assert cuda.bytes_of(capsule) == bytes(raw(expected).numpy())
            tensor = fake_cuda.described(capsule)
            if name == "fp8":  # which DLPack 1.0 doesn't know
                assert (tensor.code, tensor.bits, tensor.extents) == (1, 8, (expected.nbytes,))
            else:
                assert (tensor.bits, tensor.extents) == (expected.element_size() * 8, tuple(expected.shape))

    @pytest.mark.parametrize("stream", [None, -1, 1, 2, 4711])
    def test_tensors_are_complete_whatever_stream_wants_them(self, saved, cuda, stream):
        made = tzio.load_file(saved, framework="dlpack", device="cuda:0")
        capsule = made["positions"].__dlpack__(stream=stream)
        assert cuda.bytes_of(capsule) == bytes(raw(weights()["positions"]).numpy())

    def test_without_a_device_they_are_the_hosts(self, saved, cuda):
        made = tzio.load_file(saved, framework="dlpack")
        for name, expected in weights().items():
            if name != "fp8":
                assert_same(torch.from_dlpack(made[name]), expected)
        assert cuda.calls("cudaMalloc") == 0
