"""Open cases close to a place that a report may be about already: one indexed query, then the pure likeness.

Public: GET /api/street/near answers to everybody with what the public map shows anyway (category, place, state, moment) and
the reason; GET /api/street/ID/duplicates answers to whoever may read the case.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.fields import Position, read_given
from civicloop.kernel.facts.datum import Point, box_around
from civicloop.kernel.facts.reference import Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.registry.district import District
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import format_instant
from civicloop.loops.street.duplicates.likeness import (
    A_METRE,
    REACH_M,
    THRESHOLD,
    Likeness,
    Telling,
    likeness,
    two_grams,
)
from civicloop.loops.street.process import PLACE, PROCESS
from civicloop.web.case_page import seen
from civicloop.web.visit import visit

SHOWN: Final = 5
LOOKED_AT: Final = 200

# No pair that lies further apart is alike enough, whatever else it has in common.
LOOKED_M: Final = min(REACH_M, (100 - THRESHOLD) / A_METRE)


_WHERE = Label("请给出 lat 和 lon（WGS-84，度）。", "Give lat and lon in degrees (WGS-84).")


@dataclass(frozen=True, slots=True)
class Proposal:
    """An open case that may be the same, and how alike it is."""

    case: Case
    likeness: Likeness


def telling(case: Case, snapshot: Snapshot) -> Telling | None:
    """A case as the likeness takes it; None without a place."""
    if case.lon is None or case.lat is None:
        return None
    return Telling(
        case.kind, group_of(snapshot, case.kind, case.opened_at), case.lon, case.lat, case.first_seen_at,
        two_grams(case.title), case.closed_at,
    )  # fmt: skip


def group_of(snapshot: Snapshot, kind: str, at: int) -> str:
    """The group (大类) of a category, "" where none is recorded."""
    row = snapshot.get("categories", kind, at) if kind else None
    return str(row.data.get("group", "")) if row is not None else ""


def proposals(
    tx: Tx, district: str, snapshot: Snapshot, told: Telling, *, but: str = "", most: int = SHOWN
) -> list[Proposal]:
    """The open cases close by that are alike enough to ask a person, the likest first."""
    sql, params = close_by(district, told.lon, told.lat)
    rows = tx.all(sql, params)
    found: list[Proposal] = []
    for row in rows:
        case = case_of_row(row)
        other = telling(case, snapshot)
        alike = likeness(told, other) if other is not None and case.id != but else None
        if alike is not None and alike.proposed:
            found.append(Proposal(case, alike))
    found.sort(key=lambda p: (-p.likeness.points, p.case.id))
    return found[:most]


def close_by(district: str, lon: float, lat: float) -> tuple[str, tuple[Any, ...]]:
    """The statement that finds the open cases around a place, by the index of tiles in 0002_near.sql, and its parameters."""
    west, south, east, north = box_around(Point(lon, lat), LOOKED_M)
    rows, columns = _tiles(south, north), _tiles(west, east)
    sql = (
        f"{SELECT_CASE} WHERE district = ? AND process = ?"
        f" AND CAST(lat * 1000 AS INTEGER) IN ({', '.join('?' * len(rows))})"
        f" AND CAST(lon * 1000 AS INTEGER) IN ({', '.join('?' * len(columns))})"
        " AND lat BETWEEN ? AND ? AND lon BETWEEN ? AND ? AND ended_at IS NULL AND closed_at IS NULL"
        " AND master_id IS NULL AND state NOT IN ('void', 'parted') LIMIT ?"
    )
    return sql, (district, PROCESS.name, *rows, *columns, south, north, west, east, LOOKED_AT)


def _tiles(low: float, high: float) -> range:
    """The tiles that two degrees and all between lie in, whether the database's CAST cuts off or rounds."""
    return range(math.floor(low * 1000), math.ceil(high * 1000) + 1)


def for_report(district: District, position: Position, kind: str, words: str) -> list[Proposal]:
    """What a report at this place, now, may be about already; Invalid for a place that is none here."""
    point = district.places.position(position.lon, position.lat, position.datum)
    now = district.clock.now()
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
        told = Telling(kind, group_of(snapshot, kind, now), point.lon, point.lat, now, two_grams(words[:60]))
        return proposals(tx, district.code, snapshot, told)


def for_case(district: District, case: Case) -> list[Proposal]:
    """What a case may be a duplicate of."""
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
        told = telling(case, snapshot)
        return proposals(tx, district.code, snapshot, told, but=case.id) if told is not None else []


def near(request: Request) -> Response:
    """GET /api/street/near?lat&lon&datum&kind&words: open cases that a report there may be about."""
    district, asked = visit(request).district, request.query_params
    point = {"lat": asked.get("lat", ""), "lon": asked.get("lon", ""), "datum": asked.get("datum", "wgs84")}
    if not (point["lat"] and point["lon"]):
        raise Invalid(_WHERE, fields={"lat": _WHERE, "lon": _WHERE})
    position: Position = read_given((PLACE,), {"place": point})["place"]
    found = for_report(district, position, asked.get("kind", ""), asked.get("words", ""))
    return _json(district, found)


def duplicates(request: Request) -> Response:
    """GET /api/street/ID/duplicates: what the case may be a duplicate of, to whoever may read it."""
    asking = visit(request)
    with asking.district.store.read() as tx:
        case = seen(asking.district, tx, PROCESS, request.path_params["id"], asking)
    return _json(asking.district, for_case(asking.district, case))


def _json(district: District, found: Sequence[Proposal]) -> Response:
    body = {"proposals": [_shown(district, proposal) for proposal in found]}
    return Response(msgspec.json.encode(body), media_type="application/json")


def _shown(district: District, proposal: Proposal) -> dict[str, Any]:
    case, why = proposal.case, proposal.likeness.sentence()
    return {
        "id": case.id, "number": case.number, "kind": case.kind, "state": case.state, "lon": case.lon, "lat": case.lat,
        "first_seen_at": format_instant(case.first_seen_at, district.zone), "reports": case.reports,
        "points": round(proposal.likeness.points), "why": why.en, "why_zh": why.zh,
    }  # fmt: skip
