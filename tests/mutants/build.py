"""Links the test programs of a release build anew, with sources whose checks can be switched off before its libraries.

What is compiled is those sources alone. A source that stands before an archive takes the place of its member there.
"""

import json
import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

TEST_SOURCE = "tests/format/checksum_test.cpp"  # whose command compiles the recorder
RECORDER = "tests/mutants/reached.cpp"
OPTIONS = ["-DTZ_TESTS=ON", "-DTZ_BENCH=OFF"]


def relinked(command: str, program: str, objects: dict[str, Path], output: Path) -> str:
    """Ninja's command that links `program`, with `objects` (by their sources) before the archives and another output.
    Those of a library that it doesn't link stay out: they would need that."""
    link = command.partition(" && cd ")[0]  # what follows asks the program for its tests
    named = re.search(rf"-o \S*bin/{program}(?=\s)", link)
    if named is None:
        raise ValueError(f"this links no {program}: {command}")
    libraries = {*re.findall(r"libtz_(\w+)\.a\b", link), "tests"}
    wanted = [one for source, one in objects.items() if source.partition("/")[0] in libraries]
    ours = " ".join(shlex.quote(str(one)) for one in [*wanted, "-o", output])
    return link[: named.start()] + ours + link[named.end() :]


def sources_of(changed: set[str], library: dict[str, str]) -> set[str]:
    """What is to be compiled: the changed sources, and those of the library (by their texts) that include a header."""
    headers = [f"<tz/{file}>" for file in changed if file.endswith(".hpp")]
    including = {file for file, text in library.items() if any(header in text for header in headers)}
    return {file for file in changed if file.endswith(".cpp")} | including


@dataclass
class Build:
    root: Path
    folder: Path  # of the release build
    made: Path  # the copies in include/tz, objects and programs
    jobs: int
    commands: dict[str, dict] = field(default_factory=dict)  # of CMake, by source

    def make_programs(self, programs: list[str], changed: set[str]) -> Path:
        """The folder of the new programs; `changed` are the files that have a copy."""
        self._build_release(programs)
        known = json.loads((self.folder / "compile_commands.json").read_text())
        self.commands = {str(Path(one["file"]).relative_to(self.root)): one for one in known if self._is_ours(one)}
        with ThreadPoolExecutor(self.jobs) as pool:
            library = {file: (self.root / file).read_text() for file in self.commands if file.startswith("format/")}
            sources = [*sorted(sources_of(changed, library)), RECORDER]
            objects = dict(zip(sources, pool.map(self._compile, sources), strict=True))
        into = self.made / "bin"
        into.mkdir(parents=True, exist_ok=True)
        for program in programs:
            self._link(program, objects, into / program)
        return into

    def _is_ours(self, command: dict) -> bool:
        path = Path(command["file"])
        return path.is_relative_to(self.root) and not path.is_relative_to(self.folder)

    def _build_release(self, programs: list[str]):
        if not (self.folder / "compile_commands.json").is_file():
            configure = ["cmake", "--preset", "release", "-B", str(self.folder), *OPTIONS]
            subprocess.run(configure, cwd=self.root, check=True, stdout=subprocess.DEVNULL)
        command = ["cmake", "--build", str(self.folder), "-j", str(self.jobs), "--target", *programs]
        subprocess.run(command, check=True)

    def _compile(self, source: str) -> Path:
        copy = self.made / "include/tz" / source
        command = self.commands.get(source, self.commands[TEST_SOURCE])
        output = self.made / "objects" / (source.replace("/", "-") + ".o")
        output.parent.mkdir(parents=True, exist_ok=True)
        compiler, *words = shlex.split(command["command"])
        words[words.index("-o") + 1] = str(output)
        words[words.index("-c") + 1] = str(copy if copy.is_file() else self.root / source)
        # headers in quotes stand beside the source, and copies of headers come before the headers
        found = [f"-I{self.made / 'include'}", "-iquote", str((self.root / source).parent)]
        # a cache that takes folders for each other takes a copied header for the header
        fresh = os.environ | {"CCACHE_DISABLE": "1"}
        subprocess.run([compiler, *found, *words], cwd=command["directory"], env=fresh, check=True)
        return output

    def _link(self, program: str, objects: dict[str, Path], output: Path):
        lines = subprocess.run(
            ["ninja", "-C", str(self.folder), "-t", "commands", program], check=True, capture_output=True, text=True
        ).stdout.splitlines()
        subprocess.run(relinked(lines[-1], program, objects, output), shell=True, cwd=self.folder, check=True)
