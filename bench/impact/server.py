#!/usr/bin/env python3
"""A server of text generation, which the benchmark of real-world impact starts from zero.

It loads its model with Hugging Face's `from_pretrained` or with tzio's, and listens when that is done. POST /generate
takes {"tokens": [...], "new_tokens": N} and gives {"tokens": [...]}; what waits is generated together. GET /healthz
says 200, GET /times when on CLOCK_MONOTONIC the server had come how far.
"""

import time

began = time.monotonic()

import argparse
import http.server
import json
import os
import tempfile
import threading
import traceback
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

#: Of a request.
BODY_BYTES_MAX = 1 << 20
NEW_TOKENS_MAX = 1024


def load_by_hugging_face(uri: str, scratch: str | None, times: dict[str, float]) -> Any:
    """From S3 it is downloaded to a disk first, as a storage initializer would."""
    import transformers

    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        if uri.startswith("s3://"):
            download(uri, folder)
            times["downloaded"] = time.monotonic()
            uri = folder
        return transformers.AutoModelForCausalLM.from_pretrained(uri, dtype="auto", local_files_only=True).eval()


def load_by_tzio(uri: str, _scratch: str | None, _times: dict[str, float]) -> Any:
    import tzio.transformers

    return tzio.transformers.from_pretrained(uri)


def download(uri: str, folder: str) -> None:
    """All objects of a prefix, by boto3 as it comes. Credentials and endpoint are AWS's usual names."""
    import boto3

    address = urlsplit(uri)
    prefix = address.path.strip("/") + "/"
    bucket = boto3.resource("s3").Bucket(address.netloc)
    for found in bucket.objects.filter(Prefix=prefix):
        target = os.path.join(folder, found.key.removeprefix(prefix))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        bucket.download_file(found.key, target)


def imported(loader: str, architecture: str | None, from_s3: bool) -> dict[str, str]:
    """Imports all that the loader will need, the model's class too, so that none of it counts as loading."""
    import torch
    import transformers

    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    transformers.AutoModelForCausalLM  # noqa: B018 - transformers imports what is asked for
    if architecture:
        getattr(transformers, architecture)
    if loader == "tzio":
        import tzio
        import tzio.transformers

        versions["tzio"] = tzio.__version__
    elif from_s3:
        import boto3

        versions["boto3"] = boto3.__version__
    return versions


@dataclass(eq=False)
class Asked:
    tokens: list[int]
    new_tokens: int
    made: Future[list[int]] = field(default_factory=Future)

    def shape(self) -> tuple[int, int]:
        return len(self.tokens), self.new_tokens


class Generator:
    """A model, and a thread that generates: of what waits, requests of one shape together."""

    def __init__(self, model: Any, times: dict[str, float], batch_max: int) -> None:
        self._model, self._times, self._batch_max = model, times, batch_max
        self._waiting: list[Asked] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def __call__(self, tokens: list[int], new_tokens: int) -> list[int]:
        """Any thread."""
        asked = Asked(tokens, new_tokens)
        with self._changed:
            self._waiting.append(asked)
            self._changed.notify()
        return asked.made.result()

    def _run(self) -> None:
        while True:
            batch = self._taken()
            try:
                made = self._generate(batch)
            except Exception as error:
                traceback.print_exc()
                for each in batch:
                    each.made.set_exception(error)
            else:
                for each, tokens in zip(batch, made):
                    each.made.set_result(tokens)

    def _taken(self) -> list[Asked]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            alike = [each for each in self._waiting if each.shape() == self._waiting[0].shape()][: self._batch_max]
            self._waiting = [each for each in self._waiting if each not in alike]
            return alike

    def _generate(self, batch: list[Asked]) -> list[list[int]]:
        import torch

        self._times.setdefault("asked", time.monotonic())
        with torch.no_grad():
            given = torch.tensor([each.tokens for each in batch], device=self._model.device)
            made = self._model.generate(
                input_ids=given,
                attention_mask=torch.ones_like(given),
                max_new_tokens=batch[0].new_tokens,
                do_sample=False,
                pad_token_id=0,
            ).tolist()
        self._times.setdefault("generated", time.monotonic())
        return made


def asked_of(body: bytes) -> tuple[list[int], int]:
    """Raises ValueError for what is no request."""
    asked = json.loads(body)
    tokens, count = (asked.get("tokens"), asked.get("new_tokens", 1)) if isinstance(asked, dict) else (None, None)
    if not isinstance(tokens, list) or not tokens or not all(type(each) is int and each >= 0 for each in tokens):
        raise ValueError("tokens are a list of numbers")
    if type(count) is not int or not 1 <= count <= NEW_TOKENS_MAX:
        raise ValueError(f"new_tokens is 1 to {NEW_TOKENS_MAX}")
    return tokens, count


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    generate: Generator
    facts: dict[str, Any]

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        known = {"/healthz": {}, "/times": self.facts}
        self.answer(200 if self.path in known else 404, known.get(self.path, {}))

    def do_POST(self) -> None:  # noqa: N802
        length = int(self.headers.get("Content-Length", 0))
        if self.path != "/generate" or length > BODY_BYTES_MAX:
            return self.answer(404, {})
        try:
            tokens, count = asked_of(self.rfile.read(length))
        except ValueError as error:
            return self.answer(400, {"error": str(error)})
        try:
            made = self.generate(tokens, count)
        except Exception as error:
            return self.answer(500, {"error": str(error)})
        return self.answer(200, {"tokens": made})

    def answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024  # all requests come at once
    daemon_threads = True


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--loader", choices=["hf", "tzio"], required=True)
    made.add_argument("--model", required=True, help="a folder, or s3://BUCKET/PREFIX")
    made.add_argument("--architecture", help="the model's class, to be imported before it is loaded")
    made.add_argument("--scratch", help="where hf puts what it downloads")
    made.add_argument("--batch", type=int, default=32, help="most requests that are generated together (32)")
    made.add_argument("--host", default="0.0.0.0")
    made.add_argument("--port", type=int, default=8080)
    return made


def main() -> None:
    options = parser().parse_args()
    times = {"began": began}
    versions = imported(options.loader, options.architecture, options.model.startswith("s3://"))
    times["imported"] = time.monotonic()
    load = load_by_tzio if options.loader == "tzio" else load_by_hugging_face
    model = load(options.model, options.scratch, times)
    times["loaded"] = time.monotonic()
    Handler.generate = Generator(model, times, options.batch)
    Handler.facts = {"times": times, "versions": versions}
    Server((options.host, options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
