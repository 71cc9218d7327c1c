"""Service requests: the reports of the street as GeoReport v2 shows them, chosen by id or by filters.

A service request is a *report*, not a case: its id is the report's, which stays when its case is merged. What is
shown is public. A report that came by Open311 shows its words, long numbers and mail addresses crossed out; one that
came another way, whose writer was told of no public list, shows category, place, picture and state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from civicloop.kernel.facts.reference import Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Missing
from civicloop.kernel.registry.district import District
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant, format_instant
from civicloop.loops.street.open311.sent import shown_to_all
from civicloop.loops.street.process import PROCESS, WHY_DECLINED

CHANNEL: Final = "open311"
CATEGORIES: Final = "categories"
AT_ONCE: Final = 1000

# Closed to the outside: put right and checked, declined, or no case of its own any more.
CLOSED: Final = tuple(s.name for s in PROCESS.states if s.closes or s.final or s.name in ("merged", "void"))
# The clocks that say when it should be put right: the district's promise, and the category's own limit.
PROMISES: Final = ("close_in_2_hours", "handle")

_OWN = (
    "(SELECT o.case_id FROM report_links o WHERE o.district = r.district AND o.report_id = r.id AND o.linked = 1"
    " ORDER BY o.seq LIMIT 1)"
)
_KIND = "COALESCE(NULLIF(c.kind, ''), r.kind)"
_CLOSED = f"(c.state IN ({', '.join('?' * len(CLOSED))}) OR c.id <> {_OWN})"
_SELECT = (
    "SELECT r.id, r.channel, r.description, r.address, r.lon, r.lat, r.media, r.happened_at,"
    f" c.id, c.number, {_KIND}, c.state, c.unit, c.street, c.community, c.lon, c.lat, c.changed_at, c.data, {_OWN}"
    " FROM reports r"
    " JOIN report_links l ON l.district = r.district AND l.report_id = r.id AND l.linked = 1 AND l.seq ="
    " (SELECT MAX(n.seq) FROM report_links n WHERE n.district = r.district AND n.report_id = r.id)"
    " JOIN cases c ON c.district = l.district AND c.id = l.case_id"
    " WHERE r.district = ? AND c.process = ?"
)
_NEWEST = " ORDER BY r.happened_at DESC, r.id DESC LIMIT ? OFFSET ?"

_MERGED = Label(
    "与问题 {parent} 是同一件（案号 {number}），已合并办理，请查询 {parent}。",
    "The same problem as {parent} (case {number}), with which it is now dealt; look there.",
)
_MERGED_INTO = Label("与案件 {number} 是同一件，已合并办理。", "The same problem as case {number}.")
_NOTES = {
    "closed": Label("已处置，并经另一人核查。", "Put right, and checked by somebody else."),
    "archived": Label("已处置、核查并归档。", "Put right, checked and archived."),
    "declined": Label("不予立案：{why}。", "Declined: {why}."),
    "void": Label("已作废，不再办理。", "Withdrawn; nothing more will be done."),
    "void_for_good": Label("已作废，不再办理。", "Withdrawn; nothing more will be done."),
}  # fmt: skip
_STILL = Label("办理中：{state}。", "Open: {state}.")
_UNNAMED = Label("未分类", "Not yet named")


_UNKNOWN_CODE = Label(
    "没有编码为“{code}”的类别；可用的见 services。",
    "There is no service_code “{code}”; `services` lists those there are.",
)


def require_service(district: District, code: str) -> None:
    """Missing unless there is such a category now."""
    with district.store.read() as tx:
        row = district.reference.snapshot(tx).get(CATEGORIES, code, district.clock.now())
    if row is None:
        raise _unknown(code)


def require_services(district: District, codes: Sequence[str]) -> None:
    """Missing unless each of them is, or once was, a category: old reports are still looked for by it."""
    if codes:
        with district.store.read() as tx:
            known = frozenset(district.reference.snapshot(tx).codes(CATEGORIES))
        for code in codes:
            if code not in known:
                raise _unknown(code)


def _unknown(code: str) -> Missing:
    reason = _UNKNOWN_CODE.filled(code=code[:60])
    return Missing(reason, fields={"service_code": reason})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests, made from `since` to `until`, both included; empty means all."""

    since: Instant
    until: Instant
    services: tuple[str, ...] = ()
    closed: bool | None = None
    limit: int = AT_ONCE
    offset: int = 0


class Found(msgspec.Struct, frozen=True, gc=False):
    """A report with the case it belongs to now; `own` is the case that it first belonged to."""

    id: str
    channel: str
    description: str
    address: str
    lon: float | None
    lat: float | None
    media: str
    happened_at: Instant
    case: str
    number: str
    kind: str
    state: str
    unit: str
    street: str
    community: str
    case_lon: float | None
    case_lat: float | None
    changed_at: Instant
    data: str
    own: str

    @property
    def moved(self) -> bool:
        """Whether the report's own case was merged into another."""
        return self.case != self.own

    @property
    def closed(self) -> bool:
        """Whether nothing more will come of the request itself."""
        return self.moved or self.state in CLOSED


def listed(tx: Tx, district: str, wanted: Wanted) -> list[Found]:
    """The requests of a filter, newest first."""
    sql, params = _SELECT, [district, PROCESS.name, wanted.since, wanted.until]
    sql += " AND r.happened_at >= ? AND r.happened_at <= ?"
    if wanted.services:
        sql += f" AND {_KIND} IN ({', '.join('?' * len(wanted.services))})"
        params += wanted.services
    if wanted.closed is not None:
        sql += f" AND {'' if wanted.closed else 'NOT '}{_CLOSED}"
        params += CLOSED
    return [Found(*row) for row in tx.all(sql + _NEWEST, (*params, wanted.limit, wanted.offset))]


