"""The engine on both databases: what moves, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from civicloop.kernel.cases import history, reports, rows
from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.cases.limits import LimitClock
from civicloop.kernel.cases.process import Action, Field, Limit, Process, State, work_days
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.people.roles import PUBLIC, importer
from civicloop.kernel.refusal import Conflict, Forbidden, Guarded, Invalid, Missing, NotNow, Refusal
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.calendar import Calendar, CalendarSet
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, VirtualClock, parse_instant
from civicloop.kernel.time.duty import DayRow, Week, weekly
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import (
    BOSS,
    BOTH,
    CHECKER,
    DISTRICT,
    JOB,
    OTHER_WORKER,
    WHAT,
    WORKER,
    engine_over,
    label,
)


@pytest.fixture
def engine(store: Store, clock: VirtualClock, ids: SeededIds) -> Engine:
    return engine_over(store, clock, ids)


def asked(engine: Engine, what: str = "mend", **more: Any) -> str:
    return engine.open("job", "ask", {"what": what}, PUBLIC, **more).case_id


def dump(store: Store) -> list[Any]:
    """Every row of every table of the kernel's that an action can write."""
    with store.read() as tx:
        tables = (
            "cases",
            "history",
            "clocks",
            "reports",
            "report_links",
            "outbox",
            "chain_heads",
            "personal",
        )
        return [sorted(map(repr, tx.all(f"SELECT * FROM {table}"))) for table in tables]


def state(engine: Engine, case_id: str) -> str:
    with engine.store.read() as tx:
        return engine.case(tx, case_id).state


def test_a_case_goes_from_opening_to_its_end(engine: Engine, clock: VirtualClock) -> None:
    case_id = asked(engine)
    engine.perform(case_id, "take", {}, WORKER)
    engine.perform(case_id, "report", {"what": "mended"}, WORKER)
    receipt = engine.perform(case_id, "close", {}, CHECKER)
    assert receipt.state == "closed"
    clock.advance(8 * DAY)
    assert engine.tick() == 1
    with engine.store.read() as tx:
        case = engine.case(tx, case_id)
        assert (case.state, case.breaches) == ("archived", 0)
        # The archive happened when it fell due, however late the clock's tick came.
        assert case.ended_at == case.closed_at + 7 * DAY
        found = history.rows_of_case(tx, DISTRICT, case_id)
        assert [r.action for r in found] == ["ask", "take", "report", "close", "archive"]
        assert history.verify(tx, DISTRICT).broken is None
        assert tx.one("SELECT COUNT(*) FROM outbox", ()) == (1,)


@pytest.mark.parametrize(
    ("action", "given", "actor", "refusal"),
    [
        ("report", {"what": "x"}, WORKER, NotNow),
        ("take", {}, BOSS, Forbidden),
        ("take", {}, PUBLIC, Forbidden),
        ("fly", {}, WORKER, Missing),
        ("hold", {}, BOSS, Invalid),
        ("hold", {"reason": "x", "colour": "red"}, BOSS, Invalid),
        ("merge", {"master": "c-nowhere"}, BOSS, Invalid),
    ],
)
def test_a_refusal_changes_nothing(
    engine: Engine, action: str, given: dict[str, Any], actor: Any, refusal: type[Refusal]
) -> None:
    case_id = asked(engine)
    before = dump(engine.store)
    with pytest.raises(refusal) as caught:
        engine.perform(case_id, action, given, actor)
    assert caught.value.reason.zh
    assert dump(engine.store) == before


def test_a_guard_refuses_in_its_own_words(engine: Engine) -> None:
    case_id = asked(engine)
    engine.perform(case_id, "take", {}, WORKER)
    with pytest.raises(Guarded, match="Say what was done"):
        engine.perform(case_id, "report", {"what": "nothing"}, WORKER)


def test_who_handled_may_not_check(engine: Engine) -> None:
    case_id = asked(engine)
    engine.perform(case_id, "take", {}, BOTH)
    engine.perform(case_id, "report", {"what": "mended"}, BOTH)
    with pytest.raises(Forbidden, match="earlier step"):
        engine.perform(case_id, "close", {}, BOTH)
    engine.perform(case_id, "close", {}, CHECKER)
    engine.perform(case_id, "reopen", {}, BOSS)
    engine.perform(case_id, "take", {}, OTHER_WORKER)
    engine.perform(case_id, "report", {"what": "mended again"}, OTHER_WORKER)
    # Since the re-opening somebody else has handled it, so the first handler may check now.
    assert engine.perform(case_id, "close", {}, BOTH).state == "closed"


