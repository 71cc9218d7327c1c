"""A case as the kernel sees it: one immutable value, read from one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from civicloop.kernel.time.clock import Instant


class Case(msgspec.Struct, frozen=True, gc=False):
    """One case at one revision; guards and rules see this and nothing else of the store.

    `data` holds the subject's own fields; `street`, `community` and `cell` are codes, `unit` and `holder` who
    has it, `due_at` the next moment a limit falls due, `closed_at` when the result was reached. Positions are WGS-84 degrees.
    """

    id: str
    number: str
    process: str
    version: int
    state: str
    previous_state: str
    last_action: str
    revision: int
    seq: int
    kind: str
    scheme: str
    title: str
    lon: float | None
    lat: float | None
    street: str
    community: str
    cell: str
    unit: str
    holder: str
    priority: int
    source: str
    parent_id: str | None
    master_id: str | None
    first_seen_at: Instant
    opened_at: Instant
    changed_at: Instant
    closed_at: Instant | None
    ended_at: Instant | None
    due_at: Instant | None
    breaches: int
    reworks: int
    reports: int
    data: Mapping[str, Any]


COLUMNS = Case.__struct_fields__
SELECT_CASE = "SELECT " + ", ".join(COLUMNS) + " FROM cases"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def case_of_row(row: tuple[Any, ...]) -> Case:
    """The case of a row in the order of `COLUMNS`."""
    values: tuple[Any, ...] = (*row[:-1], _decode(row[-1]))
    return Case(*values)
