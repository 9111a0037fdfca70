"""Tests of the fuzzers' own tools, and some variants of the differential one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