def test_two_at_once_and_a_stale_page(engine: Engine) -> None:
    case_id = asked(engine)
    engine.perform(case_id, "take", {}, WORKER, revision=1)
    before = dump(engine.store)
    with pytest.raises(Conflict) as caught:
        engine.perform(case_id, "hold", {"reason": "late"}, BOSS, revision=1)
    assert caught.value.extra["revision"] == 2
    assert dump(engine.store) == before


def test_a_breach_does_not_make_a_page_stale(engine: Engine, clock: VirtualClock) -> None:
    case_id = asked(engine)
    clock.advance(3 * HOUR)
    assert engine.tick() == 1
    engine.attach(case_id, ReportGiven("web", "again"), PUBLIC)
    assert engine.perform(case_id, "take", {}, WORKER, revision=1).state == "doing"


def test_the_same_key_answers_the_same(engine: Engine) -> None:
    report = ReportGiven("web", "a hole")
    first = engine.open("job", "ask", {"what": "hole"}, PUBLIC, key="k1", report=report)
    before = dump(engine.store)
    again = engine.open("job", "ask", {"what": "hole"}, PUBLIC, key="k1", report=report)
    assert again.repeated
    assert (again.case_id, again.tracking_code, again.seq) == (first.case_id, first.tracking_code, first.seq)
    with pytest.raises(Conflict):
        engine.open("job", "ask", {"what": "another"}, PUBLIC, key="k1", report=report)
    assert dump(engine.store) == before
    done = engine.perform(first.case_id, "take", {}, WORKER, key="k2")
    assert engine.perform(first.case_id, "take", {}, WORKER, key="k2").seq == done.seq
    with pytest.raises(Conflict):
        engine.perform(first.case_id, "hold", {"reason": "x"}, BOSS, key="k2")


def test_the_same_key_with_a_name_keeps_the_name_once(
    store: Store, clock: VirtualClock, ids: SeededIds
) -> None:
    who = Field("who", label("Who"), "text", required=False, personal=True)
    named = replace(
        JOB, name="named", children=(), actions=(replace(JOB.actions[0], evidence=(WHAT, who)), *JOB.actions[1:])
    )  # fmt: skip
    engine = engine_over(store, clock, ids, [named])
    given = {"what": "mend", "who": "王芳"}
    first = engine.open("named", "ask", given, PUBLIC, key="k")
    again = engine.open("named", "ask", given, PUBLIC, key="k")
    assert (again.case_id, again.repeated) == (first.case_id, True)
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM personal", ()) == (1,)
    for other in ({"what": "mend", "who": "李雷"}, {"what": "mend"}, {"what": "paint", "who": "王芳"}):
        with pytest.raises(Conflict):
            engine.open("named", "ask", other, PUBLIC, key="k")
    assert not engine.open("named", "ask", {"what": "mend"}, PUBLIC, key="l").repeated
    assert engine.open("named", "ask", {"what": "mend"}, PUBLIC, key="l").repeated


def test_clocks_pause_resume_and_restart(engine: Engine, clock: VirtualClock) -> None:
    start = clock.now()
    case_id = asked(engine)
    clock.advance(30 * MINUTE)
    engine.perform(case_id, "hold", {"reason": "rain"}, BOSS)
    clock.advance(5 * HOUR)
    assert engine.tick() == 0
    assert engine.perform(case_id, "resume", {}, BOSS).state == "asked"
    engine.perform(case_id, "take", {}, WORKER)
    clock.advance(10 * MINUTE)
    engine.perform(case_id, "report", {"what": "done"}, WORKER)
    clock.advance(10 * MINUTE)
    engine.perform(case_id, "rework", {"reason": "not clean"}, CHECKER)
    with engine.store.read() as tx:
        clocks = {(c.name, c.run): c for c in rows.load_clocks(tx, DISTRICT, case_id)}
        case = engine.case(tx, case_id)
    whole = clocks["whole", 1]
    assert (whole.status, whole.due_at) == ("running", start + 2 * HOUR + 5 * HOUR)
    assert clocks["do", 1].status == "stopped"
    assert clocks["do", 2].due_at == clock.now() + HOUR
    assert (case.reworks, case.due_at) == (1, min(whole.due_at or 0, clocks["do", 2].due_at or 0))


