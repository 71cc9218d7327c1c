"""The street loop's guards and computations: pure functions of the case, what is given, and declared facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.process import Child
from civicloop.kernel.cases.reads import Reading
from civicloop.kernel.facts.evidence import same_look
from civicloop.kernel.facts.reference import ReferenceRow, Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import DAY, Instant, to_datetime
from civicloop.loops.street.routing.rules import Asked, Chosen, Known, Router, compiled

ROUTING = "routing"  # the set of the rules, whose one code is "rules": a row is a whole version of them
RULES = "rules"

_UNNAMED = Label("请先确定类别，再立案。", "Choose the category before filing the case.")
_NO_UNIT = Label(
    "此类别没有对应的责任单位，请选择一个。", "No responsible unit follows from the category; choose one."
)
_PARTS = Label("请写2至10行，每行一个子案件。", "Write two to ten lines, one part each.")
_SAME_PICTURE = Label(
    "处置后的照片与之前的照片是同一张，请现场重新拍摄。",
    "The photograph afterwards is the same picture as before; take a new one on the spot.",
)
_TAKEN_BEFORE = Label(
    "处置后的照片拍摄于派遣之前，请现场重新拍摄。",
    "The photograph afterwards was taken before the case was sent out; take a new one on the spot.",
)


def category_is_known(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:  # noqa: ARG001
    """A case is filed under a category: its limits and its responsible unit follow from it."""
    return None if given.get("kind") or case.kind else _UNNAMED


def photo_after_is_new(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:  # noqa: ARG001
    """The photograph after the work is neither one of the earlier pictures nor older than the dispatch."""
    for picture in facts["pictures"]:
        if any(same_look(picture["look"], earlier["look"]) for earlier in facts["earlier_pictures"]):
            return _SAME_PICTURE
        sent = facts["dispatched"]
        if sent is not None and picture["taken_at"] is not None and picture["taken_at"] < sent["happened_at"]:
            return _TAKEN_BEFORE
    return None


@dataclass(frozen=True, slots=True)
class RoutedTo:
    """facts[name]: the unit that the rules in force choose for the case, and why."""

    name: str = ROUTING

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Chosen:
        return chosen_unit(reading.reference, reading.now, case, kind_of(case, given))


def chosen_unit(snapshot: Snapshot, at: Instant, case: Case, kind: str = "") -> Chosen:
    """Where the rules that held at `at` send a case, judged at that moment."""
    row = snapshot.get(ROUTING, RULES, at)
    zone = str(row.data["zone"]) if row is not None else "UTC"
    return router_of(snapshot, row, at).route(asked_of(case, at, ZoneInfo(zone), kind))


def asked_of(case: Case, at: Instant, zone: ZoneInfo, kind: str = "") -> Asked:
    """A case as the router takes it at a moment."""
    local = to_datetime(at, zone)
    return Asked(
        kind or case.kind, case.street, case.community, case.cell, case.source, local.weekday(),
        local.hour * 60 + local.minute,
    )  # fmt: skip


def router_of(snapshot: Snapshot, row: ReferenceRow | None, at: Instant) -> Router:
    """The compiled rules of a version; without one every category's own unit decides. Kept for the day."""
    return _router(snapshot, row.id if row is not None else "", at // DAY)


@lru_cache(maxsize=32)
def _router(snapshot: Snapshot, row_id: str, day: int) -> Router:
    row = snapshot.row(row_id)
    data: list[dict[str, Any]] = row.data["rules"] if row is not None else []
    # They were checked against the units when they were published; a unit that has closed since is still said.
    return compiled(data, known_at(snapshot, (day + 1) * DAY - 1, frozenset(r["unit"] for r in data)))[0]


def known_at(
    snapshot: Snapshot, at: Instant, units: frozenset[str], is_place: Callable[[str], bool] = lambda _: True
) -> Known:
    """What rules may name at a moment."""
    rows = snapshot.all("categories", at)
    return Known(
        units,
        {row.code: str(row.data.get("group", "")) for row in rows},
        {row.code: str(row.data.get("unit", "")) for row in rows},
        is_place,
    )


def unit_is_known(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:
    """A case is sent to a named unit, or to the one that the rules choose."""
    return None if given.get("unit") or responsible_unit(case, given, facts).get("unit") else _NO_UNIT


def responsible_unit(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG001
    """The unit that the rules choose, unless one was named."""
    chosen: Chosen = facts[ROUTING]
    return {} if given.get("unit") or not chosen.unit else {"unit": chosen.unit}


def part_titles(given: Mapping[str, Any]) -> list[str]:
    """The parts as they were written, a line each."""
    return [line.strip() for line in str(given.get("parts", "")).splitlines() if line.strip()]


def parts_are_several(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:  # noqa: ARG001
    """A case is split into two parts at least and ten at most."""
    return None if 2 <= len(part_titles(given)) <= 10 else _PARTS


def parts(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Child, ...]:  # noqa: ARG001
    """A part a line, at the same place and of the same category."""
    return tuple(Child({}, title=title[:60]) for title in part_titles(given))


def nobody(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG001
    """A returned case has no unit and no crew until it is sent again."""
    return {"unit": "", "holder": ""}


def whoever_takes_it(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG001
    """A crew that takes a case has it in hand."""
    return {"holder": facts["by"]}


def kind_of(case: Case, given: Mapping[str, Any]) -> str:
    """The category that counts: the one just given, else the case's."""
    return str(given.get("kind") or case.kind)
