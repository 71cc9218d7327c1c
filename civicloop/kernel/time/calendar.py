"""Working calendars: when an amount of time has passed, counted in duty time or by the wall, in exact integers.

Units (`amount` is an int, or a Fraction such as 3/2 for the hours):

| unit | 中文 | what counts |
|---|---|---|
| work_hours | 工作时 | duty time of the calendar |
| work_days | 工作日 | working days of the calendar, by the day rule in force when the clock starts |
| urgent_hours, hours, minutes | 紧急工作时 | every moment, day and night, all days |
| urgent_days, days | 紧急工作日 | every moment; a day is 24 hours |

Rules of the day (`Week.day_rule`, dated):

- `end_of_nth_day`: the day of the start isn't counted; the time ends when duty ends on the nth working day after it.
  This is the Civil Code's reckoning of periods (民法典 第二百零一条, 第二百零三条: 开始的当日不计入 … 有业务时间的,
  停止业务活动的时间为截止时间) and the default.
- `same_time_nth_day`: the start moves on to the next duty moment, then the same time of day n working days later
  (and on to the next duty moment, should nobody be on duty then).
- `duty_time`: n times the duty time of one working day (`Week.day_length`).

A limit in working days is turned into counting time once, when its clock starts: a pause keeps exactly the duty time
that was left, and the clock resumes with it. A due moment itself is still in time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, Instant, to_datetime
from civicloop.kernel.time.duty import UNNAMED, DayRow, DutyTable, Period, Week, instant_of_local

Unit = Literal["minutes", "hours", "days", "work_hours", "work_days", "urgent_hours", "urgent_days"]
UNITS: tuple[Unit, ...] = get_args(Unit)
UNIT_LABELS: Mapping[str, Label] = {
    "minutes": Label("分钟", "minutes"),
    "hours": Label("小时", "hours"),
    "days": Label("天", "days"),
    "work_hours": Label("工作时", "working hours"),
    "work_days": Label("工作日", "working days"),
    "urgent_hours": Label("紧急工作时", "urgent hours"),
    "urgent_days": Label("紧急工作日", "urgent days"),
}
_WALL = {"minutes": MINUTE, "hours": HOUR, "days": DAY, "urgent_hours": HOUR, "urgent_days": DAY}

# Beyond this many years without reaching an answer the calendar is taken to have no duty left.
_REACH_YEARS = 100


@dataclass(frozen=True, slots=True)
class Due:
    """When a limit is due; `provisional` (暂定) when the answer rests on a year whose holidays are not yet published."""

    at: Instant
    provisional: bool


@dataclass(frozen=True)
class Calendar:
    """A named pattern of duty in a time zone: dated weeks, dated exceptions, and how far the holidays are published.

    Days from `provisional_from` on are provisional; None means that nothing is to be published (no holidays, or
    holidays fixed by law). Instants are microseconds since 1970 UTC; spans are microseconds.
    """

    name: str
    zone: ZoneInfo
    weeks: tuple[Week, ...]
    rows: tuple[DayRow, ...] = ()
    provisional_from: date | None = None
    label: Label = UNNAMED
    source: str = ""
    status: str = ""
    _table: list[DutyTable] = field(default_factory=list, init=False, repr=False, compare=False)
    _by_day: dict[int, DayRow] = field(default_factory=dict, init=False, repr=False, compare=False)
    _continuous: bool = field(default=False, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not any(day for week in self.weeks for day in week.periods):
            raise ValueError(f"the calendar {self.name!r} has no duty at all")
        spans = sorted((w.valid_from or date.min, w.valid_to or date.max) for w in self.weeks)
        if any(later[0] <= earlier[1] for earlier, later in pairwise(spans)):
            raise ValueError(f"two weeks of the calendar {self.name!r} hold on the same day")
        for row in self.rows:
            # A later row of the same day is the correction of the earlier one.
            self._by_day[row.day.toordinal()] = row
        week = self.weeks[0]
        all_day = all(day == (Period(0, 24 * 60),) for day in week.periods)
        always = all_day and not self.rows and week.valid_from is None and week.valid_to is None
        object.__setattr__(self, "_continuous", always)

    def add(self, start: Instant, amount: int | Fraction, unit: Unit) -> Due:
        """When `amount` of `unit` after `start` has passed; ValueError for a negative or inexact amount."""
        if amount < 0:
            raise ValueError(f"an amount of time is not negative: {amount}")
        if amount == 0:
            return Due(start, False)
        if unit in _WALL:
            return Due(start + _exact(amount * _WALL[unit]), False)
        if unit == "work_hours":
            return self.add_duty(start, _exact(amount * HOUR))
        if unit != "work_days":
            raise ValueError(f"unknown unit of time {unit!r}")
        week = self.week_on(start)
        if week.day_rule == "duty_time":
            assert week.day_length is not None  # Week refuses the rule without it
            return self.add_duty(start, _exact(amount * week.day_length))
        days = _exact(Fraction(amount))
        self._refuse_beyond_reach(days)
        return (
            self._end_of_day(start, days)
            if week.day_rule == "end_of_nth_day"
            else self._same_time(start, days)
        )

    def add_duty(self, start: Instant, microseconds: int) -> Due:
        """The first moment at which that much duty time has passed since `start`; ValueError if negative."""
        if microseconds < 0:
            raise ValueError(f"duty time is not negative: {microseconds}")
        if microseconds == 0:
            return Due(start, False)
        if self._continuous:
            return Due(start + microseconds, False)
        self._refuse_beyond_reach(microseconds // DAY)
        table = self._covering(start)
        target = _passed(table, start) + microseconds
        while target > table.total:
            table = self._wider(table)
            target = _passed(table, start) + microseconds
        return self._due_in(table, bisect_left(table.before, target) - 1, target)

    def elapsed(self, start: Instant, end: Instant, unit: Unit = "work_hours") -> int:
        """Microseconds that count between two moments in that unit; negative when `end` lies before `start`."""
        if unit in _WALL or self._continuous:
            return end - start
        table = self._covering(start, end)
        return _passed(table, end) - _passed(table, start)

    def resume(self, at: Instant, remaining: int, unit: Unit) -> Due:
        """When a clock that stood still is due again, with exactly the counting time it had left.

        With nothing left it is due when its time ran out: at `at` when that counts, else where counting last ended.
        """
        if remaining < 0:
            raise ValueError(f"the time left is not negative: {remaining}")
        if unit in _WALL or self._continuous:
            return Due(at + remaining, False)
        table = self._covering(at)
        if unit == "work_days" and self.week_on(at).day_rule == "same_time_nth_day":
            # This rule's due moments are moments of duty: an end at closing time means the next opening.
            target = _passed(table, at) + remaining
            while target >= table.total:
                table = self._wider(table)
                target = _passed(table, at) + remaining
            return self._due_in(table, bisect_right(table.before, target) - 1, target)
        if remaining:
            return self.add_duty(at, remaining)
        # The interval that began before `at`: at the very opening nothing has counted since the last closing.
        place = bisect_left(table.starts, at) - 1
        return Due(min(at, table.ends[place]) if place >= 0 else at, False)

    def on_duty(self, at: Instant) -> bool:
        """Whether somebody is on duty at that moment."""
        if self._continuous:
            return True
        table = self._covering(at)
        place = bisect_right(table.starts, at) - 1
        return place >= 0 and at < table.ends[place]

    def is_working_day(self, day: date) -> bool:
        """Whether a period of duty begins on that local day."""
        table = self._covering(instant_of_local(_midnight(day), self.zone))
        place = bisect_left(table.days, day.toordinal())
        return place < len(table.days) and table.days[place] == day.toordinal()

    def week_on(self, at: Instant) -> Week:
        """The week in force on the local day of a moment; before the first or in a gap, the nearest earlier or the first."""
        if len(self.weeks) == 1:
            return self.weeks[0]
        day = to_datetime(at, self.zone).date()
        past = [w for w in self.weeks if (w.valid_from or date.min) <= day]
        return max(past or self.weeks[:1], key=lambda w: w.valid_from or date.min)

    def published(self, rows: Iterable[DayRow], provisional_from: date | None) -> Calendar:
        """The calendar after a notice: with those rows on top, provisional only from the later date."""
        return replace(self, rows=(*self.rows, *rows), provisional_from=provisional_from)

    def _end_of_day(self, start: Instant, days: int) -> Due:
        table = self._covering(start)
        while (place := _begun(table, start) + days - 1) >= len(table.days):
            table = self._wider(table)
        return Due(table.lasts[place], self._is_provisional(table.days[place]))

    def _same_time(self, start: Instant, days: int) -> Due:
        table = self._covering(start)
        while True:
            first = _interval_at_or_after(table, start)
            if first < len(table.starts) and table.owner[first] + days < len(table.days):
                break
            table = self._wider(table)
        moved = max(start, table.starts[first])
        own = table.owner[first]
        since = to_datetime(moved, self.zone).replace(tzinfo=None) - _midnight(
            date.fromordinal(table.days[own])
        )
        day = date.fromordinal(table.days[own + days])
        at = instant_of_local(_midnight(day) + since, self.zone)
        # Held within that day's duty, so that a later start is never due earlier.
        at = max(at, table.firsts[own + days])
        while (place := _interval_at_or_after(table, at)) >= len(table.starts):
            table = self._wider(table)
        return Due(max(at, table.starts[place]), self._is_provisional(table.days[table.owner[place]]))

    def _due_in(self, table: DutyTable, place: int, target: int) -> Due:
        at = table.starts[place] + target - table.before[place]
        return Due(at, self._is_provisional(table.days[table.owner[place]]))

    def _is_provisional(self, ordinal: int) -> bool:
        return self.provisional_from is not None and ordinal >= self.provisional_from.toordinal()

    def _covering(self, *moments: Instant) -> DutyTable:
        table = self._table[0] if self._table else None
        if table is not None and all(table.low <= moment < table.high for moment in moments):
            return table
        years = [to_datetime(moment).year for moment in moments]
        low, high = min(years) - 1, max(years) + 2
        if table is not None:
            both = range(min(low, table.years.start), max(high, table.years.stop))
            low, high = (both.start, both.stop) if len(both) <= _REACH_YEARS else (low, high)
        if high - low > _REACH_YEARS:
            raise ValueError(
                f"the calendar {self.name!r} is not asked about more than {_REACH_YEARS} years at once"
            )
        return self._build(range(low, high))

    def _wider(self, table: DutyTable) -> DutyTable:
        years = table.years
        if len(years) > _REACH_YEARS:
            raise self._out_of_reach()
        return self._build(range(years.start, years.stop + len(years)))

    def _refuse_beyond_reach(self, days: int) -> None:
        if days > _REACH_YEARS * 366:
            raise self._out_of_reach()

    def _out_of_reach(self) -> ValueError:
        return ValueError(
            f"the calendar {self.name!r} has no such amount of duty within {_REACH_YEARS} years"
        )

    def _build(self, years: range) -> DutyTable:
        table = DutyTable(self.zone, self.weeks, self._by_day, years)
        # One assignment of a finished table: threads see the old one or the new one, never half of one.
        self._table[:] = [table]
        return table


def _exact(amount: int | Fraction) -> int:
    if isinstance(amount, int):
        return amount
    if amount.denominator != 1:
        raise ValueError(f"{amount} is no whole number of what the unit counts in")
    return amount.numerator


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())


def _passed(table: DutyTable, moment: Instant) -> int:
    """Duty time from the table's beginning to a moment."""
    place = bisect_right(table.starts, moment) - 1
    if place < 0:
        return 0
    return table.before[place] + min(moment, table.ends[place]) - table.starts[place]


