"""The gallery of the components (`/design`): every one in every state, and whole pages made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, cast, get_args

from starlette.requests import Request
from starlette.responses import HTMLResponse

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import SignIn
from civicloop.web import components as ui
from civicloop.web.gallery import pages, parts, samples
from civicloop.web.templating import Templates, language_of
from civicloop.web.visit import visit

_NOT_HERE = Label("组件一览需登录后查看。", "The gallery of components is for those signed in.")

View = Literal["parts", "front", "report", "desk", "drawer"]


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody to stand in the head of a desk page."""

    name: str
    roles: tuple[ui.Text, ...]


@cache
def _templates() -> Templates:
    return Templates()


def gallery(
    language: str,
    view: View = "parts",
    *,
    shell: Literal["public", "desk"] = "public",
    theme: Literal["light", "dark"] = "light",
    wall: bool = False,
) -> str:
    """A full page: all components (`parts`, in either shell), or a whole sample page."""
    body = {
        "parts": lambda: ui.join(parts.all_sections(language)),
        "front": lambda: pages.front(language),
        "report": lambda: pages.report(language),
        "desk": lambda: pages.desk(language),
        "drawer": lambda: parts.drill(language),
    }[view]()
    on_desk = view == "desk" or shell == "desk"
    return _templates().render(
        "gallery.html",
        {
            "base": "desk.html" if on_desk else "public.html",
            "body": body,
            "title": Label("指挥席", "Dispatch desk") if view == "desk" else Label("组件", "Components"),
            "heading": view in ("parts", "drawer"),
            "district": samples.DISTRICT,
            "person": Guest("周颖", (Label("派遣员", "Dispatcher"), Label("北湖街道", "Beihu")))
            if on_desk
            else None,
            "nav": _desk_nav() if on_desk else _public_nav(),
            "csrf": "sample",
            "theme": theme,
            "wall": wall,
            "url": f"/design?view={view}",
            "footer": Label("示范数据为合成", "Sample data are synthetic"),
        },
        language,
    )


def page(request: Request) -> HTMLResponse:
    """GET /design: the gallery, for developers: whoever is signed in sees it, and in demo mode everybody."""
    asking = visit(request)
    if not asking.actor.signed_in and not asking.district.settings.demo:
        raise SignIn(_NOT_HERE)
    return show(request)


def show(request: Request) -> HTMLResponse:
    """?view=&shell=&theme=&lang=: a view of the gallery; what is not known is the first of its kind."""
    asked = request.query_params
    page = gallery(
        language_of(request),
        cast(View, asked.get("view")) if asked.get("view") in get_args(View) else "parts",
        shell="desk" if asked.get("shell") == "desk" else "public",
        theme="dark" if asked.get("theme") == "dark" else "light",
        wall=asked.get("wall") == "1",
    )
    return HTMLResponse(page)


def _desk_nav() -> tuple[ui.Link, ...]:
    return (
        ui.Link("/design", Label("待办", "To do"), active=True, icon="inbox", count=37),
        ui.Link("/design", Label("案件", "Cases"), icon="list"),
        ui.Link("/design", Label("地图", "Map"), icon="map"),
        ui.Link("/design", Label("数字", "Figures"), icon="board"),
        ui.Link("/design", Label("队伍", "Crews"), icon="wrench"),
    )


def _public_nav() -> tuple[ui.Link, ...]:
    return (
        ui.Link("/design?view=report", Label("上报", "Report")),
        ui.Link("/design", Label("查进度", "Follow")),
        ui.Link("/design", Label("公开看板", "Board"), active=True),
    )
