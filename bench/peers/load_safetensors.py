#!/usr/bin/env python3
"""A full load by `safetensors` on the CPU.

pread: one read a tensor into memory of its own. clone: each tensor copied out of the mapped file, which is how its
default way gives memory that one owns. mmap: the default way alone; nothing is read until it is touched, so touching
every page is timed with it.
"""

import peer
from safetensors import safe_open
from safetensors.torch import load_file


def load(file: str, mode: str) -> peer.Tensors:
    if mode == "pread":
        return load_file(file, backend="pread")
    if mode == "clone":
        with safe_open(file, framework="pt", device="cpu") as tensors:
            return {name: tensors.get_tensor(name).clone() for name in tensors.keys()}
    tensors = load_file(file)
    peer.touch(tensors)
    return tensors


def main():
    parser = peer.parser(__doc__)
    parser.add_argument("--mode", choices=("pread", "clone", "mmap"), default="pread")
    options = parser.parse_args()
    peer.measure(options, lambda: load(options.file, options.mode))


if __name__ == "__main__":
    main()
