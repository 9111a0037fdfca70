"""tzio.transformers.from_pretrained against what transformers itself loads."""

import json
import shutil

import pytest
import torch
import transformers
import tzio
import tzio.transformers
from conftest import mapped_file
from ranges import serving
from small_models import experts, logits


def config(tied=False, **changes):
    return transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        **changes,
    )


@pytest.fixture(params=[False, True], ids=["untied", "tied"])
def folder(request, tmp_path):
    torch.manual_seed(4)
    made = transformers.LlamaForCausalLM(config(request.param))
    made.generation_config.max_length = 77
    made.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def assert_like_transformers(model, folder):
    expected = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    assert type(model) is type(expected)
    assert not model.training
    assert torch.equal(logits(model), logits(expected))
    assert model.dtype == expected.dtype
    tied = expected.lm_head.weight is expected.model.embed_tokens.weight
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == tied
    buffers = dict(model.named_buffers())
    for name, buffer in expected.named_buffers():
        assert torch.equal(buffers[name], buffer), name


def test_a_plain_model_has_identical_logits(folder):
    model = tzio.transformers.from_pretrained(folder)
    assert_like_transformers(model, folder)
    assert model.generation_config.max_length == 77
    assert_like_transformers(tzio.transformers.from_pretrained(folder / "model.safetensors", device="cpu"), folder)


def test_a_sharded_model_has_identical_logits(folder, tmp_path):
    sharded = tmp_path / "sharded"
    transformers.LlamaForCausalLM.from_pretrained(folder).save_pretrained(sharded, max_shard_size="20KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    assert_like_transformers(tzio.transformers.from_pretrained(sharded), folder)


def test_an_encrypted_model_has_identical_logits(folder, tmp_path):
    encrypted = tmp_path / "encrypted"
    encrypted.mkdir()
    shutil.copy(folder / "config.json", encrypted)
    tzio.save_file(tzio.load_file(folder), encrypted / "model.tensors", password="a password")
    assert_like_transformers(tzio.transformers.from_pretrained(encrypted, password="a password"), folder)
    with pytest.raises(tzio.CryptographyError):
        tzio.transformers.from_pretrained(encrypted, password="another")


def test_a_model_on_a_server_has_identical_logits(folder, tmp_path):
    sharded = tmp_path / "sharded"
    transformers.LlamaForCausalLM.from_pretrained(folder).save_pretrained(sharded, max_shard_size="20KB")
    with serving(tmp_path) as address:
        assert_like_transformers(tzio.transformers.from_pretrained(f"{address}/model/"), folder)
        assert_like_transformers(tzio.transformers.from_pretrained(f"{address}/sharded"), folder)
        assert_like_transformers(tzio.transformers.from_pretrained(f"{address}/model/model.safetensors"), folder)
        with pytest.raises(FileNotFoundError):
            tzio.transformers.from_pretrained(f"{address}/other")


def test_a_whole_state_dict_has_identical_logits(folder, tmp_path):
    model = transformers.LlamaForCausalLM.from_pretrained(folder)
    whole = tmp_path / "whole"
    whole.mkdir()
    shutil.copy(folder / "config.json", whole)
    tzio.save_file({name: tensor.clone() for name, tensor in model.state_dict().items()}, whole / "model.tensors")
    assert_like_transformers(tzio.transformers.from_pretrained(whole), folder)


def test_weights_that_transformers_joins_are_joined(tmp_path):
    made = experts(layers=2)
    made.save_pretrained(tmp_path)
    assert set(tzio.load_file(tmp_path)) != set(made.state_dict())  # else this tests nothing
    expected = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert torch.equal(logits(tzio.transformers.from_pretrained(tmp_path)), logits(expected))


def test_types_and_configurations_can_be_changed(folder):
    model = tzio.transformers.from_pretrained(
        folder, dtype=torch.bfloat16, attn_implementation="eager", rms_norm_eps=0.5, concurrency=2, verify="none"
    )
    expected = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, attn_implementation="eager", rms_norm_eps=0.5
    ).eval()
    assert model.config.rms_norm_eps == 0.5
    assert model.config._attn_implementation == "eager"
    assert torch.equal(logits(model), logits(expected))


