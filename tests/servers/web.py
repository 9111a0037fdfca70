"""nginx, as the script `web-server` starts it, and its access log."""

import random
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
USER, PASSWORD = "tester", "open sesame"


@dataclass
class Request:
    """A line of the access log; see log_format in `web-server`."""

    began: float  # seconds since 1970
    connection: int
    method: str
    status: int
    bytes_sent: int
    host: str
    credentials: str  # the scheme, e.g. Basic, or -
    tls: str
    path: str
    range: str


LINE = re.compile(r'(\S+) (\S+) (\d+) (\S+) (\d+) (\d+) (\S+) (\S+) (\S*)- "([^"]*)" "([^"]*)"')


def request_of(line: str) -> Request:
    ended, took, connection, method, status, sent, *rest = LINE.fullmatch(line).groups()
    began = float(ended) - float(took)
    return Request(began, int(connection), method, int(status), int(sent), *rest)


class Web:
    """nginx, running; the URL of each of its ports by the name that `web-server` gives it."""

    def __init__(self, folder: Path, root: Path):
        self.folder = folder
        self.root = root
        self.log = folder / "access.log"
        self.port = free_ports(7)  # the same again after a stop
        self.start()
        self.forget()

    def start(self):
        output = self.script("start", self.folder, self.root, self.port).splitlines()
        self.urls = dict(line.split("=", 1) for line in output)
        self.url = self.urls["url"]

    def stop(self):
        self.script("stop", self.folder)

    @staticmethod
    def script(*arguments) -> str:
        command = [HERE / "web-server", *map(str, arguments)]
        return subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE, text=True).stdout

    def tls(self, name: str) -> Path:
        """A file of a certificate or key."""
        return self.folder / "tls" / name

    def port_of(self, name: str) -> int:
        return int(self.urls[name].rpartition(":")[2])

    @property
    def master(self) -> int:
        return int((self.folder / "nginx.pid").read_text())

    def workers(self) -> list[int]:
        """The processes that serve."""
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text()
        return [int(child) for child in children.split()]

    def forget(self):
        """Leaves out what was asked for before."""
        self.since = time.time()
        self.seen = self.log.stat().st_size

    def requests(self, path: str = "", at_least: int = 0) -> list[Request]:
        """The requests so far for paths with that end. A line is written after its answer."""
        until = time.monotonic() + 10
        while True:
            found = [request for request in self.lines() if request.path.endswith(path)]
            if len(found) >= at_least or time.monotonic() > until:
                assert len(found) >= at_least, found
                return found
            time.sleep(0.02)

    def lines(self) -> list[Request]:
        with open(self.log) as log:
            log.seek(self.seen)
            lines = log.read().split("\n")[:-1]
        return [request for request in map(request_of, lines) if request.began > self.since]


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on."""
    for first in random.sample(range(21000, 31000), 200):
        if all(is_free(first + i) for i in range(count)):
            return first
    raise OSError("no free ports")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
