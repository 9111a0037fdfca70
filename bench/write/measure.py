#!/usr/bin/env python3
"""Times saves and conversions in rounds, and prints a table of medians: see bench/write.sh."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))

from memory import warm


class Case:
    def __init__(self, name, run):
        self.name, self.run, self.seconds = name, run, []


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


def cases(options) -> list[Case]:
    work, binary, peer = options.folder, options.bin, [options.python, options.peer]
    tensors, safetensors, key = work / "a.tensors", work / "a.safetensors", work / "key"
    target = work / "target"
    size = tensors.stat().st_size

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

    return [
        Case("fio, direct writes", lambda: fio(work, size)),
        Case("fio, direct reads and writes at once", lambda: fio(work, size, beside=tensors)),
        Case("save, CRC-32 and SHA-256", save()),
        Case("tensorizer: save", save_by_peer()),
        Case("save, encrypted", save("encrypted")),
        Case("tensorizer: save, encrypted", save_by_peer("--encrypted")),
        Case("load, cold, dropped", tz(cold, "load", "--memory", "none", tensors)),
        Case("load, warm, dropped", tz(warm, "load", "--memory", "none", tensors)),
        Case("convert, cold", convert(cold, "tensors", tensors)),
        Case("convert, warm", convert(warm, "tensors", tensors)),
        Case("convert, warm, from safetensors", convert(warm, "tensors", safetensors)),
        Case("convert, warm, to safetensors", convert(warm, "safetensors", tensors)),
        Case("convert, warm, encrypted", convert(
            warm, "tensors", "--encrypt-key-file", key, tensors)),
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    bytes_saved = (options.folder / "a.tensors").stat().st_size
    every = cases(options)
    for _ in range(options.runs):
        for case in every:
            case.seconds.append(case.run())
    print("| | GB/s, median | least | most |\n|---|---|---|---|")
    for case in every:
        rates = sorted(bytes_saved / second / 1e9 for second in case.seconds)
        print(f"| {case.name} | {statistics.median(rates):.2f} | {rates[0]:.2f} | {rates[-1]:.2f} |")


if __name__ == "__main__":
    main()
