#!/usr/bin/env python3
"""Writes a Llama of random weights in bfloat16, as transformers saves it: make_model.py FOLDER BYTES."""

import sys

import torch
import transformers

VOCABULARY = 32_000
BYTES_EACH = 2


def config_of(size: int) -> transformers.LlamaConfig:
    """The shape of Llama at a width that gives at least two layers, and as many as come nearest to `size` bytes."""
    for hidden in (2048, 1024, 512, 128):
        intermediate = hidden * 43 // 16
        embeddings = 2 * VOCABULARY * hidden * BYTES_EACH
        layer = (4 * hidden**2 + 3 * hidden * intermediate) * BYTES_EACH
        layers = round((size - embeddings) / layer)
        if layers >= 2:
            break
    return transformers.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=max(1, layers),
        num_attention_heads=hidden // 64,
        num_key_value_heads=hidden // 64,
        dtype="bfloat16",
    )


def main() -> None:
    folder, size = sys.argv[1], int(sys.argv[2])
    config = config_of(size)
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(config).to(torch.bfloat16)
    model = model.to_empty(device="cpu")
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.02, 0.02)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main()
