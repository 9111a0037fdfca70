"""Runs tensorizer's own tests, first against tensorizer and then against `tzio.install_as("tensorizer")`.

    PYTHONPATH=build/release/python python tests/python/tensorizer_suite.py [--only original|ours] [PYTEST ARGUMENTS]

The tests come from tensorizer's source package on PyPI, which is fetched into build/tensorizer-suite and never is part
of this repository. Nothing else of theirs needs a network: a small model made here stands in for the one of Hugging
Face, moto's server for S3, a server of this program for a page on GitHub. Needs torch, transformers, tensorizer and
redis-server; moto is fetched. Ends with the tests that pass for tensorizer and not for us, and fails where those are
others than `exceptions`; with `--only`, where any fail that are not skipped.
"""

from __future__ import annotations

import argparse
import http.server
import logging
import os
import pathlib
import subprocess
import sys
import tarfile
import threading
import xml.etree.ElementTree
from collections.abc import Callable

VERSION = "2.12.1"
MODEL = "EleutherAI/gpt-neo-125M"
FOLDER = pathlib.Path(__file__).parents[2] / "build" / "tensorizer-suite"
PAGE = b"# GPT Neo\n\n[![DOI](https://example.invalid/badge.svg)](https://example.invalid)\n" + b"text\n" * 1000

#: Tests that we don't pass, and why.
exceptions = {
    "TestSerialization.test_long_dimensions": "a dimension of 2^32 comes with a later write to a file",
    "TestVerification.test_verification_fail": "replaces a class within tensorizer's own parser",
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=["original", "ours"])
    chosen, arguments = parser.parse_known_args()
    tests = prepare()
    with_servers = start_servers()
    passed = {}
    for who in ("original", "ours"):
        if chosen.only in (None, who):
            passed[who] = run(who, tests, with_servers, arguments)
            print(f"{who}: {len(passed[who])} pass")
    missing = failed(chosen.only) if chosen.only else passed["original"] - passed["ours"]
    for test in sorted(missing):
        print(f"{chosen.only or 'not ours'}: {test}: {exceptions.get(test, 'UNEXPECTED')}")
    return int(bool(missing - set(exceptions)))


def prepare() -> pathlib.Path:
    """The tests, changed where they name servers of the Internet; and the model."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "-q"]
    archive = FOLDER / f"tensorizer-{VERSION}.tar.gz"
    if not archive.exists():
        subprocess.run(
            [*pip, "download", "--no-deps", "--no-binary", ":all:", "-d", FOLDER, f"tensorizer=={VERSION}"], check=True
        )
    if not (FOLDER / "packages").exists():
        subprocess.run([*pip, "install", "--target", FOLDER / "packages", "moto[server]<5", "pytest"], check=True)
    tests = FOLDER / "tests"
    tests.mkdir(exist_ok=True)
    with tarfile.open(archive) as content:
        for member in content.getmembers():
            path = pathlib.PurePosixPath(member.name)
            if path.parent.name == "tests" and path.suffix == ".py":
                text = content.extractfile(member).read().decode()
                (tests / path.name).write_text(changed(text))
    if not (FOLDER / MODEL / "model.safetensors").exists():
        make_model(FOLDER / MODEL)
    return tests


def changed(text: str) -> str:
    text = text.replace(
        '"https://raw.githubusercontent.com/EleutherAI/gpt-neo/master/README.md"', 'os.environ["SUITE_PAGE"]'
    )
    # it looks for lines of the server's in the pipe, and not in a buffer
    text = text.replace("stdout=subprocess.PIPE,", "stdout=subprocess.PIPE, bufsize=0,")
    return text.replace('s3_endpoint="object.ord1.coreweave.com"', "s3_endpoint=None")


def make_model(folder: pathlib.Path) -> None:
    """As large as the tests want it, and all its words are hello, since they ask it for that."""
    import tokenizers
    import torch
    import transformers

    words = ["<eos>", "hello", *(f"hello{number}" for number in range(1500))]
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="hello")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>").save_pretrained(folder)
    config = transformers.GPTNeoConfig(
        vocab_size=len(words),
        hidden_size=768,
        num_layers=2,
        num_heads=12,
        attention_types=[[["global", "local"], 1]],
        bos_token_id=None,
        eos_token_id=None,
    )
    torch.manual_seed(1)
    model = transformers.GPTNeoForCausalLM(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.02)  # so that a new layer is another one
    model.save_pretrained(folder)


class Page(http.server.BaseHTTPRequestHandler):
    """One page, with ranges."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        body = PAGE[int(first) : int(last) + 1 if last else None] if wanted else PAGE
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(body) - 1}/{len(PAGE)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def start_servers() -> dict[str, str]:
    """The page, and S3 with the model's files; what the environment is to say of them."""
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    sys.path.append(str(FOLDER / "packages"))
    import moto.server
    import werkzeug.serving

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = moto.server.DomainDispatcherApplication(moto.server.create_backend_app)
    s3 = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=s3.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{s3.server_port}"
    put_model(endpoint)
    return {"SUITE_PAGE": f"http://127.0.0.1:{page.server_port}/README.md", "AWS_ENDPOINT_URL": endpoint}


def put_model(endpoint: str) -> None:
    import boto3
    import tensorizer
    import transformers

    keys = {"aws_access_key_id": "X", "aws_secret_access_key": "X", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=endpoint, **keys)
    client.create_bucket(Bucket="tensorized")
    for name, dtype in ((f"{MODEL}/model.tensors", "float32"), (f"{MODEL}/fp16/model.tensors", "float16")):
        model = transformers.AutoModelForCausalLM.from_pretrained(FOLDER / MODEL, dtype=dtype)
        path = FOLDER / "model.tensors"
        serializer = tensorizer.TensorSerializer(str(path))
        serializer.write_module(model)
        serializer.close()
        client.upload_file(str(path), "tensorized", name)
        path.unlink()


def run(who: str, tests: pathlib.Path, more: dict[str, str], arguments: list[str]) -> set[str]:
    report = FOLDER / f"{who}.xml"
    report.unlink(missing_ok=True)
    paths = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), str(FOLDER / "packages")]
    install = "import tzio; tzio.install_as('tensorizer'); " if who == "ours" else ""
    code = install + "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
    environment = {
        **os.environ,
        **more,
        "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in paths if path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HF_HUB_OFFLINE": "1",
        "TZIO_COREWEAVE": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    with open(FOLDER / f"{who}.log", "w") as log:
        subprocess.run(
            [sys.executable, "-c", code, tests, "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments],
            cwd=FOLDER,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return tests_of(who, lambda case: not any(case.find(each) is not None for each in ("failure", "error", "skipped")))


def failed(who: str) -> set[str]:
    return tests_of(who, lambda case: case.find("failure") is not None or case.find("error") is not None)


def tests_of(who: str, is_meant: Callable[[xml.etree.ElementTree.Element], bool]) -> set[str]:
    """From the report of the run."""
    return {
        f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name')}"
        for case in xml.etree.ElementTree.parse(FOLDER / f"{who}.xml").iter("testcase")
        if is_meant(case)
    }


if __name__ == "__main__":
    sys.exit(main())
