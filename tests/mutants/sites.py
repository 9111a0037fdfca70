"""Finds the checks in C++: throws, calls of functions that always throw, and returns that report an error."""

import re
from dataclasses import dataclass
from pathlib import Path

from source_text import Block, SourceText

# Functions of headers that always throw; those of a source are found in it.
THROWERS = {"throw_format", "fail", "ends_within", "give_up", "fail_to_open"}
NORETURN = re.compile(r"\[\[noreturn\]\][^;{}()]*?\b(\w+)\s*\(")
THROWING_LAMBDA = re.compile(r"const auto (\w+) = \[[^\]]*\]\([^{}]*\) \{\s*throw\b[^;]*;\s*\};")
# What stands for an error where it is returned.
REPORTS = re.compile(
    r"(refuse|protocol|changed|beyond_end|unsatisfied|wrong_\w+)\(|(Refusal|NameProblem|DamagedPiece|Error)\b"
    r"|\*(other|broken|refusal|what)\b"
)
# What says that there is nothing, and where it says that there is no problem.
NOTHING = ("{}", "std::nullopt", "nullptr", "false")
FINE = ("std::optional<Refusal>", "std::optional<Error>", "std::optional<NameProblem>", "std::optional<DamagedPiece>")


@dataclass(frozen=True)
class Site:
    file: str
    line: int
    begin: int
    end: int  # of its semicolon
    kind: str  # throw, call or return
    function: str
    text: str  # in one line
    instead: str  # what the function returns where nothing follows; "" where the next statement does

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def find_sites(file: str, text: str) -> list[Site]:
    """In the order of the text."""
    source = SourceText(text)
    throwers = throwers_of(source)
    calls = r"(?:\w+(?:\.|->))?(?:" + "|".join(sorted(throwers)) + r")\("
    sites = []
    for match in re.finditer(rf"\bthrow\b|\breturn\b|(?<![\w.>:]){calls}", source.code):
        if not source.begins_statement(match.start()):
            continue
        function = source.function_at(match.start())
        if function is None or throws_only(function, throwers, source):
            continue
        if (site := site_at(file, source, match, function)) is not None:
            sites.append(site)
    return sites


def throwers_of(source: SourceText) -> set[str]:
    """The names of what always throws."""
    return THROWERS | set(NORETURN.findall(source.code)) | set(THROWING_LAMBDA.findall(source.code))


def throws_only(function: Block, throwers: set[str], source: SourceText) -> bool:
    """Its callers are the checks."""
    if function.kind == "function":
        return "[[noreturn]]" in function.head or (function.name in throwers and function.head.startswith("void"))
    return bool(THROWING_LAMBDA.search(source.code[max(0, function.begin - 300) : function.end + 2]))


def site_at(file: str, source: SourceText, match: re.Match, function: Block) -> Site | None:
    begin, end = match.start(), source.statement_end(match.start())
    code = source.code[begin:end]
    kind = {"throw": "throw", "return": "return"}.get(match.group(), "call")
    last = source.is_last(end)
    if kind == "return":
        value = code.removeprefix("return").strip()
        instead = instead_of_return(value, function, last)
        if instead is None:
            return None
    else:
        instead = default_result(function) if last else ""
    text = " ".join(source.text[begin:end].split())
    return Site(file, source.line(begin), begin, end, kind, function.name, text, instead)


def return_type(function: Block) -> str:
    words = r"\[\[\w+\]\]|\btemplate\s*<[^<>]*>|\b(inline|static|constexpr|explicit|virtual)\b"
    head = re.sub(words, "", function.head)
    return re.sub(r"(\b\w+::)+$", "", " ".join(head.split())).strip()


def default_result(function: Block) -> str:
    """A return statement for who falls off the end, or "" where that's allowed."""
    kind = return_type(function)
    if kind in ("", "void", "auto") or "awaitable<void>" in kind or kind.endswith("::"):
        return ""
    return f"return ::tz_mutants::made<{kind}>();"


def instead_of_return(value: str, function: Block, last: bool) -> str | None:
    """None where the return reports no error; else as Site.instead."""
    kind = return_type(function)
    text_for_problem = kind == "const char*" and '"' in value and function.name != "name"
    reports = REPORTS.match(value) is not None and kind != "Error" and kind != "Refusal"
    conditional = "refuse(" in value or (text_for_problem and "?" in value)
    nothing = value in NOTHING and kind.startswith(("std::optional", "bool")) and kind not in FINE and not last
    if not (text_for_problem or reports or conditional or nothing):
        return None
    if not last and not conditional:
        return ""
    sound = "true" if kind == "bool" else "nullptr" if kind == "const char*" else f"::tz_mutants::made<{kind}>()"
    return f"return {sound};"


def find_all(root: Path, files: list[str]) -> list[Site]:
    return [site for file in files for site in find_sites(file, (root / file).read_text())]
