"""Prints the tests passed, failed and skipped in JUnit reports of ctest and pytest."""

import sys
from xml.etree import ElementTree


def count(report: str) -> tuple[int, int, int]:
    total = failed = skipped = 0
    for suite in ElementTree.parse(report).iter("testsuite"):
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0)) + int(suite.get("disabled", 0))
    return total - failed - skipped, failed, skipped


print(*(sum(column) for column in zip(*map(count, sys.argv[1:]))))
