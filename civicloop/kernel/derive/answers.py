"""Answers: what the API says of cases and receipts, as plain JSON values, with the schema of each.

Times are ISO 8601 in UTC; a state carries its label in both languages. Nothing here is personal: history holds
commitments only, and a person appears by his id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.engine import Offer, Receipt
from civicloop.kernel.cases.history import HistoryRow
from civicloop.kernel.cases.limits import LimitClock
from civicloop.kernel.cases.process import Process
from civicloop.kernel.facts.datum import Datum, Point, convert
from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import Instant, format_instant

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_MAYBE_TEXT: Json = {"type": ["string", "null"]}
_COUNT: Json = {"type": "integer", "minimum": 0}
_TIME: Json = {"type": "string", "format": "date-time"}
_MAYBE_TIME: Json = {"type": ["string", "null"], "format": "date-time"}
_MAYBE_NUMBER: Json = {"type": ["number", "null"]}
_DATA: Json = {"type": "object", "additionalProperties": True}


def reference(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _closed(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


_LABEL = _closed(zh=_TEXT, en=_TEXT)

SCHEMAS: dict[str, Json] = {
    "Label": _LABEL,
    "Receipt": _closed(
        case_id=_TEXT, number=_TEXT, process=_TEXT, state=_TEXT, revision={"type": "integer", "minimum": 1},
        seq={"type": "integer", "minimum": 1}, report_id=_TEXT, tracking_code=_TEXT, repeated={"type": "boolean"},
    ),
    "Case": _closed(
        id=_TEXT, number=_TEXT, process=_TEXT, version={"type": "integer"}, state=_TEXT, state_label=reference("Label"),
        previous_state=_TEXT, revision={"type": "integer", "minimum": 1}, seq={"type": "integer"}, kind=_TEXT,
        title=_TEXT, lon=_MAYBE_NUMBER, lat=_MAYBE_NUMBER, datum=_TEXT, street=_TEXT, community=_TEXT, cell=_TEXT, unit=_TEXT,
        holder=_TEXT, priority={"type": "integer"}, source=_TEXT, parent_id=_MAYBE_TEXT, master_id=_MAYBE_TEXT,
        first_seen_at=_TIME, opened_at=_TIME, changed_at=_TIME, closed_at=_MAYBE_TIME, ended_at=_MAYBE_TIME,
        due_at=_MAYBE_TIME, breaches=_COUNT, reworks=_COUNT, reports={"type": "integer"}, data=_DATA,
    ),
    "CaseList": _closed(cases={"type": "array", "items": reference("Case")}, next=_MAYBE_TEXT),
    "Clock": _closed(
        limit=_TEXT, label=reference("Label"), step=_TEXT, status={"type": "string", "enum": ["running", "paused", "stopped", "waiting", "done"]},
        started_at=_TIME, due_at=_MAYBE_TIME, paused_at=_MAYBE_TIME, stopped_at=_MAYBE_TIME, breached_at=_MAYBE_TIME,
        provisional={"type": "boolean"},
    ),
    "Offer": _closed(action=_TEXT, label=reference("Label"), allowed={"type": "boolean"}),
    "CaseDetail": _closed(
        case=reference("Case"), clocks={"type": "array", "items": reference("Clock")},
        actions={"type": "array", "items": reference("Offer")},
    ),
    "HistoryRow": _closed(
        seq={"type": "integer"}, revision={"type": "integer"}, action=_TEXT, from_state=_TEXT, to_state=_TEXT, actor=_TEXT,
        role=_TEXT, via=_TEXT, happened_at=_TIME, recorded_at=_TIME, given=_DATA, cause=_TEXT, prev_hash=_TEXT, hash=_TEXT,
    ),
    "History": _closed(case_id=_TEXT, rows={"type": "array", "items": reference("HistoryRow")}),
    "BulkAnswer": _closed(
        done=_COUNT, refused=_COUNT,
        results={"type": "array", "items": {
            "type": "object", "properties": {"case_id": _TEXT, "receipt": reference("Receipt"), "problem": reference("Problem")},
            "required": ["case_id"],
        }},
    ),
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "detail_zh": _TEXT,
            "errors": {"type": "array", "items": _closed(field=_TEXT, detail=_TEXT, detail_zh=_TEXT)},
        },
        "required": ["type", "title", "status", "detail", "detail_zh"],
        "additionalProperties": True,
    },
}  # fmt: skip


def _iso(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _label(label: Label) -> Json:
    return {"zh": label.zh, "en": label.en}


def case_json(process: Process, case: Case) -> Json:
    """A case; `state` is the name, `state_label` what people read."""
    found: Json = {
        name: getattr(case, name)
        for name in SCHEMAS["Case"]["properties"]
        if name not in ("state_label", "datum")
    }
    found["datum"] = "wgs84"
    for name in found:
        if name.endswith("_at"):
            found[name] = _iso(found[name])
    state = process.compiled.states.get(case.state)
    # An open case of an older version may stand in a state that has since been renamed.
    found["state_label"] = _label(state.label if state else Label(case.state, case.state))
    found["data"] = dict(case.data)
    return found


def in_datum(case: Json, datum: Datum) -> Json:
    """The same case with its position in another datum (Chinese maps draw in GCJ-02)."""
    if case["lon"] is None:
        return {**case, "datum": datum}
    point = convert(Point(case["lon"], case["lat"]), datum)
    return {**case, "lon": point.lon, "lat": point.lat, "datum": datum}


def list_json(process: Process, cases: Iterable[Case], after: str) -> Json:
    """A page of cases; `next` is the cursor of the page after, null at the end."""
    return {"cases": [case_json(process, case) for case in cases], "next": after or None}


def clock_json(process: Process, clock: LimitClock) -> Json:
    """A limit's clock."""
    limit = process.compiled.limits.get(clock.name)
    return {
        "limit": clock.name, "label": _label(limit.label if limit else Label(clock.name, clock.name)), "step": clock.step,
        "status": clock.status, "started_at": _iso(clock.started_at), "due_at": _iso(clock.due_at),
        "paused_at": _iso(clock.paused_at), "stopped_at": _iso(clock.stopped_at), "breached_at": _iso(clock.breached_at),
        "provisional": bool(clock.provisional),
    }  # fmt: skip


