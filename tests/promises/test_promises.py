"""The table of promises: what is counted, kept, and called broken."""

import json
import pathlib

import promises
import pytest


#: Of bench/remote.sh.
FAULTS = {
    "sections": [
        {
            "section": "faults",
            "date": "2026-02-02",
            "entries": [{"name": "clean", "samples": []}, {"name": "faulty", "samples": [{"bytes": 8}]}],
            "checks": [{"value": 1.6, "met": False}, {"value": 1.1, "met": True}],
        }
    ]
}


@pytest.fixture
def results(tmp_path: pathlib.Path) -> list[pathlib.Path]:
    ctest = tmp_path / "release.xml"
    ctest.write_text(
        '<testsuite tests="4"><testcase name="Damage.IsSeen" classname="Damage.IsSeen"/>'
        '<testcase name="Ways/FileFaults.AShortRead/Uring" classname="Ways/FileFaults.AShortRead/Uring"><failure/></testcase>'
        '<testcase name="Index.OfAFile/3" classname="Index.OfAFile/3"/>'
        '<testcase name="Refused.IoUring" classname="Refused.IoUring"><skipped/></testcase></testsuite>'
    )
    pytests = tmp_path / "faults.xml"
    pytests.write_text(
        '<testsuites><testsuite tests="1"><testcase classname="tests.faults.test_saves" name="test_full[a/b]"/>'
        "</testsuite></testsuites>"
    )
    return [ctest, pytests]


def test_names_are_as_ctest_and_pytest_have_them(results):
    outcomes = promises.test_names(results)
    assert outcomes["Damage.IsSeen"] == "passed"
    assert outcomes["tests/faults/test_saves.py::test_full[a/b]"] == "passed"
    assert outcomes["Refused.IoUring"] == "skipped"


@pytest.mark.parametrize(
    ("patterns", "counts"),
    [
        (["Damage.*"], (1, 0, 0)),
        (["FileFaults.AShortRead"], (0, 1, 0)),
        (["Index.OfAFile"], (1, 0, 0)),
        (["tests/faults/*", "Refused.*"], (1, 0, 1)),
        (["Nothing.*"], (0, 0, 0)),
    ],
)
def test_patterns_find_tests_whatever_their_parameter(results, patterns, counts):
    found = promises.matching(promises.test_names(results), patterns)
    assert (found["passed"], found["failed"], found["skipped"]) == counts


def test_a_run_leaves_the_numbers_of_others(tmp_path):
    old = {"soak": {"date": "2026-01-01", "minutes": 120}, "kills": {"date": "2026-01-02", "kills": 1000, "bad": 0}}
    report = tmp_path / "soak.json"
    report.write_text(json.dumps({"date": "2026-02-02", "minutes": 180}))
    new = promises.merged(old, [report], {}, "2026-02-03")
    assert new == {"soak": {"date": "2026-02-02", "minutes": 180}, "kills": old["kills"]}


@pytest.mark.parametrize(
    ("new", "old", "replaced"),
    [
        ({"minutes": 1, "breaks": 0}, None, True),
        ({"minutes": 1, "breaks": 0}, {"minutes": 1}, True),
        ({"minutes": 1, "breaks": 0}, {"minutes": 120}, False),
        ({"minutes": 1, "breaks": 1}, {"minutes": 120}, True),
        ({"minutes": 120.2, "breaks": 0}, {"minutes": 600}, True),
    ],
)
def test_a_small_run_leaves_a_full_one_unless_it_found_something(new, old, replaced):
    assert promises.replaces("soak", new, old) == replaced


def test_some_of_the_checks_are_not_all(tmp_path):
    report = tmp_path / "mutants.json"
    report.write_text(json.dumps({"date": "2026-02-02", "whole": False, "survived": 0}))
    assert promises.merged({}, [report], {}, "2026-02-03") == {}


