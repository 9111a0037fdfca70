"""bench/figures.sh and what its parts share: what they leave and say, never how fast.

python -m pytest tests/bench/test_figures.py
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "bench"
sys.path[:0] = [str(BENCH), str(BENCH / "figures")]

import machine  # noqa: E402
import rounds  # noqa: E402
import take  # noqa: E402

IDLE = {"load_average": 0.1, "others": 0.01, "steal": 0.0}
PATIENCE = 300  # seconds for what takes ten on an idle machine


# --- the machine


@pytest.mark.parametrize(
    ("changed", "cores", "said"),
    [
        ({}, 2, []),
        ({"load_average": 0.5}, 2, []),
        ({"load_average": 0.6}, 2, ["load average is 0.6, above 0.5"]),
        ({"load_average": 3.9}, 16, []),
        ({"load_average": 4.1}, 16, ["above 4"]),
        ({"others": 0.11}, 2, ["others take 11% of its cores"]),
        ({"steal": 0.03}, 2, ["its host takes 3% of its cores"]),
        ({"others": 0.5, "steal": 0.5}, 2, ["others", "its host"]),
    ],
)
def test_a_machine_is_idle_where_nothing_disturbs_a_sample(changed, cores, said):
    found = machine.not_idle(IDLE | changed, cores)
    assert len(found) == len(said)
    assert all(word in reason for word, reason in zip(said, found))


def test_a_machine_that_works_is_seen_to():
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        assert machine.doing(1)["others"] > 0
    finally:
        busy.kill()
        busy.wait()


def test_a_folder_has_a_disk(tmp_path):
    assert " on " in machine.disk(tmp_path)


# --- rounds


def ways(*rates):
    """That give these samples in turn."""
    return [rounds.Case(f"way {number}", iter(samples).__next__) for number, samples in enumerate(rates)]


def test_rounds_begin_with_another_way_each_time():
    order = []

    def case(name):
        return rounds.Case(name, lambda: order.append(name) or rounds.Sample(1))

    rounds.measured([case("a"), case("b"), case("c")], 4, Path("/bin/true"), 1)
    assert "".join(order) == "abcbcacababc"


def test_a_ratio_is_the_median_of_the_rounds_own():
    slow, fast = ways(map(rounds.Sample, (1, 2, 100)), map(rounds.Sample, (3, 4, 50)))
    for case in (slow, fast):
        case.samples = [case.run() for _ in range(3)]
    fast.beside = slow.name
    told = rounds.entry(fast, [slow, fast])
    assert told["gb_per_s"] == {"median": 4, "min": 3, "max": 50}
    assert told["ratio"] == 2
    assert rounds.entry(slow, [slow, fast])["ratio"] is None


def test_the_table_has_the_columns_that_say_something(tmp_path):
    cases = ways([rounds.timed(2 * 10**9, 1), rounds.timed(2 * 10**9, 4)])
    result = rounds.measured(cases, 2, Path("/bin/true"), 2 * 10**9)
    result["notes"] = ["a note"]
    (tmp_path / "x.json").write_text(json.dumps(result))
    shown = subprocess.run([BENCH / "markdown.py", tmp_path / "x.json"], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[1:] == [
        "",
        "| | GB/s, median | least | most |",
        "|---|---|---|---|",
        "| way 0 | 1.25 | 0.50 | 2.00 |",
        "",
        "- a note",
    ]
    assert "2.00 GB; medians of 2 rounds." in shown


# --- the build folder


CONFIGURED = "TZ_BENCH:BOOL=OFF\nTZ_PYTHON:BOOL=ON\nPython_EXECUTABLE:UNINITIALIZED=/a b/python\n"


@pytest.mark.parametrize(
    ("cache", "options", "calls"),
    [
        (None, "TZ_BENCH=ON TZ_PYTHON=ON", ["--preset release -DTZ_BENCH=ON -DTZ_PYTHON=ON"]),
        (CONFIGURED, "TZ_BENCH=OFF TZ_PYTHON=ON", []),
        (CONFIGURED, "TZ_BENCH=ON TZ_PYTHON=ON", ["build/release -DTZ_BENCH=ON", "build/release -DTZ_BENCH=OFF"]),
        (
            CONFIGURED,
            "Python_EXECUTABLE=/c",
            ["build/release -DPython_EXECUTABLE=/c", "build/release -DPython_EXECUTABLE=/a b/python"],
        ),
        (CONFIGURED, "TZ_NEW=1", ["build/release -DTZ_NEW=1", "build/release -UTZ_NEW"]),
    ],
)
def test_a_script_leaves_the_build_folder_configured_as_it_was(tmp_path, cache, options, calls):
    """By what cmake is called with; one of ours notes that."""
    (tmp_path / "cmake").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n')
    (tmp_path / "cmake").chmod(0o755)
    if cache:
        (tmp_path / "build/release").mkdir(parents=True)
        (tmp_path / "build/release/CMakeCache.txt").write_text(cache)
    script = f"set -euo pipefail; source {BENCH}/script.sh; configure {options}; false"
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert ((tmp_path / "calls").read_text() if (tmp_path / "calls").exists() else "").splitlines() == calls


def test_what_is_put_off_to_a_scripts_end_is_done_whatever_it_ends_with(tmp_path):
    script = f"source {BENCH}/script.sh; at_end echo 'first  one'; at_end false; at_end echo last; kill -TERM $$; sleep 9"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (143, "last\nfirst  one\n")


# --- one part after the other


def started(tmp_path, scripts, *words):
    """take.py on an idle machine, with these scripts in place of its parts."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "out").mkdir(exist_ok=True)
    for name, text in scripts.items():
        (tmp_path / "bench" / f"{name}.sh").write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "bench" / f"{name}.sh").chmod(0o755)
    code = f"""
import sys
sys.path[:0] = {[str(BENCH), str(BENCH / "figures")]!r}
import pathlib, machine, take
machine.doing = lambda: {IDLE!r}
take.BENCH = pathlib.Path({str(tmp_path / "bench")!r})
sys.exit(take.main())
"""
    options = ["--runs=2", "--size=1MB", "--busy=refuse", f"--only={','.join(scripts)}"]
    return subprocess.Popen([sys.executable, "-c", code, tmp_path / "out", *options, *words], text=True, stderr=subprocess.PIPE)


