"""A row of somebody else's file read by its mapping: what happened, when, and with what; or why it can't be taken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from civicloop.kernel.cases.fields import Position, read_given
from civicloop.kernel.cases.mapping import Condition, ImportMap, StepFrom
from civicloop.kernel.cases.reports import REPORT_FIELDS, ReportGiven
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.time.clock import Instant, format_instant, from_datetime

_NO_ID = Label("没有编号。", "It has no number of its own.")
_NO_TIME = Label("没有“{action}”的时间。", "It has no time for “{action}”.")
_NOT_A_TIME = Label(
    "“{text}”不是时间，如 2026-03-02 09:30。", "“{text}” is no time such as 2026-03-02 09:30."
)
_NOT_A_NUMBER = Label("“{text}”不是数字。", "“{text}” is no number.")
_NOT_LISTED = Label(
    "映射的 [values.{name}] 里没有“{text}”。", "“{text}” is not listed in [values.{name}] of the mapping."
)
_FUTURE = Label("“{action}”的时间 {at} 晚于现在。", "The time of “{action}”, {at}, lies in the future.")
_ORDER = Label(
    "“{action}”（{at}）早于前一步“{before}”（{earlier}）。",
    "“{action}” at {at} comes before the step “{before}” at {earlier}.",
)
# Year, month and day, perhaps a time of day, perhaps an offset; as Chinese and international files write them.
_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]*(\d{1,2})[::时](\d{1,2})(?:[::分](\d{1,2})(?:秒|\.(\d{1,6})\d*)?)?分?)?\s*(Z|[+-]\d{2}:?\d{2})?"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a row, ready to be performed; `key` makes that happen once."""

    action: str
    given: Mapping[str, Any]
    at: Instant
    key: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is to be taken over."""

    number: int
    external_id: str
    steps: tuple[Step, ...]
    report: ReportGiven | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is not taken over: excluded by a rule of the mapping, or wrong."""

    number: int
    external_id: str
    column: str
    code: str
    reason: Label
    excluded: bool = False


class _Wrong(Exception):
    def __init__(self, reason: Label) -> None:
        self.reason = reason


