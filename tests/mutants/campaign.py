"""Runs, for each check that is switched off, the tests that make it speak, until one fails."""

import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sites import Site

MEMORY_BYTES = 8 << 30  # a check that is off may leave a size unchecked
CPU_SECONDS = 10  # or a loop without an end; and more by what the tests take otherwise
WAIT_SECONDS = 120  # on a busy machine
FEW_TESTS = 5  # the quickest, tried first: one that goes on for ever is let run by the time of them all
STEADY = ("tz_format_test",)  # without a network, threads that race and times: what fails there fails again

FAILED = re.compile(r"^\[  FAILED  \] ([\w/]+\.[\w/]+)", re.MULTILINE)
RUNNING = re.compile(r"^\[ RUN      \] ([\w/]+\.[\w/]+)", re.MULTILINE)


@dataclass(frozen=True)
class Candidate:
    program: str
    name: str
    milliseconds: int


@dataclass
class Verdict:
    noticed: bool
    how: str = ""  # failed, crashed or hung
    test: str = ""
    tests: int = 0  # that made the check speak


@dataclass
class Programs:
    folder: Path
    filters: dict[str, str]  # of the tests, by program
    jobs: int
    tests: dict[int, list[Candidate]] = field(default_factory=lambda: defaultdict(list))  # by the check's number

    def learn(self, report: Path):
        """Runs every test once with all checks on."""
        for program, tests in self.filters.items():
            file = report / f"{program}.jsonl"
            code, output = self._run(
                program, ["--gtest_brief=1", f"--gtest_filter={tests}"], {"TZ_MUTANT_REACHED": str(file)}, seconds=450
            )
            if code not in (0, 1):
                sys.exit(f"{program} ends with {code} with all checks on:\n{output[-2000:]}")
            count = 0
            for line in file.read_text().splitlines():
                known = json.loads(line)
                count += 1
                if not known["passed"]:
                    print(f"  {program}: {known['test']} fails or is skipped with all checks on, and is left out")
                    continue
                for site in known["sites"]:
                    self.tests[site].append(Candidate(program, known["test"], known["milliseconds"]))
            print(f"  {program}: {count} tests")

    def judge_all(self, sites: dict[int, Site]) -> dict[int, Verdict]:
        verdicts = {}
        with ThreadPoolExecutor(self.jobs) as pool:
            for number, verdict in zip(sites, pool.map(self.judge, sites), strict=True):
                verdicts[number] = verdict
                if len(verdicts) % 25 == 0:
                    print(f"  {len(verdicts)} of {len(sites)} checks", flush=True)
        return verdicts

    def judge(self, number: int) -> Verdict:
        tests = sorted(self.tests.get(number, []), key=lambda test: (test.milliseconds, test.name))
        for part in (tests[:FEW_TESTS], tests[FEW_TESTS:]):
            for program in self.filters:
                own = [test for test in part if test.program == program]
                if own and (verdict := self._try(number, program, own)).noticed:
                    verdict.tests = len(tests)
                    return verdict
        return Verdict(False, tests=len(tests))

    def _try(self, number: int, program: str, tests: list[Candidate]) -> Verdict:
        names = ":".join(test.name for test in tests)
        seconds = CPU_SECONDS + 3 * sum(test.milliseconds for test in tests) / 1000
        code, output = self._run(
            program, [f"--gtest_filter={names}", "--gtest_fail_fast"], {"TZ_MUTANT": str(number)}, seconds
        )
        if code == 0:
            return Verdict(False)
        failed = FAILED.search(output)
        how = "failed" if failed else "hung" if code in (None, -signal.SIGXCPU) else "crashed"
        test = failed.group(1) if failed else (RUNNING.findall(output) or ["?"])[-1]
        if program not in STEADY and not self._confirm(number, program, test, how, seconds):
            rest = [one for one in tests if one.name != test]
            return self._try(number, program, rest) if rest and len(rest) < len(tests) else Verdict(False)
        return Verdict(True, how, test)

    def _confirm(self, number: int, program: str, test: str, how: str, seconds: float) -> bool:
        """Whether it fails by itself, and only with the check off. What hung isn't waited for once more."""
        if how != "hung":
            again, _ = self._run(program, [f"--gtest_filter={test}"], {"TZ_MUTANT": str(number)}, seconds)
            if again == 0:
                return False
        on, _ = self._run(program, [f"--gtest_filter={test}"], {}, seconds)
        return on == 0

    def _run(self, program: str, arguments: list[str], variables: dict, seconds: float) -> tuple[int | None, str]:
        """None for its code where it took far longer than `seconds`, of which processor time may be all."""

        def limit():
            cpu = math.ceil(seconds)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if "TZ_MUTANT" in variables:
                resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))

        environment = {name: value for name, value in os.environ.items() if not name.startswith("TZ_")} | variables
        try:
            result = subprocess.run(
                [self.folder / program, *arguments],
                cwd=self.folder,
                env=environment,
                preexec_fn=limit,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=WAIT_SECONDS + 4 * seconds,
            )
        except subprocess.TimeoutExpired as late:
            return None, (late.stdout or b"").decode(errors="replace")
        return result.returncode, result.stdout.decode(errors="replace")
