"""Loads a file by the package, saves it, and prints what that gave: the tensors' digests, and what it left behind. In a
process of its own, for one environment. Where there is no /proc nothing can be counted."""

import hashlib
import json
import os
import sys

import tzio
from load_in_python import held, left_without_engines


def load_and_save(source, target, key) -> dict:
    keywords = {} if key is None else {"key": bytes.fromhex(key)}
    tensors = tzio.load_file(source, framework="numpy", **keywords)
    tzio.save_file(tensors, target, **keywords)
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in tensors.items()}


if __name__ == "__main__":
    countable = os.path.exists("/proc/self/fd")
    before = held() if countable else {}
    sums = load_and_save(*json.loads(sys.argv[1]))
    left = left_without_engines(before) if countable else {}
    print(json.dumps({"sums": sums, "left": left, "counted": countable}))
