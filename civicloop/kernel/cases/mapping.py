"""The mapping of an import: how the columns of somebody else's file become actions of a process.

    loop, process, source       what is filled, and the file's own name in the history
    zone, fold, time_formats    how times without an offset are read
    encoding, delimiter, sheet, header_row
    [columns]                   our name = the column that has it; a name that ends in _at is a time
    [constants]                 our name = the same value for every row
    [values.NAME], [otherwise]  text of the file = our value; what stands for any other text
    [position]                  lon, lat, datum, and the field it goes `into`
    [[no_position]]             coordinates that mean "unknown"
    [[exclude]]                 rows that are left out, each with a code and a reason
    [report]                    for processes opened by a report: its fields = our names
    [[step]]                    action, at, when, give: the first opens the case, the others follow where their time is known
    [expect]                    what the file is known to hold

Every fault is a PackError that names file, line, key and the way to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from civicloop.kernel.cases.compiled import OPENING
from civicloop.kernel.cases.declaration import Action
from civicloop.kernel.cases.process import Process
from civicloop.kernel.facts.datum import DATUMS
from civicloop.kernel.facts.packfile import PackError, Table, read_file
from civicloop.kernel.label import Label

REPORT_TEXTS = ("channel", "description", "address", "name", "contact")
_KEYS = {
    "loop", "process", "source", "zone", "fold", "time_formats", "encoding", "delimiter", "sheet", "header_row",
    "columns", "constants", "values", "otherwise", "position", "no_position", "exclude", "report", "step", "expect",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a row: a value is one of `among`, is there (or not), or lies before another time."""

    name: str
    kind: Literal["among", "known", "unknown", "before"]
    among: frozenset[str] = frozenset()
    other: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows that are left out, and why."""

    code: str
    when: tuple[Condition, ...]
    reason: Label


@dataclass(frozen=True, slots=True)
class PositionFrom:
    """The names that hold a position, its datum, and the field it is given as."""

    lon: str
    lat: str
    datum: str
    into: str


@dataclass(frozen=True, slots=True)
class StepFrom:
    """One action of a row: when it happened, on which condition, and which values it is given."""

    action: Action
    at: str
    when: tuple[Condition, ...]
    give: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the file is known to hold: rows, rows excluded, rows in which a name has a value."""

    rows: int | None
    excluded: int | None
    having: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ImportMap:
    """A mapping that fits its process; `require` holds it against a file's columns."""

    loop: str
    process: Process
    source: str
    zone: ZoneInfo
    fold: int
    time_formats: tuple[str, ...]
    encoding: str
    delimiter: str
    sheet: str
    header_row: int
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    otherwise: Mapping[str, str]
    position: PositionFrom | None
    nowhere: tuple[tuple[float, float], ...]
    exclusions: tuple[Exclusion, ...]
    report: Mapping[str, str]
    steps: tuple[StepFrom, ...]
    expected: Expected
    table: Table

    @property
    def times(self) -> frozenset[str]:
        """The names that hold a time."""
        fields = {f.name for step in self.steps for f in step.action.evidence if f.kind == "instant"}
        return frozenset(name for name in self.columns if name.endswith("_at") or name in fields)

    def column_of(self, name: str) -> str:
        """The column behind a name, for telling a person where to look."""
        if self.position is not None and name == self.position.into:
            return f"{self.columns[self.position.lon]}, {self.columns[self.position.lat]}"
        return self.columns.get(name, name)

    def require(self, columns: Sequence[str]) -> None:
        """PackError for a column that the file does not have, with those that it has."""
        for name, column in self.columns.items():
            if column not in columns:
                raise self.table.table("columns").fault(
                    name,
                    "文件里没有“{column}”这一列；有：{known}。",
                    "the file has no column “{column}”; it has: {known}",
                    column=column,
                    known=", ".join(c for c in columns if c),
                )


def read_mapping(path: Path, processes: Mapping[str, Process], loop: str) -> ImportMap:
    """Reads a mapping for a loop; PackError where it can't stand."""
    top = read_file(path)
    top.only(_KEYS)
    if top.word("loop", loop) != loop:
        raise top.fault(
            "loop", "此映射用于“{own}”。", "this mapping is for the loop “{own}”", own=top.word("loop")
        )
    process = processes[top.choice("process", processes, loop if loop in processes else None)]
    columns = _texts(top.table("columns"))
    constants = _texts(top.table("constants"))
    position = _position(top, columns)
    names = {*columns, *constants, *((position.into,) if position else ())}
    values = {name: _texts(top.table("values").table(name)) for name in top.table("values").values}
    for section in ("values", "otherwise"):
        for name in top.table(section).values:
            _known(top.table(section), name, name, columns)
    _known(top.table("columns"), "external_id", "external_id", columns)
    return ImportMap(
        loop, process, _source(top), _zone(top), ("first", "second").index(top.choice("fold", ("first", "second"), "first")),
        top.words("time_formats", ()), top.word("encoding", ""), top.word("delimiter", ""), top.word("sheet", ""),
        top.whole("header_row", 1), columns, constants, values, _texts(top.table("otherwise")), position,
        tuple((t.number("lon"), t.number("lat")) for t in top.tables("no_position")), _exclusions(top, names),
        _report(top, process, names), _steps(top, process, names), _expected(top, names), top,
    )  # fmt: skip


