"""Who loads: each function makes an Entry, whose run() takes one sample in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.realpath(os.path.join(HERE, "..", ".."))
PEERS = os.path.join(REPOSITORY, "bench", "peers")
PEERS_SCRIPT = PEERS + ".py"
sys.path.append(PEERS)
from memory import touch_and_free  # noqa: E402

TZ = os.path.join(REPOSITORY, "build", "release", "bin", "tz")
SAMPLE_LIMIT_SECONDS = 600
STAGING_BYTES = 256 << 20  # what a load of ours may take beside the tensors


@dataclass
class Entry:
    name: str
    run: Callable[[], dict]
    ours: bool = False
    memory_bytes: int = STAGING_BYTES  # that it may use
    samples: list[dict] = field(default_factory=list)


class Failed(Exception):
    pass


def environment(more: dict[str, str]) -> dict[str, str]:
    """Ours without proxies: everything is on this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | more


def thread_seconds(process: int) -> dict[str, float]:
    seconds = {}
    try:
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/schedstat", encoding="ascii") as file:
                seconds[thread] = int(file.read().split()[0]) / 1e9
    except OSError:
        pass  # it ended meanwhile
    return seconds


def watch_threads(process: int, seconds: dict[str, float], ended: threading.Event):
    while not ended.wait(0.05):
        seconds.update(thread_seconds(process))


def run(command: list[str], more: dict[str, str] | None = None, threads: dict[str, float] | None = None):
    """Runs a program; gives the JSON object that its output ends with, and its CPU seconds.

    `threads` is told those of each thread.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment(more or {}))
        ended = threading.Event()
        limit = threading.Timer(SAMPLE_LIMIT_SECONDS, process.kill)
        limit.start()
        if threads is not None:
            threading.Thread(target=watch_threads, args=(process.pid, threads, ended), daemon=True).start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        limit.cancel()
        out.seek(0)
        err.seek(0)
        text = "\n" + out.read().decode()
        if process.returncode != 0 or "\n{" not in text:
            raise Failed(f"{command[0]} ended with {process.returncode}: {err.read().decode()[-500:]}")
    return json.loads(text[text.rindex("\n{") :]), usage.ru_utime + usage.ru_stime


def tz(
    name: str,
    urls: list[str],
    *options: str,
    into_memory: int = 0,
    more: dict[str, str] | None = None,
    spread: bool = False,
) -> Entry:
    """A load of ours: of `into_memory` bytes into memory, or else into nowhere; unverified unless the options say so.

    `spread`: also measures how even its two busiest threads are.
    """
    command = [TZ, "load", "--json", "--quiet", "--progress=off", f"--memory={'owned' if into_memory else 'none'}"]
    if not any(option.startswith("--verify=") for option in options):
        command.append("--verify=none")
    kept = ("seconds", "bytes", "loop_cpu_seconds", "requests", "connections", "retries", "throttles", "loops")

    def sample() -> dict:
        threads: dict[str, float] | None = {} if spread else None
        said, cpu = run([*command, *options, *urls], more, threads)
        made = {name: said[name] for name in kept} | {"lanes": said["concurrency"], "cpu_seconds": cpu}
        if threads:
            busiest = sorted(threads.values())[-2:]
            made["second_thread_share"] = busiest[0] / busiest[-1]
        return made

    return Entry(name, sample, ours=True, memory_bytes=STAGING_BYTES + into_memory)


def curl(url: str, *options: str) -> Entry:
    command = ["curl", "--silent", "--show-error", "--fail", "--output", os.devnull, *options, "--write-out"]
    shown = '{"seconds": %{time_total}, "bytes": %{size_download}}'

    def sample() -> dict:
        said, cpu = run([*command, shown, url])
        return said | {"cpu_seconds": cpu}

    return Entry("curl", sample)


def wrk(url: str, size: int, connections: int, seconds: int) -> Entry:
    threads = min(connections, os.cpu_count() or 1)
    script = os.path.join(HERE, "ranges.lua")
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script, url]

    def sample() -> dict:
        said, cpu = run([*command, "--", str(size)])
        if said.pop("failed"):
            raise Failed("wrk was refused ranges")
        return said | {"cpu_seconds": cpu}

    return Entry(f"wrk, {connections} connection{'s' if connections > 1 else ''}", sample)


def floor_of(url: str, size: int, seconds: int, *curl_options: str) -> list[Entry]:
    """What the server and the link are worth, by others' clients that drop what comes."""
    return [curl(url, *curl_options), *(wrk(url, size, connections, seconds) for connections in (1, 4, 16))]


def peer(name: str, adapter: str, size: int, more: dict[str, str], url: str) -> Entry:
    """One of bench/peers.py; it times itself."""
    command = [sys.executable, PEERS_SCRIPT, "load", adapter, url, "--bytes", str(size)]

    def sample() -> dict:
        said, _ = run(command, more)
        return {"seconds": said["seconds"][0], "bytes": said["bytes"], "cpu_seconds": said["cpu_seconds"][0]}

    return Entry(name, sample)


def busy_seconds() -> float:
    """Of all cores of this machine, since it started."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def take_sample(entry: Entry):
    touch_and_free(entry.memory_bytes)
    before, began = busy_seconds(), time.monotonic()
    sample = entry.run()
    sample["busy_cores"] = (busy_seconds() - before) / (time.monotonic() - began)
    entry.samples.append(sample)


def measure(entries: list[Entry], runs: int, warmup: int):
    """Rounds of one sample of each entry, in an order that shifts; a warm-up's don't count."""
    for number in range(-warmup, runs):
        for place in range(len(entries)):
            entry = entries[(place + number) % len(entries)]
            print(f"  {'warm-up' if number < 0 else number + 1}: {entry.name}", file=sys.stderr, flush=True)
            take_sample(entry)
            if number < 0:
                entry.samples.clear()
