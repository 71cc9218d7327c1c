"""The statements that write cases and clocks, each built once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from civicloop.kernel.cases import limits
from civicloop.kernel.cases.case import COLUMNS, SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.history import canonical
from civicloop.kernel.cases.limits import LimitClock
from civicloop.kernel.store.transaction import Tx

_INSERT_CASE = (
    "INSERT INTO cases (district, " + ", ".join(COLUMNS) + ") VALUES (?" + ", ?" * len(COLUMNS) + ")"
)
_KEPT = ("id", "number", "process", "opened_at")
_MUTABLE = tuple(name for name in COLUMNS if name not in _KEPT)
_UPDATE_CASE = (
    "UPDATE cases SET "
    + ", ".join(f"{name} = ?" for name in _MUTABLE)
    + " WHERE district = ? AND id = ? AND revision = ?"
)
_ONE_CLOCK = "(?" + ", ?" * len(limits.COLUMNS) + ")"
_INSERT_CLOCKS = "INSERT INTO clocks (district, case_id, " + ", ".join(limits.COLUMNS) + ") VALUES "
_UPSERT_CLOCKS = " ON CONFLICT (district, case_id, name, step, run) DO UPDATE SET " + ", ".join(
    f"{c} = excluded.{c}" for c in limits.COLUMNS if c not in ("name", "step", "run")
)
_SELECT_CLOCKS = (
    "SELECT "
    + ", ".join(limits.COLUMNS)
    + " FROM clocks WHERE district = ? AND case_id = ? ORDER BY name, step, run"
)


def insert_case(tx: Tx, district: str, case: Case) -> None:
    """Writes a new case."""
    *values, data = msgspec.structs.astuple(case)
    tx.run(_INSERT_CASE, (district, *values, canonical(data)))


def update_case(tx: Tx, district: str, case: Case, before: Case) -> bool:
    """Writes the next revision of a case; False when somebody else did so first."""
    values = [getattr(case, name) for name in _MUTABLE]
    values[-1] = canonical(case.data)
    return tx.run(_UPDATE_CASE, (*values, district, case.id, before.revision)) == 1


def load_case(tx: Tx, district: str, case_id: str, *, lock: bool = False) -> Case | None:
    """The case of that id; with `lock`, held on PostgreSQL until the end of the transaction."""
    sql = SELECT_CASE + " WHERE district = ? AND id = ?" + (tx.for_update if lock else "")
    row = tx.one(sql, (district, case_id))
    return None if row is None else case_of_row(row)


def load_clocks(tx: Tx, district: str, case_id: str) -> list[LimitClock]:
    """All clocks of a case, stopped ones too."""
    return [LimitClock(*row) for row in tx.all(_SELECT_CLOCKS, (district, case_id))]


def write_clocks(
    tx: Tx, district: str, case_id: str, clocks: Sequence[LimitClock], *, new: bool = False
) -> None:
    """Writes new or changed clocks with one statement."""
    if not clocks:
        return
    marks = _ONE_CLOCK[:-1] + ", ?)"
    sql = _INSERT_CLOCKS + ", ".join([marks] * len(clocks))
    if not new:
        sql += _UPSERT_CLOCKS
    tx.run(sql, [value for clock in clocks for value in (district, case_id, *msgspec.structs.astuple(clock))])