def _source(top: Table) -> str:
    source = top.word("source")
    if not source.replace("-", "").replace("_", "").isalnum():
        raise top.fault("source", "只用字母、数字、- 和 _。", "use letters, digits, - and _ only")
    return source


def _zone(top: Table) -> ZoneInfo:
    try:
        return ZoneInfo(top.word("zone"))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise top.fault(
            "zone", "没有这个时区；如 Asia/Shanghai。", "is no time zone; write one such as Asia/Shanghai"
        ) from error


def _texts(table: Table) -> dict[str, str]:
    return {key: table.word(key, "") for key in table.values}


def _known(table: Table, key: str, name: str, names: Iterable[str]) -> str:
    """The name, which must be one of the mapping's own."""
    if name not in names:
        raise table.fault(
            key,
            "映射里没有名为“{name}”的列；有：{known}。",
            "the mapping names no column “{name}”; it has: {known}",
            name=name,
            known=", ".join(sorted(names)),
        )
    return name


def _position(top: Table, columns: Mapping[str, str]) -> PositionFrom | None:
    if "position" not in top.values:
        return None
    table = top.table("position")
    table.only({"lon", "lat", "datum", "into"})
    lon, lat = (_known(table, key, table.word(key, key), columns) for key in ("lon", "lat"))
    return PositionFrom(lon, lat, table.choice("datum", DATUMS, "wgs84"), table.word("into", "place"))


def _conditions(table: Table, names: Iterable[str]) -> tuple[Condition, ...]:
    found = table.values.get("when", [])
    several = found if isinstance(found, list) else [found]
    held = Table(table.path, table.text, {"when": several}, table.header, table.index, table.parent)
    return tuple(_condition(one, names) for one in held.tables("when"))


def _condition(table: Table, names: Iterable[str]) -> Condition:
    table.only({"field", "is", "in", "known", "before"})
    name = _known(table, "field", table.word("field"), names)
    if "before" in table.values:
        return Condition(name, "before", other=_known(table, "before", table.word("before"), names))
    if "known" in table.values:
        return Condition(name, "known" if table.values["known"] is True else "unknown")
    if "in" in table.values:
        return Condition(name, "among", frozenset(table.words("in")))
    return Condition(name, "among", frozenset({table.word("is")}))


def _exclusions(top: Table, names: Iterable[str]) -> tuple[Exclusion, ...]:
    found = []
    for table in top.tables("exclude"):
        table.only({"code", "when", "reason"})
        table.choice("code", {table.word("code")})
        found.append(Exclusion(table.word("code"), _conditions(table, names), table.label("reason")))
    return tuple(found)


def _report(top: Table, process: Process, names: Iterable[str]) -> Mapping[str, str]:
    table = top.table("report")
    table.only(set(REPORT_TEXTS))
    if process.reported and not table.values:
        raise top.fault(
            "report",
            "“{process}”由上报开启：请加 [report]，写明各项取自哪一列。",
            "“{process}” is opened by a report: add [report] that says which names its fields come from",
            process=process.label,
        )
    return {key: _known(table, key, table.word(key), names) for key in table.values}


def _steps(top: Table, process: Process, names: Iterable[str]) -> tuple[StepFrom, ...]:
    tables = top.tables("step")
    if not tables:
        raise top.fault(
            "step", "至少要有一个 [[step]]。", "must have at least one [[step]]: the one that opens"
        )
    steps: list[StepFrom] = []
    for table in tables:
        table.only({"action", "at", "when", "give"})
        action = process.action(table.choice("action", process.compiled.actions))
        opens = (OPENING, action.name) in process.compiled.targets
        if opens != (not steps) or any(step.action is action for step in steps):
            raise table.fault(
                "action",
                "第一步须开启案件，其后各步不得再开启，也不得重复。",
                "the first step opens the case; no later one may, and none may stand twice",
            )
        at = _known(table, "at", table.word("at"), names)
        if not at.endswith("_at"):
            raise table.fault(
                "at", "时间的名称须以 _at 结尾。", "a time's name must end in _at; rename it in [columns]"
            )
        steps.append(StepFrom(action, at, _conditions(table, names), _given(table, action, names)))
    return tuple(steps)


def _given(table: Table, action: Action, names: Iterable[str]) -> tuple[str, ...]:
    give = table.words("give", ())
    fields = {field.name: field for field in action.evidence}
    for name in give:
        _known(table, "give", name, names)
        if name not in fields:
            raise table.fault(
                "give",
                "操作“{action}”没有“{name}”这一项；有：{known}。",
                "the action “{action}” takes no “{name}”; it takes: {known}",
                action=action.label,
                name=name,
                known=", ".join(fields) or "-",
            )
    missing = [name for name, field in fields.items() if field.required and name not in give]
    if missing:
        raise table.fault(
            "give",
            "操作“{action}”还须给出：{missing}。",
            "the action “{action}” must be given: {missing}",
            action=action.label,
            missing=", ".join(missing),
        )
    return give


def _expected(top: Table, names: Iterable[str]) -> Expected:
    table = top.table("expect")
    table.only({"rows", "excluded", "having"})
    having = table.table("having")
    return Expected(
        table.whole("rows") if "rows" in table.values else None,
        table.whole("excluded") if "excluded" in table.values else None,
        {_known(having, name, name, names): having.whole(name) for name in having.values},
    )


__all__ = [
    "Condition",
    "Exclusion",
    "Expected",
    "ImportMap",
    "PackError",
    "PositionFrom",
    "StepFrom",
    "read_mapping",
]
