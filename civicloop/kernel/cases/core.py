"""What every part of the engine stands on: the services, and loading and locating a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from civicloop.kernel.cases import history, rows, sentences
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.declaration import Action, Children
from civicloop.kernel.cases.fields import Field, Position, plain
from civicloop.kernel.cases.limits import (
    Calendars,
    LimitClock,
)
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.receipts import (
    KEEP_CONTACT,
    Locate,
    Located,
    listed,
)
from civicloop.kernel.cases.reports import Report, ReportGiven
from civicloop.kernel.facts.reference import Reference, Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.people.personal import Personal
from civicloop.kernel.people.roles import Where
from civicloop.kernel.refusal import Invalid, Missing
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids


class Core:
    """The services of one district and the small steps that all operations share."""

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

    def _process(self, name: str) -> Process:
        process = self.processes.get(name)
        if process is None:
            raise Missing(sentences.NO_PROCESS.filled(name=name))
        return process

    @staticmethod
    def _action(process: Process, name: str) -> Action:
        action = process.compiled.actions.get(name)
        if action is None:
            raise Missing(
                sentences.NO_ACTION.filled(process=process.label, name=name, known=listed(process.actions))
            )
        return action

    def _load(self, tx: Tx, case_id: str) -> tuple[Case, Process, list[LimitClock]]:
        case = rows.load_case(tx, self.district, case_id, lock=True)
        if case is None:
            raise Missing(sentences.NO_CASE.filled(id=case_id))
        return case, self._process(case.process), rows.load_clocks(tx, self.district, case_id)

    def case(self, tx: Tx, case_id: str) -> Case:
        """The case of that id, or Missing."""
        case = rows.load_case(tx, self.district, case_id)
        if case is None:
            raise Missing(sentences.NO_CASE.filled(id=case_id))
        return case

    def _where(self, case: Case) -> Where:
        return Where(self.district, case.street, case.community, case.unit, case.holder, case.id)

    def _snapshot(self, tx: Tx) -> Snapshot:
        return self.reference.snapshot_for(tx, history.head(tx, self.district).reference_version)

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
                raise Invalid(sentences.NO_POSITION, fields={field.name: sentences.NO_POSITION})
            return None
        return self._located(position, field.name if field else "position")

    def _located(self, position: Position, field: str = "position") -> Located:
        if self._locate is None:
            return Located(position.lon, position.lat, "", "", "")
        try:
            return self._locate(position)
        except Invalid as refused:
            raise Invalid(refused.reason, fields={field: refused.reason}) from refused

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

    def _keep_contact(self, tx: Tx, given: ReportGiven, made: Report, now: Instant) -> None:
        for purpose, value in (("name", given.name), ("contact", given.contact)):
            if value:
                self.personal.put(tx, made.subject, purpose, value, now + KEEP_CONTACT)
