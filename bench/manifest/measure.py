#!/usr/bin/env python3
"""Times loads with and without a manifest in rounds, and prints medians and ratios: see bench/manifest.sh."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

from memory import warm


def json_of(command) -> dict:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def sha256_on_all_cores(binary: Path) -> float:
    """GB/s of the interleaved SHA-256, a process a core at once."""
    command = [
        binary / "hash_bench", "--benchmark_filter=sha256_update/streams:3", "--benchmark_format=json",
        "--benchmark_min_time=1",
    ]  # fmt: skip
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(os.cpu_count())]
    rates = [json.loads(run.communicate()[0])["benchmarks"][0]["bytes_per_second"] for run in runs]
    return sum(rates) / 1e9


def load(binary: Path, path: Path, *words) -> float:
    warm(path)
    return json_of([binary / "tz", "load", "--json", "--quiet", "--memory", "none", *words, path])["gb_per_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    work, binary = options.folder, options.bin
    key, public = ["--key-file", work / "key"], ["--require", f"pubkey:{work / 'them.pem'}"]
    sealed = work / "sealed.tensors"
    cases = {
        "SHA-256 on all cores": lambda: sha256_on_all_cores(binary),
        "pieces, 254 tensors": lambda: load(binary, work / "many.safetensors", *public),
        "pieces, one tensor": lambda: load(binary, work / "one.safetensors", *public),
        "encrypted": lambda: load(binary, sealed, *key),
        "encrypted, manifest required": lambda: load(binary, sealed, *key, "--require", "key"),
    }
    beside = {
        "pieces, 254 tensors": "SHA-256 on all cores",
        "pieces, one tensor": "SHA-256 on all cores",
        "encrypted, manifest required": "encrypted",
    }
    rates = {name: [] for name in cases}
    for _ in range(options.runs):
        for name, run in cases.items():
            rates[name].append(run())
    print("| | GB/s, median | least | most | of what | share |\n|---|---|---|---|---|---|")
    for name, samples in rates.items():
        row = [name, *(f"{rate:.2f}" for rate in (statistics.median(samples), min(samples), max(samples)))]
        other = beside.get(name)
        row.append(other or "")
        # each round's own: machines wander
        row.append(f"{statistics.median(a / b for a, b in zip(samples, rates[other])):.1%}" if other else "")
        print("|", " | ".join(row), "|")


if __name__ == "__main__":
    main()
