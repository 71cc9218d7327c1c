"""The property test that is derived from a declaration: a Hypothesis state machine that tries everything.

`machine(process, ...)` gives a RuleBasedStateMachine class over a real engine and a real database. It performs
what is legal and expects the declared state, tries what is not legal, people who may not, wrong evidence, stale
revisions and repeated requests, lets faults strike at every named point, moves time, tells facts. After a refusal
or a fault the whole database is what it was before; after every step each case's history leads to its state by
declared moves, the chain is whole and the clocks say what the log says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from civicloop.kernel.cases import history
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.engine import Receipt
from civicloop.kernel.cases.process import Process
from civicloop.kernel.derive.plan import ActionPlan, DrawValue, PlanValue, StatePlan, plan
from civicloop.kernel.people.roles import CLOCK, PUBLIC, Actor, importer, reporter
from civicloop.kernel.refusal import Conflict, Forbidden, Guarded, Invalid, Missing, NotNow, Refusal, SignIn
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import HOUR, MINUTE, format_instant
from tests.fixtures import START
from tests.kernel.derived_world import (
    DISTRICT,
    Modelled,
    Prepare,
    Struck,
    dump,
    person,
    striking,
    world_of,
)  # fmt: skip

Given = dict[str, Any]


class Derived(RuleBasedStateMachine):
    """The machine's rules; `machine` gives it a process."""

    process: Process
    processes: tuple[Process, ...]
    prepare: Prepare | None = None
    plans: Mapping[str, PlanValue]
    # What was reached over all examples: a test asserts that no point and no action was left out.
    struck: set[Point]
    succeeded: set[tuple[str, str]]

    def __init__(self) -> None:
        super().__init__()
        self.world = world_of(self.processes, self.prepare)
        self.engine = self.world.engine
        self.cases: dict[str, Modelled] = {}
        self.keys = 0

    def teardown(self) -> None:
        self.world.close()

    # ---- what the plan says ------------------------------------------------------------------------------

    def state_plan(self, process: str, state: str) -> StatePlan:
        return next(s for s in self.plans[process].states if s.state == state)

    def action_plan(self, process: str, action: str) -> ActionPlan:
        return next(a for a in self.plans[process].actions if a.action == action)

    def actor(self, process: str, action: ActionPlan, number: int, role: str, case_id: str = "") -> Actor:
        """One of two people under a right role."""
        if role == "reporter":
            return reporter([case_id])
        if role == "public":
            return PUBLIC
        return person(f"{role}{number}", role)

    def make(self, data: st.DataObject, one: DrawValue, case_id: str = "") -> Any:
        """A right value of a field."""
        match one.making:
            case "text":
                letters = st.sampled_from("甲乙丙abc 12é")
                most = min(one.high, max(one.low, 12))
                return data.draw(
                    st.text(letters, min_size=one.low, max_size=most).map(
                        lambda t: t.strip().ljust(one.low, "x")
                    )
                )
            case "whole":
                return data.draw(st.integers(one.low, one.high))
            case "one_of":
                return data.draw(st.sampled_from(one.values))
            case "flag":
                return data.draw(st.booleans())
            case "point":
                return {"lon": 114.27, "lat": 30.6}
            case "instant":
                return format_instant(data.draw(st.integers(START, START + 1000 * HOUR)))
            case "date":
                return data.draw(st.dates()).isoformat()
            case "case":
                others = [i for i, c in self.cases.items() if i != case_id]
                return data.draw(st.sampled_from(others)) if others else "c-none"
            case "hashes":
                size = max(one.low, 1)
                return data.draw(
                    st.lists(
                        st.sampled_from(self.world.known["photo"]), min_size=size, max_size=size, unique=True
                    )
                )
            case _:
                return data.draw(st.sampled_from(self.world.known.get(one.source) or ("somebody",)))

    def evidence(self, data: st.DataObject, action: ActionPlan, case_id: str = "") -> Given:
        """Right evidence: all that is required, and some of what is not."""
        return {
            one.field: self.make(data, one, case_id)
            for one in action.evidence
            if one.required or data.draw(st.booleans(), label=f"give {one.field}")
        }

    # ---- what happens -------------------------------------------------------------------------------------

    def attempt(self, call: Callable[[], Receipt], expected: tuple[type[Refusal], ...]) -> Receipt | None:
        """The receipt, or None after a refusal of an expected kind that left the database as it was."""
        before = dump(self.world.store)
        try:
            return call()
        except expected as refusal:
            words = refusal.reason
        assert words.zh
        assert words.en
        assert dump(self.world.store) == before
        return None

    def refused(self, call: Callable[[], Receipt], expected: tuple[type[Refusal], ...]) -> None:
        """The call is refused, and nothing has changed."""
        assert self.attempt(call, expected) is None, "it was not refused"

    def due(self, case_id: str) -> bool:
        """Whether time has something to do on the case, or on one it hangs together with."""
        near = [case_id, *(i for i, c in self.cases.items() if c.parent == case_id)]
        near += [c for c in (self.cases[case_id].parent,) if c]
        with self.world.store.read() as tx:
            found = [self.engine.case(tx, one) for one in near]
        return any(c.due_at is not None and c.due_at <= self.world.clock.now() for c in found)

    def learn(self, acted: str = "") -> None:
        """Takes over what happened to cases beside the one that was acted on: all by declared moves."""
        with self.world.store.read() as tx:
            ids = [row[0] for row in tx.all("SELECT id FROM cases WHERE district = ?", (DISTRICT,))]
            for case_id in ids:
                case = self.engine.case(tx, case_id)
                known = self.cases.get(case_id)
                if known is not None and known.state != case.state and case_id != acted:
                    rows = history.rows_of_case(tx, DISTRICT, case_id)
                    moved = [r for r in rows if r.from_state != r.to_state]
                    assert moved[-1].role in ("clock", "children", "fold") or moved[-1].action.startswith(
                        "~"
                    ), moved[-1]
                self.cases[case_id] = self.modelled(case, known)

    @staticmethod
    def modelled(case: Case, known: Modelled | None) -> Modelled:
        doers = known.doers if known else {}
        return Modelled(case.process, case.state, case.previous_state, case.master_id, case.parent_id, doers)

    def note(self, case_id: str, action: str, actor: Actor) -> None:
        """Remembers who did what, since the last re-opening."""
        known = self.cases[case_id]
        process = self.engine.processes[known.process]
        if process.action(action).reopens:
            known.doers.clear()
        known.doers.setdefault(action, set()).update(actor.persons)

    def same_person(self, case_id: str, action: ActionPlan, actor: Actor) -> bool:
        """Whether separation of duty forbids it."""
        near = [case_id, *(i for i, c in self.cases.items() if case_id in (c.parent, c.master))]
        names = {name.rpartition(".")[2] for name in action.apart_from}
        did = {who for i in near for name in names for who in self.cases[i].doers.get(name, ())}
        return bool(actor.persons & did)

    @initialize(data=st.data())
    def first(self, data: st.DataObject) -> None:
        self.open_one(data)

    @rule(data=st.data())
    def opens(self, data: st.DataObject) -> None:
        """Somebody opens a case."""
        if len(self.cases) < 8:
            self.open_one(data)

    def open_one(self, data: st.DataObject) -> None:
        options = [n for n, _ in self.state_plan(self.process.name, "").legal]
        action = self.action_plan(self.process.name, data.draw(st.sampled_from(options), label="opening"))
        roles = action.right_roles or ("importer",)
        role = data.draw(st.sampled_from(roles))
        actor = importer("test") if role == "importer" else self.actor(self.process.name, action, 1, role)
        given = self.evidence(data, action)
        receipt = self.attempt(
            lambda: self.engine.open(self.process.name, action.action, given, actor),
            (Guarded,) if action.guarded else (),
        )
        if receipt is not None:
            assert receipt.state == self.process.compiled.start.name
            self.learn()
            self.note(receipt.case_id, action.action, actor)
            self.succeeded.add((self.process.name, action.action))

    def some_case(self, data: st.DataObject) -> tuple[str, Modelled]:
        case_id = data.draw(st.sampled_from(sorted(self.cases)), label="case")
        return case_id, self.cases[case_id]

    def legal(self, data: st.DataObject) -> tuple[str, Modelled, ActionPlan, tuple[str, ...], Actor] | None:
        """A case and a legal action of people on it, the states it may lead to, and somebody who may."""
        case_id, known = self.some_case(data)
        here = self.state_plan(known.process, known.state)
        options = [(n, t) for n, t in here.legal if self.action_plan(known.process, n).right_roles]
        if not options:
            return None
        name, targets = data.draw(st.sampled_from(options), label="action")
        action = self.action_plan(known.process, name)
        if name in here.returns:
            targets = (known.previous,)
        role = data.draw(st.sampled_from(action.right_roles), label="role")
        return (
            case_id,
            known,
            action,
            targets,
            self.actor(known.process, action, data.draw(st.integers(1, 2)), role, case_id),
        )

    def may_refuse(
        self, case_id: str, known: Modelled, action: ActionPlan, actor: Actor, given: Given
    ) -> tuple[type[Refusal], ...]:
        """What may come instead of success, and must where it is certain."""
        expected: list[type[Refusal]] = [Guarded] if action.guarded else []
        if self.due(case_id):
            expected += [NotNow, Forbidden]
        if action.merges:
            expected.append(Invalid)
        if known.parent is not None and self.engine.processes[known.process].action(action.action).reopens:
            expected.append(Guarded)
        return tuple(expected)

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), keyed=st.booleans())
    def performs(self, data: st.DataObject, keyed: bool) -> None:
        """Somebody who may does what is legal."""
        found = self.legal(data)
        if found is None:
            return
        case_id, known, action, targets, actor = found
        given = self.evidence(data, action, case_id)
        self.keys += 1
        key = f"key-{self.keys}" if keyed else None

        def call() -> Receipt:
            return self.engine.perform(case_id, action.action, given, actor, key=key)

        if self.same_person(case_id, action, actor) and not self.due(case_id):
            self.refused(call, (Forbidden,))
            return
        receipt = self.attempt(call, self.may_refuse(case_id, known, action, actor, given))
        if receipt is None:
            return
        overdue = receipt.state not in targets
        assert not overdue or known.state != self.before_of(receipt), (receipt.state, targets)
        if action.merges:
            self.check_merge(case_id, given)
        self.learn(case_id)
        self.note(case_id, action.action, actor)
        self.succeeded.add((known.process, action.action))
        if keyed:
            before = dump(self.world.store)
            again = call()
            assert (again.seq, again.revision, again.state, again.repeated) == (
                receipt.seq, receipt.revision, receipt.state, True,
            )  # fmt: skip
            assert dump(self.world.store) == before

    def before_of(self, receipt: Receipt) -> str:
        """The state that the receipt's move came from: another than the model's where time acted first."""
        with self.world.store.read() as tx:
            row = next(r for r in history.rows_of_case(tx, DISTRICT, receipt.case_id) if r.seq == receipt.seq)
        return row.from_state

    def check_merge(self, case_id: str, given: Given) -> None:
        """A merged case follows a master that is open and follows nobody."""
        with self.world.store.read() as tx:
            case = self.engine.case(tx, case_id)
            assert case.master_id in given.values()
            assert case.master_id != case_id
            master = self.engine.case(tx, case.master_id or "")
        assert master.ended_at is None
        assert master.master_id is None

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def tries_what_is_not_legal(self, data: st.DataObject) -> None:
        case_id, known = self.some_case(data)
        options = self.state_plan(known.process, known.state).illegal
        if not options or self.due(case_id):
            return
        action = self.action_plan(known.process, data.draw(st.sampled_from(options)))
        role = next(iter(action.right_roles), "nobody")
        actor = self.actor(known.process, action, 1, role, case_id)
        given = self.evidence(data, action, case_id)
        expected = (NotNow,) if action.right_roles else (Forbidden,)
        self.refused(lambda: self.engine.perform(case_id, action.action, given, actor), expected)

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def tries_what_he_may_not(self, data: st.DataObject) -> None:
        """A wrong role, a right role elsewhere, the public, what only the kernel does, what nobody declared."""
        case_id, known = self.some_case(data)
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
        given = self.evidence(data, action, case_id)
        self.refused(lambda: self.engine.perform(case_id, action.action, given, actor), (Forbidden, SignIn))
        self.refused(lambda: self.engine.perform(case_id, "no_such_action", {}, actor), (Missing,))
        self.refused(lambda: self.engine.perform("c-no-such", action.action, given, actor), (Missing,))

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def gives_wrong_evidence(self, data: st.DataObject) -> None:
        found = self.legal(data)
        if found is None:
            return
        case_id, _, action, _, actor = found
        wrongs = [(one.field, value) for one in action.evidence for value in one.wrong]
        if self.due(case_id) or self.same_person(case_id, action, actor):
            return
        name, value = data.draw(st.sampled_from([*wrongs, ("no_such_field", 1)]), label="wrong")
        given = self.evidence(data, action, case_id) | {name: value}
        try:
            self.refused(lambda: self.engine.perform(case_id, action.action, given, actor), (Invalid,))
        except AssertionError:
            raise AssertionError(f"{action.action} took {name}={value!r}") from None

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def acts_on_what_is_stale(self, data: st.DataObject) -> None:
        found = self.legal(data)
        if found is None:
            return
        case_id, _, action, _, actor = found
        given = self.evidence(data, action, case_id)
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
        found = self.legal(data)
        if found is None:
            return
        case_id, _, action, targets, actor = found
        given = self.evidence(data, action, case_id)
        if self.due(case_id) or self.same_person(case_id, action, actor) or action.merges:
            return
        point = data.draw(st.sampled_from(action.points), label="point")
        key = f"struck-{self.keys}"
        self.keys += 1
        before = dump(self.world.store)
        try:
            with striking(point, after), suppress(Struck):
                self.engine.perform(case_id, action.action, given, actor, key=key)
                after = -1  # not reached so often: it went through
        except Refusal:
            assert dump(self.world.store) == before
            return
        if after < 0:
            self.learn(case_id)
            self.note(case_id, action.action, actor)
            return
        self.struck.add(point)
        if point is not Point.AFTER_COMMIT:
            assert dump(self.world.store) == before, point
        receipt = self.engine.perform(case_id, action.action, given, actor, key=key)
        assert receipt.repeated == (point is Point.AFTER_COMMIT)
        assert receipt.state in targets
        self.learn(case_id)
        self.note(case_id, action.action, actor)

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

    def tick(self) -> None:
        self.engine.tick()
        before = dump(self.world.store)
        assert self.engine.tick() == 0
        assert dump(self.world.store) == before
        self.learn()

    @precondition(lambda self: self.cases and any(p.facts for p in self.processes))
    @rule(data=st.data())
    def is_told(self, data: st.DataObject) -> None:
        """Facts from outside, in any order and twice: the clocks are the same."""
        case_id, known = self.some_case(data)
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

    def clocks_by_facts(self, case_id: str, process: str) -> list[Any]:
        facts = set(self.plans[process].facts)
        names = [
            x.name for x in self.engine.processes[process].limits if {*x.start, *x.stop, *x.pause} & facts
        ]
        marks = ", ".join("?" * len(names)) or "''"
        with self.world.store.read() as tx:
            return tx.all(
                f"SELECT * FROM clocks WHERE district = ? AND case_id = ? AND name IN ({marks}) ORDER BY name, step, run",
                (DISTRICT, case_id, *names),
            )

    # ---- what always holds --------------------------------------------------------------------------------

    @invariant()
    def the_chain_is_whole(self) -> None:
        with self.world.store.read() as tx:
            verdict = history.verify(tx, DISTRICT)
        assert verdict.broken is None, verdict.broken

    @invariant()
    def history_leads_to_the_state_by_declared_moves(self) -> None:
        with self.world.store.read() as tx:
            cases = [self.engine.case(tx, case_id) for case_id in self.cases]
            rows = {case.id: history.rows_of_case(tx, DISTRICT, case.id) for case in cases}
            clocks = {
                case.id: tx.all(
                    "SELECT status, due_at FROM clocks WHERE district = ? AND case_id = ?",
                    (DISTRICT, case.id),
                )
                for case in cases
            }
        for case in cases:
            process = self.engine.processes[case.process]
            edges = {(m.from_state, m.action, m.to_state) for m in process.compiled.moves}
            at, times = "", 0
            for number, row in enumerate(rows[case.id], 1):
                assert row.revision == number
                assert row.from_state == at
                assert (row.from_state, row.action, row.to_state) in edges, row
                assert row.happened_at >= times or row.action.startswith("~"), row
                at, times = row.to_state, max(times, row.happened_at)
            assert (case.state, case.revision) == (at, len(rows[case.id]))
            assert case.state == self.cases[case.id].state
            final = case.state in process.compiled.finals
            assert (case.ended_at is not None) == final
            assert (case.closed_at is not None) >= process.state(case.state).closes
            running = [due for status, due in clocks[case.id] if status == "running" and due is not None]
            assert case.due_at == min(running, default=None)
            if final:
                assert not [s for s, _ in clocks[case.id] if s == "running"]

    @invariant()
    def every_effect_and_event_has_its_message(self) -> None:
        with self.world.store.read() as tx:
            rows = tx.all("SELECT process, action, seq, via FROM history WHERE district = ?", (DISTRICT,))
            sent = sorted(
                r[0] for r in tx.all("SELECT dedupe_key FROM outbox WHERE district = ?", (DISTRICT,))
            )
        expected: list[str] = []
        for process_name, action, seq, via in rows:
            process = self.engine.processes[process_name]
            if via == "import" or action.startswith("~"):
                continue
            declared = process.action(action)
            expected += [f"{seq}:{name}" for name in declared.effects]
            expected += [f"{seq}:event:{process_name}.{name}" for name in declared.emits]
        assert sent == sorted(expected)


def machine(process: Process, *children: Process, prepare: Prepare | None = None) -> type[Derived]:
    """The machine of a process, with the processes of its children beside it.

    `prepare` fills the fresh district (reference rows, photographs) and gives the values that evidence may name,
    by a field's source, and by "photo".
    """
    processes = (process, *children)
    return type(
        f"Machine_{process.name}",
        (Derived,),
        {
            "process": process,
            "processes": processes,
            "prepare": staticmethod(prepare) if prepare else None,
            "plans": {p.name: plan(p) for p in processes},
            "struck": set(),
            "succeeded": set(),
        },
    )
