"""Files and pickles between tzio.tensorizer and the original, both ways; and our package in its place."""

import pytest
import tensorizer as original
import torch
import tzio.tensorizer as ours
from conftest import Small, assert_same, nested, weights, write
from tzio.tensorizer import stream_io, utils

BOTH_WAYS = [(ours, original), (original, ours)]


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS, ids=["ours to theirs", "theirs to ours"])
def test_state_dicts_are_exchanged(path, writer, reader):
    write(writer, path, weights())
    with reader.TensorDeserializer(str(path), device="cpu", verify_hash=True) as loaded:
        assert list(loaded) == list(weights())
        for name, tensor in weights().items():
            assert_same(loaded[name].data, tensor)


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS, ids=["ours to theirs", "theirs to ours"])
def test_nested_structures_are_exchanged(path, writer, reader):
    write(writer, path, nested)
    loaded = reader.TensorDeserializer(str(path), device="cpu")
    tree = loaded.tree()
    assert isinstance(tree["model"]["layers"], list)
    assert torch.equal(tree["model"]["layers"][1]["w"], torch.zeros(3))
    assert list(loaded["model"]["layers"].keys()) == [0, 1]
    assert torch.equal(loaded.tree(("model", "layers", 0))["w"], torch.ones(2))
    assert loaded.tree(("model", "none"), default=7) == 7


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS, ids=["ours to theirs", "theirs to ours"])
@pytest.mark.parametrize("secret", ["key", "password"])
def test_encrypted_files_are_exchanged(path, writer, reader, secret):
    if secret == "key":
        params = writer.EncryptionParams.random()
        decryption = reader.DecryptionParams.from_key(params.key)
    else:
        params = writer.EncryptionParams.from_string("a password", opslimit=1, memlimit=8192)
        decryption = reader.DecryptionParams.from_string("a password")
    write(writer, path, {name: tensor for name, tensor in weights().items() if tensor.numel()}, encryption=params)
    for lazy in (False, True):
        loaded = reader.TensorDeserializer(
            str(path), device="cpu", verify_hash=True, lazy_load=lazy, encryption=decryption
        )
        for name in loaded:
            assert_same(loaded[name].data, weights()[name])


@pytest.mark.parametrize(("writer", "reader"), BOTH_WAYS, ids=["ours to theirs", "theirs to ours"])
def test_modules_are_exchanged(path, writer, reader):
    write(writer, path, Small(3.0))
    module = Small(1.0)
    loaded = reader.TensorDeserializer(str(path), device="cpu")
    assert ".scale" in loaded
    assert loaded.load_into_module(module) == 9
    for name, tensor in Small(3.0).state_dict().items():
        assert torch.equal(module.state_dict()[name], tensor), name


def test_each_has_the_same_modules_and_kinds_for_a_tensor(path):
    write(ours, path, Small())
    def listed(package):
        loaded = package.TensorDeserializer(str(path), device="cpu", lazy_load=True)
        return [(index, int(kind), name) for index, kind, name, _ in loaded.read_tensors()]

    assert listed(ours) == listed(original)
    write(original, path, Small())
    assert listed(ours) == listed(original)


def test_the_original_key_of_a_password_is_ours():
    keywords = {"opslimit": 2, "memlimit": 1 << 20, "salt": bytes(16)}
    params = [package.EncryptionParams.from_string("x", **keywords) for package in (ours, original)]
    assert params[0].key == params[1].key
    assert params[0].salt == bytes(16)


def test_types_come_back_as_they_were(path):
    """All that the original writes."""
    made = {}
    for name in dir(torch):
        dtype = getattr(torch, name)
        if isinstance(dtype, torch.dtype) and not name.startswith("q"):
            try:
                made[name] = torch.zeros(16, dtype=torch.uint8).view(dtype)
            except RuntimeError:
                continue
    assert len(made) > 20
    for writer, reader in BOTH_WAYS:
        write(writer, path, made)
        loaded = reader.TensorDeserializer(str(path), device="cpu")
        for name, tensor in made.items():
            assert (loaded[name].dtype, loaded[name].shape) == (tensor.dtype, tensor.shape), name


def test_torch_save_and_load_keep_tensors_apart(tmp_path):
    pickle = tmp_path / "module.pt"
    for saving, loading in ((ours, original), (original, ours), (ours, ours)):
        with saving.torch_compat.tensorizer_saving():
            torch.save(Small(4.0), pickle)
        with loading.torch_compat.tensorizer_loading(device="cpu"):
            module = torch.load(pickle, weights_only=False)
        assert torch.equal(module.table, Small(4.0).table)
        assert module.head.weight is module.embed.weight
        assert (tmp_path / "module.pt.tensors").exists()


def test_streams_of_paths_are_opened(tmp_path):
    with stream_io.open_stream(tmp_path / "new" / "file", "wb") as file:
        file.write(b"0123456789")
    with stream_io.open_stream(str(tmp_path / "new" / "file"), begin=4) as file:
        assert file.read() == b"456789"
    with pytest.raises(ValueError, match="binary"):
        stream_io.open_stream(str(tmp_path / "new" / "file"), "r")
    with pytest.raises(ValueError, match="rb"):
        stream_io.open_stream("https://example.invalid/x", "wb")


@pytest.mark.parametrize("size", [0, 999, 1000, 123_456_789, 5 << 40, 3 << 60])
@pytest.mark.parametrize("decimal", [True, False])
def test_sizes_read_as_the_originals(size, decimal):
    assert utils.convert_bytes(size, decimal) == original.utils.convert_bytes(size, decimal)
