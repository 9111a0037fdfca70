#!/usr/bin/env python3
"""Saves the tensors of a safetensors file with `tensorizer`, made durable, and prints the seconds of each time."""

import argparse
import json
import os
import time

from safetensors.torch import load_file
from tensorizer import EncryptionParams, TensorSerializer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("times", type=int)
    parser.add_argument("--encrypted", action="store_true")
    options = parser.parse_args()
    tensors = {name: tensor.clone() for name, tensor in load_file(options.source).items()}
    seconds = []
    for _ in range(options.times):
        if os.path.exists(options.target):
            os.remove(options.target)
        keywords = {"encryption": EncryptionParams.random()} if options.encrypted else {}
        began = time.perf_counter()
        writer = TensorSerializer(options.target, **keywords)
        writer.write_state_dict(tensors)
        writer.close()
        with open(options.target, "rb") as file:
            os.fsync(file.fileno())
        seconds.append(time.perf_counter() - began)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
