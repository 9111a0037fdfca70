#!/usr/bin/env python3
"""Makes the README's pictures: bars of a run of `tz-bench load --export-json`, a timeline of a trace of `tz load --trace`.

chart.py RESULT.json [--trace TRACE.json] FOLDER writes FOLDER/loads.svg and, of a trace, FOLDER/timeline.svg. They have
no date and no chance in them: the same files give the same bytes. They fit light and dark pages.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

WIDTH = 760
LABELS = 218  # where bars begin
TRACKS = 130  # where lanes begin
VALUES = 52  # of the column of figures at the right
ROW, BAR, TITLE = 21, 12, 30
#: A bar that is so many times as long as the ceiling, or else as the next, is cut: one would see no other.
CUT_FROM = 2.5

STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #1f2328 }
    .quiet { fill: #59636e }
    .title, .ours { font-weight: 600 }
    .end { text-anchor: end }
    .middle { text-anchor: middle }
    .axis { stroke: #d1d9e0 }
    .spread { stroke: #1f2328; stroke-opacity: .55 }
    .ceiling { stroke: #bc4c00; stroke-width: 2 }
    .dashed { stroke-width: 1.5; stroke-dasharray: 4 3 }
    .ceiling-text { fill: #bc4c00 }
    .load, .read { fill: #0969da }
    .peer, .other { fill: #9aa4af }
    .decrypt { fill: #8250df }
    .verify { fill: #bc4c00 }
    .deliver, .copy, .write { fill: #1a7f37 }
    .cut { fill: #fff }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .quiet { fill: #9198a1 }
      .axis { stroke: #3d444d }
      .spread { stroke: #e6edf3 }
      .ceiling { stroke: #f0883e }
      .ceiling-text { fill: #f0883e }
      .load, .read { fill: #1f6feb }
      .peer, .other { fill: #656c76 }
      .decrypt { fill: #8957e5 }
      .verify { fill: #d4620b }
      .deliver, .copy, .write { fill: #238636 }
      .cut { fill: #0d1117 }
    }"""


# --- drawing


def number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, content: str, kind: str = "") -> str:
    return f'<text x="{number(x)}" y="{number(y)}" class="{kind}">{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    name = f"<title>{escape(title)}</title>" if title else ""
    place = f'x="{number(x)}" y="{number(y)}" width="{number(max(width, 0.3))}" height="{number(height)}"'
    return f'<rect {place} class="{kind}">{name}</rect>'


def picture(height: float, label: str, parts: list[str]) -> str:
    body = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {number(height)}" width="{WIDTH}" '
        f'height="{number(height)}" role="img" aria-label={quoteattr(label)}>\n'
        f"  <style>{STYLE}\n  </style>\n  {body}\n</svg>\n"
    )


def shortened(content: str, most: int) -> str:
    return content if len(content) <= most else content[: most - 1] + "…"


# --- bars


