"""Modules that tzio.tensorizer loads and verifies."""

import pytest
import tensorizer as original
import torch
import tzio.tensorizer as ours
from conftest import Small, write
from tzio.tensorizer import DecryptionParams, TensorDeserializer, utils


def test_a_module_keeps_what_it_says_of_its_tensors(path):
    write(ours, path, Small(3.0))
    module = Small(1.0)
    TensorDeserializer(path, device="cpu").load_into_module(module)
    assert module.head.weight is module.embed.weight
    assert not module.scale.requires_grad and module.embed.weight.requires_grad
    assert not isinstance(module.table, torch.nn.Parameter) and torch.equal(module.table, torch.full((4,), 3.0))
    assert "table" not in module.state_dict() and "norm.running_mean" in module.state_dict()


def test_a_module_without_memory_gets_some(path):
    write(ours, path, Small(3.0))
    module = utils.no_init_or_tensor(lambda: Small(1.0))
    assert module.embed.weight.is_meta
    TensorDeserializer(path, device="cpu", lazy_load=True).load_into_module(module)
    assert torch.equal(module.embed.weight, Small(3.0).embed.weight)
    assert not torch.empty(1).is_meta


def test_a_module_without_a_place_is_an_error_before_anything_is_loaded(path):
    write(ours, path, Small())
    loaded = TensorDeserializer(path, device="cpu", lazy_load=True)
    with pytest.raises(KeyError, match="embed"):
        loaded.load_into_module(torch.nn.Linear(2, 2))
    assert loaded.total_bytes_read == 0
    write(ours, path, {"a": torch.ones(1)})
    with pytest.raises(NotImplementedError, match="mapping"):
        TensorDeserializer(path, device="cpu").load_into_module(Small())


@pytest.mark.parametrize("writer", [ours, original], ids=["ours", "theirs"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_module_is_verified_by_the_hashes_of_the_file(path, writer, encrypted):
    module = Small(2.0)
    params = writer.EncryptionParams.random() if encrypted else None
    write(writer, path, module, encryption=params)
    key = DecryptionParams.from_key(params.key) if params else None
    with TensorDeserializer(str(path), device="cpu", encryption=key) as loaded:
        passed, results = loaded.verify_module(module)
        assert passed and dict(results)[".scale"]
        module.norm.weight.data[1] += 1
        passed, results = loaded.verify_module(module)
    assert not passed
    assert [name for name, fits in results if not fits] == ["norm.weight"]
