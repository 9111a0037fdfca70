#!/usr/bin/env python3
"""An HTTP server of one folder that fails by chance, from a seed, and counts requests.

/clean/NAME is the file NAME, whole or a range of it. /faulty/NAME is the same, but of all requests 5 % are answered
503, 2 % get their connection reset in the middle of the body, and in 1 % the body stops for as long as the client
waits. /counts is a JSON object of what each of both was asked for and did; asking sets it to zero, and the chance back
to the seed. Prints the port that it listens on.
"""

import argparse
import json
import os
import random
import re
import socket
import struct
import threading
from collections import Counter

FAULTS = (("busy", 0.05), ("reset", 0.02), ("stall", 0.01))


class Chance:
    """What becomes of each request, in the order of their arrival. Any thread may ask."""

    def __init__(self, seed: int):
        self.seed = seed
        self.lock = threading.Lock()
        self.take_counts()

    def take_counts(self) -> dict[str, Counter]:
        with self.lock:
            counts = getattr(self, "counts", None)
            self.counts = {"clean": Counter(), "faulty": Counter()}
            self.random = random.Random(self.seed)
        return counts

    def next(self, kind: str) -> tuple[str, float]:
        """The fault, and behind which part of the body."""
        with self.lock:
            fault = self.draw() if kind == "faulty" else "none"
            self.counts[kind]["requests"] += 1
            self.counts[kind][fault] += 1
            return fault, self.random.random()

    def draw(self) -> str:
        drawn = self.random.random()
        for name, share in FAULTS:
            if drawn < share:
                return name
            drawn -= share
        return "none"


class Session:
    """One connection, on a thread of its own."""

    def __init__(self, client: socket.socket, folder: str, chance: Chance):
        self.client = client
        self.folder = folder
        self.chance = chance
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self):
        try:
            with self.client:
                while head := self.read_head():
                    if not self.answer(head):
                        break
        except OSError:
            pass  # the client is gone

    def read_head(self) -> str:
        head = b""
        while b"\r\n\r\n" not in head:
            got = self.client.recv(8192)
            if not got:
                return ""
            head += got
        return head.decode("latin-1")

    def answer(self, head: str) -> bool:
        """Whether the connection goes on."""
        path = head.split(" ", 2)[1]
        if path == "/counts":
            return self.send_text("200 OK", json.dumps(self.chance.take_counts()))
        found = re.fullmatch(r"/(clean|faulty)/([\w.-]+)", path)
        if not found or not os.path.isfile(file := os.path.join(self.folder, found[2])):
            return self.send_text("404 Not Found", "")
        fault, part = self.chance.next(found[1])
        if fault == "busy":
            return self.send_text("503 Service Unavailable", "")
        return self.send_file(file, head, fault, part)

    def send_text(self, status: str, text: str) -> bool:
        self.client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        return True

    def send_file(self, file: str, head: str, fault: str, part: float) -> bool:
        with open(file, "rb") as body:
            facts = os.fstat(body.fileno())
            asked = re.search(r"\r\nrange: bytes=(\d+)-(\d*)", head, re.IGNORECASE)
            first = int(asked[1]) if asked else 0
            last = min(int(asked[2]) if asked and asked[2] else facts.st_size, facts.st_size - 1)
            size = last - first + 1
            status = "200 OK"
            if asked:
                status = f"206 Partial Content\r\nContent-Range: bytes {first}-{last}/{facts.st_size}"
            self.client.sendall(
                f'HTTP/1.1 {status}\r\nETag: "{facts.st_mtime_ns:x}"\r\nAccept-Ranges: bytes\r\n'
                f"Content-Length: {size}\r\n\r\n".encode()
            )
            if not head.startswith("HEAD "):
                self.send_body(body.fileno(), first, size if fault == "none" else int(size * part))
        if fault == "reset":
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault == "stall":
            self.client.recv(1)  # until it closes
        return fault == "none"

    def send_body(self, file: int, at: int, size: int):
        while size:
            sent = os.sendfile(self.client.fileno(), file, at, size)
            if not sent:
                raise OSError("the file has become shorter")
            at += sent
            size -= sent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = Chance(options.seed)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            session = Session(listener.accept()[0], options.folder, chance)
            threading.Thread(target=session.run, daemon=True).start()


if __name__ == "__main__":
    main()
