"""The engine: the only writer of a case's state.

Everything that happens to a case goes through here, in one transaction: permission, evidence, declared
reads, guard, the version check, one history row in the chain, the case, its clocks, the outbox. A refusal
changes nothing at all. Each public call comes in two forms: `perform(...)` runs it to its durable end, and
`performing(...)` returns the operation for `Store.awrite` or for a batch.

It is built in storeys, a file each, from the ground up: core (services, loading), judging (refusals), moving (the one
write), linking (reports, merging), following (children, limits due), recomputing (facts, versions), and here what others call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from civicloop.kernel.cases import history, reports, sentences
from civicloop.kernel.cases.compiled import (
    ATTACH,
    OPENING,
)
from civicloop.kernel.cases.fields import read_given
from civicloop.kernel.cases.receipts import (
    Doing,
    Locate,
    Located,
    Offer,
    Receipt,
    happened,
    listed,
    receipt_of,
)
from civicloop.kernel.cases.recomputing import Recomputing
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.people.roles import Actor, Where
from civicloop.kernel.refusal import NotNow
from civicloop.kernel.store.faults import Point, reach
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids


class Engine(Recomputing):
    """The engine of one district over its declared processes."""

    def under(self, clock: Clock, ids: Ids) -> Engine:
        """The same engine by another clock and id stream: a demo's past, a simulation, an import."""
        return Engine(
            self.district, self.store, clock, ids, self.processes,
            reference=self.reference, calendars=self.calendars, personal=self.personal,
            locate=self._locate, role_names=self._role_names,
        )  # fmt: skip

    def open(self, process: str, action: str, given: Mapping[str, Any], actor: Actor, **more: Any) -> Receipt:
        """Opens a case; see `opening`."""
        return self.store.write(self.opening(process, action, given, actor, **more))

    def opening(
        self,
        process: str,
        action: str,
        given: Mapping[str, Any],
        actor: Actor,
        *,
        key: str | None = None,
        happened_at: Instant | None = None,
        report: ReportGiven | None = None,
        source: str = "",
        cause: str = "",
        trusted: bool = False,
    ) -> Callable[[Tx], Receipt]:
        """The operation that opens a case by one of the process's opening actions.

        Fields, position and permission are judged here already; `Invalid`, `Forbidden` or `Missing` is raised
        before anything is queued. The same `key` with the same content answers as it did before.
        """
        declared = self._process(process)
        opened_by = self._action(declared, action)
        if (OPENING, action) not in declared.compiled.targets:
            raise NotNow(
                sentences.NO_ACTION.filled(
                    process=declared.label, name=action, known=listed(declared.compiled.openings)
                )
            )
        clean = read_given(opened_by.evidence, given)
        located = self._locate_given(declared, opened_by, clean, report)
        where = Where(self.district, located.street, located.community) if located else Where(self.district)
        role = opened_by.by if trusted else self._role(actor, opened_by, where)

        def operation(tx: Tx) -> Receipt:
            now = self.clock.now()
            doing = Doing(
                declared,
                opened_by,
                actor.signature,
                role,
                actor.via,
                happened(actor, happened_at, now, None),
                now,
                key,
                cause,
            )
            return self._open(tx, doing, clean, located, report, source or actor.via)

        return operation

    def perform(
        self, case_id: str, action: str, given: Mapping[str, Any], actor: Actor, **more: Any
    ) -> Receipt:
        """Performs an action on a case; see `performing`."""
        return self.store.write(self.performing(case_id, action, given, actor, **more))

    def performing(
        self,
        case_id: str,
        action: str,
        given: Mapping[str, Any],
        actor: Actor,
        *,
        revision: int | None = None,
        key: str | None = None,
        happened_at: Instant | None = None,
        offline: bool = False,
        cause: str = "",
        trusted: bool = False,
    ) -> Callable[[Tx], Receipt]:
        """The operation that performs `action`.

        `revision` is what the actor saw: `Conflict` when somebody has acted since. `offline` marks work done
        without a signal at `happened_at`. `trusted` is for the kernel's own callers (events, folds).
        """

        def operation(tx: Tx) -> Receipt:
            # The case first: whoever sends the same at once holds it, and his row is seen only after that.
            case, process, clocks = self._load(tx, case_id)
            if key is not None:
                row = history.row_of_request(tx, self.district, key)
                if row is not None:
                    return self._repeated_row(tx, row, action, case_id)
            now = self.clock.now()
            seen = case
            at = happened(actor, happened_at, now, case, offline=offline)
            case, clocks = self._perform_due(tx, process, case, clocks, at, now, acts=actor.via != "import")
            declared = self._action(process, action)
            # Who may not act here is not told where the case stands.
            role = declared.by if trusted else self._role(actor, declared, self._where(case))
            self._check_revision(tx, process, case, seen, revision)
            if (case.state, action) not in process.compiled.targets:
                self._not_now(process, case, declared, actor)
            clean = read_given(declared.evidence, given)
            if declared.not_by and not trusted:
                self._check_duty(tx, process, case, declared, actor)
            via = "offline" if offline else actor.via
            doing = Doing(process, declared, actor.signature, role, via, at, now, key, cause)
            case, clocks, _ = self._act(tx, doing, case, clocks, clean)
            return receipt_of(case, None)

        return operation

    def perform_many(
        self, requests: Sequence[tuple[str, str, Mapping[str, Any]]], actor: Actor
    ) -> list[Receipt | BaseException]:
        """Performs (case_id, action, given) for each; every one succeeds or fails alone."""
        return self.store.write_all(
            [self.performing(case_id, action, given, actor) for case_id, action, given in requests]
        )

    def attach(
        self, case_id: str, report: ReportGiven, actor: Actor, *, happened_at: Instant | None = None
    ) -> Receipt:
        """Links a further report to a case; see `attaching`."""
        return self.store.write(self.attaching(case_id, report, actor, happened_at=happened_at))

    def attaching(
        self, case_id: str, report: ReportGiven, actor: Actor, *, happened_at: Instant | None = None
    ) -> Callable[[Tx], Receipt]:
        """The operation that links a further report to a case; a merged case passes it on to its master."""

        def operation(tx: Tx) -> Receipt:
            case, process, clocks = self._load(tx, case_id)
            while case.master_id is not None:
                case, process, clocks = self._load(tx, case.master_id)
            now = self.clock.now()
            at = happened(actor, happened_at, now, None)
            case, clocks = self._perform_due(tx, process, case, clocks, at, now, acts=actor.via != "import")
            self._check_photos(tx, "media", report.media)
            located = self._located(report.position) if report.position else None
            doing = Doing(process, process.actions[0], actor.signature, "", actor.via, at, now)
            made = self._report(report, case, located, doing)
            seen = msgspec.structs.replace(
                case, reports=case.reports + 1, first_seen_at=min(case.first_seen_at, at)
            )
            after = self._still(tx, process, seen, clocks, [], ATTACH, {"report": made.id}, actor, at, now)
            reports.insert_report(tx, self.district, made)
            reports.link(tx, self.district, made.id, case.id, after.seq)
            self._keep_contact(tx, report, made, now)
            return receipt_of(after, made)

        return operation

    def tick(self, now: Instant | None = None, *, at_most: int = 100_000) -> int:
        """Performs what is due by `now` on every case, each in an operation of its own; returns how many limits fell due."""
        done = 0
        while done < at_most:
            until = self.clock.now() if now is None else now
            with self.store.read() as tx:
                found = tx.all(
                    "SELECT DISTINCT case_id FROM clocks WHERE district = ? AND status = 'running'"
                    " AND breached_at IS NULL AND due_at <= ? LIMIT 500",
                    (self.district, until),
                )
            if not found:
                return done
            counts = self.store.write_between([self.falling_due(case_id, until) for (case_id,) in found])
            for count in counts:
                if isinstance(count, BaseException):
                    raise count
                done += count
            if not any(counts):
                return done
        return done

    def falling_due(self, case_id: str, until: Instant, *, acts: bool = True) -> Callable[[Tx], int]:
        """The operation that performs what is due on a case by `until`, and answers how many rows that made.

        An import asks for it without `acts`: what fell due in the past is recorded, and nobody is told.
        """

        def operation(tx: Tx) -> int:
            reach(Point.TICK)
            case, process, clocks = self._load(tx, case_id)
            after, _ = self._perform_due(tx, process, case, clocks, until, self.clock.now(), acts=acts)
            return after.revision - case.revision

        return operation


__all__ = ["Engine", "Locate", "Located", "Offer", "Receipt"]
