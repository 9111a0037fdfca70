"""Writes tensors to a file, and then others behind them, by the package: to be killed."""

import sys

import numpy
from tzio import _core

mebibytes, target = int(sys.argv[1]), sys.argv[2]
arrays = [numpy.full(1 << 18, i, dtype="f4") for i in range(mebibytes)]
tensors = [((str(i),), 2, 0, "float32", array.shape, array.ctypes.data, array.nbytes, 4) for i, array in enumerate(arrays)]
first = mebibytes // 2
session = _core.save_session(target, False, 256 << 10, None, None)
session.add(tensors[:first])
if "--first" not in sys.argv:
    session.add(tensors[first:])
