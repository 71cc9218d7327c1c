"""Category schemes (案件分类) as dated reference rows of the set "categories".

The four fields of the national practice: filing condition (立案条件), limit (时限), closing condition (结案条件),
responsible unit (责任单位). Municipal manuals disagree on numbers and limits, so a row names its scheme, the manual
its limits are from, and what other manuals print.

    [[scheme]]      code, label, valid_from, source, status
    [[manual]]      code, label, source
    [[group]]       code, label, class ("component" 部件 or "event" 事件), number
    [defaults]      limits that a category has unless it says otherwise
    [[category]]    code, scheme, group, number, label, filing, closing, unit, manual, source, status,
                    limits.NAME = [{ step, amount, unit, calendar, label }], also = [{ manual, zh, en }]
    [[overlay]]     scheme, code, source, status and any of the above: a later row of the same category

A row's `data`: zh, en, scheme, class, group, group_zh, group_en, number, filing, closing ({zh, en}), unit, manual,
manual_zh, manual_en, limits, also, urgent. `unit` is a unit's code, or "street": the centre of the street where
the problem lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from civicloop.kernel.facts.grams import holds
from civicloop.kernel.facts.packfile import Table, read_file, refuse_repeats
from civicloop.kernel.facts.reference import STATUSES, NewReference, Snapshot, Status
from civicloop.kernel.label import Label
from civicloop.kernel.time.calendar import UNITS
from civicloop.kernel.time.clock import Instant

SET = "categories"
CLASSES = {"component": Label("部件", "Component"), "event": Label("事件", "Event")}
OF_THE_STREET = "street"

_ROW_KEYS = {
    *(
        "code",
        "scheme",
        "group",
        "number",
        "label",
        "filing",
        "closing",
        "unit",
        "manual",
        "source",
        "status",
    ),
    *("limits", "also", "urgent", "keywords", "note"),
}


def read_categories(path: Path, zone: ZoneInfo, units: set[str], calendars: set[str]) -> list[NewReference]:
    """The rows of a categories.toml; `units` and `calendars` are the names a row may use."""
    top = read_file(path)
    top.only({"scheme", "manual", "group", "defaults", "category", "overlay"})
    reader = _Reader(top, zone, units, calendars)
    refuse_repeats(top.tables("category"), "code")
    refuse_repeats(top.tables("overlay"), "code", "scheme")
    rows = [reader.category(table) for table in top.tables("category")]
    base = {row.code: row for row in rows}
    return [*rows, *(reader.overlay(table, base) for table in top.tables("overlay"))]


def named(snapshot: Snapshot, at: Instant, word: str) -> list[str]:
    """The codes of the categories whose name at `at`, in either language, holds one word of a question."""
    rows = snapshot.all(SET, at)
    return [
        row.code for row in rows if any(holds(str(row.data.get(name, "")), word) for name in ("zh", "en"))
    ]


class _Reader:
    """What every row of one file is read against: its schemes, manuals, groups, defaults."""

    def __init__(self, top: Table, zone: ZoneInfo, units: set[str], calendars: set[str]) -> None:
        self._units = units | {OF_THE_STREET}
        self._calendars = calendars
        self._schemes = {t.word("code"): self._scheme(t, zone) for t in top.tables("scheme")}
        self._manuals = {t.word("code"): t.label("label") for t in top.tables("manual")}
        self._groups = {
            t.word("code"): (t.label("label"), t.choice("class", CLASSES), t.word("number"))
            for t in top.tables("group")
        }
        self._defaults = self._limits(top.table("defaults").table("limits"))

    def _scheme(self, table: Table, zone: ZoneInfo) -> Instant:
        table.only({"code", "label", "valid_from", "source", "status"})
        table.label("label")
        table.word("source")
        table.choice("status", STATUSES)
        start = table.day("valid_from", zone)
        if start is None:
            raise table.fault("valid_from", "缺少这个键，请补上。", "is missing; add it")
        return start

    def category(self, table: Table) -> NewReference:
        table.only(_ROW_KEYS)
        group, kind, number = self._groups[table.choice("group", self._groups)]
        label = table.label("label")
        data: dict[str, Any] = {
            "zh": label.zh,
            "en": label.en,
            "class": kind,
            "group": table.word("group"),
            "group_zh": group.zh,
            "group_en": group.en,
            "number": f"{number}{table.word('number')}",
            "urgent": table.values.get("urgent") is True,
            "keywords": list(table.words("keywords", ())),
            "also": [],
            "limits": dict(self._defaults),
        }
        for key in ("filing", "closing", "unit", "manual"):
            if key not in table.values:
                raise table.fault(key, "缺少这个键，请补上。", "is missing; add it")
        return self._row(table, data)

    def overlay(self, table: Table, base: dict[str, NewReference]) -> NewReference:
        table.only(_ROW_KEYS)
        below = base[table.choice("code", base)]
        return self._row(table, {**below.data, "limits": dict(below.data["limits"])})

    def _row(self, table: Table, data: dict[str, Any]) -> NewReference:
        scheme = table.choice("scheme", self._schemes)
        data["scheme"] = scheme
        for key in ("filing", "closing", "note"):
            if key in table.values:
                text = table.label(key)
                data[key] = {"zh": text.zh, "en": text.en}
        if "unit" in table.values:
            data["unit"] = table.choice("unit", self._units)
        if "manual" in table.values:
            manual = table.choice("manual", self._manuals)
            data["manual"] = manual
            data["manual_zh"], data["manual_en"] = self._manuals[manual].zh, self._manuals[manual].en
        if "also" in table.values:
            data["also"] = [self._also(other) for other in table.tables("also")]
        data["limits"] |= self._limits(table.table("limits"))
        status: Status = table.choice("status", STATUSES)  # type: ignore[assignment]
        return NewReference(
            SET, table.word("code"), self._schemes[scheme], data, table.word("source"), status
        )

    def _also(self, table: Table) -> dict[str, str]:
        table.only({"manual", "zh", "en"})
        manual = table.choice("manual", self._manuals)
        return {"manual": manual, "zh": table.word("zh"), "en": table.word("en")}

    def _limits(self, table: Table) -> dict[str, list[dict[str, Any]]]:
        return {name: [self._step(step) for step in table.tables(name)] for name in table.values}

    def _step(self, table: Table) -> dict[str, Any]:
        table.only({"step", "amount", "unit", "calendar", "label", "status"})
        amount = table.whole("amount")
        if amount <= 0:
            raise table.fault("amount", "应大于零。", "must be above zero")
        step: dict[str, Any] = {
            "step": table.values.get("step", ""),
            "amount": amount,
            "unit": table.choice("unit", UNITS),
            "calendar": table.choice("calendar", self._calendars),
        }
        if "label" in table.values:
            label = table.label("label")
            step["zh"], step["en"] = label.zh, label.en
        if "status" in table.values:
            step["status"] = table.choice("status", STATUSES)
        return step