LEAVES_TABLES = """echo "$@" >"${!#}/$(basename "$0" .sh).args"
echo "the tables of $(basename "$0")" >"${!#}/$(basename "$0" .sh).md" """


def test_a_part_that_fails_stops_no_other(tmp_path):
    process = started(tmp_path, {"impact": LEAVES_TABLES, "write": "exit 3", "manifest": "true"})
    assert "figures.sh: impact" in process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 1
    page = (tmp_path / "out/figures.md").read_text()
    assert page.index("## Saving and converting") < page.index("## By a manifest") < page.index("## Impact")
    assert "No tables: bench/write.sh **ended with 3**." in page
    assert "No tables: bench/manifest.sh **left no tables**." in page
    assert "the tables of impact.sh" in page
    assert "not idle" not in page
    words = (tmp_path / "out/impact.args").read_text()
    assert words == f"--runs 2 --size 1MB --from local,s3 --cache cold,warm {tmp_path}/out\n"


def test_tables_of_an_earlier_run_are_not_taken_for_this_ones(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/write.md").write_text("old tables")
    process = started(tmp_path, {"write": "exit 1"})
    process.communicate(timeout=PATIENCE)
    assert "old tables" not in (tmp_path / "out/figures.md").read_text()


def test_what_a_part_started_ends_with_it(tmp_path):
    process = started(tmp_path, {"write": f"sleep 1000 & echo $! >{tmp_path}/pid; wait"})
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    pid = int((tmp_path / "pid").read_text())
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_busy_machine_is_refused_or_warned_of():
    assert take.refusal([], "refuse") is None
    assert take.refusal(["others use it"], "warn") is None
    assert "others use it" in take.refusal(["others use it"], "refuse")
    about = take.about(["a machine"], ["others use it", "so does its host"], [])
    assert "**The machine was not idle when this began: others use it; so does its host.**" in about
    assert about in take.page(about, [])


def test_figures_are_put_in_the_place_of_those_before(tmp_path):
    copy, left = tmp_path / "copy", tmp_path / "left"
    shutil.copytree(ROOT / "docs", copy / "docs")
    (copy / "bench").mkdir()
    shutil.copy(BENCH / "chart.py", copy / "bench")
    left.mkdir()
    names = ["machine", "local", "remote", "write", "manifest", "python", "impact"]
    for name in names:
        (left / f"{name}.md").write_text(f"### Of {name}\n\n| | |\n|---|---|\n| a {name} | 1 |\n")
    (left / "impact.json").write_text(f'["{left}/tz-impact-x1/a.json", "{copy}/bench/peers.py"]\n')
    subprocess.run([copy / "docs/update_figures", left], check=True)
    before, page = (folder / "docs/performance.md" for folder in (ROOT, copy))
    for name in names:
        assert f"<!-- figures: {name} -->\n\n### Of {name}\n" in page.read_text()
    assert "**tzio, plain**" in before.read_text() and "**tzio, plain**" not in page.read_text()
    assert (copy / "docs/figures/impact.json").read_text() == '["a.json", "bench/peers.py"]\n'
    beginning = before.read_text().partition("<!--")[0]
    assert beginning and page.read_text().startswith(beginning)


@pytest.mark.parametrize("words", [["--only", "gpu"], ["--busy", "ignore"], ["--runs"], ["--faster", "1"]])
def test_wrong_usage_is_said(tmp_path, words):
    ended = subprocess.run([BENCH / "figures.sh", *words, tmp_path], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.endswith("see bench/figures.sh --help\n")


# --- and the real ones, as far as they are cheap


def test_the_manifests_part_leaves_all_that_it_says(tmp_path):
    cache = ROOT / "build/release/CMakeCache.txt"
    if not (ROOT / "build/release/bin/hash_bench").exists() or not shutil.which("cmake"):
        pytest.skip("needs what is built with TZ_BENCH")

    def options():
        return [line for line in cache.read_text().splitlines() if line.startswith(("TZ_", "Python_EXECUTABLE"))]

    before = options()
    command = [BENCH / "figures.sh", "--only", "manifest", "--size", "8MB", "--runs", "2", "--busy", "warn", tmp_path]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"figures.md", "machine.md", "manifest.json", "manifest.md"}
    result = json.loads((tmp_path / "manifest.json").read_text())
    assert result["rounds"] == 2
    assert [len(entry["samples"]) for entry in result["entries"]] == [2] * 5
    tables = (tmp_path / "manifest.md").read_text().strip()
    assert "| encrypted, manifest required |" in tables
    assert tables in (tmp_path / "figures.md").read_text()
    assert options() == before
