"""Lists: every case once, in the order that is promised, from page to page; and by the indexes that were made for them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from civicloop.kernel.cases import queue
from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.facts import search
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import MINUTE, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import BOSS, CHECKER, DISTRICT, WORKER, engine_over

BY = frozenset({"boss"})
CASES = 45


def work(engine: Engine, clock: VirtualClock, count: int = CASES) -> None:
    """Cases in every part of a list: running, on hold, closed, and so on."""
    for n in range(count):
        clock.advance(7 * MINUTE)
        case = engine.open("job", "ask", {"what": f"mend {n}"}, PUBLIC).case_id
        if n % 5 == 1:
            engine.perform(case, "hold", {"reason": "rain"}, BOSS)
        if n % 5 in (2, 3, 4):
            engine.perform(case, "take", {}, WORKER)
        if n % 5 in (3, 4):
            engine.perform(case, "report", {"what": "done"}, WORKER)
        if n % 5 == 4:
            engine.perform(case, "close", {}, CHECKER)


@pytest.fixture
def engine(store: Store, clock: VirtualClock, ids: SeededIds) -> Engine:
    made = engine_over(store, clock, ids)
    work(made, clock)
    return made


def everything(tx: Tx) -> list[Case]:
    return [case_of_row(row) for row in tx.all(f"{SELECT_CASE} WHERE district = ?", (DISTRICT,))]


def promised(cases: list[Case]) -> list[str]:
    """What falls due next, then what has no running clock, oldest first, then what is done, newest first."""
    done = [c for c in cases if c.ended_at is not None or c.closed_at is not None]
    live = [c for c in cases if c not in done]
    due = sorted((c for c in live if c.due_at is not None), key=lambda c: (c.due_at, c.id))
    rest = sorted((c for c in live if c.due_at is None), key=lambda c: c.id)
    return [c.id for c in (*due, *rest, *sorted(done, key=lambda c: c.id, reverse=True))]


def walked(tx: Tx, wanted: Filter, limit: int) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = queue.page(tx, DISTRICT, wanted, BOSS, BY, after=after, limit=limit)
        found += [case.id for case in page.cases]
        if not page.after:
            return found
        assert len(page.cases) == limit
        after = page.after


@pytest.mark.parametrize("limit", [1, 4, 9, 100])
def test_every_case_stands_once_in_its_place(engine: Engine, store: Store, limit: int) -> None:
    with store.read() as tx:
        cases = everything(tx)
        for is_open, states in product(
            (None, True, False), ((), ("doing",), ("closed", "held"), ("merged",))
        ):
            fit = [
                c
                for c in cases
                if (not states or c.state in states)
                and (is_open is None or is_open == (c.ended_at is None and c.closed_at is None))
            ]
            wanted = Filter("job", states=states, open=is_open)
            assert walked(tx, wanted, limit) == promised(fit), wanted
            for most in (3, 1000):
                counted = queue.count(tx, DISTRICT, wanted, BOSS, BY, most=most)
                assert counted == len(fit) or min(counted, len(fit)) >= most, wanted
                first = queue.page(tx, DISTRICT, wanted, BOSS, BY, limit=limit, counted=most)
                assert first.count == min(len(fit), most), wanted
                assert first.cases == queue.page(tx, DISTRICT, wanted, BOSS, BY, limit=limit).cases, wanted


def test_a_search_goes_on_where_it_had_looked_enough(
    engine: Engine, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.read() as tx:
        cases = everything(tx)
    store.write(
        lambda tx: search.index(tx, DISTRICT, [(c.id, c.seq, search.Words(f"mend {c.state}")) for c in cases])
    )
    monkeypatch.setattr(queue, "MOST", 3)
    monkeypatch.setattr(queue, "_ROUNDS", 2)
    newest = [c.id for c in sorted(cases, key=lambda c: c.seq, reverse=True) if c.state == "held"]
    found: list[str] = []
    after = ""
    with store.read() as tx:
        while True:
            wanted = Filter("job", states=("held",), words="mend")
            page = queue.page(tx, DISTRICT, wanted, BOSS, BY, after=after, limit=2)
            found += [case.id for case in page.cases]
            if not page.after:
                break
            after = page.after
    assert found == newest


def test_a_case_is_found_by_id_and_by_number(engine: Engine, store: Store) -> None:
    with store.read() as tx:
        for case in everything(tx)[:5]:
            assert queue.number_or_id(tx, DISTRICT, case.id) == case.id
            assert queue.number_or_id(tx, DISTRICT, f" {case.number.lower()} ") == case.id
        assert queue.number_or_id(tx, DISTRICT, "nothing") is None


WANTED = [
    Filter("job", **dict(zip(names, values, strict=True)), open=is_open)  # type: ignore[arg-type]
    for names, values in (
        ((), ()),
        (("kinds",), (("a",),)),
        (("streets", "communities"), (("a",), ("b",))),
        (("units", "states", "breached"), (("a",), ("doing",), True)),
        (("holder", "kinds"), ("a", ("b",))),
        (("communities", "kinds", "breached"), (("a",), ("b",), False)),
    )
    for is_open in (None, True, False)
]


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_a_list_reads_indexes_and_no_row_before_it_has_chosen(
    wanted: Filter, sqlite_url: str, clock: VirtualClock, ids: SeededIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(sqlite_url, clock, inline=True)
    engine_over(store, clock, ids)
    asked: list[tuple[str, Any]] = []
    with store.read() as tx:
        everything_of = tx.all
        tx.all = lambda sql, params=(): asked.append((sql, params)) or everything_of(sql, params)  # type: ignore[func-returns-value]
        queue.page(tx, DISTRICT, wanted, BOSS, BY)
        queue.count(tx, DISTRICT, wanted, BOSS, BY)
        assert asked
        for sql, params in asked:
            plan = " / ".join(row[3] for row in everything_of("EXPLAIN QUERY PLAN " + sql, params))
            unfiltered = (
                wanted.open is not True and " AND (ended_at IS NOT NULL" in sql and "PRIMARY KEY" in plan
            )
            assert "COVERING INDEX cases_" in plan or unfiltered, f"{sql}\n{plan}"
            assert "TEMP B-TREE" not in plan, f"{sql}\n{plan}"
    store.close()


def test_who_did_what_is_asked_of_the_case_alone(
    sqlite_url: str, clock: VirtualClock, ids: SeededIds
) -> None:
    store = open_store(sqlite_url, clock, inline=True)
    engine = engine_over(store, clock, ids)
    work(engine, clock, 5)
    asked: list[tuple[str, Any]] = []
    with store.read() as tx:
        case = next(c for c in everything(tx) if c.state == "closed")
        everything_of = tx.all
        tx.all = lambda sql, params=(): asked.append((sql, params)) or everything_of(sql, params)  # type: ignore[func-returns-value]
        assert engine.doers(tx, case) == {"report": [WORKER.signature]}
        for sql, params in asked:
            plan = " / ".join(row[3] for row in everything_of("EXPLAIN QUERY PLAN " + sql, params))
            assert "SEARCH history USING INDEX history_case (district=? AND case_id=? AND seq>?)" in plan, (
                plan
            )
    store.close()
