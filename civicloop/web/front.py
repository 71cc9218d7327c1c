"""The front page: the ways in, and what the district achieved."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.label import Label
from civicloop.web import components as ui
from civicloop.web import shell
from civicloop.web.visit import visit

_TITLE = Label("为您办好街面事", "What can we put right?")


def front(request: Request) -> Response:
    """Large doors to the public pages of the loops, in their order."""
    asking = visit(request)
    ways = [page for page in asking.pages if page.area == "public" and page.nav is not None]
    doors = [
        ui.door(
            page.path,
            page.label,
            page.hint or "",
            icon_name=page.icon or "arrow-right",
            primary=first,
            lang=asking.lang,
        )
        for first, page in ((page is ways[0], page) for page in ways)
        if asking.may(page.by)
    ]
    return shell.page(request, "front.html", _TITLE, {"doors": doors}, area="public")
