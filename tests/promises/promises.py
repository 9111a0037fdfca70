#!/usr/bin/env python3
"""Keeps the numbers by which the promises of docs/reliability.md are shown, and writes the tables of them there.

    promises.py record [--reports FOLDER] [--results FOLDER]   what was run last goes into the record, then into the page
    promises.py table [--check]                                the page alone; --check: say whether it is the record's

A report is a JSON file of one long run (soak, fuzz, mutants, ...) with its date; results are JUnit files of tests. The
record keeps the last full run of each, and of each fuzzer: a run of one thing leaves the numbers of the others as they
are, and a small one those of a full one.
"""

import argparse
import datetime
import fnmatch
import json
import os
import pathlib
import sys
import tomllib
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).parents[2]
PROMISES = ROOT / "tests/promises/promises.toml"
RECORD = ROOT / "docs/figures/promises.json"
REMOTE = ROOT / "docs/figures/remote.json"  # what bench/remote.sh measured last
PAGE = ROOT / "docs/reliability.md"


def promises() -> list[dict]:
    return tomllib.loads(PROMISES.read_text())["promise"]


def read_record() -> dict:
    return json.loads(RECORD.read_text()) if RECORD.exists() else {}


def name_of(case: ElementTree.Element) -> str:
    """As ctest or pytest name the test."""
    name, folder = case.get("name", ""), case.get("classname", "")
    return name if folder in ("", name) else f"{folder.replace('.', '/')}.py::{name}"


def test_names(results: list[pathlib.Path]) -> dict[str, str]:
    """Every test of the files, as ctest or pytest name it, with 'passed', 'failed' or 'skipped'."""
    outcomes = {}
    for file in results:
        for case in ElementTree.parse(file).iter("testcase"):
            kinds = {child.tag for child in case}
            failed = kinds & {"failure", "error"}
            outcomes[name_of(case)] = "failed" if failed else "skipped" if "skipped" in kinds else "passed"
    return outcomes


def matching(outcomes: dict[str, str], patterns: list[str]) -> dict[str, int]:
    """How many tests of these names passed, failed and were skipped. 'Suite.*' is one of ctest, with any parameter."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, outcome in outcomes.items():
        plain = name if "::" in name else name.rpartition("/")[0].rpartition("/")[2] or name
        if any(fnmatch.fnmatchcase(name, p) or fnmatch.fnmatchcase(plain, p) for p in patterns):
            counts[outcome] += 1
    return counts


def seconds_allowed() -> dict[str, int]:
    """Of each test that a row of the table of faults names: how long a load of it may take; the least, where several do."""
    allowed = {}
    for path in sorted((ROOT / "tests/faults/rows").glob("*.toml")):
        for row in tomllib.loads(path.read_text())["row"]:
            for test in row["tests"]:
                allowed[test] = min(row["seconds"], allowed.get(test, row["seconds"]))
    return allowed


def timed(results: list[pathlib.Path], allowed: dict[str, int]) -> dict:
    """What the stopwatch of tests/faults said: how many tests, and which took longer than their row allows."""
    tests, late, slowest = 0, [], 0.0
    for file in results:
        for case in ElementTree.parse(file).iter("testcase"):
            name = name_of(case).partition("[")[0]
            for found in case.iterfind("properties/property[@name='slowest_s']"):
                tests, slowest = tests + 1, max(slowest, float(found.get("value")))
                if float(found.get("value")) > allowed.get(name, 2):
                    late.append(f"{name}: {found.get('value')} s")
    return {"tests": tests, "late": late, "slowest_s": slowest}


def brief(report):
    """A report without its lists: how long they are."""
    if isinstance(report, dict):
        return {name: brief(each) for name, each in report.items()}
    return len(report) if isinstance(report, list) else report


def faulty(remote: dict) -> dict:
    """Loads from a server that fails by chance, beside such that it does not disturb."""
    section = next(each for each in remote["sections"] if each["section"] == "faults")
    samples = next(each["samples"] for each in section["entries"] if each["name"] == "faulty")
    time, requests = section["checks"]
    return {
        "date": section["date"],
        "loads": len(samples),
        "gb": samples[0]["bytes"] / 1e9,
        "time": time["value"],
        "requests": requests["value"],
        "missed": sum(not check["met"] for check in section["checks"]),
    }


# A full run: what says how large one is, and from where on.
FULL = {
    "soak": ("minutes", 120),
    "schedules": ("count", 10_000),
    "cancels": ("count", 5_000),
    "kills": ("kills", 1_000),
    "differential": ("variants", 10_000),
    "a fuzzer": ("inputs", 10_000_000),
}


def replaces(name: str, new: dict, old: dict | None) -> bool:
    """Whether a report comes into the record: a full one does, and any that found something; a smaller one only in
    place of one that is smaller still."""
    if old is None or name not in FULL:
        return True
    size, full = FULL[name]
    found = any(new.get(count) for count in ("faults", "wrong", "late", "breaks", "bad"))
    return bool(found) or new[size] >= min(full, old.get(size, 0))


def is_whole(name: str, report: dict) -> bool:
    """Some of the checks say nothing of the others."""
    return name != "mutants" or report["whole"]


def of_each_fuzzer(before: dict, report: dict) -> dict:
    """A report of fuzzers with what was known of those that were not run this time, or are known better."""
    rows = dict(before.get("rows", {}))
    for row in map(brief, report["targets"]):
        if replaces("a fuzzer", row, rows.get(row["name"])):
            rows[row["name"]] = row
    return brief(report) | {
        "date": max(row["date"] for row in rows.values()),
        "inputs": sum(row["inputs"] for row in rows.values()),
        "inputs_least": min(row["inputs"] for row in rows.values()),
        "faults": sum(row["faults"] for row in rows.values()) + len(report["memory_faults"]),
        "targets": len(rows),
        "rows": rows,
    }


def merged(record: dict, reports: list[pathlib.Path], outcomes: dict[str, str], today: str) -> dict:
    """The record with what was run last in place of what was run before."""
    new = dict(record)
    for file in reports:
        name, report = file.stem, json.loads(file.read_text())
        if name == "fuzz":
            new[name] = of_each_fuzzer(record.get(name, {}), report)
        elif is_whole(name, report) and replaces(name, brief(report), record.get(name)):
            new[name] = brief(report)
    if outcomes:
        counts = {str(p["number"]): matching(outcomes, p.get("tests", [])) for p in promises()}
        new["tests"] = {"date": today, "promises": counts}
    return new


def value(record: dict, path: str) -> str:
    return ("{" + path + "}").format_map(record)


def broken(record: dict) -> list[str]:
    """What of the record is no kept promise: a number that must be zero and isn't, a test that failed."""
    found = []
    for promise in promises():
        number = promise["number"]
        for path in promise.get("zero", []):
            if path.partition("[")[0] in record and value(record, path) != "0":
                found.append(f"promise {number}: {path} is {value(record, path)}")
        failed = record.get("tests", {}).get("promises", {}).get(str(number), {}).get("failed", 0)
        if failed:
            found.append(f"promise {number}: {failed} tests failed")
    return found


