"""Declared reads: what an action's guard and rules may know beyond the case, loaded inside the transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.facts.reference import Snapshot
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant


@dataclass(frozen=True, slots=True)
class Reading:
    """What a read is loaded from: the open transaction, the district, the reference snapshot and now."""

    tx: Tx
    district: str
    reference: Snapshot
    now: Instant


class Read(Protocol):
    """A named value for `facts`."""

    @property
    def name(self) -> str: ...

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class ChildCases:
    """facts["children"]: the case's children of one process, oldest first."""

    process: str
    name: str = "children"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> tuple[Case, ...]:  # noqa: ARG002
        sql = (
            SELECT_CASE
            + " WHERE district = ? AND parent_id = ? AND process = ? ORDER BY id"
            + reading.tx.for_update
        )
        return tuple(
            case_of_row(row) for row in reading.tx.all(sql, (reading.district, case.id, self.process))
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """facts[name]: the reference row (its data) of `set_name` for the code that `code` picks, or None."""

    name: str
    set_name: str
    code: Callable[[Case, Mapping[str, Any]], str]

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Mapping[str, Any] | None:
        row = reading.reference.get(self.set_name, self.code(case, given), reading.now)
        return None if row is None else row.data


@dataclass(frozen=True, slots=True)
class Pictures:
    """facts[name]: what is known of each photograph given in `field`: hash, look (difference hash), taken_at, lon, lat."""

    field: str
    name: str = "pictures"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:  # noqa: ARG002
        hashes = given.get(self.field) or ()
        return _pictures(reading, list(hashes))


@dataclass(frozen=True, slots=True)
class EarlierPictures:
    """facts[name]: the same of every photograph already in the case's history and reports."""

    name: str = "earlier_pictures"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:  # noqa: ARG002
        hashes: list[str] = []
        rows = reading.tx.all(
            "SELECT given FROM history WHERE district = ? AND case_id = ? ORDER BY seq",
            (reading.district, case.id),
        )
        for (text,) in rows:
            for value in msgspec.json.decode(text).values():
                if isinstance(value, list):
                    hashes += [item for item in value if isinstance(item, str) and len(item) == 64]
        told = reading.tx.all(
            "SELECT r.media FROM report_links l JOIN reports r ON r.district = l.district AND r.id = l.report_id"
            " WHERE l.district = ? AND l.case_id = ? AND l.linked = 1",
            (reading.district, case.id),
        )
        for (text,) in told:
            hashes += msgspec.json.decode(text)
        return _pictures(reading, list(dict.fromkeys(hashes)))


def _pictures(reading: Reading, hashes: list[str]) -> tuple[Mapping[str, Any], ...]:
    if not hashes:
        return ()
    marks = ", ".join("?" * len(hashes))
    rows = reading.tx.all(
        f"SELECT hash, look, taken_at, lon, lat FROM evidence WHERE district = ? AND hash IN ({marks})",
        (reading.district, *hashes),
    )
    return tuple(dict(zip(("hash", "look", "taken_at", "lon", "lat"), row, strict=True)) for row in rows)


@dataclass(frozen=True, slots=True)
class LastDone:
    """facts[name]: when and by whom `action` was last done on the case, or None."""

    action: str
    name: str = "last_done"

    def load(self, reading: Reading, case: Case, given: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ARG002
        row = reading.tx.one(
            "SELECT actor, happened_at, given FROM history WHERE district = ? AND case_id = ? AND action = ?"
            " ORDER BY seq DESC LIMIT 1",
            (reading.district, case.id, self.action),
        )
        return (
            None
            if row is None
            else {"actor": row[0], "happened_at": row[1], "given": msgspec.json.decode(row[2])}
        )
