"""What follows from a move: children open, parents hear of them, limits fall due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from civicloop.kernel.cases import history, reports, rows, sentences
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.compiled import (
    BREACH,
)
from civicloop.kernel.cases.declaration import Action, Children
from civicloop.kernel.cases.fields import plain, read_given
from civicloop.kernel.cases.limits import (
    LimitClock,
    merged,
)
from civicloop.kernel.cases.linking import Linking
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.receipts import (
    Doing,
    Located,
    Receipt,
    case_number,
    receipt_of,
)
from civicloop.kernel.cases.reports import Report, ReportGiven
from civicloop.kernel.people.roles import CLOCK
from civicloop.kernel.refusal import Conflict, Guarded
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant


class Following(Linking):
    """Opening, acting, and all that an action brings about in the same transaction."""

    def _open(
        self,
        tx: Tx,
        doing: Doing,
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
        if doing.key and any(field.personal for field in action.evidence):
            # Personal values are kept before the row is written: the same request again must not leave them twice.
            row = history.row_of_request(tx, self.district, doing.key)
            if row is not None:
                return self._repeated(tx, row, doing, clean, {n: plain(v) for n, v in clean.items()})
        start = process.compiled.start.name
        case = Case(
            id=self.ids.new("c"), number=case_number(now, seq_before + 1), process=process.name, version=process.version,
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
            self._check_photos(tx, "media", report.media)
            made = self._report(report, case, located, doing)
            stored["report"] = made.id
        case, _, seq, facts = self._apply(tx, doing, case, [], start, clean, stored, made)
        if seq == 0:
            row = history.row_of_request(tx, self.district, doing.key or "")
            assert row is not None
            return self._repeated(tx, row, doing, clean, stored)
        if made is not None and report is not None:
            reports.insert_report(tx, self.district, made)
            reports.link(tx, self.district, made.id, case.id, seq)
            self._keep_contact(tx, report, made, now)
        self._spawn(tx, doing, case, clean, facts, seq)
        return receipt_of(case, made)

    def _act(
        self, tx: Tx, doing: Doing, case: Case, clocks: list[LimitClock], clean: dict[str, Any]
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
        case, clocks, seq, facts = self._apply(tx, doing, case, clocks, None, clean, stored, None)
        if seq == 0:
            # The case itself was asked for the key, so the key has just been used for another one.
            raise Conflict(sentences.KEY_REUSED, code="key-reused")
        if moved_reports and master_id:
            self._move_reports(tx, doing, case, master_id, moved_reports, seq)
        childless = self._spawn(tx, doing, case, clean, facts, seq)
        if case.ended_at is not None:
            self._end_children(tx, doing, case)
        if case.parent_id is not None:
            self._tell_parent(tx, doing, case)
        # The receipt is of this move; what comes of having no child to wait for is the next row.
        self._join_at_once(tx, doing, case, clocks, childless)
        return case, clocks, seq

    def _act_by_clock(
        self, tx: Tx, doing: Doing, case: Case, clocks: list[LimitClock], stored: Mapping[str, Any]
    ) -> tuple[Case, list[LimitClock], int]:
        case, clocks, seq, facts = self._apply(tx, doing, case, clocks, None, {}, stored, None)
        childless = self._spawn(tx, doing, case, {}, facts, seq)
        if case.ended_at is not None:
            self._end_children(tx, doing, case)
        if case.parent_id is not None:
            self._tell_parent(tx, doing, case)
        case, clocks = self._join_at_once(tx, doing, case, clocks, childless)
        return case, clocks, seq

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
        """Performs what fell due on the case up to `until`, each at its own due moment, in order.

        Without `acts`, as an import does, breaches are recorded and not acted on, and waiting times are left to the clock.
        """
        while case.due_at is not None:
            due = [c for c in clocks if _fell_due(process, c, until, waits=acts)]
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
                doing = Doing(process, action, CLOCK.signature, "clock", "clock", at, now, None, cause)
                case, clocks, _ = self._act_by_clock(tx, doing, case, clocks, stored)
            else:
                case = self._still(tx, process, case, clocks, [marked], BREACH, stored, CLOCK, at, now, cause)
        return case, clocks

    def _spawn(
        self, tx: Tx, doing: Doing, case: Case, clean: Mapping[str, Any], facts: Mapping[str, Any], seq: int
    ) -> list[Children]:
        """Opens the children that the action calls for, which know what it read, and names the declarations that gave none."""
        childless: list[Children] = []
        for children in doing.process.children:
            if children.after != doing.action.name:
                continue
            child_process = self._process(children.process)
            opened_by = self._action(child_process, children.opens_with)
            spawned_by = children.spawn(case, clean, facts)
            if not spawned_by:
                childless.append(children)
            for child in spawned_by:
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
        return childless

    def _join_at_once(
        self, tx: Tx, doing: Doing, case: Case, clocks: list[LimitClock], childless: Sequence[Children]
    ) -> tuple[Case, list[LimitClock]]:
        """No child at all counts as all closed, unless earlier ones of the same process are still open."""
        for children in childless:
            joined = doing.process.compiled.actions[children.on_all_closed]
            legal = (case.state, joined.name) in doing.process.compiled.targets
            if legal and not self._open_children(tx, case.id, children.process):
                answer = replace(
                    doing, action=joined, role="children", key=None, cause=f"case:{case.id}:{case.seq}"
                )
                case, clocks, _ = self._act(tx, answer, case, clocks, {})
        return case, clocks

    def _open_children(self, tx: Tx, case_id: str, process: str) -> int:
        """How many children of a process have neither closed nor ended."""
        row = tx.one(
            "SELECT COUNT(*) FROM cases WHERE district = ? AND parent_id = ? AND process = ?"
            " AND closed_at IS NULL AND ended_at IS NULL",
            (self.district, case_id, process),
        )
        return int(row[0]) if row else 0

    def _tell_parent(self, tx: Tx, doing: Doing, child: Case) -> None:
        """After a child's move: all closed moves the parent on; one re-opened has its declared answer."""
        for parent_process, children in self._parents.get(child.process, ()):
            parent = rows.load_case(tx, self.district, child.parent_id or "", lock=True)
            if parent is None or parent.process != parent_process.name:
                continue
            if doing.action.reopens:
                self._child_reopened(tx, doing, child, parent, parent_process, children)
            if child.closed_at is None and child.ended_at is None:
                continue
            joined = parent_process.compiled.actions[children.on_all_closed]
            legal = (parent.state, joined.name) in parent_process.compiled.targets
            if not legal or self._open_children(tx, parent.id, child.process):
                continue
            self._on_parent(tx, doing, child, parent, parent_process, joined)

    def _child_reopened(
        self, tx: Tx, doing: Doing, child: Case, parent: Case, process: Process, children: Children
    ) -> None:
        """A parent that still waits needs no answer; one that has moved on does what it declared, or the child can't re-open."""
        targets = process.compiled.targets
        if children.on_reopened and (parent.state, children.on_reopened) in targets:
            answer = process.compiled.actions[children.on_reopened]
            self._on_parent(tx, doing, child, parent, process, answer)
        elif (parent.state, children.on_all_closed) not in targets:
            raise Guarded(sentences.PARENT_GONE)

    def _on_parent(
        self, tx: Tx, doing: Doing, child: Case, parent: Case, process: Process, action: Action
    ) -> None:
        clocks = rows.load_clocks(tx, self.district, parent.id)
        parent, clocks = self._perform_due(tx, process, parent, clocks, doing.at, doing.now)
        answer = Doing(
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

    def _end_children(self, tx: Tx, doing: Doing, case: Case) -> None:
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
                    child, *_ = self._apply(tx, told, child, clocks, None, {}, {}, None)
                    if child.ended_at is not None:
                        self._end_children(tx, told, child)

    def _repeated(
        self,
        tx: Tx,
        row: history.HistoryRow,
        doing: Doing,
        clean: Mapping[str, Any],
        stored: Mapping[str, Any],
    ) -> Receipt:
        """The answer to an opening that was sent before; Conflict when it is another one under the same key."""
        personal = {f.name for f in doing.action.evidence if f.personal} | {"report"}
        before = msgspec.json.decode(row.given)
        same = {k: v for k, v in before.items() if k not in personal} == {
            k: v for k, v in stored.items() if k not in personal
        }
        for name in personal - {"report"}:
            given = clean.get(name)
            if name in before and given is not None:
                same = same and self.personal.holds(tx, before[name]["commitment"], str(given))
            else:
                same = same and (name in before) == (given is not None)
        if row.process != doing.process.name or not same:
            raise Conflict(sentences.KEY_REUSED, code="key-reused")
        return self._repeated_row(tx, row, doing.action.name, None)

    def _repeated_row(self, tx: Tx, row: history.HistoryRow, action: str, case_id: str | None) -> Receipt:
        if row.action != action or (case_id is not None and row.case_id != case_id):
            raise Conflict(sentences.KEY_REUSED, code="key-reused")
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


def _fell_due(process: Process, clock: LimitClock, until: Instant, *, waits: bool) -> bool:
    """A promise kept at its very moment is kept; a waiting time is over at its moment."""
    if clock.status != "running" or clock.breached_at is not None or clock.due_at is None:
        return False
    limit = process.compiled.limits.get(clock.name)
    if limit is not None and limit.waits:
        return waits and clock.due_at <= until
    return clock.due_at < until
