"""Observations by a bare socket: the short way from the parser to the writer answers what the way of every request does."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from civicloop.kernel.store.sqlite import SqliteConnection
from tests.processes import Served

SHORT, LONG = b"", b"Cookie: lang=en\r\n"  # who sends a cookie goes the way of every request
BROKEN = {
    "no JSON": b"{",
    "nothing": b"",
    "no object": b"[]",
    "a field too many": b'{"source": "a", "kind": "b", "key": "c", "happened_at": "2026-01-05T08:15:00Z", "x": 1}',
    "no key": b'{"source": "a", "kind": "b", "happened_at": "2026-01-05T08:15:00Z"}',
    "no zone": b'{"source": "a", "kind": "b", "key": "c", "happened_at": "2026-01-05T08:15:00"}',
    "no UTF-8": b'{"source": "\xff", "kind": "b", "key": "c", "happened_at": "2026-01-05T08:15:00Z"}',
}
_numbers = itertools.count()


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """One connection kept alive."""

    def __init__(self, served: Served) -> None:
        at = urlsplit(served.url)
        self.socket = socket.create_connection((at.hostname or "", at.port or 0), timeout=30)
        self._rest = b""

    def answer(self) -> Got:
        """The next answer, whole."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert len(headers) == len(lines), "no header twice"
        length = int(headers["content-length"])
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return Got(int(first.split()[1]), headers, body)

    def _more(self) -> None:
        part = self.socket.recv(65536)
        if not part:
            raise EOFError
        self._rest += part

    def ask(self, data: bytes) -> Got:
        self.socket.sendall(data)
        return self.answer()


@pytest.fixture
def line(demo: Served) -> Iterator[Line]:
    found = Line(demo)
    yield found
    found.socket.close()


def observation(key: str = "") -> bytes:
    told = {
        "source": "wire", "kind": "seen", "key": key or f"wire-{next(_numbers)}",
        "happened_at": "2026-01-05T08:15:00Z", "payload": {"n": 1},
    }  # fmt: skip
    return json.dumps(told).encode()


def posted(body: bytes, *, key: bytes = b"demo", more: bytes = b"", version: bytes = b"1.1") -> bytes:
    return (
        b"POST /api/observations HTTP/" + version + b"\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + key + b"\r\n" + more + b"Content-Length: %d\r\n\r\n" % len(body) + body
    )  # fmt: skip


def count(demo: Served) -> int:
    connection = SqliteConnection(next(demo.folder.glob("*.db")), writes=False)
    try:
        return int(connection.all("SELECT COUNT(*) FROM observations WHERE kind = 'seen'")[0][0])
    finally:
        connection.close()


def alike(one: Got, other: Got) -> None:
    """Status, body and headers, but for the second at which it was sent."""
    assert one._replace(headers={**one.headers, "date": ""}) == other._replace(
        headers={**other.headers, "date": ""}
    )


def test_both_ways_answer_alike(demo: Served, line: Line) -> None:
    before = count(demo)
    for more in (LONG, SHORT, b"Connection: keep-alive\r\n"):
        body = observation()
        first, again = line.ask(posted(body, more=more)), line.ask(posted(body, more=more))
        assert (first.status, again.status) == (201, 200)
        assert (json.loads(first.body), json.loads(again.body)) == (
            {"received": 1, "new": 1}, {"received": 1, "new": 0},
        )  # fmt: skip
        alike(first, line.ask(posted(observation(), more=LONG)))
    assert count(demo) == before + 6


@pytest.mark.parametrize("name", BROKEN)
def test_both_ways_refuse_alike(name: str, line: Line) -> None:
    line.ask(posted(observation()))  # the key is remembered from here on
    short, long = (line.ask(posted(BROKEN[name], more=more)) for more in (SHORT, LONG))
    assert 400 <= short.status < 500
    assert short.headers["content-type"] == "application/problem+json"
    alike(short, long)
    assert line.ask(posted(observation())).status == 201, "the connection goes on"


def test_who_is_nobody_is_refused_as_ever(demo: Served, line: Line) -> None:
    before = count(demo)
    for key in (b"nobody", b""):
        refused = line.ask(posted(observation(), key=key))
        assert refused.status == 401
        alike(refused, line.ask(posted(observation(), key=key, more=LONG)))
    foreign = posted(observation()).replace(b"Host: 127.0.0.1", b"Host: evil.example")
    assert line.ask(foreign).status == 421
    assert count(demo) == before


def test_answers_keep_the_order_of_what_was_asked(demo: Served, line: Line) -> None:
    line.ask(posted(observation()))
    before = count(demo)
    healthy = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    line.socket.sendall(
        posted(observation("wire-twice")) + healthy + posted(b"{") + posted(observation("wire-twice")) + healthy
    )  # fmt: skip
    assert [line.answer().status for _ in range(5)] == [201, 200, 400, 200, 200]
    assert count(demo) == before + 1


def test_a_body_may_come_in_pieces(line: Line) -> None:
    line.ask(posted(observation()))
    whole = posted(observation())
    for at in (len(whole) - 1, len(whole) - 40, 30):
        request = posted(observation())
        line.socket.sendall(request[:at])
        line.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.answer()
        line.socket.settimeout(30)
        assert line.ask(request[at:]).status == 201


def test_who_wants_it_closed_gets_it_closed(demo: Served) -> None:
    for more, version in ((b"Connection: close\r\n", b"1.1"), (b"", b"1.0")):
        line = Line(demo)
        assert line.ask(posted(observation(), more=more, version=version)).status == 201
        with pytest.raises(EOFError):
            line.answer()
        line.socket.close()


def test_what_was_sent_whole_is_kept_though_its_sender_has_gone(demo: Served, line: Line) -> None:
    line.ask(posted(observation()))
    before = count(demo)
    for _ in range(20):
        gone = Line(demo)
        gone.socket.sendall(posted(observation()))
        gone.socket.close()
    own = 0
    while count(demo) < before + 20 + own and own < 200:
        assert line.ask(posted(observation())).status == 201
        own += 1
    assert count(demo) == before + 20 + own
    half = Line(demo)
    half.socket.sendall(posted(observation())[:-5])
    half.socket.close()
    assert line.ask(posted(observation())).status == 201
    assert count(demo) == before + 20 + own + 1
