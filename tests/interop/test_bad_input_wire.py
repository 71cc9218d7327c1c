"""What no client library would send: broken requests by a bare socket. Each gets an answer below 500, and the next one is served."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.interop.served import Visitor, kept
from tests.processes import Served


def sent(demo: Served, data: bytes, *, more: bool = False) -> bytes:
    """What the server answers to these bytes; the client closes its side first unless there is `more` to come."""
    at = urlsplit(demo.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=30) as wire:
        wire.sendall(data)
        if not more:
            wire.shutdown(socket.SHUT_WR)
        parts = []
        try:
            while part := wire.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass  # it has said what it had to say
        return b"".join(parts)


def status(answer: bytes) -> int:
    """The status of an answer; 0 where the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"
POST = b"POST /api/street/report HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"

REQUESTS: dict[str, bytes] = {
    "nonsense": b"\x00\x01\x02 not HTTP at all\r\n\r\n",
    "TLS on a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/3.0": b"GET / HTTP/3.0\r\n" + HOST + b"\r\n",
    "a method of a kilobyte": b"G" * 1024 + b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target of a megabyte": b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "headers of a megabyte": b"GET / HTTP/1.1\r\n" + HOST + b"X-Long: " + b"a" * 2**20 + b"\r\n\r\n",
    "a thousand headers": b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
    "a length that is no number": POST + b"Content-Length: many\r\n\r\n{}",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 200\r\n\r\n{}",
    "a length beyond all bounds": POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that are none": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "fewer bytes than announced": POST + b"Content-Length: 500\r\n\r\n{}",
    "no host": b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + HOST + b"\r\n",
    "an address of somebody else": b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "a NUL in the path": b"GET /street/%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path that is not UTF-8": b"GET /street/%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query that is not UTF-8": b"GET /street/report?lang=%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n",
    "out of the folder": b"GET /static/../../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "out of the folder, escaped": b"GET /static/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "out of the map": b"GET /map/..%2f..%2fpack.toml HTTP/1.1\r\n" + HOST + b"\r\n",
    "out of the evidence": b"GET /evidence/..%2f..%2fjianghan.db HTTP/1.1\r\n" + HOST + b"\r\n",
    "a cookie of nonsense": b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: __Host-session=\xff\xfe; =; ;;\r\n\r\n",
    "a language of nonsense": b"GET / HTTP/1.1\r\n" + HOST + b"Accept-Language: \xff, ;q=x\r\nCookie: lang=\xe9\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_a_broken_request_is_answered_and_the_next_one_served(
    name: str, demo: Served, stranger: Visitor
) -> None:
    before = kept(demo.folder)
    answer = sent(demo, REQUESTS[name], more=name == "two lengths")
    assert status(answer) < 500, answer[:500]
    assert b"root:" not in answer
    assert b"Traceback" not in answer
    assert b"SQLite format" not in answer
    assert kept(demo.folder) == before
    assert stranger.http.get("/healthz").status_code == 200
    assert not [line for line in demo.said if "Traceback" in line], "".join(demo.said[-30:])


def test_a_client_that_stops_in_the_middle_holds_nobody_up(demo: Served, stranger: Visitor) -> None:
    """Forty that never finish what they began, and one that wants an answer now."""
    at = urlsplit(demo.url)
    waiting = [socket.create_connection((at.hostname or "", at.port or 0), timeout=30) for _ in range(40)]
    try:
        for wire in waiting:
            wire.sendall(POST + b"Content-Length: 500\r\n\r\n{")
        assert stranger.http.get("/healthz").status_code == 200
        assert stranger.http.get("/street/report").status_code == 200
    finally:
        for wire in waiting:
            wire.close()
