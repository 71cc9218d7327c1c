"""The derived pages of every process (on their way)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.derive.routes import RouteValue
from civicloop.web import shell


def list_page(request: Request, value: RouteValue) -> Response:
    """GET /PROCESS."""
    return shell.page(request, "desk.html", value.process.label, {})


show = form = opened = performed = bulk = list_page
