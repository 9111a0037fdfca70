"""The table of faults is whole, its outcomes are those of the sources, and the tests that it names exist."""

import ast
import functools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import test_network
import test_safetensors_files
import test_tensors_files
from kinds import REPOSITORY, classes, codes_in_manual, exit_codes, kinds

FIELDS = {"number": int, "what": str, "where": list, "by": list, "outcome": list, "bound": str, "seconds": int}
FIELDS |= {"left": str, "tests": list}
MEANS = {
    "changed file",  # fields of it, or its bytes
    "other load",  # a whole file, with a key, an option or a list that doesn't fit it
    "our server",  # says and does what a test has it do
    "real server",
    "linked shim",  # in place of calls of the system or of libraries, by the linker or LD_PRELOAD
    "fake cudart",
    "rights",  # taken from the process: nobody, no capabilities
    "rlimit",
    "seccomp",
    "cgroup",
    "mount",  # tmpfs, overlayfs, FUSE, read-only
    "namespace",
    "signal",
    "other process",  # or thread, that works on the same
}
TABLES = sorted(Path(__file__).parent.glob("rows/*.toml"))
ROWS = [row for path in TABLES for row in tomllib.loads(path.read_text())["row"]]


def test_all_60_rows_are_there():
    assert sorted(row["number"] for row in ROWS) == list(range(1, 61))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["number"]))
def test_row_says_everything(row):
    assert {name: type(value) for name, value in row.items() if name != "missing"} == FIELDS
    assert row["what"] and row["where"] and row["outcome"] and row["bound"] and row["left"]
    assert row["by"] and set(row["by"]) <= MEANS and row["seconds"] > 0
    assert row["tests"] or row["missing"]
    assert len(set(row["tests"])) == len(row["tests"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["number"]))
def test_outcomes_are_those_of_the_sources(row):
    for outcome in row["outcome"]:
        if outcome != "loads":
            kind, code, name = outcome.split()
            assert (int(code), name) == (exit_codes()[kind], classes()[kind]), outcome


def test_each_kind_has_a_code_and_a_class():
    assert list(exit_codes()) != [] and set(exit_codes()) == set(classes()) == set(kinds())


def test_manual_has_each_exit_code():
    assert set(codes_in_manual()) == {0, *exit_codes().values()}


def test_document_has_codes_and_kinds_of_the_sources():
    """docs/reliability.md: where a row has one kind and one code, these belong together."""
    text = (REPOSITORY / "docs/reliability.md").read_text()
    checked = 0
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 4 or not re.fullmatch(r"\d+", cells[2]):
            continue
        found = [kind for kind in re.findall(r"`(\w+)`", cells[1]) if kind in kinds()]
        assert all(exit_codes()[kind] == int(cells[2]) for kind in found), line
        checked += len(found)
    assert checked > 10  # else the tables are written in another way now


def cases() -> dict[str, set[tuple[int, str]]]:
    """Of tests that are tables themselves: the rows they are of, and the kinds they expect."""
    return {
        "tests/faults/test_tensors_files.py::test_damaged_field": {case[0:3:2] for case in test_tensors_files.DAMAGED},
        "tests/faults/test_safetensors_files.py::test_damaged_file": {
            (case[0], "format") for case in test_safetensors_files.DAMAGED
        },
        "tests/faults/test_network.py::test_always": {case[0:3:2] for case in test_network.FAULTS},
        "tests/faults/test_network.py::test_once": {(case[0], "loads") for case in test_network.PASSING},
    }


@pytest.mark.parametrize("name", cases())
def test_tables_of_tests_agree_with_the_rows(name):
    """A row names such a test if, and only if, that has a case of it; and expects what the case does."""
    for row in ROWS:
        expected = {kind for number, kind in cases()[name] if number == row["number"]}
        assert (name in row["tests"]) == bool(expected), row
        assert expected <= {outcome.split()[0] for outcome in row["outcome"]}, row


# --- the tests that rows name


@pytest.fixture(scope="session")
def compiled(build) -> set[str]:
    """Names of C++ tests as ctest has them, but for the number or name of a parameter; slices of the soak among them."""
    programs = sorted((build / "bin").glob("tz_*_test"))
    if not programs:
        pytest.skip(f"no C++ tests were built in {build}")
    slices = re.findall(r"tz_add_soak\((\w+)", (REPOSITORY / "tests/soak/CMakeLists.txt").read_text())
    return {f"Soak.{name}" for name in slices}.union(*map(names_in, programs))


def names_in(program: Path) -> set[str]:
    """Parameters are printed too, and may be any bytes."""
    listed = subprocess.run([program, "--gtest_list_tests"], capture_output=True, timeout=120)
    names, suite = set(), ""
    for line in listed.stdout.decode(errors="replace").splitlines():
        if begins := re.match(r"((?:\w+/)?[A-Za-z]\w*)(?:/\w+)?\.(\s|$)", line):
            suite = begins[1]
        elif suite and (test := re.match(r"  (\w+)(/\w+)?(\s|$)", line)):
            names.add(f"{suite}.{test[1]}")
    return names


@functools.cache
def functions(path: str) -> set[str]:
    tree = ast.parse((REPOSITORY / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["number"]))
def test_compiled_tests_exist(row, compiled):
    named = {name for name in row["tests"] if "::" not in name}
    assert named <= compiled, named - compiled


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["number"]))
def test_python_tests_exist(row):
    for name in row["tests"]:
        if "::" in name:
            path, _, function = name.partition("::")
            assert function.startswith("test_") and function in functions(path), name


def test_every_test_of_this_folder_is_of_a_row():
    """Or proves that the means of such a test work."""
    means = {"test_the_key_fits", "test_shards_that_are_there", "test_room_is_enough", "test_object_of_s3"}
    named = {name for row in ROWS for name in row["tests"]}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.name != "test_rows.py":
            name = f"tests/faults/{path.name}"
            unnamed = {f for f in functions(name) if f.startswith("test_") and f"{name}::{f}" not in named}
            expected = set(re.findall(r"@pytest\.mark\.xfail[^\n]*\ndef (\w+)", path.read_text()))
            assert unnamed <= means | expected, name
