#!/usr/bin/env python3
"""How long requests wait for a server of text generation that has to start first, by how it loads its model.

In each round of each way a server starts from zero when the first of many requests arrives, which come all at once and
are held until it is healthy. Two servers are here: one loads with Hugging Face's from_pretrained, one with tzio's.
`tz-bench impact` runs this.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import client
import places
import report
from activator import Activator

HERE = Path(__file__).resolve().parent
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}
UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}


@dataclass(frozen=True)
class Way:
    """A server, where its model comes from, and the state of the page cache: cold, warm, or server's for what is remote."""

    server: str
    command: tuple[str, ...]
    place: str
    cache: str


def size_of(text: str) -> int:
    """As the programs take sizes."""
    digits = text.rstrip("KMGBIkmgbi")
    try:
        return int(float(digits) * UNITS[text[len(digits) :].upper()])
    except (KeyError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is no size, such as 1GB or 512MiB") from None


def some_of(*known: str) -> Any:
    def parse(text: str) -> list[str]:
        words = [word for word in text.split(",") if word]
        if not set(words) <= set(known):
            raise argparse.ArgumentTypeError(f"{text!r} isn't some of {','.join(known)}")
        return words

    return parse


def own_server(text: str) -> tuple[str, list[str]]:
    name, equals, command = text.partition("=")
    if not name or not equals or not command:
        raise argparse.ArgumentTypeError(f"{text!r} isn't NAME=COMMAND")
    return name, shlex.split(command)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("tz-bench impact", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="for what is made and downloaded (/var/tmp)")
    made.add_argument("--model", type=Path, help="a folder with config.json and safetensors, instead of random weights")
    made.add_argument("--size", type=size_of, default="1GB", help="of random weights (1GB)")
    made.add_argument("--runs", type=client.count_of, default=3, help="rounds (3)")
    made.add_argument("--servers", type=some_of("hf", "tzio", "none"), default="hf,tzio", help="which, or none (hf,tzio)")
    made.add_argument(
        "--server",
        type=own_server,
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="another one; {model} and {port} stand for these. It answers to /healthz and /generate as server.py does",
    )
    made.add_argument("--from", dest="places", type=some_of("local", "s3"), default="local", help="local,s3 (local)")
    made.add_argument("--cache", type=some_of("cold", "warm"), default="cold", help="of local files: cold,warm (cold)")
    made.add_argument("--endpoint", help="of S3; without one, as AWS_ENDPOINT_URL says")
    made.add_argument("--bucket", default="models", help="where the model is put for a while (models)")
    made.add_argument("--start-limit", type=float, default=600, help="seconds that a server may take to start (600)")
    client.add_request_options(made)
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument("--export-json", type=Path, help="write the JSON object to this file too")
    made.add_argument("-q", "--quiet", action="store_true", help="say nothing but results and errors")
    return made


def described(model: Path) -> dict[str, Any]:
    """Raises OSError, ValueError."""
    config = json.loads((model / "config.json").read_text())
    return {
        "architecture": (config.get("architectures") or [""])[0],
        "bytes": sum(path.stat().st_size for path in places.files_of(model) if path.suffix == ".safetensors"),
        "dtype": config.get("dtype") or config.get("torch_dtype"),
    }


def host() -> dict[str, Any]:
    """As tz-bench/1 has it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def ways(options: argparse.Namespace, addresses: dict[str, str], architecture: str, scratch: Path) -> list[Way]:
    def ours(loader: str) -> list[str]:
        words = [sys.executable, str(HERE / "server.py"), "--loader", loader, "--model", "{model}", "--port", "{port}"]
        return [*words, "--host", "127.0.0.1", "--scratch", str(scratch), *(["--architecture", architecture] if architecture else [])]

    servers = [(name, ours(name)) for name in options.servers] + options.server
    return [
        Way(name, tuple(word.replace("{model}", address) for word in command), place, cache)
        for place, address in addresses.items()
        for cache in (options.cache if place == "local" else ["server"])
        for name, command in servers
    ]


async def one_round(way: Way, number: int, model: Path, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    cached = places.prepare(model, way.cache) if way.place == "local" else None
    body = client.body_of(options.prompt_tokens, options.new_tokens)
    activator = Activator(list(way.command), work / "server.log", options.start_limit, options.answer_limit)
    try:
        await activator.listen()
        # the client gives up last: who was too slow is the server's or the activator's to say
        limit = options.start_limit + options.answer_limit + 60
        answers = await client.send_all(activator.url, options.requests, body, limit)
        outcome, failure = await activator.outcome([each.status for each in answers])
        facts = await activator.facts() if outcome == "answered" else {}
    finally:
        await activator.stop()
    answered = [each.ended for each in answers if each.status == 200]
    return {
        "round": number,
        "server": way.server,
        "from": way.place,
        "cache": way.cache,
        "cached_share": cached,
        "outcome": outcome,
        "failure": failure,
        **report.responses([(each.seconds, each.status) for each in answers]),
        "start": report.parts(activator.began, facts.get("times", {}), min(answered)) if answered else None,
        "versions": facts.get("versions", {}),
    }


async def rounds(every: list[Way], model: Path, work: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """In an order that shifts from round to round."""
    found = []
    for number in range(options.runs):
        shift = number % len(every)
        for way in every[shift:] + every[:shift]:
            began = time.monotonic()
            found.append(await one_round(way, number + 1, model, work, options))
            if not options.quiet:
                took = f"{found[-1]['outcome']} in {time.monotonic() - began:.1f} s"
                print(f"round {number + 1}: {way.server} {way.place} {way.cache}: {took}", file=sys.stderr)
    return found


@contextlib.contextmanager
def addresses_of(model: Path, options: argparse.Namespace) -> Iterator[dict[str, str]]:
    with contextlib.ExitStack() as copies:
        found = {}
        for place in options.places:
            found[place] = str(model) if place == "local" else copies.enter_context(places.in_s3(model, options.bucket))
        yield found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    machine = host()
    with tempfile.TemporaryDirectory(prefix="tz-impact-", dir=options.folder) as folder:
        work = Path(folder)
        model = options.model.resolve() if options.model else work / "model"
        if not options.model:
            command = [sys.executable, str(HERE / "make_model.py"), str(model), str(options.size)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1"})
        facts = described(model)
        (work / "scratch").mkdir()
        with addresses_of(model, options) as addresses:
            every = ways(options, addresses, facts["architecture"], work / "scratch")
            runs = asyncio.run(rounds(every, model, work, options))
    return {
        "schema": "tz-bench-impact/1",
        "host": machine,
        "args": [report.without_secrets(word) for word in sys.argv[1:]],
        "model": facts,
        "runs": runs,
        "summary": {
            "rounds": options.runs,
            "requests": options.requests,
            "prompt_tokens": options.prompt_tokens,
            "new_tokens": options.new_tokens,
            "entries": report.summary(runs),
            "notes": report.notes(runs),
        },
    }


def terminate(*_: Any) -> None:
    raise KeyboardInterrupt


def main() -> int:
    made = parser()
    options = made.parse_args()
    options.servers = [name for name in options.servers if name != "none"]
    if not options.servers and not options.server:
        made.error("no server to measure: --servers, --server")
    if not options.places or not options.cache:
        made.error("nothing to measure: --from, --cache")
    if options.endpoint:
        os.environ["AWS_ENDPOINT_URL"] = options.endpoint
    signal.signal(signal.SIGTERM, terminate)
    try:
        result = measure(options)
        text = json.dumps(result, indent=2) + "\n"
        print(text if options.json else report.table(result), end="", flush=True)
        if options.export_json:  # after the table, which is there even where this fails
            options.export_json.write_text(text)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"tz-bench impact: {report.without_secrets(str(error))}", file=sys.stderr)
        return 1
    return 0 if all(run["outcome"] == "answered" for run in result["runs"]) else 1


if __name__ == "__main__":
    sys.exit(main())
