"""The running of tests, with a script in the place of a test program."""

import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from campaign import Candidate, Programs  # noqa: E402
from sites import find_all  # noqa: E402

# Suite.Notices fails while check 7 is off, Suite.Dies is killed by 8, and Suite.Flickers fails whatever is off.
PROGRAM = """#!/bin/sh
case $1 in
*Flickers*) echo "[ RUN      ] Suite.Flickers"; echo "[  FAILED  ] Suite.Flickers (1 ms)"; exit 1;;
esac
case $TZ_MUTANT in
7) case $1 in *Notices*) echo "[  FAILED  ] Suite.Notices (1 ms)"; exit 1;; esac;;
8) case $1 in *Dies*) echo "[ RUN      ] Suite.Dies"; kill -9 $$;; esac;;
esac
case $1 in
--gtest_brief=1)
    cat >"$TZ_MUTANT_REACHED" <<END
{"test": "Suite.Notices", "passed": true, "milliseconds": 3, "sites": [7]}
{"test": "Suite.Flickers", "passed": false, "milliseconds": 3, "sites": [9]}
END
    ;;
esac
"""


@pytest.fixture
def programs(tmp_path):
    program = tmp_path / "tz_some_test"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return Programs(tmp_path, {"tz_some_test": "*"}, 1)


def candidates(*names: str) -> list[Candidate]:
    return [Candidate("tz_some_test", f"Suite.{name}", 1) for name in names]


def test_a_failing_test_notices(programs):
    programs.tests[7] = candidates("Notices")
    verdict = programs.judge(7)
    assert (verdict.noticed, verdict.how, verdict.test) == (True, "failed", "Suite.Notices")


def test_so_does_one_that_dies(programs):
    programs.tests[8] = candidates("Dies")
    verdict = programs.judge(8)
    assert (verdict.noticed, verdict.how, verdict.test) == (True, "crashed", "Suite.Dies")


def test_a_check_survives_whose_tests_pass(programs):
    programs.tests[9] = candidates("Notices", "Dies")
    verdict = programs.judge(9)
    assert (verdict.noticed, verdict.tests) == (False, 2)


def test_a_check_survives_that_no_test_makes_speak(programs):
    assert not programs.judge(9).noticed


def test_a_test_that_fails_without_cause_notices_nothing(programs):
    programs.tests[9] = candidates("Flickers", "Notices")
    assert not programs.judge(9).noticed


def test_learns_who_makes_a_check_speak(programs, tmp_path, capsys):
    programs.learn(tmp_path)
    assert programs.tests == {7: [Candidate("tz_some_test", "Suite.Notices", 3)]}
    assert "Suite.Flickers fails" in capsys.readouterr().out


def test_every_excuse_is_of_a_check_that_there_is():
    sites = find_all(ROOT, [str(path.relative_to(ROOT)) for path in ROOT.glob("*/*.[ch]pp")])
    with open(Path(__file__).with_name("excused.toml"), "rb") as file:
        excused = tomllib.load(file)["excused"]
    for one in excused:
        of = {s.text for s in sites if s.file == one["file"] and s.text.startswith(one["text"])}
        assert len(of) == 1, one  # maybe several of the same words
        assert one["reason"]