def panels(result: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Loads and peers of each file and state of the page cache: ours first, then others from the fastest."""
    titles = {"warm": "from the page cache", "cold": "from the disk", "server": "from the server"}
    files = result["summary"]["files"]
    for file in files:
        for cache, place in titles.items():
            found = [
                entry
                for entry in result["summary"]["entries"]
                if entry["role"] in ("load", "peer") and (entry["file"], entry["cache"]) == (file["file"], cache)
            ]
            ours = [entry for entry in found if entry["role"] == "load"]
            others = [entry for entry in found if entry["role"] == "peer"]
            others.sort(key=lambda entry: -median(entry))
            name = f"{os.path.basename(file['file'])}, {place}" if len(files) > 1 else place
            if found:
                yield f"{name[0].upper()}{name[1:]}, GB/s" if len(files) == 1 else f"{name}, GB/s", ours + others


def median(entry: dict[str, Any]) -> float:
    return entry["gb_per_s"]["median"] if entry["samples"] else 0.0


def plain_ceiling(entries: list[dict[str, Any]]) -> float | None:
    """What the machine can do without verifying: the line through all bars."""
    known = {entry["name"]: entry["ceiling_gb_per_s"] for entry in entries if entry["ceiling_gb_per_s"]}
    return known.get("plain", next(iter(known.values()), None))


def scale_of(lengths: list[float], shown: list[float]) -> float:
    """The value at the axis's end. `lengths` may be cut, `shown` are never."""
    whole = max(shown, default=0.0)
    ordered = sorted(lengths)
    while len(ordered) > 1 and ordered[-1] > CUT_FROM * (whole or ordered[-2]):
        ordered.pop()
    return max([whole, *ordered, 1e-9]) * 1.04


def step_of(scale: float) -> float:
    """Between the marks of an axis: 1, 2 or 5 of a power of ten, four to nine of them."""
    power = 10.0 ** (len(str(int(scale))) - 2 if scale >= 1 else -2)
    return next(each for each in (power * f for f in (1, 2, 5, 10, 20, 50, 100)) if scale / each <= 9)


def axis(top: float, bottom: float, scale: float, step: float, left: float = LABELS, unit: str = "") -> list[str]:
    drawn = []
    for mark in range(int(scale / step) + 1):
        x = left + (WIDTH - left - VALUES) * mark * step / scale
        drawn.append(line(x, top, x, bottom, "axis"))
        drawn.append(text(x, bottom + 14, f"{mark * step:g}{unit}", "quiet middle"))
    return drawn


def bar(entry: dict[str, Any], y: float, scale: float, line_at: float | None) -> list[str]:
    ours = entry["role"] == "load"
    name = f"tzio, {entry['name']}" if ours else entry["name"]
    drawn = [text(0, y + 10, shortened(name, 34), "ours" if ours else "")]
    if not entry["samples"]:
        return [*drawn, text(LABELS + 6, y + 10, shortened(f"dropped: {entry['failure']}", 60), "quiet")]
    rate = entry["gb_per_s"]
    pixels = (WIDTH - LABELS - VALUES) / scale
    end = LABELS + min(rate["median"], scale) * pixels
    facts = f"{name}: {rate['median']:.2f} GB/s, {rate['min']:.2f} to {rate['max']:.2f}"
    drawn.append(box(LABELS, y, end - LABELS, BAR, entry["role"], facts))
    if rate["median"] > scale:
        drawn.append(f'<path d="M{number(end - 14)} {number(y + BAR)}l5 -{BAR}h4l-5 {BAR}z" class="cut"/>')
    first, last = (LABELS + min(rate[each], scale) * pixels for each in ("min", "max"))
    drawn.append(line(first, y + BAR / 2, last, y + BAR / 2, "spread"))
    ceiling = entry["ceiling_gb_per_s"]
    if ours and ceiling and ceiling != line_at and ceiling <= scale:
        x = LABELS + ceiling * pixels
        drawn.append(line(x, y - 3, x, y + BAR + 3, "ceiling"))
    drawn.append(text(WIDTH, y + 10, f"{rate['median']:.2f}", "end ours" if ours else "end"))
    return drawn


def panel(title: str, entries: list[dict[str, Any]], top: float) -> tuple[list[str], float]:
    """What is drawn, and where it ends."""
    ceiling = plain_ceiling(entries)
    measured = [entry for entry in entries if entry["samples"]]
    scale = scale_of([median(entry) for entry in measured], [ceiling] if ceiling else [])
    bottom = top + TITLE + ROW * len(entries)
    drawn = [text(0, top + 14, title, "title"), *axis(top + TITLE - 6, bottom, scale, step_of(scale))]
    for place, entry in enumerate(entries):
        drawn += bar(entry, top + TITLE + ROW * place, scale, ceiling)
    if ceiling:
        x = LABELS + (WIDTH - LABELS - VALUES) * ceiling / scale
        drawn.append(line(x, top + TITLE - 6, x, bottom, "ceiling dashed"))
        side = "end" if x > WIDTH * 0.6 else ""
        drawn.append(text(x + (-4 if side else 4), top + 14, f"this machine's ceiling {ceiling:.1f}", f"ceiling-text {side}"))
    return drawn, bottom + 30


def loads(result: dict[str, Any]) -> str:
    drawn: list[str] = []
    end = 4.0
    for title, entries in panels(result):
        more, end = panel(title, entries, end)
        drawn += more
    host, files = result["host"], result["summary"]["files"]
    size = f"{files[0]['tensor_bytes'] / 1e9:.2f} GB in {files[0]['tensors']} tensors" if files else ""
    facts = f"{size}; medians and least to most of {result['summary']['rounds']} rounds; {host['cores']} cores, {host['cpu']}"
    drawn.append(text(0, end + 8, facts, "quiet"))
    drawn.append(text(0, end + 24, "Orange: what this machine's storage and cores can give for the same work, timed alone", "quiet"))
    return picture(end + 32, "Loads by tzio beside other loaders, in GB/s", drawn)


# --- the timeline


def stages(trace: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What took time; a lane that waits does nothing."""
    return [event for event in trace if event.get("ph") == "X" and event["name"] != "wait"]


def union(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where at least one of the spans is."""
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def legend(names: list[str]) -> list[str]:
    drawn, x = [], float(TRACKS)
    for name in names:
        drawn += [box(x, 6, 12, 12, name), text(x + 18, 16, name)]
        x += 40 + 8 * len(name)
    return drawn


def timeline(trace: list[dict[str, Any]]) -> str:
    events = stages(trace)
    names = {event["tid"]: event["args"]["name"] for event in trace if event["name"] == "thread_name"}
    tracks = sorted({event["tid"] for event in events})
    kinds = list(dict.fromkeys(event["name"] for event in sorted(events, key=lambda each: each["ts"])))
    start = min(event["ts"] for event in events)
    whole = max(event["ts"] + event["dur"] for event in events) - start
    pixels = (WIDTH - TRACKS - VALUES) / whole
    drawn = [*legend(kinds), text(WIDTH, 16, "a thin line: waits for a core", "quiet end")]
    top = 32.0
    rows = [(track, [event for event in events if event["tid"] == track]) for track in tracks]
    scale = whole / 1000
    bottom = top + ROW * (len(rows) + len(kinds)) + 16
    drawn += axis(top - 4, bottom, scale, step_of(scale), TRACKS, " ms")
    for place, (track, found) in enumerate(rows):
        y = top + ROW * place
        drawn.append(text(0, y + 10, names.get(track, str(track))))
        for event in found:
            title = f"{event['name']} {event['dur'] / 1000:.1f} ms"
            drawn.append(box(TRACKS + (event["ts"] - start) * pixels, y, event["dur"] * pixels, BAR, event["name"], title))
        for event in trace:
            if event.get("ph") == "X" and event["name"] == "wait" and event["tid"] == track:
                drawn.append(box(TRACKS + (event["ts"] - start) * pixels, y + 5, event["dur"] * pixels, 2, "peer"))
    for place, kind in enumerate(kinds):
        y = top + ROW * (len(rows) + place) + 12
        joined = union([(event["ts"], event["ts"] + event["dur"]) for event in events if event["name"] == kind])
        share = sum(end - begin for begin, end in joined) / whole
        drawn.append(text(0, y + 10, f"any lane: {kind}", "ours"))
        drawn += [box(TRACKS + (begin - start) * pixels, y, (end - begin) * pixels, BAR, kind) for begin, end in joined]
        drawn.append(text(WIDTH, y + 10, f"{share * 100:.0f} %", "end ours"))
    label = "Lanes over time: while one chunk is read, others are " + " and ".join(kinds[1:] or ["read too"])
    return picture(bottom + 22, label, drawn)


def read(path: Path) -> Any:
    """Raises OSError; ValueError, naming the file."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: no JSON: {error}") from error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, help="of tz-bench load --export-json")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--trace", type=Path, help="of tz load --trace")
    options = parser.parse_args()
    try:
        result = read(options.result)
        if not isinstance(result, dict) or result.get("schema") != "tz-bench/1":
            raise ValueError(f"{options.result}: no result of tz-bench load")
        (options.folder / "loads.svg").write_text(loads(result))
        if options.trace:
            trace = read(options.trace)
            if not isinstance(trace, list) or not any(isinstance(each, dict) and each.get("ph") == "X" for each in trace):
                raise ValueError(f"{options.trace}: no trace of tz load")
            (options.folder / "timeline.svg").write_text(timeline(trace))
    except (OSError, ValueError) as error:
        print(f"chart.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
