"""What counts as a check, and how one is switched off.

python -m pytest -q -p no:cacheprovider tests/mutants
"""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

from instrument import BEGINNING, instrument  # noqa: E402
from sites import find_sites, throwers_of, throws_only  # noqa: E402
from source_text import SourceText  # noqa: E402


def found(text: str) -> list[tuple[str, str, str]]:
    return [(site.kind, site.text, site.instead) for site in find_sites("format/a.cpp", text)]


def test_finds_a_throw_and_goes_on_behind_it():
    assert found("int f(int a) {\n    if (a > 1)\n        throw Error(a);\n    return a;\n}\n") == [
        ("throw", "throw Error(a)", "")
    ]


def test_a_function_that_would_end_without_a_value_makes_one():
    text = "static std::string Reader::f(int a) const {\n    if (a > 1)\n        return {};\n    throw Error(a);\n}\n"
    assert found(text) == [("throw", "throw Error(a)", "return ::tz_mutants::made<std::string>();")]


@pytest.mark.parametrize(
    "ending",
    [
        "if (a) { throw Error(1); } else { g(); } }",
        "if (a) { throw Error(1); } else if (b) { g(); } else h(); }",
        "switch (a) { case 1: return 1; default: throw Error(1); } }",
        "try { g(); return 1; } catch (...) { throw Error(1); } }",
        "try { throw Error(1); } catch (...) { g(); } }",
    ],
)
def test_knows_what_stands_last_in_blocks(ending):
    [(_, _, instead)] = found("int f(int a) { " + ending)
    assert instead == "return ::tz_mutants::made<int>();"


@pytest.mark.parametrize(
    "text",
    [
        "int f() { for (;;) { throw Error(1); } }",
        "int f() { if (a) { throw Error(1); } return 1; }",
        "void f() { throw Error(1); }",
        "awaitable<void> f() { throw Error(1); }",
        "Reader::Reader(int a) : a_(a), b_(2) { throw Error(1); }",
        "int f() { all(1, [&](int a) { throw Error(1); }); return 1; }",
    ],
)
def test_knows_what_needs_no_value(text):
    [(_, _, instead)] = found(text)
    assert instead == ""


def test_a_lambda_has_its_own_result():
    [(_, _, instead)] = found("void f() { g([&](int a) -> bool { throw Error(1); }); }")
    assert instead == "return ::tz_mutants::made<bool>();"


def test_calls_of_what_always_throws_are_the_checks_and_its_own_throw_is_not():
    text = """
[[noreturn]] void refuse(const Spec& spec, std::string hint = {}) {
    throw Error(spec, hint);
}
void f(int a) {
    if (a > 1)
        refuse(a);
    else
        in.fail("too short (or long); see 'it'", a);
    json_->refused(a);
}
"""
    assert [one[1] for one in found(text)] == ["refuse(a)", "in.fail(\"too short (or long); see 'it'\", a)"]


def test_so_are_calls_of_a_lambda_that_only_throws():
    text = "void f(int a) {\n    const auto refuse = [](int b) {\n        throw Error(b);\n    };\n    refuse(a);\n}\n"
    assert [text for _, text, _ in found(text)] == ["refuse(a)"]


def test_text_and_comments_are_no_code():
    text = 'void f() {\n    // throw Error(1);\n    g("throw x;", \'{\'); /* throw */\n}\n#define A throw B;\n'
    assert found(text) == []


def test_returns_that_report_an_error():
    text = """
const char* problem(int a) {
    if (a == 0)
        return "is empty";
    return a > 1 ? "is long" : nullptr;
}
bool take(int a) {
    if (a == 0)
        return false;
    return a > 1;
}
std::optional<Refusal> look(int a) {
    if (a == 0)
        return {};
    return protocol("no");
}
"""
    assert found(text) == [
        ("return", 'return "is empty"', ""),
        ("return", 'return a > 1 ? "is long" : nullptr', "return nullptr;"),
        ("return", "return false", ""),
        ("return", 'return protocol("no")', "return ::tz_mutants::made<std::optional<Refusal>>();"),
    ]


def test_switching_off_leaves_the_rest_and_its_lines():
    text = "int f(int a) {\n    if (a > 1)\n        throw Error(\n            a);\n    fail(a);\n}\n"
    changed = instrument(text, find_sites("format/a.cpp", text), 5000)
    assert changed == (
        BEGINNING +
        "int f(int a) {\n    if (a > 1)\n        { if (!::tz_mutants::off(5000)) throw Error(\n            a); }\n"
        "    { if (::tz_mutants::off(5001)) return ::tz_mutants::made<int>(); fail(a); }\n}\n"
    )


def test_a_source_without_checks_stays_as_it_is():
    assert instrument("int f();\n", [], 0) == "int f();\n"


@pytest.mark.parametrize("path", sorted(ROOT.glob("format/*.[ch]pp")), ids=lambda path: path.name)
def test_passes_over_no_throw_in_format(path):
    source = SourceText(path.read_text())
    sites = {site.begin for site in find_sites(path.name, source.text)}
    for match in re.finditer(r"\bthrow\b", source.code):
        function = source.function_at(match.start())
        assert match.start() in sites or throws_only(function, throwers_of(source), source), source.line(match.start())
