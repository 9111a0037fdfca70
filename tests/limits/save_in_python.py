"""Saves the same tensors each time, by the package: to be killed."""

import sys

import numpy
import tzio

mebibytes, target = sys.argv[1:]
tzio.save_file({str(i): numpy.full(1 << 18, i, dtype="f4") for i in range(int(mebibytes))}, target)
