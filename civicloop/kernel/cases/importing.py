"""Taking over the rows of another system by the engine's own operations, with their own times.

A row is one operation: it opens and moves on, or nothing of it is written. Its keys come from the source and the
row's own number, so a second import of the file adds nothing, a killed one goes on where it stopped, and a newer
copy of the file adds what has happened since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.cases.fields import plain, read_given
from civicloop.kernel.cases.mapping import ImportMap
from civicloop.kernel.cases.rowreader import LeftOut, Row
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import importer
from civicloop.kernel.refusal import Refusal, Unavailable
from civicloop.kernel.store.transaction import Tx

_CHANGED = Label(
    "这一行已经导入过，文件里的内容后来有改动；历史不改写，请在案件上更正。",
    "This row was imported before with other content; history is not rewritten, so correct the case itself.",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A row that is in the district: the actions that this import performed (none: they were there), breaches found."""

    row: Row
    actions: tuple[str, ...]
    breaches: int


class _Tried(Exception):
    """Rolls a dry run back after the engine has agreed to all of it."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken


class Importer:
    """Takes over rows of one mapping; with `dry` everything is judged and nothing written."""

    def __init__(self, engine: Engine, plan: ImportMap, *, dry: bool = False) -> None:
        self._engine = engine
        self._plan = plan
        self._dry = dry
        self._actor = importer(plan.source)

    def take(self, rows: Sequence[Row]) -> list[Taken | LeftOut]:
        """Takes over a batch, in order; Unavailable when the store can't take it, and then this batch is not in."""
        done: list[Taken | LeftOut | None] = []
        operations: list[Callable[[Tx], Taken]] = []
        there = self._there(rows)
        for row in rows:
            try:
                operation = self._operation(row, there)
            except Refusal as refusal:
                done.append(self._refused(row, refusal))
                continue
            if isinstance(operation, LeftOut | Taken):
                done.append(operation)
                continue
            done.append(None)
            operations.append(operation)
        outcomes = iter(self._engine.store.write_all(operations) if operations else ())
        waiting = [row for row, one in zip(rows, done, strict=True) if one is None]
        answers = iter([self._outcome(row, outcome) for row, outcome in zip(waiting, outcomes, strict=True)])
        return [next(answers) if one is None else one for one in done]

    def _there(self, rows: Sequence[Row]) -> dict[str, tuple[str, str]]:
        """Which keys stand in the history already: case id and what was given."""
        keys = [step.key for row in rows for step in row.steps]
        if not keys:
            return {}
        marks = ", ".join("?" * len(keys))
        sql = (
            f"SELECT request_key, case_id, given FROM history WHERE district = ? AND request_key IN ({marks})"
        )
        with self._engine.store.read() as tx:
            return {
                key: (case_id, given) for key, case_id, given in tx.all(sql, (self._engine.district, *keys))
            }

    def _operation(
        self, row: Row, there: dict[str, tuple[str, str]]
    ) -> Callable[[Tx], Taken] | LeftOut | Taken:
        process = self._plan.process
        for step in row.steps:
            if step.key in there and self._differs(step.action, step.given, there[step.key][1]):
                return LeftOut(row.number, row.external_id, "", "changed", _CHANGED)
        missing = [step for step in row.steps if step.key not in there]
        if not missing:
            return Taken(row, (), 0)
        first = row.steps[0]
        engine, actor = self._engine, self._actor
        case_id = there[first.key][0] if first.key in there else ""
        opening = None
        if not case_id:
            opening = engine.opening(
                process.name, first.action, first.given, actor,
                key=first.key, happened_at=first.at, report=row.report, source=self._plan.source,
            )  # fmt: skip
        later = [step for step in missing if step is not first]

        def operation(tx: Tx) -> Taken:
            receipt = opening(tx) if opening is not None else None
            case = receipt.case_id if receipt is not None else case_id
            for step in later:
                receipt = engine.performing(
                    case, step.action, step.given, actor, key=step.key, happened_at=step.at
                )(tx)
            assert receipt is not None
            breaches = 0
            if not process.state(receipt.state).final:
                breaches = engine.falling_due(case, engine.clock.now(), acts=False)(tx)
            if opening is not None:
                # Each step is one revision; what is over are the breaches that fell between them.
                breaches += receipt.revision - len(row.steps)
            taken = Taken(row, tuple(step.action for step in missing), breaches)
            if self._dry:
                raise _Tried(taken)
            return taken

        return operation

    def _differs(self, action: str, given: Any, stored: str) -> bool:
        """Whether the file now says something else than what was taken over; personal values can't be compared."""
        evidence = self._plan.process.action(action).evidence
        personal = {field.name for field in evidence if field.personal}
        now = {name: plain(value) for name, value in read_given(evidence, given).items()}
        then = msgspec.json.decode(stored)
        names = (now.keys() | then.keys()) - personal - {"report"}
        return any(now.get(name) != then.get(name) for name in names)

    def _outcome(self, row: Row, outcome: Taken | BaseException) -> Taken | LeftOut:
        if isinstance(outcome, Taken):
            return outcome
        if isinstance(outcome, _Tried):
            return outcome.taken
        if isinstance(outcome, Refusal) and not isinstance(outcome, Unavailable):
            return self._refused(row, outcome)
        raise outcome

    def _refused(self, row: Row, refusal: Refusal) -> LeftOut:
        field = next(iter(refusal.fields), "")
        return LeftOut(row.number, row.external_id, self._plan.column_of(field), refusal.code, refusal.reason)
