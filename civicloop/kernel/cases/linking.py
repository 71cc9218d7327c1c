"""Reports and their links: a further report, and what merging does to the reports of both cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from civicloop.kernel.cases import reports, rows, sentences
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.compiled import (
    ATTACH,
)
from civicloop.kernel.cases.declaration import Action
from civicloop.kernel.cases.moving import Moving
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.receipts import (
    Doing,
    Located,
)
from civicloop.kernel.cases.reports import Report, ReportGiven
from civicloop.kernel.people.roles import CLOCK
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.transaction import Tx


class Linking(Moving):
    """Reports, merging and its undoing."""

    def _report(self, given: ReportGiven, case: Case, located: Located | None, doing: Doing) -> Report:
        report_id = self.ids.new("r")
        subject = f"report:{report_id}" if given.contact or given.name else ""
        return Report(
            report_id, self.ids.code(), given.channel, given.external_id, given.kind or case.kind, given.description,
            given.address, located.lon if located else None, located.lat if located else None, given.media, subject,
            given.consent, doing.at, doing.now, given.data,
        )  # fmt: skip

    def _merge(
        self, tx: Tx, process: Process, action: Action, case: Case, clean: Mapping[str, Any]
    ) -> tuple[Case, list[str]]:
        field = next(f for f in action.evidence if f.kind == "case")
        master_id = clean[field.name]
        if master_id == case.id:
            raise Invalid(sentences.SELF_MERGE, fields={field.name: sentences.SELF_MERGE})
        master = rows.load_case(tx, self.district, master_id, lock=True)
        if master is None:
            raise Invalid(
                sentences.NO_CASE.filled(id=master_id),
                fields={field.name: sentences.NO_CASE.filled(id=master_id)},
            )
        if master.process != process.name or master.ended_at is not None or master.master_id is not None:
            reason = sentences.BAD_MASTER.filled(id=master.number)
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
        self, tx: Tx, doing: Doing, case: Case, master_id: str, moved: Sequence[str], seq: int
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
