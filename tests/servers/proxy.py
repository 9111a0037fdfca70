"""A forward proxy: plain requests and CONNECT, with a user and password if wanted."""

import base64
import contextlib
import socket
import threading
from dataclasses import dataclass

from listener import Listener


@dataclass
class Asked:
    """What a client asked the proxy for."""

    method: str
    target: str
    headers: dict


class Proxy(Listener):
    """Leads each host of `places` ("HOST:PORT") to a port of this machine, until closed."""

    def __init__(self, places: dict, user_and_password: str = ""):
        self.places = places
        self.expected = basic(user_and_password) if user_and_password else None
        self.asked = []
        self.cut_after = None  # bytes of an answer, once: then the connection breaks
        super().__init__()

    def url(self, userinfo: str = "") -> str:
        return f"http://{userinfo}{'@' if userinfo else ''}{self.place}"

    def serve(self, client):
        """One connection of a client; it leads to one server."""
        with client, contextlib.suppress(OSError), client.makefile("rb") as requests:
            asked = self.take_request(requests)
            if self.expected and asked.headers.get("proxy-authorization") != self.expected:
                refuse(client, '407 Authentication Required\r\nProxy-Authenticate: Basic realm="test"')
            elif (place := place_of(asked)) not in self.places:
                refuse(client, "502 Bad Gateway")
            else:
                with socket.create_connection(("127.0.0.1", self.places[place])) as server:
                    self.lead(client, requests, server, asked)

    def take_request(self, requests) -> Asked:
        """The head of the next request; the stream's end is an error like that of the network."""
        lines = []
        while (line := requests.readline().decode().strip()) or not lines:
            if not line:
                raise OSError("the client is gone")
            lines.append(line)
        method, target, _ = lines[0].split(" ")
        pairs = (line.split(":", 1) for line in lines[1:])
        self.asked.append(Asked(method, target, {name.lower(): value.strip() for name, value in pairs}))
        return self.asked[-1]

    def lead(self, client, requests, server, asked):
        """Answers go back by a thread of their own."""
        threading.Thread(target=self.give_back, args=[server, client], daemon=True).start()
        if asked.method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            while data := requests.read1():
                server.sendall(data)
            return
        while True:
            server.sendall(origin_form(asked))
            asked = self.take_request(requests)

    def give_back(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 18):
                client.sendall(data)
                if self.cut_after is not None:
                    self.cut_after -= len(data)
                    if self.cut_after <= 0:
                        self.cut_after = None
                        break
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def basic(user_and_password: str) -> str:
    return "Basic " + base64.b64encode(user_and_password.encode()).decode()


def place_of(asked: Asked) -> str:
    """HOST:PORT of what is asked for."""
    if asked.method == "CONNECT":
        return asked.target
    place = asked.target.removeprefix("http://").split("/")[0]
    return place if ":" in place else f"{place}:80"


def origin_form(asked: Asked) -> bytes:
    """The request as a server takes it."""
    path = "/" + asked.target.removeprefix("http://").partition("/")[2]
    headers = [f"{k}: {v}" for k, v in asked.headers.items() if not k.startswith("proxy-")]
    return "\r\n".join([f"{asked.method} {path} HTTP/1.1", *headers, "", ""]).encode()


def refuse(client, status: str):
    client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
