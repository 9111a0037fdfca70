"""What `tz convert` makes of one package's files, read by the other."""

import json
import os
import random

import pytest
import torch
from pip_reference import KEY, data_hash, filled, read, write
from program import OK
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors_reference import all_dtypes, checksum_of as safetensors_checksum, packed_file, save
from tensorizer import DecryptionParams, EncryptionParams
from test_safetensors import random_tensors


@pytest.fixture
def convert(tz):
    def run(*arguments, lost=False):
        result = tz("convert", *arguments)
        assert result.code == OK, result
        assert ("not kept" in result.error) == lost, result
        return arguments[-1]

    return run


def hashes_by_pip(path, key=None):
    return {name: data_hash(tensor) for _, _, name, tensor in read(path, key)}


def hashes_of(tensors):
    return {name: data_hash(tensor) for name, tensor in tensors.items()}


def assert_safetensors_has(path, tensors):
    """In every dtype, by the bytes that the package returns."""
    found = load_file(path)
    assert hashes_of(found) == hashes_of(tensors)
    for name, tensor in tensors.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)


def state_dict(tensors):
    """pip can't write an empty tensor to an encrypted file."""
    return {name: tensor for name, tensor in tensors.items() if tensor.numel() > 0}


def test_every_dtype_of_safetensors(convert, key_file, tmp_path):
    tensors = all_dtypes()
    source = save(tensors, tmp_path / "a.safetensors")
    plain = convert(source, tmp_path / "a.tensors")
    assert hashes_by_pip(plain) == hashes_of(tensors)
    sealed = convert("--encrypt-key-file", key_file, source, tmp_path / "b.tensors")
    assert hashes_by_pip(sealed, DecryptionParams.from_key(KEY)) == hashes_of(tensors)
    for path, options in (plain, ()), (sealed, ("--key-file", key_file)):
        back = path.with_suffix(".safetensors")
        back = convert("--force", *options, path, back, lost=path is sealed)
        assert_safetensors_has(back, tensors)


def test_packed_types_stay(convert, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(packed_file())
    again = convert(path, tmp_path / "b.safetensors")
    assert sorted(safetensors_checksum(again.read_bytes()).splitlines()[:-1]) == sorted(
        safetensors_checksum(path.read_bytes()).splitlines()[:-1]
    )


def test_encrypted_files_of_pip(convert, key_file, tmp_path):
    tensors = state_dict(random_tensors(7))
    source = write(tmp_path / "a", tensors, encryption=EncryptionParams(KEY))
    plain = convert("--key-file", key_file, source, tmp_path / "b.tensors")
    assert hashes_by_pip(plain) == hashes_of(tensors)


def test_modules_keep_their_kinds_and_places(convert, tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    source = write(tmp_path / "a", module)
    facts = [fact[:3] for fact in read(source)]
    assert [fact[:3] for fact in read(convert(source, tmp_path / "b.tensors"))] == facts
    convert(source, tmp_path / "c.safetensors", lost=True)


def test_like_pip(convert, tmp_path):
    source = write(tmp_path / "a", random_tensors(11))
    assert convert("--like-pip", source, tmp_path / "b.tensors").read_bytes() == source.read_bytes()


def test_metadata_is_kept(convert, tmp_path):
    source = save({"a": filled(torch.float32, 3)}, tmp_path / "a.safetensors", {"format": "pt"})
    target = convert("--metadata", "by=ü", source, tmp_path / "b.safetensors")
    with safe_open(target, "pt") as file:
        assert file.metadata() == {"by": "ü", "format": "pt"}
    convert(source, tmp_path / "c.tensors", lost=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_are_cast_as_torch_casts_them(convert, tmp_path, dtype):
    tensors = {
        str(i): filled(kind, 70_001)
        for i, kind in enumerate([torch.float16, torch.bfloat16, torch.float32, torch.float64])
    }
    source = save(tensors, tmp_path / "a.safetensors")
    name = str(dtype).removeprefix("torch.")
    found = load_file(convert("--dtype", name, source, tmp_path / "b.safetensors"))
    for i, tensor in tensors.items():
        expected = tensor.to(dtype)
        assert found[i].dtype == dtype
        assert torch.equal(found[i].isnan(), expected.isnan())
        assert torch.equal(found[i].nan_to_num(), expected.nan_to_num())


def test_shards_and_their_list(convert, tmp_path):
    tensors = {f"{i}": filled(torch.float32, 100, 100, seed=i) for i in range(10)}
    source = write(tmp_path / "a", tensors)
    convert("--max-shard-size", "90kB", source, tmp_path / "m.safetensors")
    weight_map = json.loads((tmp_path / "m.safetensors.index.json").read_text())["weight_map"]
    assert sorted(weight_map) == sorted(tensors)
    found = {}
    for shard in set(weight_map.values()):
        part = load_file(tmp_path / shard)
        assert {name for name, where in weight_map.items() if where == shard} == set(part)
        found |= part
    assert hashes_of(found) == hashes_of(tensors)


def test_random_state_dicts(request, convert, key_file, tmp_path):
    rounds = 1000 if request.config.getoption("--full") else 25
    first = int(os.environ.get("TZ_TEST_SEED", random.randrange(10**9)))
    for seed in range(first, first + rounds):
        print("TZ_TEST_SEED =", seed)
        tensors = random_tensors(seed)
        a = save(tensors, tmp_path / "a.safetensors")
        b = convert("--force", "--encrypt-key-file", key_file, a, tmp_path / "b.tensors")
        assert hashes_by_pip(b, DecryptionParams.from_key(KEY)) == hashes_of(tensors)
        c = convert(
            "--force", "--key-file", key_file, b, tmp_path / "c.safetensors", lost=True
        )
        assert_safetensors_has(c, tensors)


def test_a_model_of_transformers(convert, tmp_path):
    """Sharded by save_pretrained(), with tied weights."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_layer=3, n_head=2, n_embd=64, vocab_size=500)
    model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(tmp_path / "model", max_shard_size="100KB")
    assert (tmp_path / "model/model.safetensors.index.json").exists()
    target = convert(tmp_path / "model", tmp_path / "m.tensors", lost=True)
    found = hashes_by_pip(target)
    saved = {name: tensor for name, tensor in model.state_dict().items() if name in found}
    assert found == hashes_of(saved)
    assert set(model.state_dict()) - set(found) == {"lm_head.weight"}
