#!/usr/bin/env python3
"""Prints a result of `tz-bench load --export-json`, or of rounds.py, as the tables of docs/performance.md."""

import json
import os
import sys

import machine
import rounds

HEADER = """| | GB/s | least to most | CPU s/GB | loop | ceiling | of it | huge pages | beside, MiB |
|---|---|---|---|---|---|---|---|---|"""


def number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.0f} %"


def row(entry: dict) -> str:
    name = f"**tzio, {entry['name']}**" if entry["role"] == "load" else entry["name"]
    rate = entry["gb_per_s"]
    beside = entry["beside_bytes_max"]
    cells = (
        name,
        number(rate["median"], 2),
        f"{rate['min']:.2f} to {rate['max']:.2f}",
        number(entry["cpu_seconds_per_gb"], 2),
        number(entry["loop_cpu_seconds_per_gb"], 3),
        number(entry["ceiling_gb_per_s"], 2),
        percent(entry["of_ceiling"]),
        percent(entry["huge_page_share_min"]),
        number(None if beside is None else beside / 2**20, 0),
    )
    return "| " + " | ".join(cells) + " |"


def table(title: str, entries: list[dict]):
    rows = [row(entry) for entry in entries if entry["samples"]]
    if rows:
        print(f"\n### {title}\n\n{HEADER}")
        print("\n".join(rows))


def of_loads(result: dict):
    summary = result["summary"]
    print(f"tzio {result['version']}; {machine.line(result['host'])}; medians of {summary['rounds']} rounds.")
    for file in summary["files"]:
        for cache in ("warm", "cold"):
            of_file = [e for e in summary["entries"] if e["file"] == file["file"] and e["cache"] == cache]
            size = f"{file['tensor_bytes'] / 1e9:.2f} GB in {file['tensors']} tensors"
            table(f"{os.path.basename(file['file'])} ({size}, {file['filesystem']}), {cache}", of_file)
    table("One core, in memory", [entry for entry in summary["entries"] if entry["cache"] == "memory"])
    print()
    for note in summary["notes"]:
        print(f"- {note}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    print(rounds.tables(result)) if result["schema"] == "tz-rounds/1" else of_loads(result)


if __name__ == "__main__":
    main()
