"""The programs of examples/python, on a small model made here."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers

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
    assert run("deserialize", tmp_path / "out") == run("deserialize", folder) == answer


def test_an_encrypted_model_needs_its_key(model, tmp_path):
    said = run("encryption", model[0], tmp_path / "model.tensors", tmp_path / "key")
    assert "12 tensors decrypted\nwithout the key: " in said
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "key").read_text().strip() not in said
