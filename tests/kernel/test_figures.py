"""Figures: the same question answered by SQLite, PostgreSQL and DuckDB, by hand, and by the rows behind the number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.figures import service
from civicloop.kernel.figures.analytics import Analytics
from civicloop.kernel.figures.metric import Column, Condition, Elapsed, Metric, Question
from civicloop.kernel.figures.segments import Segments
from civicloop.kernel.figures.service import Figures
from civicloop.kernel.figures.sql import Writer
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import importer
from civicloop.kernel.refusal import Invalid, Missing
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, VirtualClock
from civicloop.kernel.time.ids import Draws, SeededIds
from tests.kernel.cases import DISTRICT, engine_over, label

TO_CLOSE = Elapsed("opened_at", "closed_at")
CLOSED = (Condition("closed_at", "known"),)
EIGHT_HOURS = 8 * HOUR


def metric(name: str, aggregator: Any, **more: Any) -> Metric:
    return Metric(name, label(name), label(name), "job", aggregator, Label("时", "h"), **more)


METRICS = {
    m.name: m
    for m in (
        metric("count", "count"),
        metric("closed", "count", where=CLOSED),
        metric("mean", "mean", measure=TO_CLOSE, where=CLOSED),
        metric("median", "median", measure=TO_CLOSE, where=CLOSED),
        metric("p90", "p90", measure=TO_CLOSE, where=CLOSED),
        metric("sum", "sum", measure=Column("reports")),
        metric("fast", "share", where=CLOSED, holds=(Condition(TO_CLOSE, "<=", 2.0),)),
        metric("named", "count", where=(Condition("data.what", "=", "job 3"),)),
    )
}


@pytest.fixture
def engine(store: Store, clock: VirtualClock, ids: SeededIds) -> Engine:
    """Sixty cases of past months, most of them closed after some hours; deterministic."""
    made = engine_over(store, clock, ids)
    draws, who, now = Draws("figures"), importer("test"), clock.now()
    for number in range(60):
        at = now - (70 - number) * DAY - draws.below(DAY)
        source = draws.pick(("web", "hotline"))
        case = made.open(
            "job", "ask", {"what": f"job {number % 7}"}, who, happened_at=at, source=source
        ).case_id
        if draws.happens(80):
            for action, given in (("take", {}), ("report", {"what": "done"}), ("close", {})):
                at += draws.below(3 * HOUR) + MINUTE
                made.perform(case, action, given, who, happened_at=at)
    return made


@pytest.fixture
def figures(engine: Engine, tmp_path: Path) -> Iterator[Figures]:
    made = Figures(
        DISTRICT,
        engine.store,
        METRICS,
        EIGHT_HOURS,
        Analytics(engine.store.url, DISTRICT, tmp_path / "segments"),
    )
    yield made
    made.close()


def hours(store: Store, source: str = "") -> list[float]:
    with store.read() as tx:
        rows = tx.all("SELECT opened_at, closed_at, source FROM cases WHERE closed_at IS NOT NULL", ())
    return sorted((closed - opened) / HOUR for opened, closed, where in rows if not source or where == source)


def nearest_rank(values: list[float], part: int, whole: int) -> float:
    return values[-(-len(values) * part // whole) - 1]


def test_the_numbers_are_those_worked_out_by_hand(figures: Figures, engine: Engine) -> None:
    values = hours(engine.store)
    expected = {
        "count": 60, "closed": len(values), "mean": sum(values) / len(values), "median": nearest_rank(values, 1, 2),
        "p90": nearest_rank(values, 9, 10), "sum": 0, "fast": 100 * sum(v <= 2 for v in values) / len(values),
    }  # fmt: skip
    for name, value in expected.items():
        assert figures.answer(name, Question()).whole.value == pytest.approx(value), name
    assert figures.answer("named", Question()).whole.rows == 9


def test_groups_and_filters_agree_with_the_rows_behind_them(figures: Figures, engine: Engine) -> None:
    for name in ("closed", "median", "fast"):
        answer = figures.answer(name, Question("source"))
        assert {cell.key for cell in answer.groups} == {"web", "hotline"}
        for cell in answer.groups:
            only = Question(only=(("source", cell.key),))
            assert figures.answer(name, only).whole == service.Cell("", cell.value, cell.rows)
            _, rows, after = figures.rows(name, only, ("source",), limit=100)
            assert (len(rows), after) == (cell.rows, "")
            assert {row["source"] for row in rows} == {cell.key}
    web = hours(engine.store, "web")
    assert figures.answer("median", Question(only=(("source", "web"),))).whole.value == pytest.approx(
        nearest_rank(web, 1, 2)
    )


def test_a_share_opens_to_what_holds_and_what_does_not(figures: Figures) -> None:
    whole = figures.answer("fast", Question()).whole
    counts = [
        len(figures.rows("fast", Question(), (), limit=100, holding=holding)[1]) for holding in (True, False)
    ]
    assert sum(counts) == whole.rows
    assert whole.value == pytest.approx(100 * counts[0] / whole.rows)


def test_rows_come_in_pages_without_gaps(figures: Figures) -> None:
    seen: list[str] = []
    after = ""
    while True:
        _, rows, after = figures.rows("count", Question(), (), after=after, limit=17)
        seen += [row["id"] for row in rows]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 60


def test_months_begin_at_the_districts_midnight(figures: Figures, engine: Engine) -> None:
    answer = figures.answer("count", Question("month"))
    with engine.store.read() as tx:
        moments = [row[0] + EIGHT_HOURS for row in tx.all("SELECT opened_at FROM cases", ())]
    assert sum(cell.rows for cell in answer.groups) == len(moments) == 60
    assert len({cell.key for cell in answer.groups}) >= 3


def test_duckdb_gives_the_same_answers(
    figures: Figures, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [
        (n, q) for n in METRICS for q in (Question(), Question("source"), Question("month"), Question("kind"))
    ]
    from_store = figures.answers(questions)
    monkeypatch.setattr(service, "ENOUGH_FOR_ANALYTICS", 0)
    for mine, other in zip(from_store, figures.answers(questions), strict=True):
        assert (other.engine, other.seq) == ("duckdb", mine.seq)
        assert [(c.key, c.rows) for c in (mine.whole, *mine.groups)] == [
            (c.key, c.rows) for c in (other.whole, *other.groups)
        ]
        for left, right in zip((mine.whole, *mine.groups), (other.whole, *other.groups), strict=True):
            assert left.value == pytest.approx(right.value)
    ids_of_duckdb = [row["id"] for row in figures.rows("closed", Question(), (), limit=100)[1]]
    monkeypatch.setattr(service, "ENOUGH_FOR_ANALYTICS", 10**9)
    assert ids_of_duckdb == [row["id"] for row in figures.rows("closed", Question(), (), limit=100)[1]]


def test_segments_follow_the_history_and_fold_to_the_latest(
    engine: Engine, clock: VirtualClock, tmp_path: Path
) -> None:
    folder = tmp_path / "segments"
    first = Segments(engine.store, DISTRICT, folder)
    sql, params = Writer("duckdb", DISTRICT, 0).headline(METRICS["closed"], Question())
    first.catch_up()
    before = first.ask(sql, params)[0][1]
    with engine.store.read() as tx:
        (case_id,) = tx.one("SELECT id FROM cases WHERE state = 'asked' LIMIT 1", ()) or ("",)
    for action, given in (("take", {}), ("report", {"what": "done"}), ("close", {})):
        clock.advance(HOUR)
        engine.perform(case_id, action, given, importer("test"))
    first.catch_up()
    assert first.ask(sql, params)[0][1] == before + 1
    assert first.ask("SELECT COUNT(*) FROM cases", [])[0][0] == 60
    first.close()
    again = Segments(engine.store, DISTRICT, folder)
    assert (again.seq, again.ask(sql, params)[0][1]) == (first.seq, before + 1)
    again.close()


def test_unknown_names_are_answered_with_the_known_ones(figures: Figures) -> None:
    with pytest.raises(Missing, match="median"):
        figures.answer("speed", Question())
    with pytest.raises(Invalid, match="street"):
        figures.answer("mean", Question("colour"))
