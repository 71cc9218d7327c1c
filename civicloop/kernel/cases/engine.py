"""The engine: the only writer of a case's state.

Everything that happens to a case goes through here, in one transaction: permission, evidence, declared
reads, guard, the version check, one history row in the chain, the case, its clocks, the outbox. A refusal
changes nothing at all. Each public call comes in two forms: `perform(...)` runs it to its durable end, and
`performing(...)` returns the operation for `Store.awrite` or for a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from civicloop.kernel.cases import history, reports, rows
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.compiled import (
    ATTACH,
    BREACH,
    FACT,
    OPENING,
    PREVIOUS,
    UPGRADE,
    Transition,
    parse_moves,
)
from civicloop.kernel.cases.declaration import Action, Children, Fact
from civicloop.kernel.cases.fields import Field, Position, plain, read_given
from civicloop.kernel.cases.limits import (
    Calendars,
    Entry,
    LimitClock,
    Terms,
    merged,
    next_due,
    replay,
    step,
    terms,
)
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.reads import Reading
from civicloop.kernel.cases.reports import Report, ReportGiven
from civicloop.kernel.facts.reference import Reference, ReferenceRow, Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.outside.outbox import Message, enqueue
from civicloop.kernel.people.permissions import different_person, may, role_for
from civicloop.kernel.people.personal import Personal
from civicloop.kernel.people.roles import CLOCK, Actor, Where
from civicloop.kernel.refusal import Conflict, Forbidden, Guarded, Invalid, Missing, NotNow
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.faults import Point, reach
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY, HOUR, Clock, Instant
from civicloop.kernel.time.ids import Ids

KEEP_CONTACT = 730 * DAY  # until a retention rule of the district says otherwise
OFFLINE_AT_MOST = 3 * DAY  # how old work done without a signal may be when it arrives
CLOCK_SKEW = HOUR // 12  # how far a device's clock may run ahead

_NO_CASE = Label("没有编号为 {id} 的案件,请核对。", "There is no case {id}; check the number.")
_NO_PROCESS = Label("没有名为“{name}”的流程。", "There is no process “{name}”.")
_NO_ACTION = Label(
    "流程“{process}”没有“{name}”这一操作。可用:{known}。",
    "“{process}” has no action “{name}”. It has: {known}.",
)
_NOT_NOW = Label(
    "案件现在处于“{state}”,不能“{action}”。现在可以:{known}。",
    "The case is “{state}”, so “{action}” is not possible now. Possible now: {known}.",
)
_CHANGED = Label(
    "您打开之后,案件已被他人处理(现为“{state}”)。请刷新后再试。",
    "Somebody else has acted on the case since you opened it (now “{state}”). Reload and try again.",
)
_KEY_REUSED = Label(
    "这个请求编号已用于另一次内容不同的提交,请换一个新的编号。",
    "This request key was used for another request with other content; use a new key.",
)
_OUTSIDE = Label(
    "位置不在本区范围内,请在地图上重新选点。",
    "The position lies outside the district; pick it again on the map.",
)
_NO_POSITION = Label("请在地图上选点或填写位置。", "Pick the place on the map or give its position.")
_NO_CATEGORY = Label(
    "没有编码为“{code}”的类别,请从列表中选择。", "There is no category “{code}”; choose one from the list."
)
_NO_UNIT = Label(
    "没有编码为“{code}”的单位,请从列表中选择。", "There is no unit “{code}”; choose one from the list."
)
_NO_EVIDENCE = Label(
    "照片尚未上传成功,请重新上传。", "The photograph has not been uploaded; please upload it again."
)
_FUTURE = Label("发生时间不能晚于现在。", "The time it happened can't lie in the future.")
_TOO_OLD = Label(
    "离线记录超过 3 天,请改为现在办理。", "Work recorded without a signal is older than 3 days; do it anew."
)
_BEFORE_LAST = Label(
    "发生时间早于本案上一步({last})。", "It is said to have happened before the case's last step ({last})."
)
_NOT_IMPORT = Label("只有导入来源可以指定过去的时间。", "Only an import may set a time in the past.")
_SELF_MERGE = Label("不能把案件合并到它自己。", "A case can't be merged into itself.")
_BAD_MASTER = Label(
    "主案件 {id} 已结束、已被合并或属于另一流程,请选别的主案件。",
    "Case {id} has ended, is itself merged, or is of another process; choose another.",
)
_PARENT_GONE = Label(
    "上级案件已进入下一步,本案不能重开。", "The parent case has moved on, so this one can't be re-opened."
)


@dataclass(frozen=True, slots=True)
class Located:
    """Where a position lies: codes of street, community and unit cell; the position in WGS-84."""

    lon: float
    lat: float
    street: str
    community: str
    cell: str


Locate = Callable[[Position], Located]  # raises Invalid with the reason why it can't be taken


class Receipt(msgspec.Struct, frozen=True):
    """What an accepted action answers with, after the commit."""

    case_id: str
    number: str
    process: str
    state: str
    revision: int
    seq: int
    report_id: str = ""
    tracking_code: str = ""
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """An action that the case's state allows; `refused` says why this actor may not do it, None that he may."""

    action: Action
    refused: Label | None


