"""Routing rules as dated data: read from the pack or from a text, checked, tried on last month's rows, published from a moment on.

A version is one reference row of the set "routing" that holds all rules. Publishing adds a row; an earlier version is published again
to undo. The rows are never changed, so each case keeps the reason that it was sent by.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.facts.pack import Pack
from civicloop.kernel.facts.packfile import PackError, read_file
from civicloop.kernel.facts.reference import STATUSES, NewReference, ReferenceRow, Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import Actor
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.registry.district import District
from civicloop.kernel.time.clock import DAY, Instant
from civicloop.loops.street import rules
from civicloop.loops.street.process import PROCESS
from civicloop.loops.street.routing.rules import Known, Router, compiled

FILE: Final = "routing.toml"
TRIED_DAYS: Final = 30
TRIED_MOST: Final = 20_000

_NO_TOML = Label("规则不是正确的 TOML：{why}。", "The rules are no correct TOML: {why}")
_ONLY_RULES = Label("只能写 [[rule]]。", "Only [[rule]] tables may stand there.")
_TRY = f"{SELECT_CASE} WHERE district = ? AND process = ? AND opened_at >= ? AND unit <> '' ORDER BY opened_at DESC LIMIT ?"


def rows_of_pack(pack: Pack) -> Sequence[NewReference]:
    """The version that comes with a pack; PackError where a rule is wrong."""
    path = pack.folder / FILE
    if not path.exists():
        return ()
    top = read_file(path)
    top.only({"valid_from", "source", "status", "rule"})
    zone = ZoneInfo(pack.zone)
    start = top.day("valid_from", zone)
    if start is None:
        raise top.fault("valid_from", "缺少这个键，请补上。", "is missing; add it")
    data = list(top.values.get("rule", []))
    categories = {row.code: row.data for row in pack.reference if row.set == "categories"}
    places = pack.places()
    known = Known(
        frozenset(row.code for row in pack.registers if row.register == "units"),
        {code: str(each.get("group", "")) for code, each in categories.items()},
        {code: str(each.get("unit", "")) for code, each in categories.items()},
        lambda code: places.area(code) is not None,
    )
    faults = compiled(data, known)[1]
    if faults:
        raise PackError(path, None, "rule", faults[0])
    status: Any = top.choice("status", STATUSES)
    return (
        NewReference(
            rules.ROUTING, rules.RULES, start, {"zone": pack.zone, "rules": data}, top.word("source"), status
        ),
    )


def read_text(text: str) -> list[dict[str, Any]]:
    """Rules from TOML as somebody wrote it; Invalid where it is none."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = _NO_TOML.filled(why=error)
        raise Invalid(reason, fields={"rules": reason}) from error
    data = found.get("rule", [])
    if set(found) - {"rule"} or not isinstance(data, list) or not all(isinstance(r, dict) for r in data):
        raise Invalid(_ONLY_RULES, fields={"rules": _ONLY_RULES})
    return data


def written(data: Sequence[dict[str, Any]]) -> str:
    """Rules as TOML, which `read_text` reads back."""
    return "\n\n".join(
        "[[rule]]\n"
        + "\n".join(f"{key} = {_value(value)}" for key, value in sorted(rule.items(), key=_place))
        for rule in data
    )


def _place(item: tuple[str, Any]) -> int:
    """The order in which a rule is read: its code and unit, its conditions, why."""
    return {"code": 0, "unit": 1, "because": 3}.get(item[0], 2)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def router_of_text(district: District, snapshot: Snapshot, data: list[dict[str, Any]]) -> Router:
    """The checked router of new rules; Invalid with every fault."""
    with district.store.read() as tx:
        units = frozenset(u.id for u in district.registers.all(tx, "units"))
    known = rules.known_at(
        snapshot, district.clock.now(), units, lambda code: district.places.area(code) is not None
    )
    router, faults = compiled(data, known)
    if faults:
        joined = Label("；".join(f.zh for f in faults), " ".join(f.en for f in faults))
        raise Invalid(joined, fields={"rules": joined})
    return router


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Cases that new rules send from one unit to another."""

    before: str
    after: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What new rules would have done: of how many cases, and what would go elsewhere, most first."""

    cases: int
    elsewhere: tuple[Elsewhere, ...]

    @property
    def count(self) -> int:
        """How many cases would go elsewhere."""
        return sum(len(each.cases) for each in self.elsewhere)


def tried(district: District, router: Router) -> Tried:
    """New rules against those that hold, on the cases sent to a unit in the last thirty days, each judged at its opening.

    Rule against rule, not against where a person sent a case: what was chosen by hand is no fault of the rules.
    """
    zone, now = district.zone, district.clock.now()
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
        found = tx.all(_TRY, (district.code, PROCESS.name, now - TRIED_DAYS * DAY, TRIED_MOST))
    present = rules.router_of(snapshot, snapshot.get(rules.ROUTING, rules.RULES, now), now)
    moved: dict[tuple[str, str], list[Case]] = {}
    for row in found:
        case = case_of_row(row)
        asked = rules.asked_of(case, case.opened_at, zone)
        before, after = present.route(asked).unit, router.route(asked).unit
        if before != after:
            moved.setdefault((before, after), []).append(case)
    ordered = sorted(moved.items(), key=lambda item: (-len(item[1]), item[0]))
    return Tried(len(found), tuple(Elsewhere(a, b, tuple(cases)) for (a, b), cases in ordered))


def publish(district: District, data: list[dict[str, Any]], start: Instant, actor: Actor) -> None:
    """Rules that hold from `start` on; Invalid where one is wrong."""
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
    router_of_text(district, snapshot, data)
    row = NewReference(
        rules.ROUTING, rules.RULES, max(start, district.clock.now()),
        {"zone": district.pack.zone, "rules": data}, "published here", "official",
    )  # fmt: skip
    district.store.write(lambda tx: district.reference.add(tx, [row], recorded_by=actor.signature))


def versions(snapshot: Snapshot) -> tuple[ReferenceRow, ...]:
    """Every version, the newest first."""
    return tuple(reversed(snapshot.rows(rules.ROUTING, rules.RULES)))
