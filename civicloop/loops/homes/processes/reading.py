"""What the processes may know beyond the case: an estate's entry, a month's visits, a survey's frame, an earlier rating."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.reads import Reading
from civicloop.kernel.time.clock import Instant, parse_instant, to_datetime
from civicloop.loops.homes.counting.settlement import Outcome, Visit
from civicloop.loops.homes.model import ESTATES, Estate, estate_of

PRICES = "homes_prices"
DEDUCTIONS = "homes_deductions"
TASK, SETTLEMENT, RATING = "homes_task", "homes_settlement", "homes_rating"

# The register's facts of one source: the newest of the latest period that holds.
_FACTS = (
    "SELECT entity_id, attribute, value FROM entity_facts WHERE district = ? AND register = ? AND valid_from <= ?"
    " AND (valid_to IS NULL OR valid_to > ?)"
)
_ORDER = " ORDER BY entity_id, attribute, valid_from, known_from"


def entries(reading: Reading, register: str, code: str = "") -> dict[str, dict[str, Any]]:
    """The attributes of the entries of a register now, by code; of one with `code`."""
    sql, values = _FACTS, [reading.district, register, reading.now, reading.now]
    if code:
        sql, values = sql + " AND entity_id = ?", [*values, code]
    found: dict[str, dict[str, Any]] = {}
    for entity, attribute, value in reading.tx.all(sql + _ORDER, tuple(values)):
        found.setdefault(entity, {})[attribute] = msgspec.json.decode(value)
    return found


@dataclass(frozen=True, slots=True)
class TheEstate:
    """facts["estate"]: the Estate that was given, or that the case is about; None for an unknown one."""

    name: str = "estate"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Estate | None:
        code = str(given.get("estate") or case.data.get("estate", ""))
        found = entries(reading, ESTATES, code) if code else {}
        return estate_of(code, found[code]) if code in found else None


@dataclass(frozen=True, slots=True)
class Frame:
    """facts["frame"]: every unit of every estate that stands, by estate in the order of their codes."""

    name: str = "frame"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG002
        return {
            code: estate_of(code, attributes).units for code, attributes in entries(reading, ESTATES).items()
        }


@dataclass(frozen=True, slots=True)
class RatedTask:
    """facts["task"]: the visit that a rating is about, None where there is none; its earlier rating by the unit is facts["task"]["again"]."""

    name: str = "task"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ARG002
        row = reading.tx.one(
            SELECT_CASE + " WHERE district = ? AND process = ? AND id = ?",
            (reading.district, TASK, str(given["task"])),
        )
        if row is None:
            return None
        task = case_of_row(row)
        code = str(task.data.get("estate", ""))
        found = entries(reading, ESTATES, code)
        again = _rated(reading, task, str(given["unit_code"]))
        return {
            "case": task,
            "again": again,
            "units": estate_of(code, found[code]).units if code in found else (),
        }


def _rated(reading: Reading, task: Case, unit: str) -> bool:
    rows = reading.tx.all(
        "SELECT data FROM cases WHERE district = ? AND process = ? AND unit = ? AND opened_at >= ?",
        (reading.district, RATING, task.unit, task.opened_at),
    )
    told = (msgspec.json.decode(row[0]) for row in rows)
    return any(data.get("task") == task.id and data.get("unit_code") == unit for data in told)


@dataclass(frozen=True, slots=True)
class MonthWork:
    """facts["work"]: what a firm's settlement is computed from: its visits with the rates of their days, and what was stated.

    {"visits": the Visits, "stated": how each approved statement divided among months, "waiting": whether another
    statement of the firm is not decided yet, "again": whether this month has one already}.
    """

    name: str = "work"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Mapping[str, Any]:
        firm = str(given.get("firm") or case.data.get("firm", ""))
        month = str(given.get("month") or case.data.get("month", ""))
        rows = reading.tx.all(
            SELECT_CASE + " WHERE district = ? AND process = ? AND unit = ? ORDER BY id",
            (reading.district, TASK, firm),
        )
        others = [
            other
            for other in map(
                case_of_row,
                reading.tx.all(
                    SELECT_CASE + " WHERE district = ? AND process = ? AND unit = ? ORDER BY id",
                    (reading.district, SETTLEMENT, firm),
                ),
            )
            if other.id != case.id and other.state != "withdrawn"
        ]
        approved = [other for other in others if other.state in ("approved", "archived")]
        return {
            "visits": tuple(_visits(reading, map(case_of_row, rows))),
            "stated": tuple(msgspec.json.decode(str(other.data["by_month"])) for other in approved),
            "waiting": len(others) > len(approved),
            "again": any(other.data.get("month") == month for other in others),
            "later": any(str(other.data.get("month")) > month for other in others),
            "this_month": to_datetime(reading.now).date().isoformat()[:7],
        }


def _visits(reading: Reading, tasks: Iterable[Case]) -> Iterator[Visit]:
    for task in tasks:
        day = str(task.data["day"])
        yield Visit(
            case=task.id,
            month=day[:7],
            work=str(task.data["work"]),
            outcome=outcome_of(task),
            redone=task.reworks > 0,
            price_fen=_rate(reading, PRICES, str(task.data["work"]), "price_fen", day),
            missed_bp=_rate(reading, DEDUCTIONS, "missed", "basis_points", day),
            redone_bp=_rate(reading, DEDUCTIONS, "redone", "basis_points", day),
        )


def outcome_of(task: Case) -> Outcome:
    """How a visit counts: verified or missed by its last word, open while it is neither."""
    word = str(task.data.get("outcome", ""))
    return "verified" if word == "verified" else "missed" if word == "missed" else "open"


def _rate(reading: Reading, set_name: str, code: str, key: str, day: str) -> int:
    row = reading.reference.get(set_name, code, noon(day))
    return int(row.data[key]) if row is not None else 0


def noon(day: str) -> Instant:
    """A moment that lies in the day ("2026-11-24") in every zone from UTC-12 to UTC+11: the rates of a day hold then."""
    return parse_instant(f"{day}T12:00:00Z")
