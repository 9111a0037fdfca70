"""The servers and the link that are measured: all on this machine, in the network namespace of this process."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(HERE, "..", "..", "tests", "servers")

# of a full segment on lo: 65536 with the headers of IP and TCP and its timestamps in it, behind an Ethernet header
PAYLOAD_SHARE = (65536 - 52) / (65536 + 14)
BURST_BYTES = 4 << 20


class Link:
    """lo, with as many bits a second as are said, or all there are."""

    def __init__(self, rate: str | None):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.bytes_per_second = None
        if rate:
            shape = f"tc qdisc replace dev lo root tbf rate {rate} burst {BURST_BYTES} latency 50ms"
            subprocess.run(shape.split(), check=True)
            self.bytes_per_second = self.queue()["options"]["rate"]

    @staticmethod
    def queue() -> dict:
        shown = subprocess.run(["tc", "-s", "-j", "qdisc", "show", "dev", "lo"], check=True, capture_output=True)
        return json.loads(shown.stdout)[0]

    def drops(self) -> int:
        return self.queue()["drops"] if self.bytes_per_second else 0

    def nominal_seconds(self, size: int) -> float:
        """How long the link takes for bodies of `size` bytes at least."""
        return (size / PAYLOAD_SHARE - BURST_BYTES) / self.bytes_per_second


def started(tool: str, folder: str, *arguments: str) -> dict[str, str]:
    """What a server's script says when the server is up: lines of NAME=VALUE."""
    command = [os.path.join(TOOLS, tool), "start", folder, *arguments]
    shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(line.split("=", 1) for line in shown.splitlines())


def stop(tool: str, folder: str):
    subprocess.run([os.path.join(TOOLS, tool), "stop", folder], check=False)


@dataclass
class Web:
    """nginx: the same files over HTTP and HTTPS."""

    url: str
    tls_url: str
    authority: str


@contextlib.contextmanager
def web_server(folder: str, root: str) -> Iterator[Web]:
    try:
        said = started("web-server", folder, root, "18080")
        yield Web(said["url"], said["good"], os.path.join(folder, "tls", "ca.pem"))
    finally:
        stop("web-server", folder)


@contextlib.contextmanager
def s3_server(folder: str) -> Iterator[dict[str, str]]:
    """Ceph's gateway with its objects in memory; the environment to use it in."""
    try:
        said = started("ceph-s3", folder, "18000")
        yield {
            "AWS_ENDPOINT_URL": said["url"],
            "AWS_ACCESS_KEY_ID": said["access"],
            "AWS_SECRET_ACCESS_KEY": said["secret"],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        stop("ceph-s3", folder)


class FaultServer:
    def __init__(self, port: str):
        self.url = f"http://127.0.0.1:{port}"

    def take_counts(self) -> dict:
        with urllib.request.urlopen(self.url + "/counts", timeout=10) as answer:
            return json.load(answer)


@contextlib.contextmanager
def fault_server(root: str) -> Iterator[FaultServer]:
    command = [sys.executable, os.path.join(HERE, "fault_server.py"), root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield FaultServer(server.stdout.readline().strip())
        finally:
            server.terminate()