def test_the_model_outlives_its_files(folder, tmp_path):
    model = tzio.transformers.from_pretrained(folder)
    before = logits(model)
    (tmp_path / "other").write_bytes(b"\0" * 20000)
    (tmp_path / "other").replace(folder / "model.safetensors")
    assert torch.equal(logits(model), before)


def test_a_model_in_owned_memory_outlives_writes_to_its_files(folder):
    model = tzio.transformers.from_pretrained(folder, memory="owned")
    before = logits(model)
    with open(folder / "model.safetensors", "r+b") as file:
        file.write(b"\0" * 20000)
    assert torch.equal(logits(model), before)


def is_mapped(model):
    """Whether its weights, which share a file, are pages of it."""
    return mapped_file(model.model.norm.weight.data_ptr()).endswith((".safetensors", ".tensors"))


def test_plain_files_are_mapped(folder, tmp_path):
    load = tzio.transformers.from_pretrained
    assert is_mapped(load(folder))
    assert is_mapped(load(folder / "model.safetensors", device="cpu"))
    assert is_mapped(load(f"file://{folder}"))
    assert not is_mapped(load(folder, memory="owned"))
    assert not is_mapped(load(folder, direct_io="on"))
    with serving(tmp_path) as address:
        assert not is_mapped(load(f"{address}/model"))


def test_what_is_to_be_checked_is_not_mapped(folder, tmp_path):
    load = tzio.transformers.from_pretrained
    tzio.save_file(tzio.load_file(folder), tmp_path / "model.tensors")
    shutil.copy(folder / "config.json", tmp_path)
    hashed = tmp_path / "model.tensors"
    assert not is_mapped(load(hashed))
    assert not is_mapped(load(hashed, memory="owned", verify="none"))
    assert is_mapped(load(hashed, verify="none"))
    assert is_mapped(load(hashed, memory="mapped"))
    content = bytearray(hashed.read_bytes())
    content[-100] ^= 1
    hashed.write_bytes(content)
    with pytest.raises(tzio.HashMismatchError):
        load(hashed)


def test_indexes_are_read_by_the_load_alone(folder, tmp_path, monkeypatch):
    def no_layout(*_):
        raise AssertionError("the index is read apart from the load")

    monkeypatch.setattr(tzio.engine.Engine, "layout", no_layout)
    tzio.save_file(tzio.load_file(folder), tmp_path / "model.tensors")
    shutil.copy(folder / "config.json", tmp_path)
    assert is_mapped(tzio.transformers.from_pretrained(folder))
    assert not is_mapped(tzio.transformers.from_pretrained(tmp_path / "model.tensors"))


def test_what_is_written_to_mapped_weights_stays_in_the_process(folder):
    before = (folder / "model.safetensors").read_bytes()
    model = tzio.transformers.from_pretrained(folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1)
    assert (folder / "model.safetensors").read_bytes() == before
    assert_like_transformers(tzio.transformers.from_pretrained(folder), folder)


def test_what_is_missing_is_an_error(folder, tmp_path):
    weights = tzio.load_file(folder)
    del weights["model.norm.weight"]
    tzio.save_file(weights, folder / "model.safetensors")
    with pytest.raises(KeyError, match=r"model\.norm\.weight"):
        tzio.transformers.from_pretrained(folder)
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        tzio.transformers.from_pretrained(tmp_path / "nothing")
    (folder / "config.json").write_text(json.dumps({"architectures": ["NoSuchModel"]}))
    with pytest.raises(ValueError, match="NoSuchModel"):
        tzio.transformers.from_pretrained(folder)


@pytest.mark.parametrize("name", ["m.tensors", "./m.tensors"])
def test_a_file_without_a_config_is_named_as_it_was_given(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    tzio.save_file({"x": torch.ones(3)}, name)
    with pytest.raises(tzio.NotFoundError) as caught:
        tzio.transformers.from_pretrained(name)
    assert str(caught.value).startswith(f"{name}: no config.json beside it")
    assert caught.value.uri == name and "tzio.load_file" in caught.value.hint


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"architectures": ["NoSuchModel"]}'])
def test_a_config_of_no_use_is_an_error_of_ours(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises(tzio.FormatError) as caught:
        tzio.transformers.from_pretrained(folder)
    assert isinstance(caught.value, ValueError) and caught.value.uri == f"{folder}/config.json"
