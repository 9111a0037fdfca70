"""Ways to do a thing, timed in rounds, as JSON for programs and a table for people: what bench/write.sh, manifest.sh and
python.sh leave."""

import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import machine


@dataclass(frozen=True)
class Sample:
    gb_per_s: float
    cpu_seconds_per_gb: float | None = None


def timed(size: int, seconds: float, cpu_seconds: float | None = None) -> Sample:
    return Sample(size / seconds / 1e9, None if cpu_seconds is None else cpu_seconds / size * 1e9)


@dataclass
class Case:
    """A way. `beside` names the one that it is held against, by the rounds' own ratios: machines wander."""

    name: str
    run: Callable[[], Sample]
    beside: str = ""
    target: str = ""
    samples: list[Sample] = field(default_factory=list)


def measured(cases: list[Case], runs: int, tz: Path, size: int) -> dict:
    """The result. Each round takes one sample of everything, in an order that shifts."""
    host = machine.facts()
    for number in range(runs):
        shift = number % len(cases)
        for case in cases[shift:] + cases[:shift]:
            case.samples.append(case.run())
            print(f"round {number + 1}: {case.name}: {case.samples[-1].gb_per_s:.2f} GB/s", file=sys.stderr)
    return {
        "schema": "tz-rounds/1",
        "version": machine.version([tz, "--version"]),
        "host": host,
        "file_bytes": size,
        "rounds": runs,
        "entries": [entry(case, cases) for case in cases],
        "notes": [],
    }


def entry(case: Case, cases: Iterable[Case]) -> dict:
    rates = [sample.gb_per_s for sample in case.samples]
    cpu = [sample.cpu_seconds_per_gb for sample in case.samples if sample.cpu_seconds_per_gb is not None]
    other = next((each for each in cases if each.name == case.beside), None)
    pairs = zip(rates, (sample.gb_per_s for sample in other.samples)) if other else ()
    ratios = [ours / theirs for ours, theirs in pairs]
    return {
        "name": case.name,
        "gb_per_s": {"median": statistics.median(rates), "min": min(rates), "max": max(rates)},
        "cpu_seconds_per_gb": statistics.median(cpu) if cpu else None,
        "ratio": statistics.median(ratios) if ratios else None,
        "beside": case.beside,
        "target": case.target,
        "samples": [vars(sample) for sample in case.samples],
    }


#: Title, and the text of an entry's cell.
COLUMNS: list[tuple[str, Callable[[dict], str]]] = [
    ("GB/s, median", lambda row: f"{row['gb_per_s']['median']:.2f}"),
    ("least", lambda row: f"{row['gb_per_s']['min']:.2f}"),
    ("most", lambda row: f"{row['gb_per_s']['max']:.2f}"),
    ("CPU s/GB", lambda row: "" if row["cpu_seconds_per_gb"] is None else f"{row['cpu_seconds_per_gb']:.2f}"),
    ("times, pair by pair", lambda row: "" if row["ratio"] is None else f"{row['ratio']:.3f}"),
    ("of", lambda row: row["beside"]),
    ("target", lambda row: row["target"]),
]


def tables(result: dict) -> str:
    """As Markdown; columns without a value in any row are left out."""
    entries = result["entries"]
    columns = [(title, cell) for title, cell in COLUMNS if any(cell(entry) for entry in entries)]
    lines = [
        f"{result['version']}; {machine.line(result['host'])}; {result['file_bytes'] / 1e9:.2f} GB; "
        f"medians of {result['rounds']} rounds.",
        "",
        "| | " + " | ".join(title for title, _ in columns) + " |",
        "|" + "---|" * (len(columns) + 1),
    ]
    lines += [f"| {entry['name']} | " + " | ".join(cell(entry) for _, cell in columns) + " |" for entry in entries]
    if result["notes"]:
        lines += ["", *(f"- {note}" for note in result["notes"])]
    return "\n".join(lines)
