"""What a derived test does with a process: makes up evidence, acts, expects, and knows what always holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Protocol, TypeVar

from civicloop.kernel.cases import history
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.engine import Receipt
from civicloop.kernel.cases.process import Process
from civicloop.kernel.derive.plan import ActionPlan, DrawValue, PlanValue, StatePlan, plan
from civicloop.kernel.people.roles import PUBLIC, Actor, importer, reporter
from civicloop.kernel.refusal import Forbidden, Guarded, Invalid, NotNow, Refusal
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import HOUR, format_instant
from tests.fixtures import START
from tests.kernel.derived_world import DISTRICT, Modelled, Prepare, Struck, dump, person, striking, world_of

T = TypeVar("T")
Given = dict[str, Any]


class Chooser(Protocol):
    """Where choices come from: Hypothesis, or a seeded stream."""

    def pick(self, options: Sequence[T]) -> T: ...
    def whole(self, low: int, high: int) -> int: ...


class Chance:
    """Choices of a seeded stream."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def whole(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


class Acting:
    """One district, its cases as the model knows them, and all that is expected of the engine."""

    process: Process
    processes: tuple[Process, ...]
    prepare: Prepare | None = None
    plans: Mapping[str, PlanValue]
    # What was reached over all examples.
    struck: set[Point]
    succeeded: set[tuple[str, str]]

    def begin(self) -> None:
        self.world = world_of(self.processes, self.prepare)
        self.engine = self.world.engine
        self.cases: dict[str, Modelled] = {}
        self.keys = 0

    def end(self) -> None:
        self.look()
        self.world.close()

    def look(self) -> None:
        """Notes which actions have been done."""
        with self.world.store.read() as tx:
            self.succeeded.update(tx.all("SELECT DISTINCT process, action FROM history", ()))

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
        return person(f"p{number}", role)

    def make(self, chooser: Chooser, one: DrawValue, case_id: str = "") -> Any:
        """A right value of a field."""
        match one.making:
            case "text":
                most = min(one.high, max(one.low, 12))
                letters = [chooser.pick("甲乙丙abc 12é\n") for _ in range(chooser.whole(one.low, most))]
                return re.sub(r"([ \n])[ \n]+", r"\1", "".join(letters)).strip().ljust(one.low, "x")
            case "whole":
                return chooser.whole(one.low, one.high)
            case "one_of":
                return chooser.pick(one.values)
            case "flag":
                return chooser.pick((False, True))
            case "point":
                return {"lon": 114.27, "lat": 30.6}
            case "instant":
                return format_instant(START + chooser.whole(0, 1000) * HOUR)
            case "date":
                return f"2026-{chooser.whole(1, 12):02d}-{chooser.whole(1, 28):02d}"
            case "case":
                others = [i for i in self.cases if i != case_id]
                return chooser.pick(others) if others else "c-none"
            case "hashes":
                return [chooser.pick(self.world.known["photo"]) for _ in range(max(one.low, 1))]
            case _:
                return chooser.pick(self.world.known.get(one.source) or ("somebody",))

    def evidence(self, chooser: Chooser, action: ActionPlan, case_id: str = "") -> Given:
        """Right evidence: all that is required, and some of what is not."""
        return {
            one.field: self.make(chooser, one, case_id)
            for one in action.evidence
            if one.required or chooser.pick((False, True))
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
        marks = ", ".join("?" * len(near))
        with self.world.store.read() as tx:
            found = tx.one(
                f"SELECT COUNT(*) FROM clocks WHERE district = ? AND case_id IN ({marks}) AND status = 'running'"
                " AND breached_at IS NULL AND due_at <= ?",
                (DISTRICT, *near, self.world.clock.now()),
            )
        return found != (0,)

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

    def open_one(self, chooser: Chooser) -> None:
        options = [
            self.action_plan(self.process.name, n) for n, _ in self.state_plan(self.process.name, "").legal
        ]
        # Where people open cases, children's and imports' own openings are left to them.
        action = chooser.pick([a for a in options if a.right_roles] or options)
        roles = action.right_roles or ("importer",)
        role = chooser.pick(roles)
        actor = importer("test") if role == "importer" else self.actor(self.process.name, action, 1, role)
        given = self.evidence(chooser, action)
        receipt = self.attempt(
            lambda: self.engine.open(self.process.name, action.action, given, actor),
            (Guarded,) if action.guarded else (),
        )
        if receipt is not None:
            assert receipt.state == self.process.compiled.start.name
            self.learn()
            self.note(receipt.case_id, action.action, actor)

    def some_case(self, chooser: Chooser) -> tuple[str, Modelled]:
        case_id = chooser.pick(sorted(self.cases))
        return case_id, self.cases[case_id]

    def legal(self, chooser: Chooser) -> tuple[str, Modelled, ActionPlan, tuple[str, ...], Actor] | None:
        """A case and a legal action of people on it, the states it may lead to, and somebody who may."""
        case_id, known = self.some_case(chooser)
        here = self.state_plan(known.process, known.state)
        options = [(n, t) for n, t in here.legal if self.action_plan(known.process, n).right_roles]
        if not options:
            return None
        name, targets = chooser.pick(options)
        action = self.action_plan(known.process, name)
        if name in here.returns:
            targets = (known.previous,)
        role = chooser.pick(action.right_roles)
        return (
            case_id,
            known,
            action,
            targets,
            self.actor(known.process, action, chooser.whole(1, 2), role, case_id),
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

    def performs(self, chooser: Chooser, keyed: bool) -> None:
        """Somebody who may does what is legal."""
        found = self.legal(chooser)
        if found is None:
            return
        case_id, known, action, targets, actor = found
        given = self.evidence(chooser, action, case_id)
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
        if keyed:
            before = dump(self.world.store)
            again = call()
            assert (again.seq, again.revision, again.state, again.repeated) == (
                receipt.seq, receipt.revision, receipt.state, True,
            )  # fmt: skip
            assert dump(self.world.store) == before

    def strike(
        self,
        case_id: str,
        action: ActionPlan,
        targets: tuple[str, ...],
        actor: Actor,
        given: Given,
        point: Point,
        after: int,
        *,
        mends: bool = True,
    ) -> tuple[bool, bool]:
        """Performs a legal action under a fault: before COMMIT nothing is left of it, after it all.

        With `mends` what was undone is done again. Says whether the fault struck, and whether the case has moved.
        """
        key = f"struck-{self.keys}"
        self.keys += 1
        before = dump(self.world.store)

        def call() -> Receipt:
            return self.engine.perform(case_id, action.action, given, actor, key=key)

        receipt: Receipt | None = None
        try:
            with striking(point, after) as reached, suppress(Struck):
                receipt = call()
        except Refusal:
            assert dump(self.world.store) == before
            return False, False
        if reached[0] > after:
            self.struck.add(point)
        # The writer may have run it again by itself, or the fault came too late to undo it: then it is there, once.
        if receipt is None:
            assert dump(self.world.store) == before, point
            if not mends:
                return True, False
        try:
            again = call()
        except Guarded:
            # What the fault kept from being judged: a rule further on that says no.
            assert receipt is None
            assert dump(self.world.store) == before
            return True, False
        assert again.repeated == (receipt is not None)
        assert again.state in targets
        assert receipt is None or receipt.seq == again.seq
        self.learn(case_id)
        self.note(case_id, action.action, actor)
        return reached[0] > after, True

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

    def tick(self) -> None:
        self.engine.tick()
        before = dump(self.world.store)
        assert self.engine.tick() == 0
        assert dump(self.world.store) == before
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

    def the_chain_is_whole(self) -> None:
        with self.world.store.read() as tx:
            verdict = history.verify(tx, DISTRICT)
        assert verdict.broken is None, verdict.broken

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


def about(process: Process, *children: Process, prepare: Prepare | None = None) -> dict[str, Any]:
    """The attributes that make an `Acting` one of these processes; see `machine`."""
    processes = (process, *children)
    return {
        "process": process,
        "processes": processes,
        "prepare": staticmethod(prepare) if prepare else None,
        "plans": {p.name: plan(p) for p in processes},
        "struck": set(),
        "succeeded": set(),
    }
