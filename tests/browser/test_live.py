"""Live pages in a real browser: htmx's own SSE extension, named events, swapped pieces, and resuming after a break."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from civicloop.web import components as ui
from civicloop.web.assets import Assets
from civicloop.web.components import Markup, el
from civicloop.web.templating import Templates

pytestmark = pytest.mark.browser

ROW = '<li class="row" id="row-1">second</li>'
FIRST = (
    b"retry: 100\n\n"
    b"id: 7\ndata: <hx-partial hx-target='#row-1' hx-swap='outerHTML'>" + ROW.encode() + b"</hx-partial>\n\n"
)
AGAIN = b'id: 8\nevent: case\ndata: {"case":"1"}\n\n'


class Desk:
    """A page that listens, and the stream it listens to: it breaks once after its first message."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def page(self, request: Request) -> Response:
        row = el("ol", {"class": "queue"}, el("li", {"class": "row", "id": "row-1"}, "first"))
        count = el(
            "p",
            {"id": "count", "hx-get": "/count", "hx-trigger": "case from:body"},
            "old",
        )
        body = ui.live_region("/events?after=5", row, count)
        context = {"base": "desk.html", "body": body, "heading": True, "title": "desk", "live": True}
        return Templates().page(request, "gallery.html", context)

    def count(self, request: Request) -> Response:
        return HTMLResponse("new" if request.headers.get("hx-request") == "true" else "whole page")

    def events(self, request: Request) -> Response:
        self.asked.append(request.headers.get("last-event-id"))
        return StreamingResponse(self._stream(len(self.asked)), media_type="text/event-stream")

    async def _stream(self, time: int) -> AsyncIterator[bytes]:
        yield FIRST if time == 1 else AGAIN

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/count", self.count),
                Route("/events", self.events),
                Mount("/static", Assets()),
            ]
        )


@pytest.fixture
def desk() -> Iterator[tuple[Desk, str]]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    shown = Desk()
    server = uvicorn.Server(uvicorn.Config(shown.app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield shown, f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_a_live_page_hears_changes_and_resumes(desk: tuple[Desk, str], open_page: Callable[..., Any]) -> None:
    shown, address = desk
    page = open_page()
    page.goto(address)
    page.wait_for_function("document.querySelector('#row-1').textContent === 'second'")
    page.wait_for_function("document.querySelector('#count').textContent === 'new'")
    assert shown.asked[:2] == [None, "7"]
    assert page.locator(".live").is_visible()


def test_a_swapped_clock_starts_to_run(desk: tuple[Desk, str], open_page: Callable[..., Any]) -> None:
    _, address = desk
    page = open_page()
    page.goto(address)
    ring = ui.clock_ring("on_time", 0.5, "", "", now_at=0, due_at=5 * 60_000_000)
    page.evaluate("html => { document.querySelector('h1').innerHTML = html; }", str(Markup(ring)))
    page.wait_for_function("/^剩 [45]分/.test(document.querySelector('.clock-left').textContent)")
    page.wait_for_function("/秒$/.test(document.querySelector('.clock-left').textContent)")
