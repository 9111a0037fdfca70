#!/usr/bin/env python3
"""Runs the scripts that take figures one after the other, and puts their tables on one page: see bench/figures.sh."""

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCH))

import machine


@dataclass(frozen=True)
class Part:
    """What bench/NAME.sh measures. It leaves NAME.json and NAME.md."""

    title: str
    options: tuple[str, ...] = ()


PARTS = {
    "local": Part("Local files"),
    "remote": Part("Remote files"),
    "write": Part("Saving and converting"),
    "manifest": Part("By a manifest"),
    "python": Part("From Python"),
    "impact": Part("Impact", ("--from", "local,s3", "--cache", "cold,warm")),
}


@dataclass
class Taken:
    """How a part went."""

    name: str
    before: dict  # what others did just before it: machine.doing()
    began: float
    seconds: float = 0
    status: int = 0
    tables: str = ""  # empty where it left none


def take(name: str, options: argparse.Namespace) -> Taken:
    json_file, tables = (options.folder / f"{name}.{kind}" for kind in ("json", "md"))
    for file in (json_file, tables):  # of an earlier run
        file.unlink(missing_ok=True)
    taken = Taken(name, machine.doing(), time.time())
    command = [BENCH / f"{name}.sh", "--runs", str(options.runs), "--size", options.size, *PARTS[name].options]
    with subprocess.Popen([*command, options.folder], start_new_session=True) as process:
        try:
            taken.status = process.wait()
        except BaseException:  # its files and servers go with it
            os.killpg(process.pid, signal.SIGTERM)
            raise
    taken.seconds = time.time() - taken.began
    taken.tables = tables.read_text().strip() if tables.exists() else ""
    return taken


def percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def outcome(taken: Taken) -> str:
    if taken.status:
        return f"**ended with {taken.status}**"
    return "ended well" if taken.tables else "**left no tables**"


def row(taken: Taken) -> str:
    before = taken.before
    cells = [
        PARTS[taken.name].title,
        time.strftime("%H:%M", time.gmtime(taken.began)),
        f"{taken.seconds / 60:.0f}",
        f"{before['load_average']:.1f}",
        percent(before["others"]),
        percent(before["steal"]),
        outcome(taken),
    ]
    return "| " + " | ".join(cells) + " |"


def about(facts: list[str], not_idle: list[str], parts: list[Taken]) -> str:
    """On what it was measured, and how each part went, as Markdown. Pure."""
    lines = [f"- {fact}" for fact in facts]
    if not_idle:
        lines += ["", f"**The machine was not idle when this began: {'; '.join(not_idle)}.**"]
    lines += [
        "",
        "One part after the other. What others took of the cores, and what was stolen by the host, just before each part, over",
        "five seconds in which nothing of this ran; the load average is of the minute before, and so of the part before.",
        "",
        "| | at (UTC) | minutes | load average | others | stolen | |",
        "|---|---|---|---|---|---|---|",
        *(row(part) for part in parts),
    ]
    return "\n".join(lines) + "\n"


def page(about_it: str, parts: list[Taken]) -> str:
    """All of it, as Markdown. Pure."""
    lines = ["# Figures", "", about_it.strip()]
    for part in parts:
        lines += ["", f"## {PARTS[part.name].title}", "", part.tables or f"No tables: bench/{part.name}.sh {outcome(part)}."]
    return "\n".join(lines) + "\n"


def refusal(not_idle: list[str], busy: str) -> str | None:
    """What to say and end with, if anything. Pure."""
    if not not_idle or busy == "warn":
        return None
    return f"this machine is not idle: {'; '.join(not_idle)}. Wait until it is, or give --busy warn"


def terminate(*_) -> None:
    sys.exit(143)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--size", required=True)
    parser.add_argument("--only", required=True, type=lambda text: text.split(","))
    parser.add_argument("--busy", choices=["refuse", "warn"], required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, terminate)
    host = machine.facts()
    not_idle = machine.not_idle(machine.doing(), host["cores"])
    if refused := refusal(not_idle, options.busy):
        print(f"figures.sh: {refused}", file=sys.stderr)
        return 1
    if not_idle:
        print(f"figures.sh: warning: this machine is not idle: {'; '.join(not_idle)}", file=sys.stderr)
    facts = [
        machine.line(host),
        f"disk: {machine.disk(options.folder)}",
        f"{options.runs} rounds, files of {options.size}; {time.strftime('%-d %B %Y', time.gmtime())}",
    ]
    parts = []
    for name in (name for name in PARTS if name in options.only):
        print(f"figures.sh: {name}", file=sys.stderr)
        parts.append(take(name, options))
        about_it = about(facts, not_idle, parts)
        (options.folder / "machine.md").write_text(about_it)
        (options.folder / "figures.md").write_text(page(about_it, parts))
    print(f"wrote {options.folder / 'figures.md'}")
    return 1 if any(part.status or not part.tables for part in parts) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
