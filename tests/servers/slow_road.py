"""A way to a server on which answers take their time, however fast the server is: what happens while a program reads
is then the same on every machine."""

import contextlib
import socket
import threading
import time

from listener import Listener

PIECE = 16 << 10


class SlowRoad(Listener):
    """Leads to a port of this machine, until closed; each connection brings so many bytes a second back."""

    def __init__(self, port: int, rate: int):
        self.port, self.rate = port, rate
        super().__init__()
        self.url = f"http://{self.place}"

    def serve(self, client):
        """One connection of a client; where the server can't be reached it just ends."""
        with client, contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                for one in [client, server]:  # or each small request waits 40 ms for another
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.give_back, args=[server, client], daemon=True).start()
                while data := client.recv(1 << 18):
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)

    def give_back(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(PIECE):
                client.sendall(data)
                time.sleep(len(data) / self.rate)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
