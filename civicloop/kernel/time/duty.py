"""When people are on duty: weekly periods, dated days off and make-up days, as one sorted table of intervals.

A period belongs to the local day on which it begins, so a night shift (22:00-06:00) is one period of the
evening's day, and a day off takes away the shift that begins on it, not the one that ends on it. Periods are
half-open: at 17:00 sharp an office that closes at 17:00 is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import DAY, MINUTE, Instant, from_datetime, to_datetime

DayRule = Literal["end_of_nth_day", "same_time_nth_day", "duty_time"]
DAY_RULES: tuple[DayRule, ...] = get_args(DayRule)
WEEKDAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

UNNAMED = Label("", "")

_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One stretch of duty: local minutes from the midnight its day begins with; `end` may pass 1440 (night)."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.start < _DAY_MINUTES and self.start < self.end <= self.start + _DAY_MINUTES):
            raise ValueError(f"no duty period: minutes {self.start} to {self.end}")

    @classmethod
    def parse(cls, text: str) -> Period:
        """Reads "08:30-12:00"; an end at or before the start lies on the next day; ValueError otherwise."""
        first, dash, last = text.partition("-")
        if not dash:
            raise ValueError(f"a duty period reads HH:MM-HH:MM, not {text!r}")
        start, end = _minutes(first), _minutes(last)
        return cls(start, end if end > start else end + _DAY_MINUTES)


def _minutes(text: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise ValueError(f"a time of day reads HH:MM, not {text!r}")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > _DAY_MINUTES:
        raise ValueError(f"there is no time of day {text!r}")
    return total


@dataclass(frozen=True, slots=True)
class Week:
    """The duty of each weekday and what a working day means, in force from one date to another (both included).

    `periods` has seven entries from Monday. `day_length` is the duty time in microseconds that one working day
    stands for under the rule "duty_time"; it is taken from the week when all its working days are equally long.
    """

    periods: tuple[tuple[Period, ...], ...]
    day_rule: DayRule = "end_of_nth_day"
    day_length: int | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    source: str = ""
    status: str = ""

    def __post_init__(self) -> None:
        if len(self.periods) != 7:
            raise ValueError("a week has seven days")
        if self.day_rule not in DAY_RULES:
            raise ValueError(f"the rule of the day is one of {', '.join(DAY_RULES)}, not {self.day_rule!r}")
        _refuse_overlaps(self.periods)
        lengths = {sum(p.end - p.start for p in day) for day in self.periods if day}
        if self.day_length is None and len(lengths) == 1:
            object.__setattr__(self, "day_length", lengths.pop() * MINUTE)
        if self.day_rule == "duty_time" and self.day_length is None:
            raise ValueError("working days of unequal length need a declared day_length under duty_time")

    def holds(self, day: date) -> bool:
        """Whether this week is in force on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


def _refuse_overlaps(periods: tuple[tuple[Period, ...], ...]) -> None:
    flat = [(p.start + d * _DAY_MINUTES, p.end + d * _DAY_MINUTES) for d in range(7) for p in periods[d]]
    if not flat:
        return
    flat.append((flat[0][0] + 7 * _DAY_MINUTES, flat[0][1] + 7 * _DAY_MINUTES))
    for (_, end), (start, _) in pairwise(flat):
        if start < end:
            raise ValueError("duty periods overlap or are out of order")


def weekly(periods: Mapping[str, tuple[str, ...] | list[str]]) -> tuple[tuple[Period, ...], ...]:
    """Seven days of periods from keys like "mon-fri" or "sat" and texts like "08:30-12:00"; a day named twice is refused."""
    days: list[tuple[Period, ...]] = [()] * 7
    named: set[int] = set()
    for key, texts in periods.items():
        for weekday in _weekdays(key):
            if weekday in named:
                raise ValueError(f"{WEEKDAYS[weekday]} is named twice")
            named.add(weekday)
            days[weekday] = tuple(Period.parse(text) for text in texts)
    return tuple(days)


def weekday_number(name: str) -> int:
    """0 for "mon" to 6 for "sun"; ValueError for another text."""
    if name not in WEEKDAYS:
        raise ValueError(f"a weekday is one of {', '.join(WEEKDAYS)}, not {name!r}")
    return WEEKDAYS.index(name)


def _weekdays(key: str) -> range:
    first, _, last = key.partition("-")
    start, end = weekday_number(first), weekday_number(last or first)
    if end < start:
        raise ValueError(f"the days {key!r} run backwards")
    return range(start, end + 1)


@dataclass(frozen=True, slots=True)
class DayRow:
    """One dated exception: a day off, or a make-up day (调休) that works the periods of another weekday.

    `takes` is that weekday (0 Monday to 6 Sunday) for a make-up day and None for a day off.
    """

    day: date
    takes: int | None = None
    label: Label = UNNAMED
    source: str = ""
    status: str = ""

    def __post_init__(self) -> None:
        if self.takes is not None and not 0 <= self.takes <= 6:
            raise ValueError("a make-up day takes a weekday from 0 (Monday) to 6 (Sunday)")


