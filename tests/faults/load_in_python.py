"""Loads files by the package, in a process of its own: a request a line of stdin, its answer a line of stdout."""

import gc
import hashlib
import json
import os
import sys
import time

import numpy  # noqa: F401 - before anything is counted
import tzio
import tzio.engine

#: Threads that end are gone a moment later. What was left behind is there after this, too.
SETTLES_SECONDS = 10
#: Keywords by which engines differ.
ENGINE = {"chunk_size", "concurrency", "io", "memory_limit", "workers"}


def held() -> dict:
    """Descriptors and threads of this process. What a descriptor leads to says more than its number."""
    descriptors = []
    for number in os.listdir("/proc/self/fd"):
        try:
            descriptors.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # of the listing itself
            pass
    return {"descriptors": sorted(descriptors), "threads": len(os.listdir("/proc/self/task"))}


def load(uri, keywords) -> dict:
    try:
        tensors = tzio.load_file(uri, framework="numpy", **keywords)
    except tzio.Error as error:
        return {
            "raised": type(error).__name__,
            "text": str(error),
            "uri": error.uri,
            "offset": error.offset,
            "hint": error.hint,
        }
    except BaseException as error:  # whatever it is, whoever asked says that it is wrong
        return {"raised": type(error).__name__, "text": str(error), "uri": None, "offset": None, "hint": ""}
    return {"sums": {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in tensors.items()}}


def answer(request, whole) -> dict:
    """After a load that failed its engine loads a whole file; with the engine everything has to be gone."""
    before = held()
    result = load(request["uri"], request["keywords"])
    if "raised" in result:
        engine_keywords = {key: request["keywords"][key] for key in ENGINE & request["keywords"].keys()}
        result["again"] = "sums" in load(whole, engine_keywords)
    tzio.engine._engines.clear()
    gc.collect()
    end = time.monotonic() + SETTLES_SECONDS
    while (after := held()) != before and time.monotonic() < end:
        time.sleep(0.02)
    return result | {"before": before, "after": after}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), sys.argv[1])), flush=True)
