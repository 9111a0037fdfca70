"""`python -m tzio.as_tensorizer script.py ...`, or `-m module ...`: a program that imports tensorizer, and gets us."""

from __future__ import annotations

import os
import runpy
import sys

from .standing_in import install_as

USAGE = "usage: python -m tzio.as_tensorizer SCRIPT ARGUMENTS... | -m MODULE ARGUMENTS..."


def main() -> None:
    arguments = sys.argv[1:]
    as_module = arguments[:1] == ["-m"]
    if as_module:
        arguments = arguments[1:]
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(USAGE)
        return
    if not arguments or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        sys.exit(2)  # as argparse and `tz` have it
    install_as("tensorizer")
    sys.argv = arguments
    if as_module:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))  # as if Python had been given the script
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