def test_what_is_due_is_performed_before_an_action(engine: Engine, clock: VirtualClock) -> None:
    opened = clock.now()
    case_id = asked(engine)
    clock.advance(5 * HOUR)
    engine.perform(case_id, "take", {}, WORKER)
    with engine.store.read() as tx:
        found = history.rows_of_case(tx, DISTRICT, case_id)
    assert [(r.action, r.happened_at - opened) for r in found] == [
        ("ask", 0),
        ("escalate", 2 * HOUR),
        ("take", 5 * HOUR),
    ]


def test_children_join_their_parent(engine: Engine) -> None:
    case_id = asked(engine)
    engine.perform(case_id, "take", {}, WORKER)
    engine.perform(case_id, "divide", {"count": 3}, BOSS)
    with engine.store.read() as tx:
        parts = [r[0] for r in tx.all("SELECT id FROM cases WHERE parent_id = ? ORDER BY id", (case_id,))]
    assert len(parts) == 3
    for part in parts[:2]:
        engine.perform(part, "finish", {}, WORKER)
    assert state(engine, case_id) == "split"
    engine.perform(parts[2], "finish", {}, WORKER)
    assert state(engine, case_id) == "checking"


def test_merging_moves_the_reports_and_can_be_undone(engine: Engine, clock: VirtualClock) -> None:
    master = engine.open("job", "ask", {"what": "hole"}, PUBLIC, report=ReportGiven("web", "a hole")).case_id
    clock.advance(MINUTE)
    double = engine.open("job", "ask", {"what": "pit"}, PUBLIC, report=ReportGiven("web", "a pit")).case_id
    engine.perform(double, "merge", {"master": master}, BOSS)

    def counts() -> list[tuple[int, int]]:
        with engine.store.read() as tx:
            return [
                (engine.case(tx, c).reports, len(reports.reports_of_case(tx, DISTRICT, c)))
                for c in (master, double)
            ]

    assert counts() == [(2, 2), (0, 0)]
    engine.attach(double, ReportGiven("web", "the same pit"), PUBLIC)
    assert counts() == [(3, 3), (0, 0)]
    engine.perform(double, "unmerge", {}, BOSS)
    assert state(engine, double) == "asked"
    assert counts() == [(2, 2), (1, 1)]
    with pytest.raises(Invalid):
        engine.perform(master, "merge", {"master": master}, BOSS)


@pytest.mark.parametrize("facts", [(("left", 0), ("came", 4)), (("came", 4), ("left", 0))])
def test_facts_in_any_order_give_the_same_clock(engine: Engine, clock: VirtualClock, facts: Any) -> None:
    case_id = asked(engine)
    base = clock.now()
    clock.advance(10 * HOUR)
    known: list[tuple[str, int]] = []
    for name, hour in facts:
        known.append((name, base + hour * HOUR))
        engine.observe(case_id, known, WORKER)

    def trip() -> Any:
        with engine.store.read() as tx:
            return [c for c in rows.load_clocks(tx, DISTRICT, case_id) if c.name == "trip"], engine.case(
                tx, case_id
            )

    clocks, case = trip()
    assert [(c.status, c.breached_at) for c in clocks] == [("stopped", base + 3 * HOUR)]
    assert case.breaches == 2  # of the trip, and of the whole
    # The arrival is corrected to within the limit: the breach falls away, as a new row.
    engine.observe(case_id, [("left", base), ("came", base + 2 * HOUR)], WORKER)
    clocks, case = trip()
    assert [(c.status, c.breached_at) for c in clocks] == [("stopped", None)]
    assert case.breaches == 1


