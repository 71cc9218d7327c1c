"""The server's side of a connection: plain observations go from the parser to the store's writer and back.

What makes an observation on the way through ASGI dear is not what it asks for but what every request gets: a scope, a
task, an event, two messages each way. So uvicorn's own connection is taught one way more: a whole, plain POST of one
observation by a key that is remembered is read where it is parsed, and answered where the writer's batch comes back.
Everything else (another path, a body that is long or comes in chunks, a session, an unknown key, a refusal at the
gate) goes the way of every request, and so does what follows on the connection while an answer is still due.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from civicloop.kernel.people.roles import Actor
from civicloop.web.admission import Headers
from civicloop.web.hot import OBSERVATIONS, HotWays

_PATH: Final = OBSERVATIONS.encode()
_DIGITS: Final = 4  # of a length: far less than what uvicorn holds before it stops reading
_KEEP: Final = b"keep-alive"
_ELSEWHERE: Final = frozenset((b"transfer-encoding", b"expect", b"upgrade", b"cookie"))


class Direct:
    """One observation on its way: to uvicorn the cycle of a request, to the store the future that it fulfils."""

    __slots__ = ("_wire", "actor", "body", "disconnected", "keep_alive", "more_body", "response_complete")

    def __init__(self, wire: Wire, actor: Actor) -> None:
        self._wire = wire
        self.actor = actor
        self.body = bytearray()
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True

    @property
    def message_event(self) -> Direct:
        """Nobody waits for messages."""
        return self

    def set(self) -> None:
        """See `message_event`."""

    def done(self) -> bool:
        """Whether an answer is no longer wanted."""
        return self.disconnected or self.response_complete

    def set_result(self, new: bool) -> None:
        """The observation is durable."""
        self._wire.answer(self, *HotWays.of_observation(new))

    def set_exception(self, error: Exception) -> None:
        """It is not."""
        self._wire.answer(self, *HotWays.of_error(error, "POST", OBSERVATIONS))


class Wire(HttpToolsProtocol):
    """uvicorn's connection with the way for observations; `ways` is set by `wire`."""

    ways: HotWays

    def on_message_begin(self) -> None:
        # The scope is made for those who need one.
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        actor = self._plain() if self.url == _PATH else None
        if actor is not None:
            self.cycle = cast(Any, Direct(self, actor))
            return
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers += headers
        super().on_headers_complete()

    def _plain(self) -> Actor | None:
        """Who sends an observation that may go the short way; None for whatever is not plainly one."""
        cycle = self.cycle
        if (cycle is not None and not cycle.response_complete) or self.parser.get_method() != b"POST":
            return None
        headers = Headers(self.headers)
        length = headers.get(b"content-length", b"")
        if (
            len(headers) != len(self.headers)
            or not length.isdigit()
            or len(length) > _DIGITS
            or headers.get(b"content-type") != b"application/json"
            or not _ELSEWHERE.isdisjoint(headers)
            or headers.get(b"connection", _KEEP).lower() != _KEEP
            or self.parser.get_http_version() != "1.1"
        ):
            return None
        return self.ways.remembered(headers)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        cycle: Any = self.cycle
        if type(cycle) is Direct and not cycle.response_complete:
            self.ways.record(cycle.actor, bytes(cycle.body), cycle)

    def answer(self, cycle: Direct, status: int, body: bytes, headers: bytes) -> None:
        """Writes the whole answer at once and lets the connection go on."""
        cycle.response_complete = True
        if cycle.disconnected or self.transport.is_closing():
            return
        kept = b"".join([b"%b: %b\r\n" % pair for pair in self.server_state.default_headers])
        last = b"" if cycle.keep_alive else b"connection: close\r\n"
        self.transport.write(
            b"%b%b%bcontent-length: %d\r\n%b\r\n%b"
            % (STATUS_LINE[status], kept, headers, len(body), last, body)
        )
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def wire(ways: HotWays) -> type[asyncio.Protocol]:
    """The connections of a server that has these ways: what `uvicorn.Config` takes as `http`."""
    return type("Wire", (Wire,), {"ways": ways})
