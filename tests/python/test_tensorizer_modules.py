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


class Larger(Small):
    """With a parameter, and a buffer that isn't persistent, more than a Small."""

    def __init__(self, fill: float = 1.0) -> None:
        super().__init__(fill)
        self.more = torch.nn.Linear(2, 2, bias=False)
        self.register_buffer("passing", torch.ones(1), persistent=False)


def test_strict_names_what_only_one_of_them_has_before_anything_changes(path):
    write(ours, path, Small(3.0))
    module = Larger(1.0)
    loaded = TensorDeserializer(path, device="cpu", lazy_load=True)
    with pytest.raises(KeyError, match="more.weight"):
        loaded.load_into_module(module, strict=True)
    assert loaded.total_bytes_read == 0 and torch.equal(module.scale, torch.full((3,), 1.0))
    assert loaded.load_into_module(module) == 9
    write(ours, path, Larger(3.0))
    with pytest.raises(KeyError, match="passing"):
        TensorDeserializer(path, device="cpu").load_into_module(Small(), strict=True)


def test_strict_takes_what_fits(path):
    write(ours, path, Small(3.0))
    assert TensorDeserializer(path, device="cpu").load_into_module(Small(), strict=True) == 9
    serializer = ours.TensorSerializer(path)
    serializer.write_module(Small(3.0), include_non_persistent_buffers=False)
    serializer.close()
    assert TensorDeserializer(path, device="cpu").load_into_module(Small(), strict=True) == 8


def test_differences_are_told_by_the_names_of_the_file(path):
    write(ours, path, Small())
    loaded = TensorDeserializer(path, device="cpu", lazy_load=True)
    assert loaded.module_differences(Small()) == ([], [])
    assert loaded.module_differences(Larger()) == (["more.weight"], [])
    module = Small()
    del module.scale, module.norm
    assert loaded.module_differences(module).unexpected == [
        ".scale",
        *(f"norm.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
    ]
    assert loaded.module_differences(module, lambda name: name == ".scale").unexpected == [".scale"]
    assert loaded.total_bytes_read == 0


def test_a_shared_weight_is_there_where_one_of_its_names_is(path):
    write(ours, path, Small())
    loaded = TensorDeserializer(
        path, device="cpu", lazy_load=True, filter_func=lambda name: name != "head.weight"
    )
    assert loaded.module_differences(Small()) == ([], [])


def test_persistent_buffers_of_the_outermost_module_are_always_written(path):
    """The original takes them for ones that aren't persistent."""
    module = torch.nn.Module()
    module.register_buffer("kept", torch.ones(1))
    module.register_buffer("passing", torch.ones(1), persistent=False)
    serializer = ours.TensorSerializer(path)
    serializer.write_module(module, include_non_persistent_buffers=False)
    serializer.close()
    assert list(TensorDeserializer(path, device="cpu")) == [".kept"]


def test_a_single_element_is_verified_whatever_its_stride(path):
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.arange(6.0).reshape(3, 2)[:1, 0])
    assert module.weight.stride() == (2,)
    write(ours, path, module)
    assert TensorDeserializer(path, device="cpu").verify_module(module) == (True, [(".weight", True)])
