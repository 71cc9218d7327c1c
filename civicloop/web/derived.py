"""The derived routes as pages of the district: what no loop page overrides, with who may come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from civicloop.kernel.cases.process import Process
from civicloop.kernel.derive.routes import RouteValue, readers, routes
from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Page

# Which function answers a derived route; each takes the request and the route's value.
API: Final = "civicloop.web.api:route"
PAGES: Final[Mapping[str, str]] = {
    "list": "civicloop.web.case_list:list_page",
    "show": "civicloop.web.cases:show",
    "form": "civicloop.web.cases:form",
    "open": "civicloop.web.cases:opened",
    "perform": "civicloop.web.cases:performed",
    "bulk": "civicloop.web.cases:bulk",
    "map": "civicloop.web.case_map:points",
}
_MAP = Label("{process}：地图", "Map: {process}")


def derived(processes: Iterable[Process], taken: Iterable[Page]) -> dict[Page, RouteValue]:
    """Every derived page and operation with its route; where a page of `taken` has method and path, that one stands."""
    gone = {(method, page.path) for page in taken for method in page.methods}
    found: dict[Page, RouteValue] = {}
    for process in processes:
        for value in (_map(process), *routes(process)):
            if (value.method, value.path) not in gone:
                found[_page(value)] = value
    return found


def _page(value: RouteValue) -> Page:
    endpoint = PAGES[value.kind] if value.page else API
    label = value.process.label if value.kind == "list" else value.summary
    return Page(
        value.path,
        endpoint,
        value.by,
        label,
        (value.method,),
        nav=label if value.page and value.kind == "list" else None,
        area="desk" if value.page and value.kind != "map" else "api",
        csrf=value.page,
    )


def _map(process: Process) -> RouteValue:
    """The points of a list's map: the same filters, the same readers."""
    return RouteValue(
        "GET", f"/{process.name}/map.geojson", f"page-map-{process.name}", process, None, "map",
        readers(process), _MAP.filled(process=process.label), page=True,
    )  # fmt: skip
