"""Builds the ASGI application of a district from its registry."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from civicloop.kernel.derive.routes import RouteValue
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.registry.district import District
from civicloop.kernel.registry.loop import Page, page
from civicloop.web import problems
from civicloop.web.api import route as api_route
from civicloop.web.assets import Assets
from civicloop.web.derived import derived
from civicloop.web.hot import HotRoutes
from civicloop.web.intake_rate import IntakeRate
from civicloop.web.live import Hub
from civicloop.web.mount import route
from civicloop.web.shield import Shield
from civicloop.web.templating import Templates

_FIGURES = "civicloop.web.figures"
_BOARD = Label("数说", "The figures")

# The pages that belong to no loop; a loop's own stand in its `pages`.
COMMON: tuple[Page, ...] = (
    page("/", "civicloop.web.front:front", "public", Label("首页", "Front page"), area="public"),
    page("/sign-in", "civicloop.web.sign_in:show", "public", Label("登录", "Sign in"), area="public"),
    page(
        "/sign-in",
        "civicloop.web.sign_in:enter",
        "public",
        Label("登录", "Sign in"),
        methods=("POST",),
        area="public",
    ),
    page(
        "/sign-out",
        "civicloop.web.sign_in:leave",
        "public",
        Label("退出", "Sign out"),
        methods=("POST",),
        area="public",
    ),
    page("/live", "civicloop.web.live:stream", "public", Label("实时变化", "Live changes"), area="api"),
    page("/map/{name}", "civicloop.web.files:layer", "public", Label("地图图层", "Map layer"), area="api"),
    page(
        "/evidence/{hash}",
        "civicloop.web.files:public_copy",
        "public",
        Label("照片", "Photograph"),
        area="api",
    ),
    page(
        "/evidence/{hash}/small",
        "civicloop.web.files:thumbnail",
        "public",
        Label("缩略图", "Thumbnail"),
        area="api",
    ),
    page(
        "/evidence/{hash}/original",
        "civicloop.web.files:original",
        "signed_in",
        Label("原图", "Original"),
        area="api",
    ),
    page(
        "/figures",
        f"{_FIGURES}:page",
        "public",
        _BOARD,
        nav=True,
        area="public",
        icon="list",
        hint=Label(
            "承诺了什么,做到多少,点开到每一件", "What was promised and what came of it, down to each case"
        ),
    ),
    page("/figures/{name}", f"{_FIGURES}:metric_page", "public", _BOARD, area="public"),
    page("/figures/{name}/rows", f"{_FIGURES}:rows_page", "public", _BOARD, area="public"),
    page(
        "/api/openapi.json",
        "civicloop.web.api_document:openapi",
        "public",
        Label("接口文档", "API document"),
        area="api",
    ),
    page(
        "/api/observations",
        "civicloop.web.hot:observations",
        "signed_in",
        Label("上报观测", "Record observations"),
        methods=("POST",),
        area="api",
        csrf=False,
    ),
    page(
        "/api/evidence",
        "civicloop.web.api_files:upload",
        "public",
        Label("上传照片", "Upload a photograph"),
        methods=("POST",),
        area="api",
        csrf=False,
    ),
    page(
        "/api/evidence/{hash}",
        "civicloop.web.api_files:show",
        "public",
        Label("照片信息", "About a photograph"),
        area="api",
    ),
    page("/api/metrics", f"{_FIGURES}:metrics_json", "public", _BOARD, area="api"),
    page("/api/metrics/{name}", f"{_FIGURES}:metric_json", "public", _BOARD, area="api"),
    page("/api/metrics/{name}/rows", f"{_FIGURES}:rows_json", "public", _BOARD, area="api"),
)


def pages_of(district: District) -> tuple[Page, ...]:
    """Every page and endpoint of a district with who may open it; what the permission test walks."""
    return (*district.registry.pages, *COMMON, *_derived(district))


def _derived(district: District) -> dict[Page, RouteValue]:
    return derived(district.registry.processes.values(), (*district.registry.pages, *COMMON))


def build(district: District, *, background: bool = True) -> ASGIApp:
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
        HotRoutes(district, rate, openings),
        Route("/healthz", _healthy),
        Mount("/static", Assets(), name="static"),
        *(route(each) for each in (*district.registry.pages, *COMMON)),
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
    return Shield(app, loopback_only=district.settings.demo, tls=bool(district.settings.tls_cert))


async def _healthy(request: Request) -> Response:
    district: District = request.app.state.district
    with district.store.read() as tx:
        tx.one("SELECT 1", ())
    return JSONResponse({"status": "ok", "district": district.code})
