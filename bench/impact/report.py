"""What came out of the benchmark of real-world impact: percentiles, where a start's time went, tables. All pure."""

from __future__ import annotations

import math
import re
import statistics
from typing import Any

PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "max": 100}

#: Of a start, in order, as `parts` names them.
PARTS = ("imports", "download", "load", "wait", "first_generation", "answer")


def without_secrets(text: str) -> str:
    """A URL's user and password, as in the programs' results."""
    return re.sub(r"//[^/@\s]*@", "//***@", text)


def percentile(ordered: list[float], percent: float) -> float:
    """By nearest rank: one of the times that were measured."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def responses(answers: list[tuple[float, int]]) -> dict[str, Any]:
    """Of seconds and status of each request. Failed ones have no time: what refuses at once isn't fast."""
    ordered = sorted(seconds for seconds, status in answers if status == 200)
    return {
        "requests": len(answers),
        "failed": len(answers) - len(ordered),
        "percentiles": {name: percentile(ordered, percent) for name, percent in PERCENTILES.items()} if ordered else None,
        "seconds": ordered,
    }


def parts(process_began: float, times: dict[str, float], first_answer: float) -> dict[str, float]:
    """Seconds from the process's start to the first answer, apart; they add up to all of it.

    `imports`: the interpreter and what it imports; `wait`: from loaded until the first request came to be generated,
    which is the health check and the way; `answer`: the way back. A server that tells no times has the sum alone.
    """
    whole = {"first_answer": first_answer - process_began}
    if not {"imported", "loaded", "asked", "generated"} <= set(times):
        return whole
    downloaded = times.get("downloaded", times["imported"])
    marks = [process_began, times["imported"], downloaded, times["loaded"], times["asked"], times["generated"], first_answer]
    return whole | {name: later - sooner for name, sooner, later in zip(PARTS, marks, marks[1:])}


def way_of(run: dict[str, Any]) -> tuple[str, str, str]:
    return run["server"], run["from"], run["cache"]


def medians(found: list[dict[str, float]]) -> dict[str, float] | None:
    """By name, of the rounds that have it."""
    names = [name for name in (found[0] if found else {}) if all(name in each for each in found)]
    return {name: statistics.median(each[name] for each in found) for name in names} or None


def summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a way, in order of their first rounds."""
    ways: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for run in runs:
        ways.setdefault(way_of(run), []).append(run)
    return [
        {
            "server": server,
            "from": place,
            "cache": cache,
            "rounds": len(rounds),
            "rounds_answered": sum(each["outcome"] == "answered" for each in rounds),
            "requests": sum(each["requests"] for each in rounds),
            "failed": sum(each["failed"] for each in rounds),
            "percentiles": medians([each["percentiles"] for each in rounds if each["percentiles"]]),
            "start": medians([each["start"] for each in rounds if each["start"]]),
        }
        for (server, place, cache), rounds in ways.items()
    ]


def notes(runs: list[dict[str, Any]]) -> list[str]:
    """What went otherwise than it should."""
    found = []
    for run in runs:
        name = f"round {run['round']}: {' '.join(way_of(run))}"
        if run["outcome"] != "answered":
            found.append(f"{name}: {run['outcome']}, {run['failed']} of {run['requests']} requests failed: {run['failure']}")
        elif run["failed"]:
            found.append(f"{name}: {run['failed']} of {run['requests']} requests failed")
        if run["cache"] == "cold" and run["cached_share"] > 0.01:
            found.append(f"{name}: was not cold: {run['cached_share'] * 100:.0f} % was in the page cache")
    return found


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def seconds_text(found: dict[str, float] | None, name: str) -> str:
    return f"{found[name]:.2f}" if found and name in found else ""


def table(result: dict[str, Any]) -> str:
    """As Markdown: response times, then where the start's time went, then the curves."""
    model, host = result["model"], result["host"]
    entries = result["summary"]["entries"]
    lines = [
        f"{model['architecture']}, {model['bytes'] / 1e9:.2f} GB; {result['summary']['requests']} requests at once; "
        f"{host['cpu']}, {host['cores']} cores, load average {host['load_average']:.1f}; medians of the rounds, seconds",
        "",
        row(["server", "from", "page cache", *PERCENTILES, "failed"]),
        "|" + "---|" * (len(PERCENTILES) + 4),
    ]
    for entry in entries:
        times = [seconds_text(entry["percentiles"], name) for name in PERCENTILES]
        failed = f"{entry['failed']} of {entry['requests']}"
        lines.append(row([entry["server"], entry["from"], entry["cache"], *times, failed]))
    lines += ["", row(["server", "from", "page cache", "first answer", *(part.replace("_", " ") for part in PARTS)])]
    lines.append("|" + "---|" * (len(PARTS) + 4))
    for entry in entries:
        times = [seconds_text(entry["start"], name) for name in ("first_answer", *PARTS)]
        lines.append(row([entry["server"], entry["from"], entry["cache"], *times]))
    lines += ["", *curves(result["runs"]), *(f"- {note}" for note in result["summary"]["notes"])]
    return "\n".join(lines) + "\n"


def curves(runs: list[dict[str, Any]]) -> list[str]:
    """The sorted response times of each way's first round, ten points of each; the JSON has all."""
    shares = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
    lines = [row(["sorted times, first round", *(f"{share} %" for share in shares)]), "|" + "---|" * (len(shares) + 1)]
    for run in runs:
        if run["round"] == 1 and run["seconds"]:
            times = [f"{percentile(run['seconds'], share):.1f}" for share in shares]
            lines.append(row([" ".join(way_of(run)), *times]))
    return [*lines, ""] if len(lines) > 2 else []