def test_only_an_import_sets_the_past(engine: Engine, clock: VirtualClock) -> None:
    past = clock.now() - 30 * DAY
    with pytest.raises(Invalid):
        engine.open("job", "ask", {"what": "x"}, PUBLIC, happened_at=past)
    case_id = engine.open("job", "ask", {"what": "x"}, importer("old"), happened_at=past).case_id
    engine.perform(case_id, "take", {}, importer("old"), happened_at=past + HOUR)
    engine.perform(case_id, "report", {"what": "done"}, importer("old"), happened_at=past + 3 * HOUR)
    with engine.store.read() as tx:
        found = history.rows_of_case(tx, DISTRICT, case_id)
        # The breaches are recorded; nothing is done about them and nobody is told.
        assert [r.action for r in found] == ["ask", "take", "~breach", "~breach", "report"]
        assert tx.one("SELECT COUNT(*) FROM outbox", ()) == (0,)
        assert engine.case(tx, case_id).opened_at == past


def test_the_database_refuses_what_the_engine_would_not_do(engine: Engine) -> None:
    case_id = asked(engine)
    before = dump(engine.store)
    for sql in (
        "UPDATE cases SET state = 'closed'",
        "UPDATE cases SET state = 'closed', seq = seq + 1, revision = revision + 1, last_action = 'close'",
        "UPDATE history SET actor = 'nobody'",
        "DELETE FROM history",
        "DELETE FROM cases",
    ):
        with pytest.raises(Exception, match=r"never|undeclared|without its history"):
            engine.store.write(lambda tx, sql=sql: tx.run(sql, ()))  # type: ignore[misc]
    assert dump(engine.store) == before
    assert state(engine, case_id) == "asked"


def test_bulk_actions_succeed_or_fail_alone(engine: Engine) -> None:
    first, second = asked(engine), asked(engine)
    engine.perform(first, "take", {}, WORKER)
    outcomes = engine.perform_many([(first, "take", {}), (second, "take", {})], WORKER)
    assert isinstance(outcomes[0], NotNow)
    assert state(engine, second) == "doing"


def test_a_changed_row_is_found(engine: Engine, store: Store) -> None:
    asked(engine)
    asked(engine)
    if store.dialect == "sqlite":
        store.write(lambda tx: tx.run("DROP TRIGGER history_update", ()))
    else:
        store.write(lambda tx: tx.run("ALTER TABLE history DISABLE TRIGGER history_never", ()))
    store.write(lambda tx: tx.run("UPDATE history SET actor = 'nobody' WHERE seq = 1", ()))
    with store.read() as tx:
        broken = history.verify(tx, DISTRICT).broken
    assert broken is not None
    assert broken.seq == 1


def test_a_published_year_moves_the_clocks_that_ran_into_it(
    store: Store, clock: VirtualClock, ids: SeededIds
) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    week = Week(weekly({"mon-fri": ("09:00-17:00",)}))
    before = Calendar("work_hours", zone, (week,), provisional_from=date(2027, 1, 1))
    asked_to = Process(
        "letter", label("Letter"),
        states=(State("open", label("Open"), start=True), State("done", label("Done"), final=True)),
        actions=(Action("open", label("Open"), "-> open", by="public"), Action("end", label("End"), "open -> done", by="worker")),
        limits=(Limit("answer", label("Answer"), start="open", stop="done", within=work_days(2), calendar="work_hours"),),
    )  # fmt: skip
    clock.set(parse_instant("2026-12-31T10:00:00+08:00"))
    engine = engine_over(store, clock, ids, (asked_to,), calendars=CalendarSet({"work_hours": before}))
    case_id = engine.open("letter", "open", {}, PUBLIC).case_id

    def answer() -> LimitClock:
        with store.read() as tx:
            return rows.load_clocks(tx, DISTRICT, case_id)[0]

    assert answer().provisional
    assert engine.settle_provisional() == 0
    # The notice for 2027 says that New Year's Day, a Friday, is free.
    engine.calendars = CalendarSet(
        {"work_hours": before.published((DayRow(date(2027, 1, 1)),), date(2028, 1, 1))}
    )
    earlier = answer().due_at
    assert engine.settle_provisional() == 1
    assert not answer().provisional
    assert (answer().due_at or 0) - (earlier or 0) == DAY  # from Monday evening to Tuesday evening
    with store.read() as tx:
        assert history.rows_of_case(tx, DISTRICT, case_id)[-1].action == "~clock"
        assert history.verify(tx, DISTRICT).broken is None
