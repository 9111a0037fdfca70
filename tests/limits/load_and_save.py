"""Loads a file by the package, saves it, and prints what that gave: the tensors' digests, and what was held before
and after. In a process of its own, for one environment. Where there is no /proc nothing can be counted."""

import gc
import hashlib
import json
import os
import sys
import time

import tzio
import tzio.engine
from load_in_python import SETTLES_SECONDS, held


def load_and_save(source, target, key) -> dict:
    keywords = {} if key is None else {"key": bytes.fromhex(key)}
    tensors = tzio.load_file(source, framework="numpy", **keywords)
    tzio.save_file(tensors, target, **keywords)
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in tensors.items()}


def what_is_held():
    return held() if os.path.exists("/proc/self/fd") else None


if __name__ == "__main__":
    before = what_is_held()
    sums = load_and_save(*json.loads(sys.argv[1]))
    tzio.engine._engines.clear()
    gc.collect()
    end = time.monotonic() + SETTLES_SECONDS
    while (after := what_is_held()) != before and time.monotonic() < end:
        time.sleep(0.02)
    print(json.dumps({"sums": sums, "before": before, "after": after}))
