"""Live pages: changes as server-sent events, resumed by the history's seq after a break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from civicloop.kernel.cases import history
from civicloop.kernel.derive.routes import readers
from civicloop.kernel.people.permissions import may
from civicloop.kernel.store.database import Store
from civicloop.web.visit import visit

BEAT_SECONDS = 20.0
WAITING = 256
CATCH_UP = 500


class Hub:
    """Passes the store's notes of changed cases to every listening page; a slow page is told to catch up."""

    def __init__(self, store: Store) -> None:
        self._queues: set[asyncio.Queue[tuple[Any, ...]]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        store.listen(self._heard)

    def _heard(self, notes: list[Any]) -> None:
        loop = self._loop
        if loop is None or not self._queues:
            return
        changed = [note for note in notes if isinstance(note, tuple) and note[0] == "case"]
        if changed and not loop.is_closed():
            loop.call_soon_threadsafe(self._pass_on, changed)

    def _pass_on(self, changed: list[tuple[Any, ...]]) -> None:
        for queue in self._queues:
            for note in changed:
                if queue.full():
                    break  # the page reads the rest from the history by its last seq
                queue.put_nowait(note)

    async def changes(self) -> AsyncIterator[tuple[Any, ...] | None]:
        """Changed cases as they are committed; None when nothing came for a while."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue(WAITING)
        self._queues.add(queue)
        try:
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), BEAT_SECONDS)
                except TimeoutError:
                    yield None
        finally:
            self._queues.discard(queue)


async def stream(request: Request) -> Response:
    """GET /live?process=street&after=SEQ: an event "case" for each change that the visitor may see."""
    asking = visit(request)
    process = request.query_params.get("process", "")
    given = request.headers.get("last-event-id") or request.query_params.get("after", "0")
    after = int(given) if given.isdecimal() else 0
    hub: Hub = request.app.state.hub
    declared = asking.district.registry.processes.get(process)
    by = readers(declared) if declared else frozenset()
    if declared is None or may(asking.actor, by, None) is not None:
        return Response(status_code=204)
    return StreamingResponse(
        _events(request, hub, process, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


async def _events(request: Request, hub: Hub, process: str, after: int) -> AsyncIterator[bytes]:
    district = visit(request).district
    yield b"retry: 2000\n\n"
    if after:
        with district.store.read() as tx:
            missed = history.rows_since(tx, district.code, after, CATCH_UP)
        for row in missed:
            if row.process == process:
                yield _event(row.seq, row.case_id, row.to_state)
    async for note in hub.changes():
        if note is None:
            yield b": beat\n\n"
        elif note[3] == process and note[1] > after:
            yield _event(note[1], note[2], note[4])


def _event(seq: int, case_id: str, state: str) -> bytes:
    body = msgspec.json.encode({"case": case_id, "state": state})
    return b"id: %d\nevent: case\ndata: %s\n\n" % (seq, body)
