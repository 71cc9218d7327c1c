"""Calls of the application in this process: no socket, no client's own rules, every header as it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.types import ASGIApp, Message

from civicloop.kernel.people.identity import SignedIn
from civicloop.web.visit import SESSION_COOKIE


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Client:
    """Calls an application; `who` signs in by session, `key` by API key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """Ends the loop that the calls ran on."""
        self._runner.close()

    def __call__(
        self,
        method: str,
        path: str,
        *,
        who: SignedIn | None = None,
        key: str = "",
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        body: bytes = b"",
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call; a form and a JSON body carry the session's token."""
        sent = {"host": "127.0.0.1", "user-agent": "tests", **(headers or {})}
        if who is not None:
            sent["cookie"] = f"{SESSION_COOKIE}={who.token}"
        if key:
            sent["x-api-key"] = key
        if json is not None:
            body, kind = msgspec.json.encode(json), kind or "application/json"
        if form is not None:
            given = {"csrf": who.csrf, **form} if who else form
            body, kind = urlencode(given, doseq=True).encode(), "application/x-www-form-urlencoded"
        if who is not None and json is not None:
            sent.setdefault("x-csrf-token", who.csrf)
        if kind:
            sent["content-type"] = kind
        sent["content-length"] = str(len(body))
        return self._runner.run(self._call(method, path, sent, body))

    async def _call(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip
        incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        said: list[Message] = []

        async def receive() -> Message:
            if not incoming:
                await asyncio.Event().wait()  # the caller stays on the line
            return incoming.pop(0)

        async def send(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, send)
        start = said[0]
        found = {k.decode().lower(): v.decode() for k, v in start["headers"]}
        whole = b"".join(m.get("body", b"") for m in said[1:])
        return Answer(start["status"], found, whole)
