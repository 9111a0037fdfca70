"""The machine that figures come from: what it is, and what else it does."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

# Of all cores. More stolen, or more taken by others, disturbs a sample too: tools/bench_disturbed.hpp.
STEAL_MAX, OTHERS_MAX = 0.02, 0.10
# Of the last minute, by the number of cores.
LOAD_MAX = 0.25


def facts() -> dict:
    """As tz-bench/1 has them."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def line(host: dict) -> str:
    return (
        f"{host['cpu']}, {host['cores']} cores, {host['memory_bytes'] / 2**30:.0f} GiB, "
        f"Linux {host['kernel']}, load average {host['load_average']:.1f}"
    )


def version(command: list) -> str:
    """The first line that a program says of itself."""
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    return (shown.stdout + shown.stderr).split("\n", 1)[0]


def disk(folder: Path) -> str:
    """What the folder is on: "ext4 on /dev/vda1"."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for mount in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = mount.partition(" - ")
        if before.split()[2] == number:
            kind, source = after.split()[:2]
            return f"{kind} on {source}"
    return "unknown"


def doing(seconds: float = 5) -> dict:
    """What others do on it, while this process only waits."""
    before = _ticks()
    time.sleep(seconds)
    passed = [late - soon for soon, late in zip(before, _ticks())]
    user, nice, system, idle, waiting, interrupts, softirqs, steal = passed[:8]
    whole = max(1, sum(passed[:8]))  # guests' time is in the users'
    return {
        "load_average": os.getloadavg()[0],
        "others": (user + nice + system + interrupts + softirqs) / whole,
        "steal": steal / whole,
    }


def _ticks() -> list[int]:
    return [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]


def not_idle(now: dict, cores: int) -> list[str]:
    """What of `doing` is too much for figures; nothing on an idle machine. Pure."""
    load_max = max(0.5, LOAD_MAX * cores)
    found = []
    if now["load_average"] > load_max:
        found.append(f"its load average is {now['load_average']:.1f}, above {load_max:g}")
    if now["others"] > OTHERS_MAX:
        found.append(f"others take {now['others']:.0%} of its cores, more than {OTHERS_MAX:.0%}")
    if now["steal"] > STEAL_MAX:
        found.append(f"its host takes {now['steal']:.0%} of its cores, more than {STEAL_MAX:.0%}")
    return found
