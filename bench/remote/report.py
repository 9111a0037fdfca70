#!/usr/bin/env python3
"""Puts the sections that measure.py printed together, as JSON for programs and as tables for people."""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import machine
from clients import TZ

HEADER = """| | GB/s | least to most | CPU s/GB | loops | busy cores | requests | connections |
|---|---|---|---|---|---|---|---|"""


def number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def middle(samples: list[dict], name: str, per_gb: bool = False) -> float | None:
    values = [s[name] / (s["bytes"] / 1e9 if per_gb else 1) for s in samples if name in s]
    return statistics.median(values) if values else None


def row(entry: dict) -> str:
    samples, rate = entry["samples"], entry["gb_per_s"]
    cells = (
        f"**tzio, {entry['name']}**" if entry["ours"] else entry["name"],
        number(rate["median"], 3),
        f"{rate['min']:.2f} to {rate['max']:.2f}",
        number(middle(samples, "cpu_seconds", True), 2),
        number(middle(samples, "loop_cpu_seconds", True), 3),
        number(middle(samples, "busy_cores"), 1),
        number(middle(samples, "requests"), 0),
        number(middle(samples, "connections"), 0),
    )
    return "| " + " | ".join(cells) + " |"


def target(check: dict) -> str:
    if check["least"] is not None:
        return f"at least {check['least']:g}"
    return f"at most {check['most']:g}" if check["most"] is not None else ""


def verdict(check: dict) -> str:
    return ("met" if check["met"] else "**missed**") if target(check) else ""


def tables(report: dict) -> str:
    lines = [
        f"{report['version']}; {machine.line(report['host'])}; files of {report['file_bytes'] / 1e9:.2f} GB.",
        "\n| | value | target | |\n|---|---|---|---|",
    ]
    for section in report["sections"]:
        for check in section["checks"]:
            lines.append(f"| {check['what']} | {check['value']:.3f} | {target(check)} | {verdict(check)} |")
    for section in report["sections"]:
        runs = len(section["entries"][0]["samples"])
        lines.append(f"\n### {section['title']} (medians of {runs})\n\n{HEADER}")
        lines += [row(entry) for entry in section["entries"]]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="takes remote.json and remote.md")
    parser.add_argument("sections", nargs="+", help="files")
    parser.add_argument("--file-bytes", type=int, required=True)
    options = parser.parse_args()
    sections = []
    for name in options.sections:
        with open(name, encoding="utf-8") as file:
            sections.append(json.load(file))
    report = {
        "schema": "tz-remote/1",
        "version": machine.version([TZ, "--version"]),
        "peers": [machine.version(["nginx", "-v"]), machine.version(["curl", "--version"]), machine.version(["wrk", "-v"])],
        "host": machine.facts(),
        "file_bytes": options.file_bytes,
        "sections": sections,
    }
    with open(os.path.join(options.folder, "remote.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
    with open(os.path.join(options.folder, "remote.md"), "w", encoding="utf-8") as file:
        file.write(tables(report) + "\n")


if __name__ == "__main__":
    main()
