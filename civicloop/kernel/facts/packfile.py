"""Reading a pack's TOML files so that every fault names the file, the line, the key and how to mend it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import Instant, from_datetime


class PackError(ValueError):
    """A pack can't be used; `reason` says in both languages which file, where, and what to write instead."""

    def __init__(self, path: Path, line: int | None, key: str, wrong: Label) -> None:
        at = {"file": str(path), "line": f":{line}" if line else "", "key": f" {key}" if key else ""}
        self.reason = Label(
            "数据包文件 {file}{line}{key}：{wrong}", "pack file {file}{line}{key}: {wrong}"
        ).filled(**at, wrong=wrong)
        super().__init__(self.reason.en)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a TOML file, with enough of its whereabouts to say where a fault is.

    `header` is its name, empty for the top of the file; `index` counts tables of that name below `parent`.
    """

    path: Path
    text: str
    values: Mapping[str, Any]
    header: str = ""
    index: int = 0
    parent: Table | None = None

    def fault(self, at: str, zh: str, en: str, **filled: object) -> PackError:
        """The error at a key of this table; zh and en say what is wrong and how to mend it."""
        where = ".".join(part for part in (self.header, at) if part)
        return PackError(self.path, self._line(at), where, Label(zh, en).filled(**filled))

    def only(self, known: Collection[str]) -> None:
        """Refuse keys that nobody reads: mostly they are misspelt."""
        for key in self.values:
            if key not in known:
                raise self.fault(
                    key,
                    "没有这个键；可用的键：{known}。",
                    "there is no such key; known keys are {known}",
                    known=", ".join(sorted(known)),
                )

    def word(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self._value(key, default)
        if not isinstance(value, str) or (not value.strip() and value != default):
            raise self.fault(key, "应为非空文字。", "must be a text in quotes, not empty")
        return value

    def whole(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(key, "应为整数。", "must be a whole number")
        return value

    def number(self, key: str) -> float:
        """A number, whole or not."""
        value = self._value(key, None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.fault(key, "应为数字。", "must be a number")
        return float(value)

    def words(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
            raise self.fault(
                key, '应为文字列表，如 ["a", "b"]。', 'must be a list of texts such as ["a", "b"]'
            )
        return tuple(value)

    def choice(self, key: str, options: Collection[str], default: str | None = None) -> str:
        """A text out of `options`."""
        value = self.word(key, default)
        if value not in options:
            raise self.fault(
                key,
                "“{value}”不可用；请填其一：{options}。",
                '"{value}" can\'t be used; write one of {options}',
                value=value,
                options=", ".join(sorted(options)),
            )
        return value

    def label(self, key: str) -> Label:
        """A text in both languages: `key = { zh = "...", en = "..." }`."""
        inner = self._value(key, None)
        if not isinstance(inner, dict) or not all(
            inner.get(x) and isinstance(inner[x], str) for x in ("zh", "en")
        ):
            raise self.fault(
                key,
                '应有中英两种文字：{{ zh = "…", en = "…" }}。',
                'must be in both languages: {{ zh = "...", en = "..." }}',
            )
        return Label(inner["zh"], inner["en"])

    def day(self, key: str, zone: ZoneInfo, default: Instant | None = None) -> Instant | None:
        """A date as the instant its local day begins, or `default` where the key is absent."""
        if key not in self.values:
            return default
        value = self.values[key]
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fault(
                key,
                "应为日期，如 2026-01-01（不加引号）。",
                "must be a date such as 2026-01-01, without quotes",
            )
        return from_datetime(datetime(value.year, value.month, value.day, tzinfo=zone))

    def tables(self, key: str) -> list[Table]:
        """The tables of an array `[[key]]`; none where it is absent."""
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self.fault(key, "应写成 [[{key}]] 表。", "must be written as [[{key}]] tables", key=key)
        name = ".".join(part for part in (self.header, key) if part)
        return [Table(self.path, self.text, item, name, i, self) for i, item in enumerate(found)]

    def table(self, key: str) -> Table:
        """The table `[key]`, or an empty one."""
        found = self.values.get(key, {})
        if not isinstance(found, dict):
            raise self.fault(key, "应写成 [{key}] 表。", "must be written as a [{key}] table", key=key)
        name = ".".join(part for part in (self.header, key) if part)
        return Table(self.path, self.text, found, name, 0, self)

    def _value(self, key: str, default: object) -> Any:
        if key in self.values:
            return self.values[key]
        if default is None:
            raise self.fault(key, "缺少这个键，请补上。", "is missing; add it")
        return default

    def _line(self, key: str) -> int | None:
        """The line of the key in this table, else of the table's header, else of what holds it."""
        lines = self.text.splitlines()
        start = 0
        if self.parent is not None:
            opening = re.compile(rf"\s*\[\[?\s*{re.escape(self.header)}\s*\]\]?\s*(#.*)?$")
            heads = [i for i, line in enumerate(lines) if opening.match(line)]
            if self.index >= len(heads) or self.parent.parent is not None:
                return self.parent._line(self.header.removeprefix(f"{self.parent.header}."))
            start = heads[self.index] + 1
        entry = re.compile(rf'\s*"?{re.escape(key)}"?\s*[=.]')
        for number in range(start, len(lines)):
            if re.match(r"\s*\[", lines[number]):
                break
            if entry.match(lines[number]):
                return number + 1
        return start or None


def read_file(path: Path) -> Table:
    """The top table of a TOML file; PackError when it can't be read, with the line TOML stumbled over."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise PackError(
            path, None, "", Label("没有这个文件，请放到这里。", "there is no such file; put it here")
        ) from error
    except UnicodeDecodeError as error:
        raise PackError(
            path, None, "", Label("不是 UTF-8 文本，请另存为 UTF-8。", "is not UTF-8 text; save it as UTF-8")
        ) from error
    try:
        return Table(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        wrong = Label("不是正确的 TOML:{why}。", "is not correct TOML: {why}").filled(why=error)
        raise PackError(path, int(found[1]) if found else None, "", wrong) from error


def refuse_repeats(tables: Iterable[Table], key: str, *more: str) -> None:
    """Raise for the second table that has the same values under the keys."""
    seen: set[tuple[Any, ...]] = set()
    for table in tables:
        found = tuple(table.values.get(k) for k in (key, *more))
        if found in seen:
            raise table.fault(
                key, "“{value}”已有一行，请改名或删去。", '"{value}" is there already; rename or remove this one',
                value=found[0],
            )  # fmt: skip
        seen.add(found)