class RowReader:
    """Reads rows whose cells come in the order of `wanted`; pure but for its count of values seen."""

    def __init__(self, plan: ImportMap, now: Instant) -> None:
        self._plan = plan
        self._now = now
        self.wanted = tuple(plan.columns.values())
        times = plan.times
        numbers = {plan.position.lon, plan.position.lat} if plan.position else set()
        self._readers: list[tuple[str, Callable[[Any], Any]]] = []
        for name in plan.columns:
            if name in times:
                self._readers.append((name, self._time))
            elif name in numbers:
                self._readers.append((name, _number))
            elif name in plan.values or name in plan.otherwise:
                self._readers.append((name, self._translator(name)))
            else:
                self._readers.append((name, _text))
        self._having = tuple(plan.expected.having)
        self.having: Counter[str] = Counter()

    def read(self, number: int, cells: Sequence[Any]) -> Row | LeftOut:
        """The row as actions, or why it is left out."""
        plan = self._plan
        values: dict[str, Any] = dict(plan.constants)
        for (name, reader), cell in zip(self._readers, cells, strict=True):
            if cell is None or cell == "":
                values[name] = None
                continue
            try:
                values[name] = reader(cell)
            except _Wrong as wrong:
                known = _text(values.get("external_id")) or ""
                return LeftOut(number, known, plan.columns[name], "unreadable", wrong.reason)
        for name in self._having:
            self.having[name] += values[name] is not None
        external_id = values["external_id"]
        if not external_id:
            return LeftOut(number, "", plan.columns["external_id"], "no_id", _NO_ID)
        for rule in plan.exclusions:
            if _holds(rule.when, values):
                column = plan.column_of(rule.when[0].name) if rule.when else ""
                return LeftOut(number, external_id, column, rule.code, rule.reason, excluded=True)
        if plan.position is not None:
            values[plan.position.into] = self._position(values)
        return self._row(number, external_id, values)

    def _row(self, number: int, external_id: str, values: Mapping[str, Any]) -> Row | LeftOut:
        plan = self._plan
        steps: list[Step] = []
        before: StepFrom | None = None
        for step in plan.steps:
            at: Instant | None = values[step.at]
            if not _holds(step.when, values) or (at is None and steps):
                continue
            wrong = self._wrong_time(step, at, before, steps[-1].at if steps else None)
            if wrong is not None or at is None:
                reason = wrong or _NO_TIME.filled(action=step.action.label)
                return LeftOut(number, external_id, plan.columns[step.at], "time", reason)
            given = {name: values[name] for name in step.give if values[name] is not None}
            name = step.action.name
            key = (
                f"import:{plan.source}/{name}:{external_id}"
                if steps
                else f"import:{plan.source}:{external_id}"
            )
            steps.append(Step(name, given, at, key))
            before = step
        try:
            report = self._report(external_id, values)
        except Invalid as wrong:
            field, reason = next(iter(wrong.fields.items()))
            column = plan.column_of(plan.report.get(field, field))
            return LeftOut(number, external_id, column, wrong.code, reason)
        return Row(number, external_id, tuple(steps), report)

    def _wrong_time(
        self, step: StepFrom, at: Instant | None, before: StepFrom | None, earlier: Instant | None
    ) -> Label | None:
        if at is None:
            return None
        if at > self._now:
            return _FUTURE.filled(action=step.action.label, at=format_instant(at, self._plan.zone))
        if before is not None and earlier is not None and at < earlier:
            return _ORDER.filled(
                action=step.action.label,
                at=format_instant(at, self._plan.zone),
                before=before.action.label,
                earlier=format_instant(earlier, self._plan.zone),
            )
        return None

    def _report(self, external_id: str, values: Mapping[str, Any]) -> ReportGiven | None:
        """The report that opens the case, its texts judged as a person's would be; Invalid names the fields."""
        plan = self._plan
        if not plan.report:
            return None
        given = {field: values[name] for field, name in plan.report.items() if field != "channel"}
        clean = read_given(REPORT_FIELDS, given)
        position = values.get(plan.position.into) if plan.position else None
        return ReportGiven(
            values[plan.report["channel"]] if "channel" in plan.report else plan.source,
            clean["description"],
            address=clean.get("address", ""),
            position=position,
            name=clean.get("name", ""),
            contact=clean.get("contact", ""),
            external_id=external_id,
        )

    def _position(self, values: Mapping[str, Any]) -> Position | None:
        source = self._plan.position
        assert source is not None
        lon, lat = values[source.lon], values[source.lat]
        if lon is None or lat is None or (lon, lat) in self._plan.nowhere:
            return None
        return Position(lon, lat, source.datum)

    def _translator(self, name: str) -> Callable[[Any], str | None]:
        table = self._plan.values.get(name, {})
        otherwise = self._plan.otherwise.get(name)

        def translate(cell: Any) -> str | None:
            text = _text(cell)
            found = table.get(text or "", otherwise)
            if found is None and text:
                raise _Wrong(_NOT_LISTED.filled(name=name, text=text))
            return found or None

        return translate

    def _time(self, cell: Any) -> Instant:
        moment = cell if isinstance(cell, datetime) else self._moment(cell)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._plan.zone, fold=self._plan.fold)
        return from_datetime(moment)

    def _moment(self, cell: Any) -> datetime:
        if isinstance(cell, date):
            return datetime(cell.year, cell.month, cell.day)
        text = str(cell).strip()
        for form in self._plan.time_formats:
            try:
                return datetime.strptime(text, form)
            except ValueError:
                continue
        match = _TIME.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            *parts, fraction, offset = match.groups()
            year, month, day, hour, minute, second = (int(part or 0) for part in parts)
            moment = datetime(year, month, day, hour, minute, second, int((fraction or "").ljust(6, "0")))
            if offset is not None:
                zone = UTC if offset == "Z" else datetime.strptime(offset, "%z").tzinfo
                moment = moment.replace(tzinfo=zone)
        except ValueError:
            raise _Wrong(_NOT_A_TIME.filled(text=text[:60])) from None
        return moment


def _holds(conditions: Sequence[Condition], values: Mapping[str, Any]) -> bool:
    return all(_one_holds(condition, values) for condition in conditions)


def _one_holds(condition: Condition, values: Mapping[str, Any]) -> bool:
    value = values[condition.name]
    match condition.kind:
        case "known":
            return value is not None
        case "unknown":
            return value is None
        case "among":
            return value in condition.among
        case _:
            other = values[condition.other]
            return value is not None and other is not None and bool(value < other)


def _text(cell: Any) -> str | None:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a spreadsheet holds every number as a float
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    text = str(cell).strip() if cell is not None else ""
    return text or None


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        raise _Wrong(_NOT_A_NUMBER.filled(text=str(cell)[:60])) from None
