"""How a load is timed, and what is said about it.

peers.py loads one file once, in a process of its own, and prints one JSON object last. Imports aren't timed. Just
before the load as much memory as the file holds is touched and freed, so that a virtual machine has its pages at
hand for every loader alike. After it, outside the time, every byte is read for a CRC-32 of all tensors in order of
their names, by which `tz-bench` knows that the same bytes came out everywhere.
"""

import argparse
import json
import os
import re
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from memory import touch_and_free

Tensors = dict[str, torch.Tensor]


def size_of(path: str) -> int:
    """Of a file, or of all files in a folder."""
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def measure(options: argparse.Namespace, load: Callable[[], Tensors]):
    """Times `load` and prints the report. What it returns must stay readable."""
    touch_and_free(options.bytes or size_of(options.file))
    huge = kibibytes("smaps_rollup", "AnonHugePages")
    anonymous = kibibytes("status", "RssAnon")
    mapped = kibibytes("status", "RssFile")
    cpu = time.process_time()
    began = time.monotonic()
    start = time.perf_counter()
    tensors = load()
    seconds = time.perf_counter() - start
    cpu_seconds = time.process_time() - cpu
    report = {
        "seconds": [seconds],
        "cpu_seconds": [cpu_seconds],
        "bytes": sum(tensor.nbytes for tensor in tensors.values()),
        # for whoever watched this process's memory meanwhile
        "began": began,
        "ended": time.monotonic(),
        "anonymous_bytes": anonymous << 10,
        "anonymous_end_bytes": kibibytes("status", "RssAnon") << 10,
        "file_bytes": mapped << 10,
        "file_end_bytes": kibibytes("status", "RssFile") << 10,
        "huge_page_bytes": max(0, kibibytes("smaps_rollup", "AnonHugePages") - huge) << 10,
    }
    report["crc32"] = contents_crc32(tensors)
    print(json.dumps(report))


def as_bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().reshape(-1).view(torch.uint8)


def touch(tensors: Tensors):
    """Reads a byte of every page."""
    for tensor in tensors.values():
        if tensor.nbytes:
            as_bytes(tensor)[::4096].sum()


def touched(tensors: Tensors) -> Tensors:
    """For loads that map a file: nothing has been read before a page is touched."""
    touch(tensors)
    return tensors


def contents_crc32(tensors: Tensors) -> int:
    crc = 0
    for name in sorted(tensors):
        if tensors[name].nbytes:
            crc = zlib.crc32(as_bytes(tensors[name]).numpy(), crc)
    return crc


def kibibytes(file: str, field: str) -> int:
    """A field of /proc/self/FILE; 0 where the kernel doesn't say."""
    try:
        with open(f"/proc/self/{file}", encoding="ascii") as lines:
            found = re.search(rf"^{field}:\s*(\d+) kB", lines.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0
