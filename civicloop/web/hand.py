"""What pages for the hand share: a process's cases by who has them in hand, and an action done from such a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from civicloop.kernel.cases import history, queue, reports, rows
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid, Missing, Refusal
from civicloop.web import case_view, forms
from civicloop.web.visit import Visit

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Hand:
    """The pages for the hand of one process; `missing` is said of a case that is not in this hand."""

    process: Process
    missing: Label

    def one(self, asking: Visit, case_id: str, by: frozenset[str]) -> Case:
        """The case if it lies where this actor holds one of the roles; Missing otherwise, as if there were none."""
        case = self._case(asking, case_id)
        if not asking.district.engine.visible(case, asking.actor, by):
            raise Missing(self.missing)
        return case

    def perform(
        self, asking: Visit, form: Any, case_id: str, action: str, allowed: Sequence[str]
    ) -> tuple[Refusal | None, Mapping[str, Any]]:
        """Does what the form asks, if it is one of `allowed`: why not, or None, and the values to draw the form with again."""
        values: dict[str, Any] = {}
        try:
            if action not in allowed:
                raise Missing(self.missing)
            self._case(asking, case_id)
            fields = self.process.action(action).evidence
            values = forms.raw_values(fields, form, asking.district, asking.actor.person_id)
            revision = str(form.get("revision", ""))
            asking.district.engine.perform(
                case_id, action, values, asking.actor, revision=int(revision) if revision.isdecimal() else None,
                key=str(form.get("key", "")) or None,
            )  # fmt: skip
        except Refusal as refused:
            kept = refused.extra.get("values", values) if isinstance(refused, Invalid) else values
            return refused, kept if isinstance(kept, Mapping) else {}
        return None, {}

    def _case(self, asking: Visit, case_id: str) -> Case:
        with asking.district.store.read() as tx:
            case = asking.district.engine.case(tx, case_id)
        if case.process != self.process.name:
            raise Missing(self.missing)
        return case


def cases(asking: Visit, wanted: Filter, by: frozenset[str]) -> list[Case]:
    """The first `AT_ONCE` cases of a filter that lie where this actor holds one of the roles."""
    with asking.district.store.read() as tx:
        return list(queue.page(tx, asking.district.code, wanted, asking.actor, by, limit=AT_ONCE).cases)


def view(asking: Visit, case: Case) -> case_view.View:
    """The case as its page shows it, with its clocks, reports and history."""
    district = asking.district
    with district.store.read() as tx:
        clocks = rows.load_clocks(tx, district.code, case.id)
        told = reports.reports_of_case(tx, district.code, case.id)
        moves = history.rows_of_case(tx, district.code, case.id)
    return case_view.view(asking, case, clocks, told, moves)
