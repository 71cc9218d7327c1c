"""One move of one case: judged by its guard, then written with its history row, clocks and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from civicloop.kernel.cases import history, rows, sentences
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.compiled import (
    PREVIOUS,
    Transition,
    parse_moves,
)
from civicloop.kernel.cases.declaration import Action
from civicloop.kernel.cases.fields import plain
from civicloop.kernel.cases.judging import Judging
from civicloop.kernel.cases.limits import (
    Calendars,
    LimitClock,
    Terms,
    merged,
    next_due,
    step,
    step_done,
    steps_ended,
    terms,
)
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.reads import Reading
from civicloop.kernel.cases.receipts import (
    Doing,
)
from civicloop.kernel.cases.reports import Report
from civicloop.kernel.facts.reference import ReferenceRow
from civicloop.kernel.outside.outbox import Message, enqueue
from civicloop.kernel.people.roles import Actor, person_of
from civicloop.kernel.refusal import Conflict, Guarded
from civicloop.kernel.store.faults import Point, reach
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant


class Moving(Judging):
    """The only place that writes a case."""

    def _apply(
        self,
        tx: Tx,
        doing: Doing,
        case: Case,
        clocks: list[LimitClock],
        target: str | None,
        clean: Mapping[str, Any],
        stored: Mapping[str, Any],
        report: Report | None,
    ) -> tuple[Case, list[LimitClock], int, Mapping[str, Any]]:
        """Judges and writes one move, and answers what was read for it; seq 0 means that the request key was there already and nothing was written."""
        process, action, before = doing.process, doing.action, case
        snapshot = self._snapshot(tx)
        reading = Reading(tx, self.district, snapshot, doing.now)
        facts = {read.name: read.load(reading, case, clean) for read in action.reads}
        facts["now"] = doing.at
        facts["by"] = person_of(doing.actor)
        self._check_evidence(tx, action, clean, snapshot, doing.now)
        if action.guard is not None:
            reason = action.guard(case, clean, facts)
            if reason is not None:
                raise Guarded(reason)
        if target is None:
            target = _target(process, action, case, clean, facts)
        case = self._updated(doing, case, clean, facts, target, report)
        category = snapshot.get(process.kinds, case.kind, doing.at) if process.kinds and case.kind else None
        if category is not None and not case.scheme:
            case = msgspec.structs.replace(case, scheme=str(category.data.get("scheme", "")))
        moved = process.compiled.transitions.get((before.state, target), ())
        changed: list[LimitClock] = []
        for limit, name in steps_ended(process, action.name, before.state, target):
            changed = merged(changed, step_done(clocks, limit, name, doing.at, self.calendars))
            clocks = merged(clocks, changed)
        changed = merged(changed, _stepped(moved, clocks, category, case, doing.at, self.calendars))
        clocks = merged(clocks, changed)
        reach(Point.JUDGED)
        seq = self._append(tx, doing, case, before.state, target, stored)
        if seq == 0:
            return before, clocks, 0, facts
        reach(Point.HISTORY_WRITTEN)
        case = msgspec.structs.replace(case, seq=seq, due_at=next_due(clocks))
        self._write(tx, case, before, changed)
        self._messages(tx, doing, case, before, clean, seq)
        tx.notes.append(("case", seq, case.id, process.name, case.state, case.street, case.unit))
        return case, clocks, seq, facts

    def _write(self, tx: Tx, case: Case, before: Case, changed: Sequence[LimitClock]) -> None:
        if before.revision == 0:
            rows.insert_case(tx, self.district, case)
        elif not rows.update_case(tx, self.district, case, before):
            raise Conflict(sentences.CHANGED.filled(state=case.state), extra={"revision": before.revision})
        reach(Point.CASE_WRITTEN)
        rows.write_clocks(tx, self.district, case.id, changed, new=before.revision == 0)
        reach(Point.CLOCKS_WRITTEN)

    def _append(
        self, tx: Tx, doing: Doing, case: Case, before: str, target: str, stored: Mapping[str, Any]
    ) -> int:
        return history.append(
            tx, self.district, case_id=case.id, process=doing.process.name, version=doing.process.version,
            revision=case.revision, action=doing.action.name, from_state=before, to_state=target, actor=doing.actor,
            role=doing.role, via=doing.via, happened_at=doing.at, recorded_at=doing.now,
            given=history.canonical(stored), cause=doing.cause, request_key=doing.key,
        )  # fmt: skip

    def _updated(
        self,
        doing: Doing,
        case: Case,
        clean: Mapping[str, Any],
        facts: Mapping[str, Any],
        target: str,
        report: Report | None,
    ) -> Case:
        """The case after the move: its own attributes, what the action sets and computes."""
        process, action = doing.process, doing.action
        values: dict[str, Any] = {name: clean[name] for name in action.sets if name in clean}
        if action.computes is not None:
            values.update(action.computes(case, clean, facts))
        values.pop("point", None)
        own = {name: values.pop(name) for name in list(values) if name not in Case.__struct_fields__}
        state = process.compiled.states[target]
        was = process.compiled.states.get(case.state)
        moved = target != case.state
        if report is not None:
            values["reports"] = case.reports + 1
            values.setdefault("title", case.title or report.description[:60])
        if case.revision == 0 and action.name == case.last_action and "kind" in clean:
            values.setdefault("kind", clean["kind"])
        if moved and state.closes:
            values["closed_at"] = doing.at
        elif moved and was is not None and was.closes and not state.final:
            values["closed_at"] = None
        if action.unmerges:
            values["master_id"] = None
        return msgspec.structs.replace(
            case,
            **{
                **values,
                "state": target,
                "previous_state": case.state if moved else case.previous_state,
                "last_action": action.name,
                "version": process.version,
                "revision": case.revision + 1,
                "changed_at": max(doing.at, case.changed_at),
                "ended_at": doing.at if state.final and moved else case.ended_at,
                "reworks": case.reworks + ("reworks" in action.counts),
                "data": {**case.data, **{k: plain(v) for k, v in own.items()}} if own else case.data,
            },
        )

    def _messages(
        self, tx: Tx, doing: Doing, case: Case, before: Case, clean: Mapping[str, Any], seq: int
    ) -> None:
        """Effects and events of an action as outbox rows; an import sends none."""
        action = doing.action
        if doing.via == "import" or not (action.effects or action.emits):
            return
        body = {
            "case": case.id,
            "seq": seq,
            "action": action.name,
            "state": case.state,
            "from_state": before.state,
        }
        messages = [
            Message(f"effect:{doing.process.name}.{name}", f"{seq}:{name}", {**body, "effect": name}, case.id)
            for name in action.effects
        ]
        for event in doing.process.events:
            if event.name in action.emits:
                payload = {k: plain(v) for k, v in event.build(case, clean, {}).items()}
                topic = f"event:{doing.process.name}.{event.name}"
                messages.append(
                    Message(
                        topic,
                        f"{seq}:{topic}",
                        {**body, "version": event.version, "payload": payload},
                        case.id,
                    )
                )
        enqueue(tx, self.district, doing.now, messages, self.ids)
        reach(Point.OUTBOX_WRITTEN)

    def _still(
        self,
        tx: Tx,
        process: Process,
        case: Case,
        clocks: Sequence[LimitClock],
        changed: Sequence[LimitClock],
        move: str,
        stored: Mapping[str, Any],
        actor: Actor,
        at: Instant,
        now: Instant,
        cause: str = "",
    ) -> Case:
        """One of the kernel's own rows, which moves nothing."""
        after = msgspec.structs.replace(
            case,
            revision=case.revision + 1,
            last_action=move,
            version=process.version,
            due_at=next_due(clocks),
        )
        seq = history.append(
            tx, self.district, case_id=case.id, process=process.name, version=process.version, revision=after.revision,
            action=move, from_state=case.state, to_state=case.state, actor=actor.signature, role="", via=actor.via,
            happened_at=at, recorded_at=now, given=history.canonical(stored), cause=cause,
        )  # fmt: skip
        after = msgspec.structs.replace(after, seq=seq)
        self._write(tx, after, case, changed)
        tx.notes.append(("case", seq, case.id, process.name, case.state, case.street, case.unit))
        return after


def _stepped(
    moved: Sequence[Transition],
    clocks: Sequence[LimitClock],
    category: ReferenceRow | None,
    case: Case,
    at: Instant,
    calendars: Calendars,
) -> list[LimitClock]:
    changed: list[LimitClock] = []
    for transition in moved:
        allowed: Terms | None = None
        if transition.does in ("start", "reenter"):
            allowed = terms(
                transition.limit,
                category.data if category else None,
                category.id if category else "",
                case.data,
            )
        changed += step(clocks, transition, allowed, at, calendars)
    return changed


def _target(
    process: Process, action: Action, case: Case, clean: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    targets = process.compiled.targets[(case.state, action.name)]
    if parse_moves(action.moves).targets == (PREVIOUS,):
        return case.previous_state
    if action.choose is None:
        return targets[0]
    chosen = action.choose(case, clean, facts)
    if chosen not in targets:
        raise ValueError(f"the rule of {action.name!r} chose {chosen!r}, which is none of {targets}")
    return chosen
