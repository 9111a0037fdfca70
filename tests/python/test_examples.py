"""The programs of examples/python, on a small model made here."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
import tzio
from small_models import save_model
from tzio.commands.command_line import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "python"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(6)
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4
    )
    made = transformers.LlamaForCausalLM(config).eval()
    made.save_pretrained(folder)
    with torch.no_grad():
        token = made(torch.arange(8)[None]).logits[0, -1].argmax().item()
    return folder, f"LlamaForCausalLM: the next token is {token}\n"


def run(name, *arguments):
    result = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *arguments], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_serialized_model_is_deserialized(model, tmp_path):
    folder, answer = model
    assert "12 tensors" in run("serialize", folder, tmp_path / "out")
    for place in (tmp_path / "out", folder):
        assert run("deserialize", "--model-uri", place) == answer


def test_an_encrypted_model_needs_its_key(model, tmp_path):
    said = run("encryption", model[0], tmp_path / "model.tensors", tmp_path / "key")
    assert "12 tensors decrypted\nwithout the key: " in said
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "key").read_text().strip() not in said


@pytest.mark.parametrize("file", ["model.tensors", "model.safetensors"])
def test_a_filter_reads_what_it_keeps(model, tmp_path, file):
    tzio.save_file(tzio.load_file(model[0]), tmp_path / file)
    said = run("filter", "--model-uri", tmp_path / file, "*.norm.weight", "lm_*").splitlines()
    assert sorted(said[:2]) == ["lm_head.weight: [64, 32]", "model.norm.weight: [32]"]
    kept, _, total = said[2].removeprefix("read ").removesuffix(" bytes").partition(" bytes of ")
    assert int(kept) < int(total) / 2
    assert said[3:] == ["the function keeps 2"] + ["filter_func keeps 2"] * (file == "model.tensors")


def test_an_app_on_cerebrium_has_its_model_when_it_is_imported(tmp_path, monkeypatch, capsys):
    made = save_model(tmp_path / "source")
    assert main(["serialize", "--hf-model-id", str(tmp_path / "source"), "--output", str(tmp_path / "out")]) == 0
    monkeypatch.setenv("MODEL_FOLDER", str(tmp_path / "out"))
    spec = importlib.util.spec_from_file_location("app", EXAMPLES / "cerebrium.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    assert "loaded " in capsys.readouterr().out
    expected = made.generate(torch.tensor([[9, 10]]), max_new_tokens=5, do_sample=False, pad_token_id=1)
    assert app.predict("the cat", max_new_tokens=5) == {
        "result": app.tokenizer.decode(expected[0], skip_special_tokens=True)
    }
