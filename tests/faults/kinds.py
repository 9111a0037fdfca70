"""What each kind of `tz::errc` becomes: an exit code of `tz`, and a class of the package. Read from the sources."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def kinds() -> list[str]:
    """Of `tz::errc`, in its order."""
    text = (REPOSITORY / "format/error.hpp").read_text()
    body = re.search(r"enum class errc[^{]*\{(.*?)\};", text, re.S)[1]
    return re.findall(r"^\s*(\w+)\s*(?:=\s*\d+\s*)?,", body, re.M)


def exit_codes() -> dict[str, int]:
    """By kind: the switch in tools/exit.cpp with the numbers in tools/exit.hpp."""
    header = (REPOSITORY / "tools/exit.hpp").read_text()
    numbers = {name: int(number) for name, number in re.findall(r"\b(exit_\w+) = (\d+)", header)}
    source = (REPOSITORY / "tools/exit.cpp").read_text()
    switch = re.search(r"exit_code\(errc kind\).*?\n}", source, re.S)[0]
    codes, waiting = {}, []
    for kind, code in re.findall(r"case errc::(\w+):|return (\w+);", switch):
        if kind:
            waiting.append(kind)
        else:
            codes |= dict.fromkeys(waiting, numbers[code])
            waiting = []
    return codes


def classes() -> dict[str, str]:
    """By kind: the table in python/tzio/errors.py."""
    tree = ast.parse((REPOSITORY / "python/tzio/errors.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and node.target.id == "_classes":
            return {key.value: value.id for key, value in zip(node.value.keys, node.value.values, strict=True)}
    raise AssertionError("python/tzio/errors.py has no table _classes")


def codes_in_manual() -> dict[int, str]:
    """What the help of `tz` says of each exit code."""
    pattern = r"(\d+) ([a-z][^,.(\"]*)"
    for source in sorted((REPOSITORY / "tools").glob("*.cpp")):
        text = re.search(r"Exit codes: (.*?)\.", source.read_text().replace('\\n"', "").replace('"', ""), re.S)
        if text:
            return {int(code): what.strip() for code, what in re.findall(pattern, text[1])}
    raise AssertionError("no exit codes in the help of tz")
