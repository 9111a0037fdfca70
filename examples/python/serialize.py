"""Writes the weights of a Hugging Face model's folder to one .tensors file, with hashes, for fast loading.

python serialize.py MODEL_FOLDER OUTPUT_FOLDER
"""

import argparse
import pathlib
import shutil

import tzio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path, help="with a config.json and *.safetensors")
    parser.add_argument("output", type=pathlib.Path, help="gets model.tensors and config.json")
    arguments = parser.parse_args()

    tensors = tzio.load_file(arguments.model, progress=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    tzio.save_file(tensors, arguments.output / "model.tensors")
    shutil.copy(arguments.model / "config.json", arguments.output)
    (file,) = tzio.info(arguments.output / "model.tensors")
    print(f"{len(file.tensors)} tensors, {file.bytes} bytes: {arguments.output / 'model.tensors'}")


if __name__ == "__main__":
    main()
