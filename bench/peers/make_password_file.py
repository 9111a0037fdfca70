#!/usr/bin/env python3
"""Writes the tensors of a plain `.tensors` file encrypted with a password, by tensorizer with its default cost."""

import argparse

from tensorizer import EncryptionParams, TensorDeserializer, TensorSerializer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tensors", help="the .tensors file, read and checked by tensorizer")
    parser.add_argument("encrypted", help="the file to write")
    parser.add_argument("--password-file", required=True)
    options = parser.parse_args()
    with open(options.password_file, encoding="utf-8") as file:
        encryption = EncryptionParams.from_string(file.read().rstrip("\n"))
    with TensorDeserializer(options.tensors, device="cpu", verify_hash=True) as reader:
        writer = TensorSerializer(options.encrypted, encryption=encryption)
        writer.write_state_dict(dict(reader.items()))
        writer.close()


if __name__ == "__main__":
    main()
