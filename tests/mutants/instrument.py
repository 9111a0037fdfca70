"""Makes copies of sources in which each check can be switched off."""

import shutil
from pathlib import Path

from sites import Site, find_sites

NUMBERS_OF_A_FILE = 1000  # so that a change of one file leaves the others' numbers, and what is compiled of them

# What comes after a check may be undefined with it off, and an optimiser would conclude that it is never off.
BEGINNING = '#pragma GCC optimize("O0")\n#include <tz/tests/mutants/mutant.hpp>\n#line 1\n'


def instrument(text: str, sites: list[Site], first: int) -> str:
    """`sites` of `text`, numbered from `first`."""
    for number, site in reversed(list(enumerate(sites, first))):
        statement = text[site.begin : site.end + 1]
        switch = f"::tz_mutants::off({number})"
        changed = f"if ({switch}) {site.instead} {statement}" if site.instead else f"if (!{switch}) {statement}"
        text = text[: site.begin] + "{ " + changed + " }" + text[site.end + 1 :]
    return BEGINNING + text if sites else text


def number_sites(root: Path, files: list[str]) -> dict[int, Site]:
    numbered = {}
    for index, file in enumerate(files):
        numbered |= dict(enumerate(find_sites(file, (root / file).read_text()), index * NUMBERS_OF_A_FILE))
    return numbered


def write_copies(root: Path, copies: Path, sites: dict[int, Site], wanted: set[str]):
    """Of the wanted files, with all of their checks. Others' go: headers among them would be found."""
    shutil.rmtree(copies, ignore_errors=True)
    header = copies / "tests/mutants/mutant.hpp"
    header.parent.mkdir(parents=True)
    header.write_text((root / "tests/mutants/mutant.hpp").read_text())
    for file in sorted(wanted):
        own = {number: site for number, site in sites.items() if site.file == file}
        copy = copies / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(instrument((root / file).read_text(), list(own.values()), min(own)))

