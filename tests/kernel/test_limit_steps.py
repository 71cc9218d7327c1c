"""Limits of ordered steps: one after another, at an action's end or a state's, over pauses and re-entries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from civicloop.kernel.cases import history, rows
from civicloop.kernel.cases.declaration import DeclarationError, Step
from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.cases.limits import LimitClock, log_of, replay, terms
from civicloop.kernel.cases.process import Action, Limit, Process, State, hours
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.calendar import CalendarSet
from civicloop.kernel.time.clock import HOUR, MINUTE, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import BOSS, DISTRICT, WORKER, engine_over, label

LIMIT = Limit(
    "mend", label("Mend"), start="open", stop="mended", pause="held", within=hours(4),
    steps=(Step("cordon", "cordoned", hours(1)), Step("repair", "repaired"), Step("restore", "mended", hours(2))),
)  # fmt: skip
BURST = Process(
    "burst",
    label("Burst pipe"),
    states=(
        State("open", label("Open"), start=True),
        State("held", label("Held")),
        State("repaired", label("Repaired")),
        State("mended", label("Mended")),
        State("gone", label("Gone"), final=True),
    ),
    actions=(
        Action("report", label("Report"), "-> open", "public"),
        Action("cordoned", label("Cordoned off"), "open, held -> same", "worker"),
        Action("repair", label("Repair"), "open -> repaired", "worker"),
        Action("hold", label("Hold"), "open, repaired -> held", "boss"),
        Action("go_on", label("Go on"), "held -> previous", "boss"),
        Action("mend", label("Mend"), "repaired -> mended", "worker"),
        Action("again", label("Again"), "mended -> repaired", "boss"),
        Action("end", label("End"), "mended -> gone", "boss"),
    ),
    limits=(LIMIT,),
)


@pytest.fixture
def engine(store: Store, clock: VirtualClock, ids: SeededIds) -> Engine:
    return engine_over(store, clock, ids, (BURST,))


def clocks(engine: Engine, case_id: str) -> dict[str, LimitClock]:
    """The case's clocks by step, which the fold over its log gives too."""
    with engine.store.read() as tx:
        case = engine.case(tx, case_id)
        found = rows.load_clocks(tx, DISTRICT, case_id)
        moves = history.rows_of_case(tx, DISTRICT, case_id)
    allowed = {LIMIT.name: terms(LIMIT, None, "", case.data)}
    again = replay(BURST, log_of(BURST, moves, ()), allowed, CalendarSet({}))
    assert sorted(again, key=lambda c: c.step) == found
    return {one.step: one for one in found}


def status(engine: Engine, case_id: str) -> list[str]:
    found = clocks(engine, case_id)
    return [found[name].status for name in ("cordon", "repair", "restore")]


def test_each_step_starts_when_the_former_is_done(engine: Engine, clock: VirtualClock) -> None:
    start = clock.now()
    case_id = engine.open("burst", "report", {}, PUBLIC).case_id
    assert status(engine, case_id) == ["running", "waiting", "waiting"]
    assert clocks(engine, case_id)["cordon"].due_at == start + HOUR
    clock.advance(40 * MINUTE)
    engine.perform(case_id, "cordoned", {}, WORKER)
    assert status(engine, case_id) == ["done", "running", "waiting"]
    repair = clocks(engine, case_id)["repair"]
    assert (repair.started_at, repair.due_at) == (start + 40 * MINUTE, start + 40 * MINUTE + 4 * HOUR)
    clock.advance(5 * HOUR)
    engine.tick()
    assert engine.tick() == 0
    engine.perform(case_id, "repair", {}, WORKER)
    assert status(engine, case_id) == ["done", "done", "running"]
    found = clocks(engine, case_id)
    assert found["cordon"].breached_at is None
    assert found["repair"].breached_at == repair.due_at
    assert found["restore"].due_at == clock.now() + 2 * HOUR
    engine.perform(case_id, "mend", {}, WORKER)
    assert status(engine, case_id) == ["done", "done", "done"]
    with engine.store.read() as tx:
        case = engine.case(tx, case_id)
    assert (case.breaches, case.due_at) == (1, None)


def test_a_later_step_ends_those_before_it(engine: Engine, clock: VirtualClock) -> None:
    case_id = engine.open("burst", "report", {}, PUBLIC).case_id
    clock.advance(30 * MINUTE)
    engine.perform(case_id, "repair", {}, WORKER)
    assert status(engine, case_id) == ["done", "done", "running"]


def test_a_step_ended_on_hold_lets_the_next_stand_still(engine: Engine, clock: VirtualClock) -> None:
    case_id = engine.open("burst", "report", {}, PUBLIC).case_id
    engine.perform(case_id, "hold", {}, BOSS)
    clock.advance(9 * HOUR)
    engine.perform(case_id, "cordoned", {}, WORKER)
    assert status(engine, case_id) == ["done", "paused", "waiting"]
    clock.advance(9 * HOUR)
    assert engine.tick() == 0
    engine.perform(case_id, "go_on", {}, BOSS)
    assert clocks(engine, case_id)["repair"].due_at == clock.now() + 4 * HOUR


def test_a_step_that_is_done_does_not_run_again(engine: Engine, clock: VirtualClock) -> None:
    case_id = engine.open("burst", "report", {}, PUBLIC).case_id
    for action, who in (("cordoned", WORKER), ("repair", WORKER), ("mend", WORKER), ("again", BOSS)):
        engine.perform(case_id, action, {}, who)
    clock.advance(99 * HOUR)
    assert engine.tick() == 0
    assert status(engine, case_id) == ["done", "done", "done"]


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ((Step("cordon", "nowhere"),), "neither an action nor a state"),
        ((Step("cordon", "cordoned"), Step("cordon", "repaired")), "declared twice"),
        ((Step("cordon", "cordoned"), Step("repair", "cordoned")), "declared twice"),
    ],
)
def test_steps_are_checked(steps: tuple[Step, ...], fault: str) -> None:
    limit = Limit("mend", label("Mend"), start="open", stop="mended", within=hours(4), steps=steps)
    with pytest.raises(DeclarationError, match=fault):
        replace(BURST, limits=(limit,))
