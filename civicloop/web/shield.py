"""What stands before every request: foreign hosts and oversized bodies are refused, headers are added."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Refusal, TooLarge
from civicloop.web.problems import problem

POLICY: Final = (
    "default-src 'self'; img-src 'self' blob: data:; worker-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
}
MOST_TEXT: Final = 1 << 20
MOST_FILES: Final = 64 << 20

_FOREIGN = Label(
    "此演示系统只接受本机地址（127.0.0.1 或 localhost）。",
    "This demo answers only to 127.0.0.1 and localhost.",
)
_TOO_LARGE = Label("内容超过 {most} MB，请减小后再提交。", "More than {most} MB; please send less.")


class Gate:
    """What is looked at before anything is read: whom the request asks for, and how much it brings."""

    def __init__(self, *, loopback_only: bool) -> None:
        self._loopback_only = loopback_only

    def enter(self, scope: Scope, receive: Receive) -> Receive:
        """Where the request's body comes from; raises ForeignHost or TooLarge."""
        host, kind, length, chunked = _about(scope["headers"])
        most = self._most(host, kind, length)
        # The server below holds a body to the length that it was announced with; without one we count.
        return _Meter(receive, most).receive if length is None or chunked else receive

    def enter_by(self, headers: Mapping[bytes, bytes]) -> None:
        """The same for a request whose body comes whole and whose headers come once."""
        self._most(
            headers.get(b"host", b""), headers.get(b"content-type", b""), headers.get(b"content-length")
        )

    def _most(self, host: bytes, kind: bytes, length: bytes | None) -> int:
        """How long a body may be; raises ForeignHost or TooLarge."""
        if self._loopback_only and not _is_loopback(host):
            raise ForeignHost(_FOREIGN)
        most = MOST_FILES if kind.startswith((b"multipart/", b"image/")) else MOST_TEXT
        if length is not None and (not length.isdigit() or len(length) > 18 or int(length) > most):
            raise TooLarge(_TOO_LARGE.filled(most=most >> 20))
        return most


class Shield:
    """Stands before pages: the gate, and the headers that tell a browser what it may do."""

    def __init__(self, app: ASGIApp, gate: Gate, *, tls: bool) -> None:
        self._app = app
        self._gate = gate
        headers = {**HEADERS, "Strict-Transport-Security": "max-age=31536000"} if tls else HEADERS
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._names = frozenset(name for name, _ in self._headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            receive = self._gate.enter(scope, receive)
        except Refusal as refused:
            await _refuse(scope, send, refused)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                own = self._names.intersection([name for name, _ in given])
                more = [pair for pair in self._headers if pair[0] not in own] if own else self._headers
                message["headers"] = [*given, *more]
            await send(message)

        await self._app(scope, receive, guarded)


class ForeignHost(Refusal):
    """A name that this server does not answer to: another site's page may be asking."""

    status, code = 421, "foreign-host"


def _about(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes, bytes | None, bool]:
    """Host, content type and announced length, each the first of its name, and whether the body comes in chunks."""
    host, kind, length, chunked = None, None, None, False
    for name, value in headers:
        if name == b"host":
            host = value if host is None else host
        elif name == b"content-type":
            kind = value if kind is None else kind
        elif name == b"content-length":
            length = value if length is None else length
        elif name == b"transfer-encoding":
            chunked = True
    return host or b"", kind or b"", length, chunked


class _Meter:
    """A body without a length: a refusal as soon as it goes on past the limit."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = self._left = most

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLarge(_TOO_LARGE.filled(most=self._most >> 20))
        return message


def _is_loopback(host: bytes) -> bool:
    name = host.rsplit(b":", 1)[0] if not host.endswith(b"]") else host
    return name in (b"127.0.0.1", b"localhost", b"[::1]")


async def _refuse(scope: Scope, send: Send, refused: Refusal) -> None:
    """The refusal as its asker reads it: a browser a page of two sentences, a program problem+json."""
    accepts = b"".join(value for name, value in scope["headers"] if name == b"accept")
    if b"text/html" in accepts:
        zh, en = html.escape(refused.reason.zh), html.escape(refused.reason.en)
        kind = b"text/html; charset=utf-8"
        body = f'<!doctype html><html lang="zh-CN"><title>{zh}</title><p>{zh}<p lang="en">{en}'.encode()
    else:
        kind, body = b"application/problem+json", msgspec.json.encode(problem(refused))
    headers = [
        (b"content-type", kind),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
