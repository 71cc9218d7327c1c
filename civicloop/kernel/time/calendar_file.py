"""A pack's calendars.toml as calendars by name.

    zone = "Asia/Shanghai"
    holidays = "holidays.toml"          # optional, beside it: dated rows of a country (public_days writes it)

    [[days]]                            # optional: dated rows on top, a later row wins
    day = 2026-02-14
    takes = "fri"                       # a make-up day works Friday's periods; without it the day is off
    zh = "..."
    en = "..."
    source = "..."
    status = "official"

    [calendars.work_hours]
    label = { zh = "...", en = "..." }
    follows_holidays = true             # false: duty on holidays as on any day
    provisional_from = 2027-01-01       # optional; else 1 January after the holidays' published_to

    [[calendars.work_hours.weeks]]      # one or more, each in force from one date to another
    valid_from = 2014-01-01             # optional, as is valid_to
    day_rule = "end_of_nth_day"
    duty = { mon-fri = ["08:30-12:00", "14:00-17:30"] }
    source = "..."
    status = "from_memory"

Every fault is a ValueError that names the file and what to mend.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from civicloop.kernel.label import Label
from civicloop.kernel.time.calendar import Calendar
from civicloop.kernel.time.clock import HOUR
from civicloop.kernel.time.duty import DayRow, DayRule, Week, weekday_number, weekly

_FILE_KEYS = {"zone", "holidays", "days", "calendars"}
_CALENDAR_KEYS = {"label", "follows_holidays", "provisional_from", "weeks", "source", "status"}
_WEEK_KEYS = {"valid_from", "valid_to", "day_rule", "day_hours", "duty", "source", "status"}
_DAY_KEYS = {"day", "takes", "zh", "en", "source", "status"}


def load_calendars(path: Path) -> dict[str, Calendar]:
    """The calendars that a file declares, by name; ValueError for a fault, OSError when it can't be read."""
    try:
        table = _read(path)
        _refuse_unknown(table, _FILE_KEYS, "the file")
        zone = ZoneInfo(_text(table, "zone"))
        rows: tuple[DayRow, ...] = ()
        published_to: int | None = None
        if "holidays" in table:
            public = _read(path.parent / _text(table, "holidays"))
            rows = tuple(_row(entry, public) for entry in public["days"])
            published_to = public.get("published_to")
        rows += tuple(_row(entry, {}) for entry in table.get("days", ()))
        calendars = cast("Mapping[str, dict[str, Any]]", table.get("calendars", {}))
        return {name: _calendar(name, one, zone, rows, published_to) for name, one in calendars.items()}
    except ZoneInfoNotFoundError as fault:
        raise ValueError(f"{path}: there is no time zone {fault.args[0]}") from fault
    except KeyError as fault:
        raise ValueError(f"{path}: {fault.args[0]} is missing") from fault
    except (ValueError, TypeError) as fault:
        raise ValueError(f"{path}: {fault}") from fault


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _calendar(
    name: str, one: dict[str, Any], zone: ZoneInfo, rows: tuple[DayRow, ...], published_to: int | None
) -> Calendar:
    _refuse_unknown(one, _CALENDAR_KEYS, name)
    follows = bool(one.get("follows_holidays", False))
    until = None if published_to is None or not follows else date(published_to + 1, 1, 1)
    label = one.get("label", {})
    return Calendar(
        name,
        zone,
        tuple(_week(name, week) for week in one["weeks"]),
        rows if follows else (),
        _day(one, "provisional_from") or until,
        Label(label.get("zh", name), label.get("en", name)),
        one.get("source", ""),
        one.get("status", ""),
    )


def _week(name: str, week: dict[str, Any]) -> Week:
    _refuse_unknown(week, _WEEK_KEYS, f"a week of {name}")
    length = Fraction(str(week["day_hours"])) * HOUR if "day_hours" in week else None
    if length is not None and (length.denominator != 1 or length <= 0):
        raise ValueError(f"day_hours of {name} is no length of a day")
    return Week(
        weekly(week["duty"]),
        cast("DayRule", week.get("day_rule", "end_of_nth_day")),  # Week refuses another text
        None if length is None else length.numerator,
        _day(week, "valid_from"),
        _day(week, "valid_to"),
        week.get("source", ""),
        week.get("status", ""),
    )


def _row(entry: dict[str, Any], public: dict[str, Any]) -> DayRow:
    _refuse_unknown(entry, _DAY_KEYS, "a dated row")
    day = _day(entry, "day")
    if day is None:
        raise KeyError("the day of a dated row")
    return DayRow(
        day,
        weekday_number(entry["takes"]) if "takes" in entry else None,
        Label(entry.get("zh", ""), entry.get("en", "")),
        entry.get("source", public.get("source", "")),
        entry.get("status", public.get("status", "")),
    )


def _text(table: dict[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} is a text")
    return value


def _day(table: dict[str, Any], key: str) -> date | None:
    value = table.get(key)
    # A TOML date-time is a `datetime`, which is a `date` too.
    if value is not None and type(value) is not date:
        raise ValueError(f"{key} is a date such as 2026-02-14, not {value!r}")
    return value


def _refuse_unknown(table: dict[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"{where} has no {', '.join(unknown)}; known are {', '.join(sorted(known))}")