def detail_json(process: Process, case: Case, clocks: Iterable[LimitClock], offers: Iterable[Offer]) -> Json:
    """A case with its clocks and what its state allows; `allowed` is for whoever asked."""
    return {
        "case": case_json(process, case),
        "clocks": [clock_json(process, clock) for clock in clocks],
        "actions": [
            {"action": o.action.name, "label": _label(o.action.label), "allowed": o.refused is None} for o in offers
        ],
    }  # fmt: skip


def history_json(case_id: str, rows: Iterable[HistoryRow]) -> Json:
    """The rows of a case in order, each with its link of the chain."""
    names = tuple(SCHEMAS["HistoryRow"]["properties"])
    found = []
    for row in rows:
        one: Json = {name: getattr(row, name) for name in names}
        one["happened_at"], one["recorded_at"] = _iso(row.happened_at), _iso(row.recorded_at)
        one["given"] = msgspec.json.decode(row.given)
        found.append(one)
    return {"case_id": case_id, "rows": found}


def receipt_json(receipt: Receipt) -> Json:
    """What an accepted action answers with."""
    return dict(msgspec.structs.asdict(receipt))


def bulk_json(results: Iterable[tuple[str, Receipt | Mapping[str, Any]]]) -> Json:
    """What became of each case of a bulk action: its receipt, or the problem that the web layer made of a refusal."""
    found = [
        {"case_id": case_id, "receipt": receipt_json(what)}
        if isinstance(what, Receipt)
        else {"case_id": case_id, "problem": dict(what)}
        for case_id, what in results
    ]
    refused = sum("problem" in one for one in found)
    return {"done": len(found) - refused, "refused": refused, "results": found}
