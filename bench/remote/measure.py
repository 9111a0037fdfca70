#!/usr/bin/env python3
"""Takes the figures of one section and prints them as JSON.

It needs a network namespace of its own, which bench/remote.sh makes.
"""

import argparse
import datetime
import json
import os
import signal
import sys

from sections import SECTIONS, Plan
from servers import Link


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=SECTIONS)
    parser.add_argument("folder", help="with the files")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--wrk-seconds", type=int, default=3)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers end on the way out
    Link(None)
    plan = Plan(os.path.realpath(options.folder), options.runs, options.warmup, options.wrk_seconds)
    what = {"section": options.section, "date": datetime.date.today().isoformat()}
    print(json.dumps(what | SECTIONS[options.section](plan)))


if __name__ == "__main__":
    main()
