"""`python -m bench.client`: reads a Load from standard input, sends it, writes a Measured.

One thread over bare sockets: each connection sends its next request as soon as the answer to the last one is there. It has
to be much faster than what it measures, so it does no more for an answer than find its end.
"""

from __future__ import annotations

import gc
import select
import socket
import sys
import time

import msgspec

from bench.client import Load, Measured

MARK = b"000000000000"
LENGTH = b"content-length:"


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


class Answers:
    """Tells where an answer ends; heads that were seen before are not read again."""

    def __init__(self) -> None:
        self._whole: dict[bytes, int] = {}

    def whole(self, received: bytes) -> bool:
        """Whether an answer is there to its end."""
        at = received.find(b"\r\n\r\n") + 4
        if at < 4:
            return False
        head = received[:at]
        size = self._whole.get(head)
        if size is None:
            length = head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]
            size = self._whole[head] = at + int(length)
        return len(received) >= size


def connected(asked: Load) -> dict[int, socket.socket]:
    """The connections by their descriptors."""
    found = {}
    for _ in range(asked.connections):
        one = socket.create_connection(("127.0.0.1", asked.port))
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found[one.fileno()] = one
    return found


def main() -> None:
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    request, whole, clock = Requests(asked).next, Answers().whole, time.perf_counter
    open_ones = connected(asked)
    ways = {number: (one.recv, one.send) for number, one in open_ones.items()}
    waiting = select.epoll()
    for number in open_ones:
        waiting.register(number, select.EPOLLIN)
    latencies: list[float] = []
    status: dict[bytes, int] = {}
    begun_parts: dict[int, bytes] = {}
    answer = b""
    gc.disable()
    begun = clock()
    sent_at = {}
    for number, (_, send) in ways.items():
        sent_at[number] = clock()
        send(request())
    end = begun + asked.seconds
    while open_ones:
        for number, _ in waiting.poll():
            recv, send = ways[number]
            part = recv(65536)
            if not part:
                raise ConnectionError("the server closed a connection")
            received = begun_parts.pop(number, b"") + part
            if not whole(received):
                begun_parts[number] = received
                continue
            answer, now = received, clock()
            latencies.append(now - sent_at[number])
            code = answer[9:12]
            status[code] = status.get(code, 0) + 1
            if now >= end:
                open_ones.pop(number).close()
                continue
            sent_at[number] = now
            # A request is far smaller than a socket's buffer, which is empty here.
            send(request())
    seconds = clock() - begun
    latencies.sort()
    count = len(latencies)
    measured = Measured(
        count, seconds, latencies[count // 2] * 1000, latencies[min(count - 1, count * 99 // 100)] * 1000,
        {code.decode(): number for code, number in status.items()}, len(answer.partition(b"\r\n\r\n")[2]),
    )  # fmt: skip
    sys.stdout.buffer.write(msgspec.json.encode(measured))


if __name__ == "__main__":
    main()
