"""tests/fuzz/run, with programs that stand in for fuzzers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "run"

quiet = """#!/bin/sh
echo "#7	INITED cov: 40 ft: 90 corp: 6/1Kb exec/s: 0 rss: 30Mb" >&2
echo "#100	DONE   cov: 55 ft: 99 corp: 8/2Kb exec/s: 9 rss: 31Mb" >&2
echo "stat::number_of_executed_units: 100" >&2
echo "stat::peak_rss_mb:              31" >&2
"""
# As one that takes longer than it may.
slow = """#!/bin/sh
for argument; do
    case $argument in -timeout=10) exit 70 ;; esac
done
echo "stat::number_of_executed_units: 100" >&2
"""
broken = """#!/bin/sh
for argument; do
    case $argument in -artifact_prefix=*) prefix=${argument#*=} ;; esac
done
echo "==7== ERROR: libFuzzer: deadly signal" >&2
echo "SUMMARY: libFuzzer: deadly signal" >&2
echo "artifact_prefix='$prefix'; Test unit written to ${prefix}crash-1" >&2
exit 77
"""


@pytest.fixture
def run(tmp_path):
    """Runs it with these fuzzers by name; gives exit code, output and report."""

    def start(fuzzers: dict, *arguments):
        folder = tmp_path / "build/bin"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in fuzzers.items():
            (folder / f"{name}_fuzz").write_text(text)
            (folder / f"{name}_fuzz").chmod(0o755)
        report = tmp_path / "fuzz.json"
        places = ["--build", tmp_path / "build", "--work", tmp_path / "work", "--report", report]
        command = [sys.executable, RUN, "--no-build", "--jobs", "2", *places, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done, json.loads(report.read_text()) if report.exists() else None

    return start


def test_says_what_was_run(run):
    done, report = run({"url": quiet, "http": quiet}, "--inputs", "100", "--seed", "5")
    assert done.returncode == 0, done
    assert (report["faults"], report["inputs_least"], report["sanitizers"]) == (0, 100, ["address", "undefined"])
    rows = {row["name"]: row for row in report["targets"]}
    assert rows["url"]["inputs"] == 100 and rows["url"]["peak_rss_mib"] == 31 and rows["url"]["seed"] == 5
    assert report["date"] == max(row["date"] for row in rows.values())
    assert (rows["http"]["coverage_of_seeds"], rows["http"]["coverage"]) == (40, 55)


def test_a_fault_is_told_with_its_input_and_the_command_that_repeats_it(run):
    done, report = run({"url": quiet, "http": broken}, "--inputs", "100")
    assert done.returncode == 1 and report["faults"] == 1
    (fault,) = next(row for row in report["targets"] if row["name"] == "http")["faults"]
    assert fault["input"].endswith("crash-1") and fault["command"].endswith(f"bin/http_fuzz {fault['input']}")
    assert fault["input"] in done.stdout and "deadly signal" in done.stdout


def test_one_input_may_take_as_long_as_is_said(run):
    done, _ = run({"url": slow}, "--inputs", "100", "--jobs", "1")
    assert done.returncode == 0, done
    done, _ = run({"url": slow}, "--inputs", "100", "--jobs", "1", "--timeout", "10")
    assert done.returncode == 1 and "exit code 70" in done.stdout


def test_fewer_inputs_than_asked_for_are_a_fault(run):
    done, report = run({"url": quiet}, "--inputs", "101", "--jobs", "1")
    assert done.returncode == 1 and report["faults"] == 1
    assert "100 of 101" in done.stdout


def test_targets_are_chosen_by_name(run):
    done, report = run({"url": quiet, "http": broken}, "--inputs", "100", "--targets", "url")
    assert done.returncode == 0 and [row["name"] for row in report["targets"]] == ["url"]
    done, _ = run({}, "--targets", "nothing")
    assert done.returncode != 0 and "no such fuzzer: nothing" in done.stderr


def test_memory_that_parsing_takes_is_a_fault_of_the_report_too(run):
    done, report = run({"url": quiet}, "--inputs", "100", "--jobs", "1", "--targets", "url")
    assert done.returncode == 0 and report["faults"] == 0
    program = Path(done.args[done.args.index("--build") + 1]) / "bin/parse_memory"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    done, report = run({}, "--inputs", "100", "--jobs", "1", "--targets", "url")
    assert done.returncode == 1 and report["faults"] == len(report["memory_faults"]) == 3
    program.write_text("#!/bin/sh\n")
    done, report = run({}, "--inputs", "100", "--jobs", "1", "--targets", "url")
    assert done.returncode == 0 and report["faults"] == 0


def test_processors_share_the_inputs_of_few_targets(run):
    done, report = run({"url": quiet}, "--inputs", "200", "--jobs", "2")
    assert done.returncode == 0 and report["targets"][0]["inputs"] == 200