def missing(record: dict) -> list[str]:
    """What shows nothing: a number that was never made, a promise none of whose tests was run."""
    found = []
    for promise in promises():
        number = promise["number"]
        for path in promise.get("zero", []):
            if path.partition("[")[0] not in record:
                found.append(f"promise {number}: there is no {path}")
        counts = record.get("tests", {}).get("promises", {}).get(str(number), {})
        if promise.get("tests") and not counts.get("passed"):
            found.append(f"promise {number}: none of its tests was run")
    return found


def numbers(record: dict, promise: dict) -> str:
    parts = []
    for text in promise.get("numbers", []):
        report = text.partition("{")[2].partition("[")[0]
        if report in record:
            parts.append(f"{text.format_map(record)} ({record[report]['date'][:10]})")
        else:
            parts.append(f"{report}: not run yet")
    if promise.get("tests"):
        tests = record.get("tests")
        counts = tests["promises"].get(str(promise["number"])) if tests else None
        if counts:
            skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
            parts.append(f"{counts['passed']} tests passed, {counts['failed']} failed{skipped} ({tests['date'][:10]})")
        else:
            parts.append("tests: not run yet")
    return "; ".join(parts)


def table(record: dict) -> str:
    rows = ["| | promise | last numbers (date) |", "|---|---|---|"]
    rows += [f"| {p['number']} | {p['what']} | {numbers(record, p)} |" for p in promises()]
    if "all" in record:
        rows += ["", "The last `./bootstrap promises` took {minutes} minutes on {cores} cores ({date}).".format(**record["all"])]
    return "\n".join(rows) + "\n"


def fuzz_table(record: dict) -> str:
    lines = ["| target | inputs | a second | time | edges covered | largest memory | on | found |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name, row in sorted(record.get("fuzz", {}).get("rows", {}).items()):
        rate = row["inputs"] / max(row["seconds"], 1)
        cells = [f"`{name}_fuzz`", f"{row['inputs']:,}", f"{rate:,.0f}", f"{row['seconds']:,.0f} s"]
        cells += [f"{row['coverage']:,}", f"{row['peak_rss_mib']} MiB", row["date"][:10], row["faults"] or "nothing"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def page_with(page: str, record: dict) -> str:
    """The page with the tables of this record."""
    for name, text in {"promises": table(record), "fuzz": fuzz_table(record)}.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"promises.py: {PAGE} has no place for a table: {begin.strip()} ... {end.strip()}")
        page = before + begin + text + end + after
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["record", "table"])
    parser.add_argument("--reports", type=pathlib.Path, default=ROOT / "build/reports", metavar="FOLDER")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "build/logs", metavar="FOLDER")
    parser.add_argument(
        "--all-in", type=int, metavar="SECONDS", help="it was all run, in that time: what is missing then is broken"
    )
    parser.add_argument("--check", action="store_true", help="change nothing, end with 1 where the table is another")
    arguments = parser.parse_args()

    record = read_record()
    if arguments.command == "record":
        results = sorted(arguments.results.glob("*.xml"))
        today = datetime.date.today().isoformat()
        record = merged(record, sorted(arguments.reports.glob("*.json")), test_names(results), today)
        record["faulty"] = faulty(json.loads(REMOTE.read_text()))
        if arguments.all_in is not None:
            stopwatch = timed(results, seconds_allowed())
            for line in stopwatch["late"]:
                print(f"late: {line}", file=sys.stderr)
            record["stopwatch"] = brief(stopwatch) | {"date": today}
            record["all"] = {"date": today, "minutes": round(arguments.all_in / 60), "cores": os.cpu_count()}
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    page = PAGE.read_text()
    new_page = page_with(page, record)
    if arguments.check:
        return int(new_page != page)
    PAGE.write_text(new_page)
    print(table(record))
    faults = broken(record) + (missing(record) if arguments.all_in is not None else [])
    for line in faults:
        print(line, file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
