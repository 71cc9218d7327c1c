"""The points of a list's map as GeoJSON: cases one by one, or counted by the squares of a grid where they are many.

The work is bounded: never more rows are read than `READ_AT_MOST`, however many fit the filters.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.cases import queue
from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.derive.routes import RouteValue
from civicloop.kernel.facts import search
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.transaction import Tx
from civicloop.web import case_list, case_view
from civicloop.web.forms import Choices
from civicloop.web.visit import Visit, visit

ONE_BY_ONE: Final = 2000
READ_AT_MOST: Final = 20_000
SQUARES: Final = 36  # across the shown box

_BAD_BOX = Label(
    "box 应是 西，南，东，北 四个经纬度数。", "box is four degrees: west, south, east and north."
)
_GRID = (
    "SELECT column_no, row_no, COUNT(*), AVG(lon), AVG(lat), SUM(late), SUM(soon) FROM ("
    "SELECT CAST((lon - ?) / ? AS INTEGER) AS column_no, CAST((lat - ?) / ? AS INTEGER) AS row_no, lon, lat,"
    " CASE WHEN closed_at IS NULL AND (breaches > 0 OR due_at <= ?) THEN 1 ELSE 0 END AS late,"
    " CASE WHEN closed_at IS NULL AND breaches = 0 AND due_at > ? AND due_at - (due_at - opened_at) / 5 <= ? THEN 1 ELSE 0 END AS soon"
    " FROM ({read}) placed) counted GROUP BY column_no, row_no"
)
_PLACED = "SELECT lon, lat, closed_at, breaches, due_at, opened_at FROM cases WHERE "


def points(request: Request, value: RouteValue) -> Response:
    """GET /PROCESS/map.geojson?FILTERS&box=W,S,E,N."""
    asking = visit(request)
    given = {k: v for k, v in request.query_params.items() if k in case_list.SHOWN and v}
    wanted, _ = case_list.wanted_by(value.process, given)
    box = _box(request.query_params.get("box", ""))
    with asking.district.store.read() as tx:
        features = _features(tx, asking, value, wanted, box)
    body = msgspec.json.encode({"type": "FeatureCollection", "features": features})
    return Response(body, media_type="application/geo+json", headers={"Cache-Control": "no-store"})


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise Invalid(_BAD_BOX, fields={"box": _BAD_BOX}) from None
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise Invalid(_BAD_BOX, fields={"box": _BAD_BOX})
    return west, south, east, north


def _features(
    tx: Tx,
    asking: Visit,
    value: RouteValue,
    wanted: Filter,
    box: tuple[float, float, float, float] | None,
) -> list[dict[str, Any]]:
    found: list[Case] = []
    for chosen, params in _chosen(tx, asking, value, wanted, box):
        sql = f"{SELECT_CASE} WHERE {chosen} LIMIT ?"
        found += map(case_of_row, tx.all(sql, (*params, ONE_BY_ONE + 1 - len(found))))
        if len(found) > ONE_BY_ONE:
            return _grid(tx, asking, value, wanted, box)
    return _cases(tx, asking, value, found)


def _chosen(
    tx: Tx,
    asking: Visit,
    value: RouteValue,
    wanted: Filter,
    box: tuple[float, float, float, float] | None,
) -> list[tuple[str, list[Any]]]:
    """Conditions, each bounded, that together leave the cases to show; ids are found first, by the lists' indexes.

    Of what is done the newest are looked at, since there is no end to them.
    """
    district = asking.district.code
    words, found = "", list[Any]()
    if wanted.words:
        found = search.find(tx, district, wanted.words, queue.MOST, named=asking.district.named(tx))
        words = f" AND id IN ({', '.join('?' * len(found))})" if found else " AND 1 = 0"
    placed, corners = " AND lon IS NOT NULL", list[Any]()
    if box is not None:
        west, south, east, north = box
        placed += " AND lon BETWEEN ? AND ? AND lat BETWEEN ? AND ?"
        corners = [west, east, south, north]
    chosen = []
    for part in queue.parts(district, wanted, asking.actor, value.by):
        first, then = (placed, "") if part.live else ("", placed)
        ids = f"SELECT id FROM cases WHERE {part.where}{words}{first} ORDER BY {part.order} LIMIT {READ_AT_MOST}"
        chosen.append((f"district = ? AND id IN ({ids}){then}", [district, *part.params, *found, *corners]))
    return chosen


def _cases(tx: Tx, asking: Visit, value: RouteValue, cases: list[Case]) -> list[dict[str, Any]]:
    now = asking.district.clock.now()
    known = Choices(asking.district, asking.district.reference.snapshot(tx), now)
    return [
        _point(
            case.lon,
            case.lat,
            id=case.id,
            title=f"{_title(known, case, value).text(asking.lang)} {case.number}",
            status=case_view.case_status(case, now),
            href=f"/{value.process.name}/{case.id}",
        )
        for case in cases
    ]


def _title(known: Choices, case: Case, value: RouteValue) -> Label:
    return case_view.kind_name(known, case.kind) if case.kind else value.process.label


def _grid(
    tx: Tx,
    asking: Visit,
    value: RouteValue,
    wanted: Filter,
    box: tuple[float, float, float, float] | None,
) -> list[dict[str, Any]]:
    west, south, east, north = box or asking.district.places.bbox
    wide, high = (east - west) / SQUARES, (north - south) / SQUARES
    now = asking.district.clock.now()
    chosen = _chosen(tx, asking, value, wanted, box)
    read = " UNION ALL ".join(_PLACED + condition for condition, _ in chosen)
    params = [param for _, own in chosen for param in own]
    rows = tx.all(_GRID.format(read=read), (west, wide, south, high, now, now, now, *params))
    return [
        _point(lon, lat, count=count, breached=late, due_soon=soon)
        for _, _, count, lon, lat, late, soon in rows
    ]


def _point(lon: float | None, lat: float | None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": properties,
    }
