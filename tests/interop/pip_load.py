#!/usr/bin/env python3
"""Times a full load by pip's `tensorizer` on the CPU, and prints it as JSON.

The time is that of opening the file and reading every tensor; imports are not in it. Before each load as much
memory as the file holds is touched and freed, so that a virtual machine has its pages at hand for every loader
alike.
"""

import argparse
import json
import mmap
import os
import time
from collections.abc import Iterator, Mapping

import torch
from tensorizer import DecryptionParams, TensorDeserializer


def decryption(options) -> DecryptionParams | None:
    if options.key_file:
        with open(options.key_file, "rb") as file:
            key = file.read()
        return DecryptionParams.from_key(key if len(key) == 32 else bytes.fromhex(key.decode()))
    if options.password_file:
        with open(options.password_file, encoding="utf-8") as file:
            return DecryptionParams.from_string(file.read().rstrip("\n"))
    return None


def leaves(tree) -> Iterator[torch.Tensor]:
    for value in tree.values():
        if isinstance(value, Mapping):
            yield from leaves(value)
        else:
            yield value


def touch(tensor: torch.Tensor) -> int:
    """Reads a byte of every page, and counts bytes."""
    if tensor.nbytes:
        tensor = tensor.detach()
        data = torch.empty(0, dtype=torch.uint8)
        start = tensor.storage_offset() * tensor.element_size()
        data.set_(tensor.untyped_storage(), start, (tensor.nbytes,))
        data[::4096].sum()
    return tensor.nbytes


def touch_and_free(size: int):
    populate_write = 23  # not among mmap's names yet
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
            memory.madvise(populate_write)
        except OSError:  # an old kernel: benchmark without
            pass


def load(options) -> tuple[float, float, int]:
    touch_and_free(os.path.getsize(options.file))
    cpu = time.process_time()
    start = time.perf_counter()
    with TensorDeserializer(
        options.file,
        device="cpu",
        plaid_mode=False,
        num_readers=options.num_readers,
        verify_hash=options.verify_hash,
        encryption=decryption(options),
    ) as reader:
        size = sum(map(touch, leaves(reader)))
        return time.perf_counter() - start, time.process_time() - cpu, size


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--verify-hash", action="store_true")
    parser.add_argument("--num-readers", type=int, help="threads that read (default: pip's choice)")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--key-file", help="32 bytes, or 64 hex digits")
    secret.add_argument("--password-file")
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    results = [load(options) for _ in range(options.runs)]
    seconds, cpu_seconds, sizes = zip(*results)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "bytes": sizes[0]}))


if __name__ == "__main__":
    main()
