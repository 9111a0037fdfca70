#!/usr/bin/env python3
"""Prints what `tz checksum` must print for a file, by what an old release of pip's `tensorizer`
returns: `read_old.py FILE [KEY]`. Which release, PYTHONPATH says."""

import inspect
import sys

import numpy

numpy.product = numpy.prod  # the name that releases up to 2.6 know

import tensorizer  # noqa: E402
from pip_reference import checksum_lines  # noqa: E402


def main():
    path, *key = sys.argv[1:]
    reader = tensorizer.TensorDeserializer
    known = inspect.signature(reader.__init__).parameters
    options = {"device": "cpu", "lazy_load": True}
    if "verify_hash" in known:
        options["verify_hash"] = True
    if "num_readers" in known:
        options["num_readers"] = 1
    if key:
        options["encryption"] = tensorizer.DecryptionParams.from_key(bytes.fromhex(key[0]))
    tensors = reader(path, **options).read_tensors()
    sys.stdout.buffer.write(checksum_lines((name, tensor) for *_, name, tensor in tensors))


if __name__ == "__main__":
    main()
