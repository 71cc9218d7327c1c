"""Lists of cases: filters, order and pages, in SQL that the indexes serve.

The order of a queue is what falls due next; cases without a running clock come after, oldest first. A page
ends with a cursor, so that a list that changes meanwhile neither repeats nor skips a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.facts import search
from civicloop.kernel.label import Label
from civicloop.kernel.people.permissions import within
from civicloop.kernel.people.roles import Actor
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant

MOST = 200

_BAD_CURSOR = Label(
    "翻页标记无效,请从第一页开始。", "This page mark is not valid; start from the first page."
)

Order = Literal["due", "newest", "oldest"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases; an empty value asks for nothing. Several values of one kind mean any of them."""

    process: str
    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    streets: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    holder: str = ""
    source: str = ""
    open: bool | None = None
    breached: bool | None = None
    due_before: Instant | None = None
    opened_from: Instant | None = None
    opened_before: Instant | None = None
    box: tuple[float, float, float, float] | None = None  # west, south, east, north
    words: str = ""


@dataclass(frozen=True, slots=True)
class CasePage:
    """One page of a list; `after` is the cursor of the next, "" at the end."""

    cases: tuple[Case, ...]
    after: str


def conditions(district: str, wanted: Filter, actor: Actor, by: frozenset[str]) -> tuple[str, list[Any]]:
    """The WHERE of a filter, kept to what the actor may see as one of `by`."""
    parts = ["district = ?", "process = ?"]
    params: list[Any] = [district, wanted.process]
    if wanted.open is not None:
        # A closed case only waits for objections: it is nobody's work. The index of open cases knows `ended_at`.
        parts.append(
            "ended_at IS NULL AND closed_at IS NULL"
            if wanted.open
            else "(ended_at IS NOT NULL OR closed_at IS NOT NULL)"
        )
    for column, values in (
        ("state", wanted.states), ("kind", wanted.kinds), ("street", wanted.streets),
        ("community", wanted.communities), ("unit", wanted.units),
        ("holder", (wanted.holder,) if wanted.holder else ()), ("source", (wanted.source,) if wanted.source else ()),
    ):  # fmt: skip
        if values:
            parts.append(
                f"{column} = ?" if len(values) == 1 else f"{column} IN ({', '.join('?' * len(values))})"
            )
            params += values
    if wanted.breached is not None:
        parts.append("breaches > 0" if wanted.breached else "breaches = 0")
    for sql, value in (
        ("due_at < ?", wanted.due_before),
        ("opened_at >= ?", wanted.opened_from),
        ("opened_at < ?", wanted.opened_before),
    ):
        if value is not None:
            parts.append(sql)
            params.append(value)
    if wanted.box is not None:
        parts.append("lon BETWEEN ? AND ? AND lat BETWEEN ? AND ?")
        west, south, east, north = wanted.box
        params += [west, east, south, north]
    condition, more = within(actor, by, district)
    if condition != "1 = 1":
        parts.append(condition)
        params += more
    return " AND ".join(parts), params


def page(
    tx: Tx,
    district: str,
    wanted: Filter,
    actor: Actor,
    by: frozenset[str],
    *,
    order: Order = "due",
    after: str = "",
    limit: int = 50,
) -> CasePage:
    """One page of the cases of a filter that the actor may see; Invalid for a cursor that is none."""
    limit = max(1, min(limit, MOST))
    if wanted.words:
        return _found(tx, district, wanted, actor, by, after, limit)
    where, params = conditions(district, wanted, actor, by)
    if order == "due":
        return _by_due(tx, where, params, after, limit)
    column, arrow, sign = ("opened_at", "DESC", "<") if order == "newest" else ("opened_at", "ASC", ">")
    if after:
        at, case_id = _cursor(after)
        where += f" AND (opened_at, id) {sign} (?, ?)"
        params += [at, case_id]
    sql = f"{SELECT_CASE} WHERE {where} ORDER BY {column} {arrow}, id {arrow} LIMIT ?"
    cases = [case_of_row(row) for row in tx.all(sql, (*params, limit + 1))]
    return _page(cases, limit, lambda case: [case.opened_at, case.id])


def count(
    tx: Tx, district: str, wanted: Filter, actor: Actor, by: frozenset[str], *, most: int = 10_000
) -> int:
    """How many cases, counted no further than `most`."""
    where, params = conditions(district, wanted, actor, by)
    row = tx.one(f"SELECT COUNT(*) FROM (SELECT 1 FROM cases WHERE {where} LIMIT ?) counted", (*params, most))
    return int(row[0]) if row else 0


def _by_due(tx: Tx, where: str, params: Sequence[Any], after: str, limit: int) -> CasePage:
    due, case_id = _cursor(after) if after else (None, "")
    cases: list[Case] = []
    if not after or due is not None:
        sql, more = f"{SELECT_CASE} WHERE {where} AND due_at IS NOT NULL", list(params)
        if after:
            sql += " AND (due_at, id) > (?, ?)"
            more += [due, case_id]
        cases = [case_of_row(r) for r in tx.all(sql + " ORDER BY due_at, id LIMIT ?", (*more, limit + 1))]
        case_id = ""
    if len(cases) <= limit:
        sql = f"{SELECT_CASE} WHERE {where} AND due_at IS NULL AND id > ? ORDER BY id LIMIT ?"
        cases += [case_of_row(r) for r in tx.all(sql, (*params, case_id, limit + 1 - len(cases)))]
    return _page(cases, limit, lambda case: [case.due_at, case.id])


def _found(
    tx: Tx, district: str, wanted: Filter, actor: Actor, by: frozenset[str], after: str, limit: int
) -> CasePage:
    """The newest cases whose words match; the filter is applied to what the index finds."""
    where, params = conditions(district, wanted, actor, by)
    kept: list[Case] = []
    last: str | None = str(_cursor(after)[1]) if after else None
    for _ in range(8):
        ids = search.find(tx, district, wanted.words, MOST, after=last)
        if not ids:
            break
        last = ids[-1]
        sql = f"{SELECT_CASE} WHERE {where} AND id IN ({', '.join('?' * len(ids))})"
        by_id = {case.id: case for case in map(case_of_row, tx.all(sql, (*params, *ids)))}
        kept += [by_id[i] for i in ids if i in by_id]
        if len(kept) > limit or len(ids) < MOST:
            break
    return _page(kept, limit, lambda case: [0, case.id])


def _page(cases: list[Case], limit: int, key: Any) -> CasePage:
    more = len(cases) > limit
    shown = tuple(cases[:limit])
    return CasePage(shown, msgspec.json.encode(key(shown[-1])).hex() if more else "")


def _cursor(text: str) -> tuple[Instant | None, str]:
    try:
        at, case_id = msgspec.json.decode(bytes.fromhex(text), type=tuple[int | None, str])
    except (ValueError, msgspec.MsgspecError):
        raise Invalid(_BAD_CURSOR, fields={"after": _BAD_CURSOR}) from None
    return at, case_id


def number_or_id(tx: Tx, district: str, text: str) -> str | None:
    """The id of the case with this id or number."""
    row = tx.one(
        "SELECT id FROM cases WHERE district = ? AND (id = ? OR number = ?)",
        (district, text, text.strip().upper()),
    )
    return None if row is None else str(row[0])