@dataclass(frozen=True, slots=True)
class _Doing:
    """One action on its way: who does it, when, why, and what the transaction has loaded."""

    process: Process
    action: Action
    actor: str
    role: str
    via: str
    at: Instant
    now: Instant
    key: str | None = None
    cause: str = ""


class Engine:
    """The engine of one district over its declared processes."""

    def __init__(
        self,
        district: str,
        store: Store,
        clock: Clock,
        ids: Ids,
        processes: Mapping[str, Process],
        *,
        reference: Reference,
        calendars: Calendars,
        personal: Personal,
        locate: Locate | None = None,
        role_names: Mapping[str, Label] | None = None,
    ) -> None:
        self.district = district
        self.store = store
        self.clock = clock
        self.ids = ids
        self.processes = dict(processes)
        self.reference = reference
        self.calendars = calendars
        self.personal = personal
        self._locate = locate
        self._role_names = role_names or {}
        # Which process has children of which: built once from the declarations.
        self._parents: dict[str, list[tuple[Process, Children]]] = {}
        for process in self.processes.values():
            for children in process.children:
                self._parents.setdefault(children.process, []).append((process, children))

    def under(self, clock: Clock, ids: Ids) -> Engine:
        """The same engine by another clock and id stream: a demo's past, a simulation, an import."""
        return Engine(
            self.district, self.store, clock, ids, self.processes,
            reference=self.reference, calendars=self.calendars, personal=self.personal,
            locate=self._locate, role_names=self._role_names,
        )  # fmt: skip

    # ---- opening ----------------------------------------------------------------------------------------

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
                _NO_ACTION.filled(
                    process=declared.label, name=action, known=_list(declared.compiled.openings)
                )
            )
        clean = read_given(opened_by.evidence, given)
        located = self._locate_given(declared, opened_by, clean, report)
        where = Where(self.district, located.street, located.community) if located else Where(self.district)
        role = opened_by.by if trusted else self._role(actor, opened_by, where)

        def operation(tx: Tx) -> Receipt:
            now = self.clock.now()
            doing = _Doing(
                declared,
                opened_by,
                actor.signature,
                role,
                actor.via,
                _happened(actor, happened_at, now, None),
                now,
                key,
                cause,
            )
            return self._open(tx, doing, clean, located, report, source or actor.via)

        return operation

    def _open(
        self,
        tx: Tx,
        doing: _Doing,
        clean: dict[str, Any],
        located: Located | None,
        report: ReportGiven | None,
        source: str,
        *,
        parent_id: str | None = None,
        preset: Mapping[str, Any] | None = None,
    ) -> Receipt:
        process, action, now = doing.process, doing.action, doing.now
        seq_before = history.head(tx, self.district).seq
        start = process.compiled.start.name
        case = Case(
            id=self.ids.new("c"), number=_number(now, seq_before + 1), process=process.name, version=process.version,
            state="", previous_state="", last_action=action.name, revision=0, seq=0, kind="", scheme="", title="",
            lon=located.lon if located else None, lat=located.lat if located else None,
            street=located.street if located else "", community=located.community if located else "",
            cell=located.cell if located else "", unit="", holder="", priority=0, source=source, parent_id=parent_id,
            master_id=None, first_seen_at=doing.at, opened_at=doing.at, changed_at=doing.at, closed_at=None,
            ended_at=None, due_at=None, breaches=0, reworks=0, reports=0, data={},
        )  # fmt: skip
        if preset:
            case = msgspec.structs.replace(case, **preset)
        stored = self._kept(tx, action.evidence, clean, case.id, now)
        made: Report | None = None
        if report is not None:
            made = self._report(report, case, located, doing)
            stored["report"] = made.id
        case, _, seq = self._apply(tx, doing, case, [], start, clean, stored, made)
        if seq == 0:
            return self._repeated(tx, doing.key or "", process.name, action.name, None, stored)
        if made is not None and report is not None:
            reports.insert_report(tx, self.district, made)
            reports.link(tx, self.district, made.id, case.id, seq)
            self._keep_contact(tx, report, made, now)
        return _receipt(case, made)

    # ---- performing -------------------------------------------------------------------------------------

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
            if key is not None:
                row = history.row_of_request(tx, self.district, key)
                if row is not None:
                    return self._repeated_row(tx, row, action, case_id)
            case, process, clocks = self._load(tx, case_id)
            now = self.clock.now()
            seen = case
            at = _happened(actor, happened_at, now, case, offline=offline)
            case, clocks = self._perform_due(tx, process, case, clocks, at, now, acts=actor.via != "import")
            self._check_revision(tx, process, case, seen, revision)
            declared = self._action(process, action)
            # Who may not act here is not told where the case stands.
            role = declared.by if trusted else self._role(actor, declared, self._where(case))
            if (case.state, action) not in process.compiled.targets:
                self._not_now(process, case, declared, actor)
            clean = read_given(declared.evidence, given)
            if declared.not_by and not trusted:
                self._check_duty(tx, process, case, declared, actor)
            via = "offline" if offline else actor.via
            doing = _Doing(process, declared, actor.signature, role, via, at, now, key, cause)
            case, clocks, _ = self._act(tx, doing, case, clocks, clean)
            return _receipt(case, None)

        return operation

    def perform_many(
        self, requests: Sequence[tuple[str, str, Mapping[str, Any]]], actor: Actor
    ) -> list[Receipt | BaseException]:
        """Performs (case_id, action, given) for each; every one succeeds or fails alone."""
        return self.store.write_all(
            [self.performing(case_id, action, given, actor) for case_id, action, given in requests]
        )

    def _act(
        self, tx: Tx, doing: _Doing, case: Case, clocks: list[LimitClock], clean: dict[str, Any]
    ) -> tuple[Case, list[LimitClock], int]:
        """Everything of an action after its right to happen is clear."""
        process, action = doing.process, doing.action
        located = self._locate_given(process, action, clean, None, required=False)
        stored = self._kept(tx, action.evidence, clean, case.id, doing.now)
        moved_reports: list[str] = []
        if action.merges:
            case, moved_reports = self._merge(tx, process, action, case, clean)
        elif action.unmerges:
            moved_reports = self._unmerge_reports(tx, case)
        if located is not None:
            case = msgspec.structs.replace(
                case,
                lon=located.lon,
                lat=located.lat,
                street=located.street,
                community=located.community,
                cell=located.cell,
            )
        master_id = case.master_id
        case, clocks, seq = self._apply(tx, doing, case, clocks, None, clean, stored, None)
        if moved_reports and master_id:
            self._move_reports(tx, doing, case, master_id, moved_reports, seq)
        self._spawn(tx, doing, case, clean, seq)
        if case.ended_at is not None:
            self._end_children(tx, doing, case)
        if case.parent_id is not None:
            self._tell_parent(tx, doing, case)
        return case, clocks, seq

    def _apply(
        self,
        tx: Tx,
        doing: _Doing,
        case: Case,
        clocks: list[LimitClock],
        target: str | None,
        clean: Mapping[str, Any],
        stored: Mapping[str, Any],
        report: Report | None,
    ) -> tuple[Case, list[LimitClock], int]:
        """Judges and writes one move; seq 0 means that the request key was there already and nothing was written."""
        process, action, before = doing.process, doing.action, case
        snapshot = self._snapshot(tx)
        reading = Reading(tx, self.district, snapshot, doing.now)
        facts = {read.name: read.load(reading, case, clean) for read in action.reads}
        facts["now"] = doing.at
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
        changed = _stepped(moved, clocks, category, case, doing.at, self.calendars)
        clocks = merged(clocks, changed)
        reach(Point.JUDGED)
        seq = self._append(tx, doing, case, before.state, target, stored)
        if seq == 0:
            return before, clocks, 0
        reach(Point.HISTORY_WRITTEN)
        case = msgspec.structs.replace(case, seq=seq, due_at=next_due(clocks))
        self._write(tx, case, before, changed)
        self._messages(tx, doing, case, before, clean, seq)
        tx.notes.append(("case", seq, case.id, process.name, case.state, case.street, case.unit))
        return case, clocks, seq

    def _write(self, tx: Tx, case: Case, before: Case, changed: Sequence[LimitClock]) -> None:
        if before.revision == 0:
            rows.insert_case(tx, self.district, case)
        elif not rows.update_case(tx, self.district, case, before):
            raise Conflict(_CHANGED.filled(state=case.state), extra={"revision": before.revision})
        reach(Point.CASE_WRITTEN)
        rows.write_clocks(tx, self.district, case.id, changed, new=before.revision == 0)
        reach(Point.CLOCKS_WRITTEN)

    def _append(
        self, tx: Tx, doing: _Doing, case: Case, before: str, target: str, stored: Mapping[str, Any]
    ) -> int:
        return history.append(
            tx, self.district, case_id=case.id, process=doing.process.name, version=doing.process.version,
            revision=case.revision, action=doing.action.name, from_state=before, to_state=target, actor=doing.actor,
            role=doing.role, via=doing.via, happened_at=doing.at, recorded_at=doing.now,
            given=history.canonical(stored), cause=doing.cause, request_key=doing.key,
        )  # fmt: skip

    def _updated(
        self,
        doing: _Doing,
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
        self, tx: Tx, doing: _Doing, case: Case, before: Case, clean: Mapping[str, Any], seq: int
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

    # ---- time -------------------------------------------------------------------------------------------

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
            counts = self.store.write_all([self._due_operation(case_id, until) for (case_id,) in found])
            for count in counts:
                if isinstance(count, BaseException):
                    raise count
                done += count
            if not any(counts):
                return done
        return done

    def _due_operation(self, case_id: str, until: Instant) -> Callable[[Tx], int]:
        def operation(tx: Tx) -> int:
            reach(Point.TICK)
            case, process, clocks = self._load(tx, case_id)
            after, _ = self._perform_due(tx, process, case, clocks, until, self.clock.now())
            return after.revision - case.revision

        return operation

    def _perform_due(
        self,
        tx: Tx,
        process: Process,
        case: Case,
        clocks: list[LimitClock],
        until: Instant,
        now: Instant,
        *,
        acts: bool = True,
    ) -> tuple[Case, list[LimitClock]]:
        """Performs what fell due on the case up to `until`, each at its own due moment, in order."""
        while case.due_at is not None:
            due = [c for c in clocks if _fell_due(process, c, until)]
            if not due:
                break
            clock = min(due, key=lambda c: (c.due_at, c.name, c.step))
            assert clock.due_at is not None
            limit = process.compiled.limits.get(clock.name)
            at = max(clock.due_at, case.changed_at)
            marked = msgspec.structs.replace(clock, breached_at=clock.due_at)
            clocks = merged(clocks, [marked])
            if limit is None or not limit.waits:
                case = msgspec.structs.replace(case, breaches=case.breaches + 1)
            stored = {"limit": clock.name, "step": clock.step, "due_at": clock.due_at}
            action = (
                process.compiled.actions.get(limit.on_breach) if acts and limit and limit.on_breach else None
            )
            cause = f"limit:{clock.name}"
            if action is not None and (case.state, action.name) in process.compiled.targets:
                rows.write_clocks(tx, self.district, case.id, [marked])
                doing = _Doing(process, action, CLOCK.signature, "clock", "clock", at, now, None, cause)
                case, clocks, _ = self._act_by_clock(tx, doing, case, clocks, stored)
            else:
                case = self._still(tx, process, case, clocks, [marked], BREACH, stored, CLOCK, at, now, cause)
        return case, clocks

    def _act_by_clock(
        self, tx: Tx, doing: _Doing, case: Case, clocks: list[LimitClock], stored: Mapping[str, Any]
    ) -> tuple[Case, list[LimitClock], int]:
        case, clocks, seq = self._apply(tx, doing, case, clocks, None, {}, stored, None)
        if case.ended_at is not None:
            self._end_children(tx, doing, case)
        if case.parent_id is not None:
            self._tell_parent(tx, doing, case)
        return case, clocks, seq

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

    # ---- reports ----------------------------------------------------------------------------------------

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
            if case.master_id is not None:
                case, process, clocks = self._load(tx, case.master_id)
            now = self.clock.now()
            at = _happened(actor, happened_at, now, None)
            case, clocks = self._perform_due(tx, process, case, clocks, at, now, acts=actor.via != "import")
            located = self._located(report.position) if report.position else None
            doing = _Doing(process, process.actions[0], actor.signature, "", actor.via, at, now)
            made = self._report(report, case, located, doing)
            seen = msgspec.structs.replace(
                case, reports=case.reports + 1, first_seen_at=min(case.first_seen_at, at)
            )
            after = self._still(tx, process, seen, clocks, [], ATTACH, {"report": made.id}, actor, at, now)
            reports.insert_report(tx, self.district, made)
            reports.link(tx, self.district, made.id, case.id, after.seq)
            self._keep_contact(tx, report, made, now)
            return _receipt(after, made)

        return operation

    def _report(self, given: ReportGiven, case: Case, located: Located | None, doing: _Doing) -> Report:
        report_id = self.ids.new("r")
        subject = f"report:{report_id}" if given.contact or given.name else ""
        return Report(
            report_id, self.ids.code(), given.channel, given.external_id, given.kind or case.kind, given.description,
            given.address, located.lon if located else None, located.lat if located else None, given.media, subject,
            given.consent, doing.at, doing.now, given.data,
        )  # fmt: skip

    def _keep_contact(self, tx: Tx, given: ReportGiven, made: Report, now: Instant) -> None:
        for purpose, value in (("name", given.name), ("contact", given.contact)):
            if value:
                self.personal.put(tx, made.subject, purpose, value, now + KEEP_CONTACT)

    # ---- merging ----------------------------------------------------------------------------------------

    def _merge(
        self, tx: Tx, process: Process, action: Action, case: Case, clean: Mapping[str, Any]
    ) -> tuple[Case, list[str]]:
        field = next(f for f in action.evidence if f.kind == "case")
        master_id = clean[field.name]
        if master_id == case.id:
            raise Invalid(_SELF_MERGE, fields={field.name: _SELF_MERGE})
        master = rows.load_case(tx, self.district, master_id, lock=True)
        if master is None:
            raise Invalid(_NO_CASE.filled(id=master_id), fields={field.name: _NO_CASE.filled(id=master_id)})
        if master.process != process.name or master.ended_at is not None or master.master_id is not None:
            reason = _BAD_MASTER.filled(id=master.number)
            raise Invalid(reason, fields={field.name: reason})
        moved = [r.id for r in reports.reports_of_case(tx, self.district, case.id)]
        return msgspec.structs.replace(case, master_id=master.id, reports=0), moved

    def _unmerge_reports(self, tx: Tx, case: Case) -> list[str]:
        row = tx.one(
            "SELECT MAX(seq) FROM report_links WHERE district = ? AND case_id = ? AND linked = 0",
            (self.district, case.id),
        )
        if row is None or row[0] is None:
            return []
        sql = "SELECT report_id FROM report_links WHERE district = ? AND case_id = ? AND seq = ? AND linked = 0 ORDER BY report_id"
        return [r[0] for r in tx.all(sql, (self.district, case.id, row[0]))]

    def _move_reports(
        self, tx: Tx, doing: _Doing, case: Case, master_id: str, moved: Sequence[str], seq: int
    ) -> None:
        """Moves report links between a case and its master, and says so in the master's history."""
        merging = doing.action.merges
        master, process, clocks = self._load(tx, master_id)
        count = len(moved) if merging else -len(moved)
        if not merging:
            held = rows.load_case(tx, self.district, case.id)
            assert held is not None
            rows.update_case(tx, self.district, msgspec.structs.replace(held, reports=len(moved)), held)
        seen = msgspec.structs.replace(
            master,
            reports=master.reports + count,
            first_seen_at=min(master.first_seen_at, case.first_seen_at),
        )
        stored = {"merged" if merging else "unmerged": case.id, "reports": list(moved)}
        self._still(
            tx, process, seen, clocks, [], ATTACH, stored, CLOCK, doing.at, doing.now, f"case:{case.id}:{seq}"
        )
        for report_id in moved:
            reports.link(tx, self.district, report_id, case.id, seq, linked=not merging)
            reports.link(tx, self.district, report_id, master.id, seq, linked=merging)

    # ---- children ---------------------------------------------------------------------------------------

    def _spawn(self, tx: Tx, doing: _Doing, case: Case, clean: Mapping[str, Any], seq: int) -> None:
        for children in doing.process.children:
            if children.after != doing.action.name:
                continue
            child_process = self._process(children.process)
            opened_by = self._action(child_process, children.opens_with)
            for child in children.spawn(case, clean, {"now": doing.at}):
                given = read_given(opened_by.evidence, child.given)
                preset = {
                    "unit": child.unit or case.unit, "title": child.title or case.title, "kind": child.kind or case.kind,
                    "lon": case.lon, "lat": case.lat, "street": case.street, "community": case.community, "cell": case.cell,
                }  # fmt: skip
                spawned = replace(
                    doing,
                    process=child_process,
                    action=opened_by,
                    role="children",
                    key=None,
                    cause=f"case:{case.id}:{seq}",
                )
                self._open(tx, spawned, given, None, None, "parent", parent_id=case.id, preset=preset)

    def _tell_parent(self, tx: Tx, doing: _Doing, child: Case) -> None:
        """After a child's move: all closed moves the parent on; one re-opened has its declared answer."""
        for parent_process, children in self._parents.get(child.process, ()):
            parent = rows.load_case(tx, self.district, child.parent_id or "", lock=True)
            if parent is None or parent.process != parent_process.name:
                continue
            if doing.action.reopens:
                self._child_reopened(tx, doing, child, parent, parent_process, children)
            if child.closed_at is None and child.ended_at is None:
                continue
            row = tx.one(
                "SELECT COUNT(*) FROM cases WHERE district = ? AND parent_id = ? AND process = ?"
                " AND closed_at IS NULL AND ended_at IS NULL",
                (self.district, parent.id, child.process),
            )
            joined = parent_process.compiled.actions[children.on_all_closed]
            if row is None or row[0] or (parent.state, joined.name) not in parent_process.compiled.targets:
                continue
            self._on_parent(tx, doing, child, parent, parent_process, joined)

    def _child_reopened(
        self, tx: Tx, doing: _Doing, child: Case, parent: Case, process: Process, children: Children
    ) -> None:
        if not children.on_reopened:
            if parent.ended_at is not None or parent.last_action == children.on_all_closed:
                raise Guarded(_PARENT_GONE)
            return
        answer = process.compiled.actions[children.on_reopened]
        if (parent.state, answer.name) in process.compiled.targets:
            self._on_parent(tx, doing, child, parent, process, answer)

    def _on_parent(
        self, tx: Tx, doing: _Doing, child: Case, parent: Case, process: Process, action: Action
    ) -> None:
        clocks = rows.load_clocks(tx, self.district, parent.id)
        parent, clocks = self._perform_due(tx, process, parent, clocks, doing.at, doing.now)
        answer = _Doing(
            process,
            action,
            doing.actor,
            "children",
            doing.via,
            max(doing.at, parent.changed_at),
            doing.now,
            None,
            f"case:{child.id}",
        )
        self._act(tx, answer, parent, clocks, {})

    def _end_children(self, tx: Tx, doing: _Doing, case: Case) -> None:
        for children in doing.process.children:
            if children.on_parent_end != "cancel":
                continue
            found = tx.all(
                "SELECT id FROM cases WHERE district = ? AND parent_id = ? AND process = ? AND ended_at IS NULL ORDER BY id",
                (self.district, case.id, children.process),
            )
            for (child_id,) in found:
                child, process, clocks = self._load(tx, child_id)
                cancel = process.compiled.actions[children.cancel]
                if (child.state, cancel.name) in process.compiled.targets:
                    told = replace(
                        doing,
                        process=process,
                        action=cancel,
                        role="children",
                        key=None,
                        cause=f"case:{case.id}",
                    )
                    self._apply(tx, told, child, clocks, None, {}, {}, None)

    # ---- facts from outside -----------------------------------------------------------------------------

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
                    _NO_ACTION.filled(process=process.label, name=name, known=_list(known.values()))
                )
        now = self.clock.now()
        by_facts = {x.name for x in process.limits if {*x.start, *x.stop, *x.pause, *x.resume} & set(known)}
        due_by_state = [c for c in clocks if c.name not in by_facts]
        case, due_by_state = self._perform_due(tx, process, case, due_by_state, now, now)
        log = [Entry(at, name, True) for name, at in facts]
        log += [
            Entry(row.happened_at, row.to_state)
            for row in history.rows_of_case(tx, self.district, case_id)
            if row.from_state != row.to_state
        ]
        log.sort(key=lambda entry: (entry.at, entry.fact, entry.name))
        snapshot = self._snapshot(tx)
        category = (
            snapshot.get(process.kinds, case.kind, case.opened_at) if process.kinds and case.kind else None
        )
        allowed = _terms_of(process, category, case)
        fresh = [c for c in replay(process, log, allowed, self.calendars) if c.name in by_facts]
        fresh = [
            msgspec.structs.replace(
                c, breached_at=c.due_at if c.due_at is not None and c.due_at < (c.stopped_at or now) else None
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
        return _receipt(case, None)

    # ---- versions ---------------------------------------------------------------------------------------

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

    # ---- asking -----------------------------------------------------------------------------------------

    def offers(
        self, case: Case, actor: Actor, earlier: Mapping[str, Sequence[str]] | None = None
    ) -> list[Offer]:
        """What the case's state allows, and for each whether this actor may; `earlier` holds who did which action."""
        process = self._process(case.process)
        where = self._where(case)
        found: list[Offer] = []
        for action in process.compiled.from_state.get(case.state, ()):
            refused = may(actor, action.roles, where, action=action.name, names=self._role_names)
            if refused is None and action.not_by and earlier is not None:
                refused = different_person(
                    actor, [who for name in action.not_by for who in earlier.get(name, ())]
                )
            found.append(Offer(action, refused))
        return found

    def visible(self, case: Case, actor: Actor, by: frozenset[str]) -> bool:
        """Whether the case lies where the actor holds one of the roles."""
        return may(actor, by, self._where(case)) is None

    def case(self, tx: Tx, case_id: str) -> Case:
        """The case of that id, or Missing."""
        case = rows.load_case(tx, self.district, case_id)
        if case is None:
            raise Missing(_NO_CASE.filled(id=case_id))
        return case

    # ---- the small steps --------------------------------------------------------------------------------

    def _process(self, name: str) -> Process:
        process = self.processes.get(name)
        if process is None:
            raise Missing(_NO_PROCESS.filled(name=name))
        return process

    @staticmethod
    def _action(process: Process, name: str) -> Action:
        action = process.compiled.actions.get(name)
        if action is None:
            raise Missing(_NO_ACTION.filled(process=process.label, name=name, known=_list(process.actions)))
        return action

    def _load(self, tx: Tx, case_id: str) -> tuple[Case, Process, list[LimitClock]]:
        case = rows.load_case(tx, self.district, case_id, lock=True)
        if case is None:
            raise Missing(_NO_CASE.filled(id=case_id))
        return case, self._process(case.process), rows.load_clocks(tx, self.district, case_id)

    def _where(self, case: Case) -> Where:
        return Where(self.district, case.street, case.community, case.unit, case.holder, case.id)

    def _snapshot(self, tx: Tx) -> Snapshot:
        return self.reference.snapshot_for(tx, history.head(tx, self.district).reference_version)

    def _role(self, actor: Actor, action: Action, where: Where) -> str:
        refused = may(actor, action.roles, where, action=action.name, names=self._role_names)
        if refused is not None:
            raise Forbidden(refused)
        return role_for(actor, action.roles, where) or ""

    def _not_now(self, process: Process, case: Case, action: Action, actor: Actor) -> None:
        known = [offer.action for offer in self.offers(case, actor) if offer.refused is None]
        state = process.compiled.states[case.state]
        raise NotNow(
            _NOT_NOW.filled(state=state.label, action=action.label, known=_list(known)),
            extra={"state": case.state, "revision": case.revision},
        )

    def _check_revision(self, tx: Tx, process: Process, case: Case, seen: Case, revision: int | None) -> None:
        if revision is None or revision == seen.revision:
            return
        # The clock's rows and the kernel's own (a breach, a further report) don't invalidate what a person has before him.
        row = tx.one(
            "SELECT COUNT(*) FROM history WHERE district = ? AND case_id = ? AND revision > ? AND action NOT LIKE '~%' AND via <> 'clock'",
            (self.district, case.id, revision),
        )
        if revision > seen.revision or row is None or row[0]:
            state = process.compiled.states[case.state]
            raise Conflict(
                _CHANGED.filled(state=state.label), extra={"revision": seen.revision, "state": case.state}
            )

    def _check_duty(self, tx: Tx, process: Process, case: Case, action: Action, actor: Actor) -> None:
        """Separation of duty since the last re-opening, over the case, its children and what was merged into it."""
        reopening = [a.name for a in process.actions if a.reopens]
        since = 0
        if reopening:
            marks = ", ".join("?" * len(reopening))
            row = tx.one(
                f"SELECT MAX(seq) FROM history WHERE district = ? AND case_id = ? AND action IN ({marks})",
                (self.district, case.id, *reopening),
            )
            since = row[0] or 0 if row else 0
        # "matter.decide" names a child's action; the children are looked through in any case.
        names = [name.rpartition(".")[2] for name in action.not_by]
        marks = ", ".join("?" * len(names))
        found = tx.all(
            f"SELECT DISTINCT actor FROM history WHERE district = ? AND seq > ? AND action IN ({marks}) AND (case_id = ?"
            " OR case_id IN (SELECT id FROM cases WHERE district = ? AND parent_id = ?)"
            " OR case_id IN (SELECT id FROM cases WHERE district = ? AND master_id = ?))",
            (self.district, since, *names, case.id, self.district, case.id, self.district, case.id),
        )
        refused = different_person(actor, [row[0] for row in found])
        if refused is not None:
            raise Forbidden(refused, code="same-person")

    def _check_evidence(
        self, tx: Tx, action: Action, clean: Mapping[str, Any], snapshot: Snapshot, now: Instant
    ) -> None:
        """What can only be judged against the store: categories, units, photographs that exist."""
        for field in action.evidence:
            value = clean.get(field.name)
            if value is None:
                continue
            if field.kind == "category" and field.source and snapshot.get(field.source, value, now) is None:
                reason = _NO_CATEGORY.filled(code=value)
                raise Invalid(reason, fields={field.name: reason})
            if field.kind == "unit" and field.source:
                row = tx.one(
                    "SELECT 1 FROM entities WHERE district = ? AND register = ? AND id = ?",
                    (self.district, field.source, value),
                )
                if row is None:
                    reason = _NO_UNIT.filled(code=value)
                    raise Invalid(reason, fields={field.name: reason})
            if field.kind == "photo":
                marks = ", ".join("?" * len(value))
                row = tx.one(
                    f"SELECT COUNT(DISTINCT hash) FROM evidence WHERE district = ? AND hash IN ({marks})",
                    (self.district, *value),
                )
                if row is None or row[0] != len(value):
                    raise Invalid(_NO_EVIDENCE, fields={field.name: _NO_EVIDENCE})

    def _kept(
        self, tx: Tx, fields: Sequence[Field], clean: Mapping[str, Any], case_id: str, now: Instant
    ) -> dict[str, Any]:
        """What history keeps of the given values: personal ones only as their commitment."""
        stored = {name: plain(value) for name, value in clean.items()}
        for field in fields:
            if field.personal and field.name in clean:
                commitment = self.personal.put(
                    tx,
                    f"case:{case_id}",
                    field.name,
                    str(clean[field.name]),
                    now + KEEP_CONTACT,
                )
                stored[field.name] = {"commitment": str(commitment)}
        return stored

    def _locate_given(
        self,
        process: Process,
        action: Action,
        clean: Mapping[str, Any],
        report: ReportGiven | None,
        *,
        required: bool = True,
    ) -> Located | None:
        field = next((f for f in action.evidence if f.kind == "point"), None)
        position = clean.get(field.name) if field else None
        if position is None and report is not None:
            position = report.position
        if position is None:
            if required and process.located and field is not None and field.required:
                raise Invalid(_NO_POSITION, fields={field.name: _NO_POSITION})
            return None
        return self._located(position, field.name if field else "position")

    def _located(self, position: Position, field: str = "position") -> Located:
        if self._locate is None:
            return Located(position.lon, position.lat, "", "", "")
        try:
            return self._locate(position)
        except Invalid as refused:
            raise Invalid(refused.reason, fields={field: refused.reason}) from refused

    def _repeated(
        self, tx: Tx, key: str, process: str, action: str, case_id: str | None, stored: Mapping[str, Any]
    ) -> Receipt:
        row = history.row_of_request(tx, self.district, key)
        assert row is not None
        before = msgspec.json.decode(row.given)
        same = {k: v for k, v in before.items() if k != "report"} == {
            k: v for k, v in stored.items() if k != "report"
        }
        if row.process != process or not same:
            raise Conflict(_KEY_REUSED, code="key-reused")
        return self._repeated_row(tx, row, action, case_id)

    def _repeated_row(self, tx: Tx, row: history.HistoryRow, action: str, case_id: str | None) -> Receipt:
        if row.action != action or (case_id is not None and row.case_id != case_id):
            raise Conflict(_KEY_REUSED, code="key-reused")
        case = self.case(tx, row.case_id)
        report_id = msgspec.json.decode(row.given).get("report", "")
        found = tx.one(
            "SELECT tracking_code FROM reports WHERE district = ? AND id = ?", (self.district, report_id)
        )
        return Receipt(
            case.id,
            case.number,
            case.process,
            row.to_state,
            row.revision,
            row.seq,
            report_id,
            found[0] if found else "",
            True,
        )


def _fell_due(process: Process, clock: LimitClock, until: Instant) -> bool:
    """A promise kept at its very moment is kept; a waiting time is over at its moment."""
    if clock.status != "running" or clock.breached_at is not None or clock.due_at is None:
        return False
    limit = process.compiled.limits.get(clock.name)
    return clock.due_at <= until if limit is not None and limit.waits else clock.due_at < until


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


def _terms_of(process: Process, category: ReferenceRow | None, case: Case) -> dict[str, Terms | None]:
    data = category.data if category else None
    return {x.name: terms(x, data, category.id if category else "", case.data) for x in process.limits}


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


def _happened(
    actor: Actor, happened_at: Instant | None, now: Instant, case: Case | None, *, offline: bool = False
) -> Instant:
    """When it happened: now, unless an import or offline work says otherwise within its bounds."""
    if happened_at is None:
        return now if case is None else max(now, case.changed_at)
    if actor.via == "import":
        if case is not None and happened_at < case.changed_at:
            raise Invalid(
                _BEFORE_LAST.filled(last=case.changed_at),
                fields={"happened_at": _BEFORE_LAST.filled(last=case.changed_at)},
            )
        return happened_at
    if not offline and actor.via != "device":
        raise Invalid(_NOT_IMPORT, fields={"happened_at": _NOT_IMPORT})
    if happened_at > now + CLOCK_SKEW:
        raise Invalid(_FUTURE, fields={"happened_at": _FUTURE})
    if happened_at < now - OFFLINE_AT_MOST:
        raise Invalid(_TOO_OLD, fields={"happened_at": _TOO_OLD})
    return min(now, max(happened_at, case.changed_at if case else happened_at))


def _number(now: Instant, seq: int) -> str:
    days = now // DAY
    # Days since 1970 in base 36 and the seq: short, unique in the district, and it sorts by age.
    return f"{_base36(days)}-{seq}"


def _base36(value: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    text = ""
    while value:
        value, rest = divmod(value, 36)
        text = digits[rest] + text
    return text or "0"


def _receipt(case: Case, report: Report | None) -> Receipt:
    return Receipt(
        case.id, case.number, case.process, case.state, case.revision, case.seq,
        report.id if report else "", report.tracking_code if report else "",
    )  # fmt: skip


def _list(found: Any) -> Label:
    labels = [item.label for item in found if isinstance(item, Action | Fact)]
    return Label("、".join(x.zh for x in labels) or "无", ", ".join(x.en for x in labels) or "nothing")
