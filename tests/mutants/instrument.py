"""Makes a copy of the tree in which each check can be switched off, and builds its tests."""

import subprocess
from pathlib import Path

from sites import Site, find_sites

NUMBERS_OF_A_FILE = 1000  # so that a change of one file leaves the others' numbers, and what is built of them
LEFT_OUT = ("docs/", "bench/", "python/", "examples/", ".ci/")


def instrument(text: str, sites: list[Site], first: int) -> str:
    """`sites` of `text`, numbered from `first`."""
    for number, site in reversed(list(enumerate(sites, first))):
        statement = text[site.begin : site.end + 1]
        switch = f"::tz_mutants::off({number})"
        changed = f"if ({switch}) {site.instead} {statement}" if site.instead else f"if (!{switch}) {statement}"
        text = text[: site.begin] + "{ " + changed + " }" + text[site.end + 1 :]
    return "#include <tz/tests/mutants/mutant.hpp>\n#line 1\n" + text if sites else text


def make_copy(root: Path, copy: Path, files: list[str]) -> dict[int, Site]:
    """The checks by their numbers. Files that are as they should be keep their times."""
    numbered = {}
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in listed:
        if name.startswith(LEFT_OUT) or not (root / name).is_file():
            continue
        content = (root / name).read_bytes()
        if name in files:
            text = content.decode()
            sites = find_sites(name, text)
            first = files.index(name) * NUMBERS_OF_A_FILE
            numbered |= dict(enumerate(sites, first))
            content = instrument(text, sites, first).encode()
        elif name == "tests/CMakeLists.txt":
            content = record_in_tests(content.decode()).encode()
        put(copy / name, content, root / name)
    for name in ("bench", "python", "examples"):  # switched off, and looked for all the same
        (copy / name).mkdir(exist_ok=True)
    return numbered


def record_in_tests(cmake: str) -> str:
    line = "  add_executable(tz_${name}_test ${arg_SOURCES})\n"
    assert line in cmake, "tests/CMakeLists.txt has changed"
    return cmake.replace(line, line.replace("})", "} ${PROJECT_SOURCE_DIR}/tests/mutants/reached.cpp)"))


def put(path: Path, content: bytes, model: Path):
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(model.stat().st_mode)


def build(copy: Path, programs: list[str], jobs: int) -> Path:
    """The folder of the programs. The build folder lies as in the tree, where ccache finds what it has."""
    options = ["-DTZ_TESTS=ON", "-DTZ_BENCH=OFF", "-DTZ_TOOLS=OFF", "-DTZ_EXAMPLES=OFF", "-DTZ_CUDA=OFF"]
    subprocess.run(["cmake", "--preset", "release", *options], cwd=copy, check=True, stdout=subprocess.DEVNULL)
    command = ["cmake", "--build", "--preset", "release", "-j", str(jobs), "--target", *programs]
    subprocess.run(command, cwd=copy, check=True)
    return copy / "build/release/bin"
