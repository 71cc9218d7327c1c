"""Lists of cases: filters, order and pages, in SQL that the indexes serve.

The order of a queue is what falls due next; cases without a running clock come after, oldest first; those that are done
come last, newest first. A page ends with a cursor, so that a list that changes meanwhile neither repeats nor skips a case.

What runs and what is done are asked for apart, each by indexes of its own that hold all that is filtered by: a page is
found as ids first, and then only its rows are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

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
    "翻页标记无效，请从第一页开始。", "This page mark is not valid; start from the first page."
)

# A closed case only waits for objections: it is nobody's work. The words are those of the indexes in 0003_lists.sql.
_LIVE = "ended_at IS NULL AND closed_at IS NULL"
_DONE = "(ended_at IS NOT NULL OR closed_at IS NOT NULL)"

Phase = Literal[0, 1, 2]  # live with a moment that falls due, live without, done
_Moment = Annotated[Instant, msgspec.Meta(ge=-(2**62), le=2**62)]
Place = tuple[Phase, _Moment | None, str]  # of a case in a list: phase, due moment, id

_PHASES: dict[Phase, tuple[str, str, str, str]] = {  # due moment, condition, what comes after a place, order
    0: ("due_at", f"{_LIVE} AND due_at IS NOT NULL", "(due_at, id) > (?, ?)", "due_at, id"),
    1: ("NULL", f"{_LIVE} AND due_at IS NULL", "id > ?", "id"),
    2: ("NULL", _DONE, "id < ?", "id DESC"),
}
_ROUNDS = 8  # of a search, each over `MOST` finds


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
    """One page of a list; `after` is the cursor of the next, "" at the end.

    `count` is how many cases the list has, counted no further than was asked for; None where that is not told.
    """

    cases: tuple[Case, ...]
    after: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The live or the done cases of a filter in SQL; the index of the live ones knows their positions too."""

    live: bool
    where: str
    order: str
    params: list[Any]


def parts(district: str, wanted: Filter, actor: Actor, by: frozenset[str]) -> list[Part]:
    """What a filter asks for, kept to what the actor may see as one of `by`; the parts together are all of it."""
    where, params = _conditions(district, wanted, actor, by)
    found = []
    if wanted.open is not False:
        found.append(Part(True, f"{where} AND {_LIVE}", "due_at, id", params))
    if wanted.open is not True:
        found.append(Part(False, f"{where} AND {_DONE}", "id DESC", params))
    return found


def _conditions(district: str, wanted: Filter, actor: Actor, by: frozenset[str]) -> tuple[str, list[Any]]:
    """The WHERE of a filter but for `open`, kept to what the actor may see as one of `by`."""
    parts = ["district = ?", "process = ?"]
    params: list[Any] = [district, wanted.process]
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
    after: str = "",
    limit: int = 50,
    named: search.Named | None = None,
    counted: int = 0,
) -> CasePage:
    """One page of the cases of a filter that the actor may see; Invalid for a cursor that is none.

    `named` gives the categories that a word of the filter names. With `counted` a first page without words tells how
    many there are, up to that: what the filter leaves over is looked through once for both.
    """
    limit = max(1, min(limit, MOST))
    if wanted.words:
        return _found(tx, district, wanted, actor, by, after, limit, named)
    where, params = _conditions(district, wanted, actor, by)
    last = _cursor(after) if after else None
    places: list[Place] = []
    wanting = limit + 1 if last is not None else max(limit + 1, counted)
    for phase, (due, condition, beyond, order) in _PHASES.items():
        if wanted.open is not None and wanted.open != (phase != 2):
            continue
        if len(places) >= wanting or (last is not None and phase < last[0]):
            continue
        sql, more = f"SELECT {due}, id FROM cases WHERE {where} AND {condition}", list(params)
        if last is not None and phase == last[0]:
            sql += f" AND {beyond}"
            more += last[1:] if phase == 0 else last[2:]
        rows = tx.all(f"{sql} ORDER BY {order} LIMIT ?", (*more, wanting - len(places)))
        places += [(phase, due_at, case_id) for due_at, case_id in rows]
    by_id = {case.id: case for case in _cases(tx, district, [place[2] for place in places[:limit]])}
    return CasePage(
        tuple(by_id[place[2]] for place in places[:limit]),
        _mark(places[limit - 1]) if len(places) > limit else "",
        min(len(places), counted) if counted and last is None else None,
    )


def count(
    tx: Tx,
    district: str,
    wanted: Filter,
    actor: Actor,
    by: frozenset[str],
    *,
    most: int = 10_000,
) -> int:
    """How many cases, counted no further than `most`."""
    found = 0
    for part in parts(district, wanted, actor, by):
        if found < most:
            sql = f"SELECT COUNT(*) FROM (SELECT 1 FROM cases WHERE {part.where} LIMIT ?) counted"
            found += int(tx.all(sql, (*part.params, most - found))[0][0])
    return found


def _cases(tx: Tx, district: str, ids: Sequence[str]) -> list[Case]:
    """The cases of these ids, in no order."""
    if not ids:
        return []
    sql = f"{SELECT_CASE} WHERE district = ? AND id IN ({', '.join('?' * len(ids))})"
    return [case_of_row(row) for row in tx.all(sql, (district, *ids))]


def _found(
    tx: Tx,
    district: str,
    wanted: Filter,
    actor: Actor,
    by: frozenset[str],
    after: str,
    limit: int,
    named: search.Named | None,
) -> CasePage:
    """The newest cases whose words match; the filter is applied to what the index finds.

    So much is looked through for one page; where that is not the end, the next page goes on from there.
    """
    chosen = parts(district, wanted, actor, by)
    kept: list[str] = []
    last: str | None = _cursor(after)[2] if after else None
    more = True
    for _ in range(_ROUNDS):
        ids = search.find(tx, district, wanted.words, MOST, after=last, named=named)
        if ids:
            last = ids[-1]
            marks = ", ".join("?" * len(ids))
            fit = {
                row[0]
                for part in chosen
                for row in tx.all(
                    f"SELECT id FROM cases WHERE {part.where} AND id IN ({marks})", (*part.params, *ids)
                )
            }
            kept += [case_id for case_id in ids if case_id in fit]
        more = len(ids) == MOST
        if len(kept) > limit or not more:
            break
    shown = kept[:limit]
    by_id = {case.id: case for case in _cases(tx, district, shown)}
    onward = shown[-1] if len(kept) > limit else last if more else None
    return CasePage(tuple(by_id[i] for i in shown), _mark((0, None, onward)) if onward else "")


def _mark(place: Place) -> str:
    return msgspec.json.encode(place).hex()


def _cursor(text: str) -> Place:
    try:
        place: Place = msgspec.json.decode(bytes.fromhex(text), type=Place)
    except (ValueError, msgspec.MsgspecError):
        raise Invalid(_BAD_CURSOR, fields={"after": _BAD_CURSOR}) from None
    return place


def number_or_id(tx: Tx, district: str, text: str) -> str | None:
    """The id of the case with this id or number."""
    # Two questions, each for its own index.
    row = tx.one(
        "SELECT id FROM cases WHERE district = ? AND id = ? UNION ALL SELECT id FROM cases WHERE district = ? AND number = ?",
        (district, text, district, text.strip().upper()),
    )
    return None if row is None else str(row[0])
