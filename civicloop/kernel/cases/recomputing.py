"""What re-computes a case from its log: facts from outside, and a new version of its process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from civicloop.kernel.cases import history, sentences
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.compiled import CLOCK as CLOCK_MOVED
from civicloop.kernel.cases.compiled import FACT, UPGRADE
from civicloop.kernel.cases.following import Following
from civicloop.kernel.cases.limits import LimitClock, Terms, log_of, merged, next_due, replay, terms
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.receipts import (
    Receipt,
    listed,
    receipt_of,
)
from civicloop.kernel.facts.reference import ReferenceRow
from civicloop.kernel.people.roles import CLOCK, Actor
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant


class Recomputing(Following):
    """Facts and upgrades."""

    def observe(
        self, case_id: str, facts: Sequence[tuple[str, Instant]], actor: Actor, *, cause: str = ""
    ) -> Receipt:
        """Sets what is known of the world about a case: all (fact, happened_at) that hold now, in any order.

        The clocks of limits that name facts are re-computed from the whole log, so late, repeated or retracted
        facts give the same answer as if they had come in time; a breach that falls away is a new row.
        """
        return self.store.write(lambda tx: self._observe(tx, case_id, facts, actor, cause))

    def _observe(
        self, tx: Tx, case_id: str, facts: Sequence[tuple[str, Instant]], actor: Actor, cause: str
    ) -> Receipt:
        case, process, clocks = self._load(tx, case_id)
        known = process.compiled.facts
        for name, _ in facts:
            if name not in known:
                raise Invalid(
                    sentences.NO_ACTION.filled(process=process.label, name=name, known=listed(known.values()))
                )
        now = self.clock.now()
        by_facts = {x.name for x in process.limits if {*x.start, *x.stop, *x.pause, *x.resume} & set(known)}
        due_by_state = [c for c in clocks if c.name not in by_facts]
        case, due_by_state = self._perform_due(tx, process, case, due_by_state, now, now)
        log = log_of(process, history.rows_of_case(tx, self.district, case_id), facts)
        snapshot = self._snapshot(tx)
        category = (
            snapshot.get(process.kinds, case.kind, case.opened_at) if process.kinds and case.kind else None
        )
        allowed = _terms_of(process, category, case)
        fresh = [c for c in replay(process, log, allowed, self.calendars) if c.name in by_facts]
        fresh = [
            msgspec.structs.replace(
                c,
                breached_at=c.due_at
                if c.due_at is not None and c.due_at < (c.stopped_at or now)
                else c.breached_at,
            )
            for c in fresh
        ]
        after = [*due_by_state, *fresh]
        breaches = sum(c.breached_at is not None and not process.compiled.limits[c.name].waits for c in after)
        seen = msgspec.structs.replace(case, breaches=breaches)
        stored = {"facts": sorted([name, at] for name, at in facts), "breaches": breaches}
        gone = {(c.name, c.step, c.run) for c in clocks if c.name in by_facts} - {
            (c.name, c.step, c.run) for c in fresh
        }
        for name, one, run in sorted(gone):
            tx.run(
                "DELETE FROM clocks WHERE district = ? AND case_id = ? AND name = ? AND step = ? AND run = ?",
                (self.district, case_id, name, one, run),
            )
        case = self._still(tx, process, seen, after, fresh, FACT, stored, actor, now, now, cause)
        return receipt_of(case, None)

    def upgrade(self) -> int:
        """Takes open cases of older versions to the present one; LookupError when one has no place in it."""
        done = 0
        for process in self.processes.values():
            with self.store.read() as tx:
                old = tx.all(
                    "SELECT id, version, state FROM cases WHERE district = ? AND process = ? AND version <> ? AND ended_at IS NULL",
                    (self.district, process.name, process.version),
                )
            for case_id, version, state in old:
                places = {
                    s: t for u in process.upgrades if u.from_version == version for s, t in u.states.items()
                }
                target = places.get(state, state)
                if target not in process.compiled.states:
                    raise LookupError(
                        f"case {case_id} of {process.name} version {version} is in {state!r}, which version {process.version} "
                        f"does not know: declare Upgrade({version}, {{{state!r}: ...}})"
                    )
                if target != state:
                    self.store.write(lambda tx, c=case_id, p=process, t=target: self._upgrade(tx, c, p, t))  # type: ignore[misc]
                    done += 1
        return done

    def _upgrade(self, tx: Tx, case_id: str, process: Process, target: str) -> None:
        case, _, clocks = self._load(tx, case_id)
        now = self.clock.now()
        after = msgspec.structs.replace(
            case,
            state=target,
            previous_state=case.state,
            revision=case.revision + 1,
            last_action=UPGRADE,
            version=process.version,
        )
        seq = history.append(
            tx, self.district, case_id=case.id, process=process.name, version=process.version, revision=after.revision,
            action=UPGRADE, from_state=case.state, to_state=target, actor=CLOCK.signature, role="", via="clock",
            happened_at=now, recorded_at=now, given=history.canonical({"from_version": case.version}),
        )  # fmt: skip
        # The clocks keep their frozen limits; only the state moves.
        self._write(tx, msgspec.structs.replace(after, seq=seq, due_at=next_due(clocks)), case, [])

    def settle_provisional(self) -> int:
        """Re-computes, from each case's log, the clocks that ran into a year not yet published; returns how many cases changed.

        A due moment that moves is a new row of the history, and so is a breach that falls away.
        """
        with self.store.read() as tx:
            found = tx.all(
                "SELECT DISTINCT case_id FROM clocks WHERE district = ? AND provisional = 1 AND status IN ('running', 'paused')",
                (self.district,),
            )
        outcomes = self.store.write_between([partial(self._settle, case_id=case_id) for (case_id,) in found])
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(1 for outcome in outcomes if outcome)

    def _settle(self, tx: Tx, case_id: str) -> bool:
        case, process, clocks = self._load(tx, case_id)
        moves = history.rows_of_case(tx, self.district, case_id)
        told = [msgspec.json.decode(row.given)["facts"] for row in moves if row.action == FACT]
        facts: list[tuple[str, int]] = told[-1] if told else []
        log = log_of(process, moves, facts)
        known = {(c.name, c.step, c.run): c for c in clocks}
        changed: list[LimitClock] = []
        for clock in replay(process, log, _frozen_terms(clocks), self.calendars):
            before = known.get((clock.name, clock.step, clock.run))
            if before is None or not before.provisional:
                continue
            late = (
                before.breached_at is not None
                and clock.due_at is not None
                and clock.due_at <= before.breached_at
            )
            clock = msgspec.structs.replace(clock, breached_at=before.breached_at if late else None)
            if clock != before:
                changed.append(clock)
        if not changed:
            return False
        undone = sum(
            1
            for c in changed
            if known[c.name, c.step, c.run].breached_at is not None and c.breached_at is None
        )
        seen = msgspec.structs.replace(case, breaches=case.breaches - undone)
        stored = {
            "clocks": [
                [c.name, c.step, c.run, known[c.name, c.step, c.run].due_at, c.due_at] for c in changed
            ]
        }
        now = self.clock.now()
        self._still(
            tx,
            process,
            seen,
            merged(clocks, changed),
            changed,
            CLOCK_MOVED,
            stored,
            CLOCK,
            now,
            now,
            "calendar",
        )
        return True


def _terms_of(process: Process, category: ReferenceRow | None, case: Case) -> dict[str, Terms | None]:
    data = category.data if category else None
    return {x.name: terms(x, data, category.id if category else "", case.data) for x in process.limits}


def _frozen_terms(clocks: Sequence[LimitClock]) -> dict[str, Terms | None]:
    """The terms that a case's clocks were started under, from the clocks themselves."""
    found: dict[str, Terms | None] = {}
    for name in {clock.name for clock in clocks}:
        mine = [c for c in clocks if c.name == name]
        first = min(c.run for c in mine)
        steps = tuple((c.step, c.amount, c.unit, c.calendar) for c in mine if c.run == first)
        found[name] = Terms(steps, mine[0].due_at if mine[0].amount == 0 else None, mine[0].rule)
    return found
