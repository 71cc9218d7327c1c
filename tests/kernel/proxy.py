"""A wire between a client and PostgreSQL that can be cut just before, or just after, a COMMIT arrives."""

from __future__ import annotations

import socket
import threading
from typing import Literal

Cut = Literal["before", "after", "after, for good"]


class Proxy:
    """Listens on loopback and passes on what is said to the server at `port`."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut: Cut | None = None
        self.cuts = 0
        self.closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url: str) -> str:
        """The same database, through the wire."""
        return url.replace(f":{self._server}/", f":{self.port}/")

    def close(self) -> None:
        """Takes no new connection any more."""
        self.closed = True
        self._listener.close()

    def _accept(self) -> None:
        while not self.closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.closed:
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        """From the client to the server, with an eye on COMMIT."""
        while data := _received(client):
            if self.cut is not None and b"COMMIT" in data:
                cut, self.cut = self.cut, None
                self.cuts += 1
                if cut == "before":
                    break
                # The answer goes nowhere; the server has it done before it hears that nobody listens.
                _shut(client)
                server.sendall(data)
                if cut == "after, for good":
                    self.close()
                return
            server.sendall(data)
        _shut(client)
        _shut(server)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(server):
            try:
                client.sendall(data)
            except OSError:
                break
        _shut(client)
        _shut(server)


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
