#!/usr/bin/env python3
"""Times saves and conversions in rounds, and prints the result: see bench/write.sh."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "peers")]

import rounds
from memory import warm


def seconds_printed(command) -> float:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[0]


def seconds_of_json(command) -> float:
    result = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)["seconds"]


def fio(folder: Path, size: int, *, beside: Path | None = None) -> float:
    """Writes as many bytes past the page cache, durable; while it reads `beside` so, if given."""
    path = folder / "fio"
    command = [
        "fio", "--ioengine=io_uring", "--direct=1", "--bs=4M", "--iodepth=8", "--output-format=json",
        "--name=write", f"--filename={path}", f"--size={size}", "--rw=write", "--end_fsync=1",
    ]  # fmt: skip
    if beside:
        command += ["--name=read", f"--filename={beside}", f"--size={size}", "--rw=read"]
    jobs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["jobs"]
    path.unlink()
    return max(job["job_runtime"] for job in jobs) / 1000


def cold(path: Path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cases(options, size: int) -> list[rounds.Case]:
    work, binary, peer = options.folder, options.bin, [options.python, options.peer]
    tensors, safetensors, key = work / "a.tensors", work / "a.safetensors", work / "key"
    target = work / "target"

    def save(*words):
        return lambda: seconds_printed([binary / "save_timer", tensors, target, "1", *words])

    def save_by_peer(*words):
        return lambda: seconds_printed([*peer, safetensors, target, "1", *words])

    def tz(prepare, *words):
        def run():
            prepare(words[-2] if words[0] != "load" else words[-1])
            return seconds_of_json([binary / "tz", *words, "--quiet"])

        return run

    def convert(prepare, *words):
        def run():
            target.unlink(missing_ok=True)  # saves write new files too
            return copy()

        copy = tz(prepare, "convert", "--format", *words, target)
        return run

    ways = {
        "fio, direct writes": lambda: fio(work, size),
        "fio, direct reads and writes at once": lambda: fio(work, size, beside=tensors),
        "save, CRC-32 and SHA-256": save(),
        "tensorizer: save": save_by_peer(),
        "save, encrypted": save("encrypted"),
        "tensorizer: save, encrypted": save_by_peer("--encrypted"),
        "load, cold, dropped": tz(cold, "load", "--memory", "none", tensors),
        "load, warm, dropped": tz(warm, "load", "--memory", "none", tensors),
        "convert, cold": convert(cold, "tensors", tensors),
        "convert, warm": convert(warm, "tensors", tensors),
        "convert, warm, from safetensors": convert(warm, "tensors", safetensors),
        "convert, warm, to safetensors": convert(warm, "safetensors", tensors),
        "convert, warm, encrypted": convert(warm, "tensors", "--encrypt-key-file", key, tensors),
    }
    beside = {
        "save, CRC-32 and SHA-256": "tensorizer: save",
        "save, encrypted": "tensorizer: save, encrypted",
        "convert, cold": "save, CRC-32 and SHA-256",
        "convert, warm": "save, CRC-32 and SHA-256",
        "convert, warm, encrypted": "save, encrypted",
    }
    return [
        rounds.Case(name, lambda run=run: rounds.timed(size, run()), beside.get(name, "")) for name, run in ways.items()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    size = (options.folder / "a.tensors").stat().st_size
    print(json.dumps(rounds.measured(cases(options, size), options.runs, options.bin / "tz", size)))


if __name__ == "__main__":
    main()
