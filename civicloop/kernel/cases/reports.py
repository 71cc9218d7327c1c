"""Reports: what somebody told us. Many may be linked to one case; links are rows, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from civicloop.kernel.cases.fields import Field, Position
from civicloop.kernel.cases.history import canonical
from civicloop.kernel.label import Label
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant

REPORT_FIELDS = (
    Field("description", Label("问题描述", "What is wrong"), "long_text", maximum=1000),
    Field("address", Label("地点描述", "Where it is"), "text", required=False, maximum=200),
    Field("media", Label("照片", "Photographs"), "photo", required=False, maximum=6),
    Field("name", Label("姓名", "Name"), "text", required=False, maximum=60, personal=True),
    Field("contact", Label("联系方式", "Contact"), "text", required=False, maximum=100, personal=True),
    Field("consent", Label("同意公开照片位置", "Photograph positions may be kept"), "flag", required=False),
)


@dataclass(frozen=True, slots=True)
class ReportGiven:
    """A report as it arrives. `contact` and `name` are personal and kept apart; `media` are evidence hashes."""

    channel: str
    description: str = ""
    kind: str = ""
    address: str = ""
    position: Position | None = None
    media: tuple[str, ...] = ()
    name: str = ""
    contact: str = ""
    consent: bool = False
    external_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Report(msgspec.Struct, frozen=True, gc=False):
    """A report as it is kept; `subject` names the personal values behind it, "" for none."""

    id: str
    tracking_code: str
    channel: str
    external_id: str | None
    kind: str
    description: str
    address: str
    lon: float | None
    lat: float | None
    media: Sequence[str]
    subject: str
    consent: bool
    happened_at: Instant
    arrived_at: Instant
    data: Mapping[str, Any]


_COLUMNS = Report.__struct_fields__
_INSERT = (
    "INSERT INTO reports (district, " + ", ".join(_COLUMNS) + ") VALUES (?" + ", ?" * len(_COLUMNS) + ")"
)
_SELECT = "SELECT " + ", ".join("r." + c for c in _COLUMNS) + " FROM reports r"
_LINK = "INSERT INTO report_links (district, report_id, case_id, seq, linked) VALUES (?, ?, ?, ?, ?)"


def insert_report(tx: Tx, district: str, report: Report) -> None:
    """Writes a report."""
    values = list(msgspec.structs.astuple(report))
    values[_COLUMNS.index("media")] = canonical(list(report.media))
    values[_COLUMNS.index("consent")] = int(report.consent)
    values[_COLUMNS.index("data")] = canonical(report.data)
    tx.run(_INSERT, (district, *values))


def link(tx: Tx, district: str, report_id: str, case_id: str, seq: int, *, linked: bool = True) -> None:
    """Links a report to a case from history row `seq` on, or ends the link there."""
    tx.run(_LINK, (district, report_id, case_id, seq, int(linked)))


def reports_of_case(tx: Tx, district: str, case_id: str) -> list[Report]:
    """The reports linked to the case now, oldest first."""
    sql = (
        _SELECT
        + " JOIN (SELECT report_id, MAX(seq) AS seq FROM report_links WHERE district = ? AND case_id = ?"
        " GROUP BY report_id) newest ON newest.report_id = r.id"
        " JOIN report_links l ON l.district = r.district AND l.report_id = r.id AND l.seq = newest.seq AND l.case_id = ?"
        " WHERE r.district = ? AND l.linked = 1 ORDER BY r.arrived_at, r.id"
    )
    return [_report(row) for row in tx.all(sql, (district, case_id, case_id, district))]


def report_of_tracking_code(tx: Tx, district: str, code: str) -> Report | None:
    """The report behind a tracking code."""
    row = tx.one(_SELECT + " WHERE r.district = ? AND r.tracking_code = ?", (district, code.strip().upper()))
    return None if row is None else _report(row)


def report_of_external_id(tx: Tx, district: str, channel: str, external_id: str) -> Report | None:
    """The report that a channel sent under its own id."""
    sql = _SELECT + " WHERE r.district = ? AND r.channel = ? AND r.external_id = ?"
    row = tx.one(sql, (district, channel, external_id))
    return None if row is None else _report(row)


def case_of_report(tx: Tx, district: str, report_id: str) -> str | None:
    """The id of the case that the report is linked to now."""
    row = tx.one(
        "SELECT case_id FROM report_links WHERE district = ? AND report_id = ? AND linked = 1 ORDER BY seq DESC LIMIT 1",
        (district, report_id),
    )
    return None if row is None else str(row[0])


def _report(row: tuple[Any, ...]) -> Report:
    values = list(row)
    values[_COLUMNS.index("media")] = msgspec.json.decode(values[_COLUMNS.index("media")])
    values[_COLUMNS.index("consent")] = bool(values[_COLUMNS.index("consent")])
    values[_COLUMNS.index("data")] = msgspec.json.decode(values[_COLUMNS.index("data")])
    return Report(*values)
