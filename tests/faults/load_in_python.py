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
SETTLES_SECONDS = 30
#: Keywords by which engines differ.
ENGINE = {"chunk_size", "concurrency", "io", "memory_limit", "workers"}


#: Memory that the heap keeps for itself: stacks of threads that have ended, and what it got for large blocks. Not for
#: each load, but for all that this process does after the first: what each of hundreds leaves adds up.
SLACK_BYTES = 48 << 20
warm: list[int] = []


def mappings() -> tuple[list[str], int]:
    """What is mapped of files and of the kernel's own, and how much without a name. Libraries stay where they are."""
    named, anonymous = [], 0
    for line in open("/proc/self/maps"):
        place, _, _, _, _, *name = line.split(maxsplit=5)
        begin, _, end = place.partition("-")
        path = name[0].strip() if name else ""
        if not path:
            anonymous += int(end, 16) - int(begin, 16)
        elif ".so" not in path and path != "[heap]":
            named.append(path)
    return sorted(named), anonymous


def held() -> dict:
    """Descriptors, threads and mappings of this process. What a descriptor leads to says more than its number."""
    descriptors = []
    for number in os.listdir("/proc/self/fd"):
        try:
            descriptors.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # of the listing itself
            pass
    named, anonymous = mappings()
    return {
        "descriptors": sorted(descriptors),
        "threads": len(os.listdir("/proc/self/task")),
        "mappings": named,
        "anonymous_bytes": anonymous,
    }


def left(before: dict, after: dict) -> dict:
    """What is held now and was not then, or is gone. Of the memory without a name, what is beyond the slack."""
    differing = {name: (was, after[name]) for name, was in before.items() if after[name] != was}
    if after["anonymous_bytes"] <= before["anonymous_bytes"] + SLACK_BYTES:
        differing.pop("anonymous_bytes", None)
    return differing


def left_without_engines(before: dict) -> dict:
    """The same once the engines are gone; what still ends gets time for that."""
    tzio.engine._engines.clear()
    gc.collect()
    end = time.monotonic() + SETTLES_SECONDS
    while (remains := left(before, held())) and time.monotonic() < end:
        time.sleep(0.02)
    return remains


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
    if warm:
        before["anonymous_bytes"] = warm[0]
    result = load(request["uri"], request["keywords"])
    if "raised" in result:
        engine_keywords = {key: request["keywords"][key] for key in ENGINE & request["keywords"].keys()}
        result["again"] = load(whole, engine_keywords).get("text", "loaded")
    result["left"] = left_without_engines(before)
    if not warm:
        warm.append(held()["anonymous_bytes"])
    return result


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), sys.argv[1])), flush=True)
