#!/usr/bin/env python3
"""What memory costs that a process has not had before, by pages: huge, small, and those of a mapped file.

fresh_memory.py [--size BYTES] [--rounds N] [FILE]. Each way runs in a process of its own, round by round, two threads
at a time, as loads do on two cores; printed are medians for each GB. With FILE, what mapping it costs when it is in the
page cache. docs/decisions.md (Memory) says what follows.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import os
import statistics
import subprocess
import sys
import threading
import time

BLOCK = 2 << 20  # a huge page
PROT_READ_WRITE, MAP_PRIVATE, MAP_ANONYMOUS = 3, 0x2, 0x20
MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_POPULATE_READ, MADV_POPULATE_WRITE = 14, 15, 22, 23

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def advise(address: int, size: int, advice: int) -> None:
    if libc.madvise(address, size, advice) != 0:
        raise OSError(ctypes.get_errno(), "madvise")


def mapped(size: int, descriptor: int) -> int:
    """Where it lies: whole huge pages of anonymous memory, or of the file."""
    kind = MAP_PRIVATE | (MAP_ANONYMOUS if descriptor < 0 else 0)
    found = libc.mmap(None, size + BLOCK, PROT_READ_WRITE, kind, descriptor, 0)
    if found == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return found if descriptor >= 0 else -(-found // BLOCK) * BLOCK


def touch(way: str, size: int, path: str | None) -> tuple[float, float]:
    """Seconds, and CPU seconds."""
    descriptor = os.open(path, os.O_RDONLY) if way == "mapped" and path else -1
    address = mapped(size, descriptor)
    if way != "mapped":
        advise(address, size, MADV_HUGEPAGE if way == "huge" else MADV_NOHUGEPAGE)
    populate = MADV_POPULATE_READ if way == "mapped" else MADV_POPULATE_WRITE
    blocks = itertools.count()  # whose next() is one step of the interpreter

    def work() -> None:
        while (at := next(blocks) * BLOCK) < size:
            advise(address + at, min(BLOCK, size - at), populate)

    threads = [threading.Thread(target=work) for _ in range(2)]
    began, cpu = time.monotonic(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1 << 30, help="bytes of memory (1 GiB)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=["huge", "small", "mapped"], help="this one alone, in this process")
    parser.add_argument("file", nargs="?")
    options = parser.parse_args()
    if options.way:
        size = os.path.getsize(options.file) if options.way == "mapped" else options.size
        print(*(each * 1e9 / size for each in touch(options.way, size, options.file)))
        return
    ways = ["huge", "small"] + (["mapped"] if options.file else [])
    took: dict[str, list[tuple[float, ...]]] = {way: [] for way in ways}
    for _ in range(options.rounds):
        for way in ways:
            if way == "mapped":
                with open(options.file, "rb", buffering=0) as file:
                    while file.read(1 << 20):
                        pass
            words = [sys.executable, __file__, "--way", way, "--size", str(options.size)]
            said = subprocess.check_output(words + ([options.file] if options.file else []), text=True)
            took[way].append(tuple(float(word) for word in said.split()))
    print("| pages | s/GB | CPU s/GB |\n|---|---|---|")
    for way, rounds in took.items():
        print(f"| {way} | {' | '.join(f'{statistics.median(each):.2f}' for each in zip(*rounds))} |")


if __name__ == "__main__":
    main()
