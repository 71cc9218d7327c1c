"""Children and their parent: none at all, one that re-opens, a parent that has moved on."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from civicloop.kernel.cases import history
from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.cases.process import Action, Child, Children, Label, Limit, Process, State, hours
from civicloop.kernel.cases.reads import ChildCases
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.refusal import Guarded
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import HOUR, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import BOSS, DISTRICT, WORKER, engine_over, label

PART = Process(
    "bit",
    label("Bit"),
    states=(
        State("open", label("Open"), start=True),
        State("ready", label("Ready"), closes=True),
        State("gone", label("Gone"), final=True),
    ),
    actions=(
        Action("open", label("Open"), "-> open", "children"),
        Action("finish", label("Finish"), "open -> ready", "worker"),
        Action("again", label("Again"), "ready -> open", "worker", reopens=True),
        Action("leave", label("Leave"), "* -> gone", "children"),
    ),
)


def whole(count: int, answer: str = "") -> Process:
    """A process that is divided into `count` bits, by a person or by the clock."""
    return Process(
        "whole",
        label("Whole"),
        states=(
            State("asked", label("Asked"), start=True),
            State("waiting", label("Waiting")),
            State("joined", label("Joined"), closes=True),
            State("ended", label("Ended"), final=True),
        ),
        actions=(
            Action("ask", label("Ask"), "-> asked", "public"),
            Action("divide", label("Divide"), "asked -> waiting", "boss, clock"),
            Action("join", label("Join"), "waiting -> joined", "children"),
            Action("wait", label("Wait"), "joined -> waiting", "children"),
            Action("end", label("End"), "joined -> ended", "boss"),
        ),
        limits=(Limit("idle", Label("闲置", "Idle"), start="asked", stop="waiting", within=hours(2), on_breach="divide"),),
        children=(
            Children("bit", after="divide", spawn=lambda *_: (Child({}),) * count, on_all_closed="join",
                     on_reopened=answer),
        ),
    )  # fmt: skip


def divided(
    store: Store, clock: VirtualClock, ids: SeededIds, process: Process
) -> tuple[Engine, str, list[str]]:
    engine = engine_over(store, clock, ids, (process, PART))
    parent = engine.open("whole", "ask", {}, PUBLIC).case_id
    receipt = engine.perform(parent, "divide", {}, BOSS, key="once")
    assert receipt.state == "waiting"
    assert engine.perform(parent, "divide", {}, BOSS, key="once") == msgspec.structs.replace(
        receipt, repeated=True
    )
    with store.read() as tx:
        bits = [r[0] for r in tx.all("SELECT id FROM cases WHERE parent_id = ? ORDER BY id", (parent,))]
    return engine, parent, bits


def state(engine: Engine, case_id: str) -> str:
    with engine.store.read() as tx:
        return engine.case(tx, case_id).state


def test_no_child_at_all_counts_as_all_closed(store: Store, clock: VirtualClock, ids: SeededIds) -> None:
    engine, parent, bits = divided(store, clock, ids, whole(0))
    assert bits == []
    assert state(engine, parent) == "joined"
    with store.read() as tx:
        found = [(r.action, r.role) for r in history.rows_of_case(tx, DISTRICT, parent)]
    assert found == [("ask", "public"), ("divide", "boss"), ("join", "children")]


@pytest.mark.parametrize("count", [0, 2])
def test_the_clock_divides_too(store: Store, clock: VirtualClock, ids: SeededIds, count: int) -> None:
    engine = engine_over(store, clock, ids, (whole(count), PART))
    parent = engine.open("whole", "ask", {}, PUBLIC).case_id
    clock.advance(3 * HOUR)
    engine.tick()
    assert state(engine, parent) == ("waiting" if count else "joined")
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM cases WHERE parent_id = ?", (parent,)) == (count,)


def test_a_child_may_reopen_while_its_parent_waits(store: Store, clock: VirtualClock, ids: SeededIds) -> None:
    engine, parent, bits = divided(store, clock, ids, whole(2))
    engine.perform(bits[0], "finish", {}, WORKER)
    engine.perform(bits[0], "again", {}, WORKER)
    engine.perform(bits[1], "finish", {}, WORKER)
    assert state(engine, parent) == "waiting"
    engine.perform(bits[0], "finish", {}, WORKER)
    assert state(engine, parent) == "joined"


def test_a_parent_that_moved_on_keeps_its_child_closed(
    store: Store, clock: VirtualClock, ids: SeededIds
) -> None:
    engine, parent, bits = divided(store, clock, ids, whole(1))
    engine.perform(bits[0], "finish", {}, WORKER)
    with pytest.raises(Guarded):
        engine.perform(bits[0], "again", {}, WORKER)
    assert (state(engine, parent), state(engine, bits[0])) == ("joined", "ready")


def test_a_declared_answer_brings_the_parent_back_until_it_has_ended(
    store: Store, clock: VirtualClock, ids: SeededIds
) -> None:
    engine, parent, bits = divided(store, clock, ids, whole(1, "wait"))
    engine.perform(bits[0], "finish", {}, WORKER)
    engine.perform(bits[0], "again", {}, WORKER)
    assert state(engine, parent) == "waiting"
    engine.perform(bits[0], "finish", {}, WORKER)
    engine.perform(parent, "end", {}, BOSS)
    with pytest.raises(Guarded):
        engine.perform(bits[0], "again", {}, WORKER)


def test_the_end_of_a_case_goes_down_to_its_grandchildren_and_spawn_knows_what_was_read(
    store: Store, clock: VirtualClock, ids: SeededIds
) -> None:
    seen: list[object] = []

    def tree(name: str, below: str) -> Process:
        def spawn(case: object, given: object, facts: Mapping[str, object]) -> tuple[Child, ...]:
            seen.append(facts["children"])
            return (Child({}),)

        return Process(
            name,
            label(name),
            states=(State("open", label("Open"), start=True), State("gone", label("Gone"), final=True)),
            actions=(
                Action("open", label("Open"), "-> open", "children, public"),
                Action("divide", label("Divide"), "open -> same", "boss", reads=(ChildCases(below),)),
                Action("join", label("Join"), "open -> same", "children"),
                Action("leave", label("Leave"), "* -> gone", "children, boss"),
            ),
            children=(
                Children(below, after="divide", spawn=spawn, on_all_closed="join", on_parent_end="cancel", cancel="leave"),
            ),
        )  # fmt: skip

    engine = engine_over(store, clock, ids, (tree("trunk", "branch"), tree("branch", "bit"), PART))
    top = engine.open("trunk", "open", {}, PUBLIC).case_id
    engine.perform(top, "divide", {}, BOSS)
    with store.read() as tx:
        (middle,) = tx.one("SELECT id FROM cases WHERE parent_id = ?", (top,)) or ("",)
    engine.perform(middle, "divide", {}, BOSS)
    with store.read() as tx:
        (leaf,) = tx.one("SELECT id FROM cases WHERE parent_id = ?", (middle,)) or ("",)
    engine.perform(top, "leave", {}, BOSS)
    assert [state(engine, one) for one in (top, middle, leaf)] == ["gone", "gone", "gone"]
    assert [list(one) for one in seen] == [[], []]  # type: ignore[call-overload]