def _interval_at_or_after(table: DutyTable, moment: Instant) -> int:
    """The place of the interval that holds the moment, else of the next one (may be past the end)."""
    place = bisect_right(table.starts, moment) - 1
    return place if place >= 0 and moment < table.ends[place] else place + 1


def _begun(table: DutyTable, moment: Instant) -> int:
    """How many working days of the table have begun: the last of them is the day of the moment, or lies before it.

    In the hours of a night shift after midnight the day is still the one on which the shift began.
    """
    place = bisect_right(table.midnights, moment)
    if place >= 2 and moment < table.lasts[place - 2]:
        place -= 1
    return place


ROUND_THE_CLOCK = Calendar(
    "round_the_clock",
    ZoneInfo("UTC"),
    (Week(((Period(0, 24 * 60),),) * 7, day_rule="duty_time"),),
    label=Label("全天候", "Round the clock"),
)


class CalendarSet:
    """The calendars of a district by name, asked the way limits ask: due, counted, resumed."""

    def __init__(self, calendars: Mapping[str, Calendar]) -> None:
        self._calendars: dict[str, Calendar] = {ROUND_THE_CLOCK.name: ROUND_THE_CLOCK, **calendars}

    def __getitem__(self, name: str) -> Calendar:
        return self._calendars[name]

    def __contains__(self, name: str) -> bool:
        return name in self._calendars

    def names(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self._calendars))

    def due(self, calendar: str, start: Instant, amount: int | Fraction, unit: Unit) -> tuple[Instant, bool]:
        """When `amount` of `unit` from `start` has passed, and whether that is provisional (暂定)."""
        due = self._calendars[calendar].add(start, amount, unit)
        return due.at, due.provisional

    def counted(self, calendar: str, unit: Unit, start: Instant, end: Instant) -> int:
        """How much of the span counts, in microseconds."""
        return self._calendars[calendar].elapsed(start, end, unit)

    def resumed(self, calendar: str, unit: Unit, start: Instant, counted: int) -> tuple[Instant, bool]:
        """When `counted` more has passed from `start`, and whether that is provisional."""
        due = self._calendars[calendar].resume(start, counted, unit)
        return due.at, due.provisional
