"""`python -m bench.client`: reads a Load from standard input, sends it, writes a Measured.

One thread over bare sockets: each connection sends its next request as soon as the answer to the last one is there.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time

import msgspec

from bench.client import Load, Measured

MARK = b"000000000000"


class Connection:
    """One connection kept alive, with at most one request on its way."""

    __slots__ = ("received", "sent_at", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self.received = b""


class Requests:
    """The requests one by one, each with its own number where the body has a place for it."""

    def __init__(self, asked: Load) -> None:
        body = asked.body.encode()
        head = [
            f"POST {asked.path} HTTP/1.1",
            f"host: 127.0.0.1:{asked.port}",
            f"content-length: {len(body)}",
        ]
        head += [f"{name}: {value}" for name, value in asked.headers.items()]
        self._parts = ("\r\n".join(head).encode() + b"\r\n\r\n" + body).split(MARK)
        self._number = asked.first

    def next(self) -> bytes:
        """The bytes of the next request."""
        self._number += 1
        return (b"%012d" % self._number).join(self._parts)


def whole(received: bytes) -> bool:
    """Whether an answer is there to its end."""
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)


def main() -> None:
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    requests = Requests(asked)
    selector = selectors.DefaultSelector()
    clock = time.perf_counter
    for _ in range(asked.connections):
        connection = Connection(asked.port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    begun = clock()
    for key in selector.get_map().values():
        key.data.sent_at = clock()
        key.data.socket.sendall(requests.next())
    end, open_ones = begun + asked.seconds, asked.connections
    latencies: list[float] = []
    status: dict[str, int] = {}
    last = b""
    while open_ones:
        for key, _ in selector.select():
            connection = key.data
            part = connection.socket.recv(65536)
            if not part:
                raise ConnectionError("the server closed a connection")
            connection.received += part
            if not whole(connection.received):
                continue
            now = clock()
            latencies.append(now - connection.sent_at)
            last, connection.received = connection.received, b""
            code = last[9:12].decode()
            status[code] = status.get(code, 0) + 1
            if now >= end:
                selector.unregister(connection.socket)
                connection.socket.close()
                open_ones -= 1
                continue
            connection.sent_at = now
            connection.socket.sendall(requests.next())
    seconds = clock() - begun
    latencies.sort()
    count = len(latencies)
    measured = Measured(
        count, seconds, latencies[count // 2] * 1000, latencies[min(count - 1, count * 99 // 100)] * 1000, status,
        len(last.partition(b"\r\n\r\n")[2]),
    )  # fmt: skip
    sys.stdout.buffer.write(msgspec.json.encode(measured))


if __name__ == "__main__":
    main()