def instant_of_local(local: datetime, zone: ZoneInfo) -> Instant:
    """The instant of a naive local time; the first of two when clocks go back, the moment after the gap when they jump."""
    early = local.replace(tzinfo=zone, fold=0)
    late = local.replace(tzinfo=zone, fold=1)
    before, after = early.utcoffset(), late.utcoffset()
    if before == after or before is None or after is None or before > after:
        return from_datetime(early)
    # A local time that never was: find the jump, so that later local times never map to earlier instants.
    low, high = from_datetime(late), from_datetime(early)
    while high - low > 1:
        middle = (low + high) // 2
        if to_datetime(middle, zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


class DutyTable:
    """All duty between two local days as parallel sorted lists; immutable once built.

    Intervals: `starts`, `ends`, `before` (duty in microseconds ahead of it, from the table's beginning), `owner`
    (its place in `days`). Working days: `days` (ordinals), `midnights`, `firsts`, `lasts` (instants).
    `low` and `high` bound the instants for which the table of these `years` is complete.
    """

    __slots__ = (
        "before", "days", "ends", "firsts", "high", "lasts", "low", "midnights", "owner", "starts", "total", "years"
    )  # fmt: skip

    def __init__(
        self, zone: ZoneInfo, weeks: tuple[Week, ...], rows: Mapping[int, DayRow], years: range
    ) -> None:
        self.starts: list[Instant] = []
        self.ends: list[Instant] = []
        self.before: list[int] = []
        self.owner: list[int] = []
        self.days: list[int] = []
        self.midnights: list[Instant] = []
        self.firsts: list[Instant] = []
        self.lasts: list[Instant] = []
        self.total = 0
        self.years = years
        first, last = date(years.start, 1, 1).toordinal(), date(years.stop, 1, 1).toordinal()
        offsets = _DayOffsets(zone)
        for ordinal in range(first, last):
            periods = periods_of(ordinal, weeks, rows)
            if periods:
                self._append(ordinal, periods, offsets)
        # A night shift begun on the day before the table may reach into its first day.
        self.low = _local_minute(first + 2, 0, zone)
        self.high = _local_minute(last, 0, zone)

    def _append(self, ordinal: int, periods: tuple[Period, ...], offsets: _DayOffsets) -> None:
        first = len(self.starts)
        offsets.enter(ordinal)
        reach = self.ends[-1] if self.ends else None
        for period in periods:
            start, end = offsets.instant(period.start), offsets.instant(period.end)
            # A make-up day may begin before the night shift ahead of it has ended; nobody is counted twice.
            if reach is not None and start < reach:
                start = reach
            if end <= start:
                continue
            reach = end
            self.starts.append(start)
            self.ends.append(end)
            self.before.append(self.total)
            self.owner.append(len(self.days))
            self.total += end - start
        if len(self.starts) > first:
            self.days.append(ordinal)
            self.midnights.append(offsets.instant(0))
            self.firsts.append(self.starts[first])
            self.lasts.append(self.ends[-1])


def periods_of(ordinal: int, weeks: tuple[Week, ...], rows: Mapping[int, DayRow]) -> tuple[Period, ...]:
    """The duty periods that begin on one day: the dated row's if there is one, else the weekday's of the week in force."""
    day = date.fromordinal(ordinal)
    row = rows.get(ordinal)
    if row is not None and row.takes is None:
        return ()
    weekday = day.weekday() if row is None or row.takes is None else row.takes
    for week in weeks:
        if week.holds(day):
            return week.periods[weekday]
    return ()


class _DayOffsets:
    """Instants of the local minutes of one day after another, asking the zone once a day where its clocks stand."""

    __slots__ = ("_midnight", "_offsets", "_ordinal", "_zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offsets: dict[int, Instant] = {}
        self._ordinal = 0
        self._midnight: Instant | None = None

    def enter(self, ordinal: int) -> None:
        """Goes to a day; on one whose two days after midnight see the clocks change, each minute is asked for alone."""
        self._ordinal = ordinal
        own = self._midnight_of(ordinal)
        self._midnight = own if self._midnight_of(ordinal + 2) - own == 2 * DAY else None

    def instant(self, minute: int) -> Instant:
        """The instant of a local minute of the entered day, which may lie on the next."""
        if self._midnight is not None:
            return self._midnight + minute * MINUTE
        return _local_minute(self._ordinal, minute, self._zone)

    def _midnight_of(self, ordinal: int) -> Instant:
        found = self._offsets.get(ordinal)
        if found is None:
            found = self._offsets[ordinal] = _local_minute(ordinal, 0, self._zone)
        return found


def _local_minute(ordinal: int, minute: int, zone: ZoneInfo) -> Instant:
    midnight = datetime.combine(date.fromordinal(ordinal), datetime.min.time())
    return instant_of_local(midnight + timedelta(minutes=minute), zone)
