#!/usr/bin/env python3
"""Writes the tensors of a plain `.tensors` file as safetensors: the same names, dtypes, shapes and bytes."""

import argparse

from safetensors.torch import save_file
from tensorizer import TensorDeserializer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tensors", help="the .tensors file, read and checked by tensorizer")
    parser.add_argument("safetensors", help="the file to write")
    options = parser.parse_args()
    with TensorDeserializer(options.tensors, device="cpu", verify_hash=True) as reader:
        save_file({name: tensor.detach() for name, tensor in reader.items()}, options.safetensors)


if __name__ == "__main__":
    main()
