#!/usr/bin/env python3
"""Times loads with and without a manifest in rounds, and prints the result: see bench/manifest.sh."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "peers")]

import rounds
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
    ways = {
        "SHA-256 on all cores": lambda: sha256_on_all_cores(binary),
        "pieces, many tensors": lambda: load(binary, work / "many.safetensors", *public),
        "pieces, one tensor": lambda: load(binary, work / "one.safetensors", *public),
        "encrypted": lambda: load(binary, sealed, *key),
        "encrypted, manifest required": lambda: load(binary, sealed, *key, "--require", "key"),
    }
    beside = {
        "pieces, many tensors": "SHA-256 on all cores",
        "pieces, one tensor": "SHA-256 on all cores",
        "encrypted, manifest required": "encrypted",
    }
    cases = [
        rounds.Case(name, lambda run=run: rounds.Sample(run()), beside.get(name, "")) for name, run in ways.items()
    ]
    result = rounds.measured(cases, options.runs, binary / "tz", sealed.stat().st_size)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
