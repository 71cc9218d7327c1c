"""Live pages: changes as server-sent events, resumed by the history's seq after a break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from civicloop.kernel.cases import history, rows
from civicloop.kernel.cases.process import Process
from civicloop.kernel.derive.routes import readers
from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import Actor, Where
from civicloop.kernel.store.database import Store
from civicloop.web.visit import Visit, visit

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
    if declared is None or may(asking.actor, readers(declared), None) is not None:
        return Response(status_code=204)
    return StreamingResponse(
        _events(asking, hub, declared, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


async def _events(asking: Visit, hub: Hub, process: Process, after: int) -> AsyncIterator[bytes]:
    district, by = asking.district, readers(process)
    yield b"retry: 2000\n\n"
    if after:
        for seq, case_id, state in await run_in_threadpool(_missed, asking, process, by, after):
            yield _event(seq, case_id, state)
    async for note in hub.changes():
        if note is None:
            yield b": beat\n\n"
            continue
        _, seq, case_id, name, state, street, unit = note
        if name == process.name and seq > after and hears(asking.actor, by, district.code, street, unit):
            yield _event(seq, case_id, state)


def hears(actor: Actor, by: frozenset[str], district: str, street: str, unit: str) -> bool:
    """Whether a change in that street and unit is this actor's to know.

    A note names neither community nor holder: who holds a role in one, or for his own cases, hears of all and reads his own.
    """
    finer = any(g.role in by and g.scope.kind in ("community", "self", "case") for g in actor.grants)
    return finer or may(actor, by, Where(district, street, unit=unit)) is None


def _missed(asking: Visit, process: Process, by: frozenset[str], after: int) -> list[tuple[int, str, str]]:
    """What changed since `after`, in order."""
    district = asking.district
    with district.store.read() as tx:
        found = [
            row
            for row in history.rows_since(tx, district.code, after, CATCH_UP)
            if row.process == process.name
        ]
        places = {row.case_id: rows.load_case(tx, district.code, row.case_id) for row in found}
    return [
        (row.seq, row.case_id, row.to_state)
        for row in found
        if (case := places[row.case_id]) is not None
        and hears(asking.actor, by, district.code, case.street, case.unit)
    ]


def _event(seq: int, case_id: str, state: str) -> bytes:
    body = msgspec.json.encode({"case": case_id, "state": state})
    return b"id: %d\nevent: case\ndata: %s\n\n" % (seq, body)
