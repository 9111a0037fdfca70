"""The folders that `tz-bench make --shape` writes, as transformers and both formats' packages load them."""

import json
import os
import subprocess

import pytest
import torch
from pip_reference import data_hash, read
from program import OK, access
from safetensors.torch import load_file
from tensorizer import DecryptionParams

transformers = pytest.importorskip("transformers")

MODELS = {
    "llama": transformers.LlamaForCausalLM,
    "gpt-j": transformers.GPTJForCausalLM,
    "opt": transformers.OPTForCausalLM,
    "moe": transformers.MixtralForCausalLM,
}


@pytest.fixture
def make(request, tmp_path):
    program = access(request.config.getoption("--tz").parent / "tz-bench")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TZ_")}

    def run(shape, *options, folder="made"):
        arguments = [program, "make", tmp_path / folder, "--shape", shape, *options]
        subprocess.run(arguments, env=environment, check=True)
        return tmp_path / folder

    return run


def as_bytes(tensor):
    return tensor.detach().cpu().contiguous().view(torch.uint8)


def weights_of(folder):
    return load_file(folder / "model.safetensors")


def assert_loads(folder, kind):
    """Every weight is in the model under its name, with its bytes; nothing else was made up."""
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype="auto", output_loading_info=True
    )
    assert type(model) is kind
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    assert not report["mismatched_keys"], report
    stored = weights_of(folder)
    found = model.state_dict()
    compared = [name for name in stored if name in found]
    # transformers may hold experts in one tensor
    assert len(compared) >= (10 if kind is MODELS["moe"] else len(stored))
    for name in compared:
        assert found[name].dtype == stored[name].dtype, name
        assert torch.equal(as_bytes(found[name]), as_bytes(stored[name])), name


@pytest.mark.parametrize("shape", MODELS)
def test_transformers_loads_the_model(make, shape):
    assert_loads(make(shape, "--size", "8MB"), MODELS[shape])


@pytest.mark.parametrize("shape", MODELS)
def test_transformers_loads_the_shards(make, shape):
    folder = make(shape, "--size", "8MB")
    shards = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    assert len(set(shards.values())) > 1
    weights = weights_of(folder)
    (folder / "model.safetensors").unlink()  # which it would prefer
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    name = next(name for name in weights if name.endswith("q_proj.weight"))
    assert torch.equal(as_bytes(model.state_dict()[name]), as_bytes(weights[name]))


@pytest.mark.parametrize("shape", [*MODELS, "many-small", "one-large"])
def test_every_file_holds_the_same_weights(make, tz, shape):
    folder = make(shape, "--size", "8MB")
    expected = {name: data_hash(tensor) for name, tensor in weights_of(folder).items()}
    key = DecryptionParams.from_key((folder / "model.key").read_bytes())
    for name, decryption in ("model.tensors", None), ("model-encrypted.tensors", key):
        found = {entry[2]: data_hash(entry[3]) for entry in read(folder / name, decryption)}
        assert found == expected, name
    shards = {}
    for path in folder.glob("model-*-of-*.safetensors"):
        shards |= load_file(path)
    assert {name: data_hash(tensor) for name, tensor in shards.items()} == expected
    assert tz("load", folder).code == OK
    assert (folder / "model.key").stat().st_mode & 0o077 == 0


def test_a_seed_gives_the_same_bytes_again(make):
    def content(folder, *seed):
        made = make("llama", "--size", "4MB", *seed, folder=folder)
        return (made / "model.safetensors").read_bytes()

    assert content("a", "--seed", "7") == content("b", "--seed", "7")
    assert content("c", "--seed", "8") != content("d")
