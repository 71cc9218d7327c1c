"""The property test that is derived from a declaration: a Hypothesis state machine that tries everything.

`machine(process, ...)` gives a RuleBasedStateMachine class over a real engine and a real database. It performs
what is legal and expects the declared state, tries what is not legal, people who may not, wrong evidence, stale
revisions and repeated requests, lets faults strike at every named point, moves time, tells facts. After a refusal
or a fault the whole database is what it was before; after every step each case's history leads to its state by
declared moves, the chain is whole and the clocks say what the log says.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from civicloop.kernel.cases import history
from civicloop.kernel.cases.process import Process
from civicloop.kernel.people.roles import CLOCK, PUBLIC, reporter
from civicloop.kernel.refusal import Conflict, Forbidden, Invalid, Missing, NotNow, SignIn
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import MINUTE
from tests.fixtures import START
from tests.kernel.derived_acting import Acting, about
from tests.kernel.derived_world import DISTRICT, Prepare, Struck, person, striking

T = TypeVar("T")


class Drawn:
    """Choices of Hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def pick(self, options: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(options))

    def whole(self, low: int, high: int) -> int:
        return self._data.draw(st.integers(low, high))


class Derived(Acting, RuleBasedStateMachine):
    """The machine's rules; `machine` gives it a process."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def teardown(self) -> None:
        self.end()

    @initialize(data=st.data())
    def first(self, data: st.DataObject) -> None:
        self.open_one(Drawn(data))

    @rule(data=st.data())
    def opens(self, data: st.DataObject) -> None:
        """Somebody opens a case."""
        if sum(c.process == self.process.name for c in self.cases.values()) < 3:
            self.open_one(Drawn(data))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), keyed=st.booleans(), times=st.integers(1, 5))
    def goes_on(self, data: st.DataObject, keyed: bool, times: int) -> None:
        """Several steps in a row, so that cases come far."""
        for _ in range(times):
            self.performs(Drawn(data), keyed)

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def tries_what_is_not_legal(self, data: st.DataObject) -> None:
        case_id, known = self.some_case(Drawn(data))
        options = self.state_plan(known.process, known.state).illegal
        if not options or self.due(case_id):
            return
        action = self.action_plan(known.process, data.draw(st.sampled_from(options)))
        role = next(iter(action.right_roles), "nobody")
        actor = self.actor(known.process, action, 1, role, case_id)
        given = self.evidence(Drawn(data), action, case_id)
        expected = (NotNow,) if action.right_roles else (Forbidden,)
        self.refused(lambda: self.engine.perform(case_id, action.action, given, actor), expected)

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def tries_what_he_may_not(self, data: st.DataObject) -> None:
        """A wrong role, a right role elsewhere, the public, what only the kernel does, what nobody declared."""
        case_id, known = self.some_case(Drawn(data))
        here = self.state_plan(known.process, known.state)
        if not here.legal or self.due(case_id):
            return
        action = self.action_plan(known.process, data.draw(st.sampled_from([n for n, _ in here.legal])))
        if {"public", "signed_in"} & set(action.right_roles):
            return
        actors = [PUBLIC, person("far", *action.right_roles, district="elsewhere"), reporter(["c-other"])]
        if action.wrong_roles:
            actors.append(person("wrong", *action.wrong_roles))
        actor = data.draw(st.sampled_from(actors))
        given = self.evidence(Drawn(data), action, case_id)
        self.refused(lambda: self.engine.perform(case_id, action.action, given, actor), (Forbidden, SignIn))
        self.refused(lambda: self.engine.perform(case_id, "no_such_action", {}, actor), (Missing,))
        self.refused(lambda: self.engine.perform("c-no-such", action.action, given, actor), (Missing,))

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def gives_wrong_evidence(self, data: st.DataObject) -> None:
        found = self.legal(Drawn(data))
        if found is None:
            return
        case_id, _, action, _, actor = found
        wrongs = [(one.field, value) for one in action.evidence for value in one.wrong]
        if self.due(case_id) or self.same_person(case_id, action, actor):
            return
        name, value = data.draw(st.sampled_from([*wrongs, ("no_such_field", 1)]), label="wrong")
        given = self.evidence(Drawn(data), action, case_id) | {name: value}
        try:
            self.refused(lambda: self.engine.perform(case_id, action.action, given, actor), (Invalid,))
        except AssertionError:
            raise AssertionError(f"{action.action} took {name}={value!r}") from None

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def acts_on_what_is_stale(self, data: st.DataObject) -> None:
        found = self.legal(Drawn(data))
        if found is None:
            return
        case_id, _, action, _, actor = found
        given = self.evidence(Drawn(data), action, case_id)
        with self.world.store.read() as tx:
            case = self.engine.case(tx, case_id)
            people = [
                r for r in history.rows_of_case(tx, DISTRICT, case_id)
                if not r.action.startswith("~") and r.via != "clock"
            ]  # fmt: skip
        seen = [case.revision + 1] + [r for r in range(1, case.revision) if people[-1].revision > r]
        revision = data.draw(st.sampled_from(seen), label="revision")
        self.refused(
            lambda: self.engine.perform(case_id, action.action, given, actor, revision=revision), (Conflict,)
        )

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), after=st.integers(0, 1))
    def is_struck(self, data: st.DataObject, after: int) -> None:
        """A fault at a point of a legal action: before COMMIT nothing is left, after it all is there."""
        found = self.legal(Drawn(data))
        if found is None:
            return
        case_id, _, action, targets, actor = found
        given = self.evidence(Drawn(data), action, case_id)
        if self.due(case_id) or self.same_person(case_id, action, actor) or action.merges:
            return
        point = data.draw(st.sampled_from(action.points), label="point")
        self.strike(case_id, action, targets, actor, given, point, after)

    @rule(minutes=st.sampled_from([1, 59, 61, 121, 481, 1441, 3 * 1440 + 1, 8 * 1440]), ticks=st.booleans())
    def waits(self, minutes: int, ticks: bool) -> None:
        self.world.clock.advance(minutes * MINUTE)
        if ticks:
            self.tick()

    @rule(
        point=st.sampled_from([Point.TICK, Point.HISTORY_WRITTEN, Point.CLOCKS_WRITTEN, Point.BEFORE_COMMIT])
    )
    def tick_is_struck(self, point: Point) -> None:
        """A tick that is cut short leaves whole cases only, and the next one finishes."""
        with striking(point, 0) as reached, suppress(Struck):
            self.engine.tick()
        if reached[0]:
            self.struck.add(point)
        self.tick()

    @precondition(lambda self: self.cases and any(p.facts for p in self.processes))
    @rule(data=st.data())
    def is_told(self, data: st.DataObject) -> None:
        """Facts from outside, in any order and twice: the clocks are the same."""
        case_id, known = self.some_case(Drawn(data))
        names = self.plans[known.process].facts
        if not names or known.state in self.engine.processes[known.process].compiled.finals:
            return
        now = self.world.clock.now()
        moment = st.tuples(st.sampled_from(names), st.integers(START, now))
        facts = data.draw(st.lists(moment, max_size=4, unique_by=lambda f: f[0]), label="facts")
        self.engine.observe(case_id, facts, CLOCK)
        clocks = self.clocks_by_facts(case_id, known.process)
        self.engine.observe(case_id, list(reversed(facts)), CLOCK)
        assert self.clocks_by_facts(case_id, known.process) == clocks
        self.learn()

    @invariant()
    def what_always_holds(self) -> None:
        self.the_chain_is_whole()
        self.history_leads_to_the_state_by_declared_moves()
        self.every_effect_and_event_has_its_message()


def machine(process: Process, *children: Process, prepare: Prepare | None = None) -> type[Derived]:
    """The machine of a process, with the processes of its children beside it.

    `prepare` fills the fresh district (reference rows, photographs) and gives the values that evidence may name,
    by a field's source, and by "photo".
    """
    return type(f"Machine_{process.name}", (Derived,), about(process, *children, prepare=prepare))
