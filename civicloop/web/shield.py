"""What stands before every request: foreign hosts and oversized bodies are refused, headers are added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from civicloop.kernel.label import Label

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
    "此演示系统只接受本机地址(127.0.0.1 或 localhost)。", "This demo answers only to 127.0.0.1 and localhost."
)
_TOO_LARGE = Label("内容超过 {most} MB,请减小后再提交。", "More than {most} MB; please send less.")


class Shield:
    """Raw ASGI, so that the intake's hot path pays almost nothing for it."""

    def __init__(self, app: ASGIApp, *, loopback_only: bool, tls: bool) -> None:
        self._app = app
        self._loopback_only = loopback_only
        self._headers = dict(HEADERS)
        if tls:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._loopback_only and not _is_loopback(headers.get("host", "")):
            await _refuse(send, 421, "foreign-host", _FOREIGN)
            return
        files = headers.get("content-type", "").startswith(("multipart/", "image/"))
        most = MOST_FILES if files else MOST_TEXT
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await _refuse(send, 413, "too-large", _TOO_LARGE.filled(most=most >> 20))
            return
        meter = _Meter(receive, most)
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                out = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    out.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, meter.receive, guarded)
        except BodyTooLarge:
            if started:
                raise
            await _refuse(send, 413, "too-large", _TOO_LARGE.filled(most=most >> 20))


class BodyTooLarge(Exception):
    """A body without a length went on past the limit."""


class _Meter:
    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise BodyTooLarge
        return message


def _is_loopback(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name in ("127.0.0.1", "localhost", "[::1]")


async def _refuse(send: Callable[[Message], Awaitable[None]], status: int, code: str, reason: Label) -> None:
    body = msgspec.json.encode(
        {"type": f"urn:civicloop:{code}", "title": reason.en, "title_zh": reason.zh, "status": status}
    )
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
