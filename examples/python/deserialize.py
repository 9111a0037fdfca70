"""Loads a model from a folder, file or URL, verified, and lets it say what it makes of a few tokens.

python deserialize.py --model-uri s3://models/llama
"""

import argparse

import torch
import tzio.transformers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model-uri", required=True, help="a folder, file or URL, with a config.json")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--password-file", help="with the password of an encrypted model")
    arguments = parser.parse_args()

    password = None
    if arguments.password_file:
        with open(arguments.password_file) as file:
            password = file.read().rstrip("\n")
    model = tzio.transformers.from_pretrained(arguments.model_uri, arguments.device, password=password, progress=True)
    with torch.no_grad():
        logits = model(torch.arange(8, device=arguments.device)[None]).logits
    print(f"{type(model).__name__}: the next token is {logits[0, -1].argmax().item()}")


if __name__ == "__main__":
    main()
