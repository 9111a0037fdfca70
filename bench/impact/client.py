#!/usr/bin/env python3
"""Sends requests to servers of text generation, all at once, and says how long each waited.

client.py --requests 100 http://impact-hf.example.com http://impact-tzio.example.com

prints one JSON object: of each server the response times in order, percentiles, and how many requests failed. Ends
with 1 where one did.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import messages
import report


@dataclass
class Answer:
    seconds: float
    status: int  # 0: none came
    ended: float  # on CLOCK_MONOTONIC


async def send(url: str, body: bytes, limit: float) -> Answer:
    """One request to URL/generate, from connecting to the last byte."""
    address = urlsplit(url)
    message = messages.request("POST", f"{address.path.rstrip('/')}/generate", address.netloc, body)
    began = time.monotonic()
    try:
        exchanged = messages.exchange(address.hostname or "", address.port or 80, message)
        status, _ = await messages.within(limit, exchanged)
    except (ValueError, EOFError, OSError, asyncio.TimeoutError, asyncio.LimitOverrunError):
        status = 0
    ended = time.monotonic()
    return Answer(ended - began, status, ended)


async def send_all(url: str, count: int, body: bytes, limit: float) -> list[Answer]:
    return await asyncio.gather(*(send(url, body, limit) for _ in range(count)))


def body_of(prompt_tokens: int, new_tokens: int) -> bytes:
    """Numbers that every vocabulary has."""
    return json.dumps({"tokens": [5 + each for each in range(prompt_tokens)], "new_tokens": new_tokens}).encode()


def count_of(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a number of at least 1")
    return int(text)


def add_request_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=count_of, default=100, help="sent at once (100)")
    parser.add_argument("--prompt-tokens", type=count_of, default=2, help="of each request (2)")
    parser.add_argument("--new-tokens", type=count_of, default=1, help="that each asks for (1)")
    parser.add_argument("--answer-limit", type=float, default=600, help="seconds that a request may take (600)")


async def measured(options: argparse.Namespace) -> list[dict]:
    body = body_of(options.prompt_tokens, options.new_tokens)
    found = []
    for url in options.url:
        answers = await send_all(url, options.requests, body, options.answer_limit)
        found.append({"url": url, **report.responses([(each.seconds, each.status) for each in answers])})
    return found


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_request_options(made)
    made.add_argument("url", nargs="+", help="http://HOST[:PORT] of a server, or of what starts it")
    return made


def main() -> int:
    found = asyncio.run(measured(parser().parse_args()))
    print(json.dumps({"schema": "tz-bench-impact-client/1", "servers": found}, indent=2))
    return 1 if any(each["failed"] for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