def fuzzed(name: str, inputs: int, faults: int = 0) -> dict:
    """A row of a report of fuzzers."""
    row = {"name": name, "date": "2026-02-02T10:00:00+00:00", "inputs": inputs, "seconds": 10.0, "coverage": 1234}
    return row | {"peak_rss_mib": 80, "faults": [{"what": "url_fuzz: exit code 1"}] * faults}


def test_a_run_of_one_fuzzer_leaves_the_numbers_of_others(tmp_path):
    report = tmp_path / "fuzz.json"
    record = {}
    for row in [fuzzed("url", 40, faults=1), fuzzed("http", 100), fuzzed("url", 60), fuzzed("http", 50)]:
        report.write_text(json.dumps({"date": row["date"], "memory_faults": ["much"], "targets": [row]}))
        record = promises.merged(record, [report], {}, "2026-02-03")
    fuzz = record["fuzz"]
    assert (fuzz["targets"], fuzz["inputs"], fuzz["inputs_least"], fuzz["faults"]) == (2, 160, 60, 1)
    assert "| `url_fuzz` | 60 | 6 | 10 s | 1,234 | 80 MiB | 2026-02-02 | nothing |" in promises.fuzz_table(record)


def test_loads_from_a_server_that_fails_are_of_the_figures():
    found = promises.faulty(json.loads(promises.REMOTE.read_text()))
    assert found["loads"] >= 3 and found["gb"] > 8 and found["missed"] == 0 and len(found["date"]) == 10
    assert promises.faulty(FAULTS)["missed"] == 1


def test_of_a_list_its_length_is_kept():
    assert promises.brief({"wrong": [], "runs": {"http": {"breaks": ["a", "b"]}}}) == {
        "wrong": 0,
        "runs": {"http": {"breaks": 2}},
    }


def test_what_is_not_zero_is_broken():
    record = {"kills": {"date": "2026-01-02", "kills": 1000, "bad": 2}}
    assert promises.broken(record) == ["promise 13: kills[bad] is 2"]


def test_what_was_not_run_is_said():
    assert "kills: not run yet" in promises.table({})


def test_failed_tests_break_a_promise():
    record = {"tests": {"date": "2026-01-02", "promises": {"4": {"passed": 3, "failed": 1, "skipped": 0}}}}
    assert promises.broken(record) == ["promise 4: 1 tests failed"]
    assert "3 tests passed, 1 failed (2026-01-02)" in promises.table(record)


def test_what_shows_nothing_is_missing_where_all_was_run():
    faults = promises.missing({})
    assert "promise 13: there is no kills[bad]" in faults and "promise 4: none of its tests was run" in faults
    assert promises.missing(promises.read_record() | {"stopwatch": {}}) == []


def test_the_stopwatch_names_what_took_longer_than_its_row(tmp_path):
    results = tmp_path / "faults.xml"
    case = '<testcase classname="tests.faults.test_x" name="test_{}[a]"><properties><property name="slowest_s" value="{}"/></properties></testcase>'
    results.write_text(f"<testsuite>{case.format('quick', 0.5)}{case.format('slow', 2.5)}{case.format('kdf', 5)}</testsuite>")
    stopwatch = promises.timed([results], {"tests/faults/test_x.py::test_slow": 2, "tests/faults/test_x.py::test_kdf": 10})
    assert stopwatch == {"tests": 3, "late": ["tests/faults/test_x.py::test_slow: 2.5 s"], "slowest_s": 5}


def test_every_test_with_a_stopwatch_is_allowed_its_rows_time():
    allowed = promises.seconds_allowed()
    assert allowed["tests/faults/test_tensors_files.py::test_short_prefix"] == 2
    assert set(allowed.values()) == {2, 10}


def test_the_page_has_the_table_of_the_record():
    page = promises.PAGE.read_text()
    assert promises.page_with(page, promises.read_record()) == page


def test_every_promise_is_proved_by_something():
    for promise in promises.promises():
        assert promise.get("tests") or promise.get("zero")
