"""Builds the ASGI application of a district from its registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from civicloop.kernel.derive.routes import RouteValue
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.registry.district import District
from civicloop.kernel.registry.loop import Page
from civicloop.web import problems
from civicloop.web.api import route as api_route
from civicloop.web.assets import Assets
from civicloop.web.derived import derived
from civicloop.web.hot import HotWays
from civicloop.web.intake_rate import IntakeRate
from civicloop.web.live import Hub
from civicloop.web.mount import route
from civicloop.web.own_pages import OWN_PAGES
from civicloop.web.shield import Gate, Shield
from civicloop.web.templating import Templates


def pages_of(district: District) -> tuple[Page, ...]:
    """Every page and endpoint of a district with who may open it; what the permission test walks."""
    return (*district.registry.pages, *OWN_PAGES, *_derived(district))


def _derived(district: District) -> dict[Page, RouteValue]:
    return derived(district.registry.processes.values(), (*district.registry.pages, *OWN_PAGES))


def build(district: District, *, background: bool = True) -> HotWays:
    """The application; `background` starts the clock, the outbox and the index with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        if background:
            district.start()
        yield

    loops = {loop.name: loop.folder / "pages" for loop in district.registry.loops.values()}
    rate = IntakeRate(district.clock)
    by_page = _derived(district)
    openings = {v.path: v for v in by_page.values() if v.kind == "open" and not v.page}
    routes: list[BaseRoute] = [
        Route("/healthz", _healthy),
        Mount("/static", Assets(), name="static"),
        *(route(each) for each in (*district.registry.pages, *OWN_PAGES)),
        *(route(each, v) if v.page else api_route(v) for each, v in by_page.items()),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={
            Refusal: problems.on_refusal,
            HTTPException: problems.on_http,
            Exception: problems.on_crash,
        },
    )
    app.state.district = district
    app.state.pages = pages_of(district)
    app.state.templates = Templates(loops)
    app.state.hub = Hub(district.store)
    app.state.intake_rate = rate
    gate = Gate(loopback_only=district.settings.demo)
    shield = Shield(app, gate, tls=bool(district.settings.tls_cert))
    return HotWays(shield, gate, district, rate, openings)


async def _healthy(request: Request) -> Response:
    district: District = request.app.state.district
    with district.store.read() as tx:
        tx.one("SELECT 1", ())
    return JSONResponse({"status": "ok", "district": district.code})
