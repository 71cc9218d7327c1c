"""Judging an action: who may, on which revision, with which evidence; nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from civicloop.kernel.cases import sentences
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.core import Core
from civicloop.kernel.cases.declaration import Action
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.receipts import (
    Offer,
    listed,
)
from civicloop.kernel.facts.reference import Snapshot
from civicloop.kernel.people.permissions import different_person, may, role_for
from civicloop.kernel.people.roles import Actor, Where
from civicloop.kernel.refusal import Conflict, Forbidden, Invalid, NotNow
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant


class Judging(Core):
    """The refusals of the engine, before anything is written."""

    def _role(self, actor: Actor, action: Action, where: Where) -> str:
        refused = may(actor, action.roles, where, action=action.name, names=self._role_names)
        if refused is not None:
            raise Forbidden(refused)
        return role_for(actor, action.roles, where) or ""

    def _not_now(self, process: Process, case: Case, action: Action, actor: Actor) -> None:
        known = [offer.action for offer in self.offers(case, actor) if offer.refused is None]
        state = process.compiled.states[case.state]
        raise NotNow(
            sentences.NOT_NOW.filled(state=state.label, action=action.label, known=listed(known)),
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
                sentences.CHANGED.filled(state=state.label),
                extra={"revision": seen.revision, "state": case.state},
            )

    def _check_duty(self, tx: Tx, process: Process, case: Case, action: Action, actor: Actor) -> None:
        found = self._doers(tx, process, case, action.not_by)
        refused = different_person(actor, [who for _, who in found])
        if refused is not None:
            raise Forbidden(refused, code="same-person")

    def doers(self, tx: Tx, case: Case) -> dict[str, list[str]]:
        """Who did each action that another one keeps apart from, by its name in `not_by`: what `offers` asks for."""
        process = self._process(case.process)
        asked = tuple(dict.fromkeys(name for a in process.actions for name in a.not_by))
        found: dict[str, list[str]] = {}
        for done, who in self._doers(tx, process, case, asked) if asked else ():
            for name in asked:
                if name.rpartition(".")[2] == done:
                    found.setdefault(name, []).append(who)
        return found

    def _doers(self, tx: Tx, process: Process, case: Case, asked: Sequence[str]) -> list[tuple[str, str]]:
        """Who did which since the last re-opening, over the case, its children and what was merged into it."""
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
        names = [name.rpartition(".")[2] for name in asked]
        marks = ", ".join("?" * len(names))
        found = tx.all(
            f"SELECT DISTINCT action, actor FROM history WHERE district = ? AND seq > ? AND action IN ({marks}) AND case_id IN ("
            "SELECT id FROM cases WHERE district = ? AND id = ?"
            " UNION ALL SELECT id FROM cases WHERE district = ? AND parent_id = ?"
            " UNION ALL SELECT id FROM cases WHERE district = ? AND master_id = ?)",
            (self.district, since, *names, *(self.district, case.id) * 3),
        )
        return [(row[0], row[1]) for row in found]

    def check_given(self, tx: Tx, action: Action, clean: Mapping[str, Any]) -> None:
        """Invalid when what is given names a category, unit, person or photograph that there is not, whatever the case."""
        self._check_evidence(tx, action, clean, self.reference.snapshot(tx), self.clock.now())

    def _check_evidence(
        self, tx: Tx, action: Action, clean: Mapping[str, Any], snapshot: Snapshot, now: Instant
    ) -> None:
        """What can only be judged against the store: categories, units, people with an account, photographs that exist."""
        for field in action.evidence:
            value = clean.get(field.name)
            if value is None:
                continue
            if field.kind == "category" and field.source and snapshot.get(field.source, value, now) is None:
                reason = sentences.NO_CATEGORY.filled(code=value)
                raise Invalid(reason, fields={field.name: reason})
            if field.kind == "unit" and field.source:
                row = tx.one(
                    "SELECT 1 FROM entities WHERE district = ? AND register = ? AND id = ?",
                    (self.district, field.source, value),
                )
                if row is None:
                    reason = sentences.NO_UNIT.filled(code=value)
                    raise Invalid(reason, fields={field.name: reason})
            if field.kind == "person":
                row = tx.one(
                    "SELECT 1 FROM accounts WHERE district = ? AND person_id = ? AND disabled_at IS NULL",
                    (self.district, value),
                )
                if row is None:
                    reason = sentences.NO_PERSON.filled(code=value)
                    raise Invalid(reason, fields={field.name: reason})
            if field.kind == "photo":
                self._check_photos(tx, field.name, value)

    def _check_photos(self, tx: Tx, field: str, hashes: Sequence[str]) -> None:
        """Photographs are named by what was uploaded before: Invalid where one was not."""
        if not hashes:
            return
        marks = ", ".join("?" * len(hashes))
        row = tx.one(
            f"SELECT COUNT(DISTINCT hash) FROM evidence WHERE district = ? AND hash IN ({marks})",
            (self.district, *hashes),
        )
        if row is None or row[0] != len(hashes):
            raise Invalid(sentences.NO_EVIDENCE, fields={field: sentences.NO_EVIDENCE})

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