def by_ids(tx: Tx, district: str, ids: Sequence[str]) -> list[Found]:
    """The requests of these ids, newest first; an unknown id is left out."""
    sql = f"{_SELECT} AND r.id IN ({', '.join('?' * len(ids))})" + _NEWEST
    return [Found(*row) for row in tx.all(sql, (district, PROCESS.name, *ids, len(ids), 0))]


def id_of_token(tx: Tx, district: str, token: str) -> str | None:
    """The request behind a tracking code; an id stands for itself."""
    row = tx.one(
        "SELECT id FROM reports WHERE district = ? AND (id = ? OR tracking_code = ?)",
        (district, token, token.strip().upper()),
    )
    return None if row is None else str(row[0])


@dataclass(frozen=True, slots=True)
class _Beside:
    """What a page of requests needs beside itself, read in a few statements."""

    district: District
    snapshot: Snapshot
    at: Instant
    lang: str
    address: str
    due: Mapping[str, Instant]
    units: Mapping[str, str]
    parents: Mapping[str, str]


def shown(
    tx: Tx, district: District, found: Sequence[Found], *, lang: str, address: str
) -> list[dict[str, Any]]:
    """The requests as GeoReport v2 has them; `address` is where this server stands, for pictures."""
    beside = _Beside(
        district,
        district.reference.snapshot(tx),
        district.clock.now(),
        lang,
        address,
        _due(tx, district.code, sorted({f.case for f in found})),
        _units(tx, district, lang) if any(f.unit for f in found) else {},
        _first_reports(tx, district.code, sorted({f.case for f in found if f.moved})),
    )
    return [_request(each, beside) for each in found]


def service_name(snapshot: Snapshot, code: str, at: Instant, lang: str) -> str:
    """A category's name, or its code where none is recorded."""
    row = snapshot.get(CATEGORIES, code, at)
    return _UNNAMED.text(lang) if not code else code if row is None else str(row.data[lang])


def _request(found: Found, beside: _Beside) -> dict[str, Any]:
    lon, lat = (found.lon, found.lat) if found.moved else (found.case_lon, found.case_lat)
    ours, zone = found.channel == CHANNEL, beside.district.zone
    media = msgspec.json.decode(found.media, type=list[str])
    due = beside.due.get(found.case)
    return {
        "service_request_id": found.id,
        "status": "closed" if found.closed else "open",
        "status_notes": _notes(found, beside),
        "service_name": service_name(beside.snapshot, found.kind, beside.at, beside.lang),
        "service_code": found.kind,
        "description": shown_to_all(found.description) if ours else "",
        "agency_responsible": beside.units.get(found.unit, found.unit),
        "service_notice": "",
        "requested_datetime": format_instant(found.happened_at, zone),
        "updated_datetime": format_instant(max(found.changed_at, found.happened_at), zone),
        "expected_datetime": format_instant(due, zone) if due is not None and not found.moved else None,
        "address": (shown_to_all(found.address) if ours else "") or _area(found, beside),
        "address_id": "",
        "zipcode": "",
        "lat": lat if lat is None else round(lat, 6),
        "long": lon if lon is None else round(lon, 6),
        "media_url": f"{beside.address}/evidence/{media[0]}" if media else None,
    }


def _notes(found: Found, beside: _Beside) -> str:
    if found.moved:
        parent = beside.parents.get(found.case)
        words = _MERGED if parent else _MERGED_INTO
        return words.filled(parent=parent, number=found.number).text(beside.lang)
    if found.state == "declined":
        code = msgspec.json.decode(found.data, type=dict[str, Any]).get("reason_code", "")
        why = next((o.label for o in WHY_DECLINED.options if o.value == code), Label(str(code), str(code)))
        return _NOTES["declined"].filled(why=why).text(beside.lang)
    words = _NOTES.get(found.state) or _STILL.filled(state=PROCESS.state(found.state).label)
    return words.text(beside.lang)


def _area(found: Found, beside: _Beside) -> str:
    areas = [beside.district.places.area(code) for code in (found.street, found.community) if code]
    return ("" if beside.lang == "zh" else ", ").join(a.label.text(beside.lang) for a in areas if a)


def _due(tx: Tx, district: str, cases: Sequence[str]) -> dict[str, Instant]:
    """When each case should be put right: the later of its promises."""
    if not cases:
        return {}
    sql = (
        "SELECT case_id, MAX(due_at) FROM clocks WHERE district = ? AND due_at IS NOT NULL"
        f" AND case_id IN ({_marks(cases)}) AND name IN ({_marks(PROMISES)}) GROUP BY case_id"
    )
    return {row[0]: int(row[1]) for row in tx.all(sql, (district, *cases, *PROMISES))}


def _units(tx: Tx, district: District, lang: str) -> dict[str, str]:
    key = "name" if lang == "zh" else "name_en"
    return {
        unit.id: str(unit.attributes.get(key) or unit.name) for unit in district.registers.all(tx, "units")
    }


def _first_reports(tx: Tx, district: str, cases: Sequence[str]) -> dict[str, str]:
    """The report that opened each case: the id under which a merged one goes on."""
    if not cases:
        return {}
    sql = (
        f"SELECT case_id, report_id, seq FROM report_links WHERE district = ? AND case_id IN ({_marks(cases)})"
        " AND linked = 1 ORDER BY seq DESC"
    )
    return {row[0]: row[1] for row in tx.all(sql, (district, *cases))}


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)
