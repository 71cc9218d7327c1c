"""What every page's frame needs: the district, who is signed in, the navigation that his roles open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import Actor
from civicloop.kernel.registry.registry import Registry
from civicloop.web.components import Link
from civicloop.web.visit import Visit, visit

_ABOUT = Label("数据来源", "Where the data come from")
_API = Label("接口文档", "API document")
_FOOTER = Label("数据说明：标有“合成”的内容为演示数据。", "What is marked synthetic is demonstration data.")


@dataclass(frozen=True, slots=True)
class Signed:
    """Who is signed in, as the shell shows it."""

    name: str
    roles: Sequence[Label]


def signed(actor: Actor, registry: Registry, lang: str) -> Signed | None:
    """The person for the shell, None for a visitor."""
    if not actor.signed_in:
        return None
    names = dict.fromkeys(grant.role for grant in actor.grants)
    return Signed(actor.name.text(lang), [registry.role_names.get(n, Label(n, n)) for n in names])


def navigation(asking: Visit, area: str, path: str) -> list[Link]:
    """The links to the pages of an area that this visitor may open."""
    return [
        Link(page.path, page.nav, active=path == page.path, icon=page.icon)
        for page in asking.pages
        if page.nav is not None and page.area == area and asking.may(page.by)
    ]


def home_of(asking: Visit) -> str:
    """Where somebody starts after signing in: the home of the first role that has one."""
    for grant in asking.actor.grants:
        role = asking.district.registry.roles.get(grant.role)
        if role is not None and role.home:
            return role.home
    return "/"


def page(
    request: Request,
    template: str,
    title: Label | str,
    context: Mapping[str, Any],
    *,
    area: str = "desk",
    status: int = 200,
) -> HTMLResponse:
    """A page in its shell: `context` is the template's own."""
    asking = visit(request)
    frame: dict[str, Any] = {
        "title": title,
        "district": asking.district.pack.label,
        "person": signed(asking.actor, asking.district.registry, asking.lang),
        "nav": navigation(asking, area, request.url.path),
        "csrf": asking.csrf,
        "desk_href": home_of(asking),
        "footer": _FOOTER,
        "footer_links": (Link("/about", _ABOUT), Link("/api/openapi.json", _API)),
        "asking": asking,
    }
    return asking.templates.page(request, template, {**frame, **context}, status=status)
