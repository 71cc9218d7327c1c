"""The front page: the ways in, and what the district achieved."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.figures.metric import Question
from civicloop.kernel.label import Label
from civicloop.web import components as ui
from civicloop.web import figures, shell
from civicloop.web.visit import visit

TILES = 4

_TITLE = Label("为您办好街面事", "What can we put right?")
_FIGURES = Label("做到了多少", "What came of it")
_ALL = Label("看全部数字", "All figures")


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
    tiles, read_at = figures.tiles(asking, Question(), list(asking.district.figures.metrics)[:TILES])
    context = {"doors": doors, "tiles": tiles, "read_at": read_at, "figures_title": _FIGURES, "all": _ALL}
    return shell.page(request, "front.html", _TITLE, context, area="public")
