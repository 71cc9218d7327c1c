"""Working calendars by property: any duty pattern, zone, holidays and moment; time is exact, monotone and additive."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from civicloop.kernel.time.calendar import Calendar
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, parse_instant, to_datetime
from civicloop.kernel.time.clock_log import ClockEvent, ClockReading, clock_from_log
from civicloop.kernel.time.duty import DAY_RULES, DayRow, Period, Week

ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe")]
FIRST = parse_instant("2026-01-01T00:00:00Z")
instants = st.integers(FIRST, FIRST + 400 * DAY)
spans = st.one_of(st.just(0), st.integers(1, 3 * HOUR), st.integers(1, 60 * DAY))
few = settings(max_examples=min(60, settings.default.max_examples), deadline=None)
duty_units = st.sampled_from(["work_hours", "work_days"])
units = st.sampled_from(["work_hours", "work_days", "urgent_hours", "urgent_days", "minutes"])


@st.composite
def weeks(draw: st.DrawFn) -> Week:
    """One to three periods a day at most, some days without, the last one perhaps into the night."""
    days: list[tuple[Period, ...]] = []
    for _ in range(7):
        cuts = sorted(draw(st.sets(st.integers(5 * 60, 22 * 60), max_size=6)))
        pairs = zip(cuts[::2], cuts[1::2], strict=False)
        day = [Period(start, end) for start, end in pairs]
        if draw(st.booleans()):
            # Ends by five in the morning, when the next day's duty may begin.
            day.append(Period(22 * 60 + draw(st.integers(0, 60)), 24 * 60 + draw(st.integers(0, 5 * 60))))
        days.append(tuple(day))
    if not any(days):
        days[draw(st.integers(0, 6))] = (Period(9 * 60, 17 * 60),)
    return Week(tuple(days), draw(st.sampled_from(DAY_RULES)), 8 * HOUR)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    rows = draw(
        st.lists(
            st.builds(
                DayRow,
                st.dates(date(2026, 1, 1), date(2027, 3, 1)),
                st.one_of(st.none(), st.integers(0, 6)),
            ),
            max_size=12,
        )
    )
    return Calendar("drawn", draw(st.sampled_from(ZONES)), (draw(weeks()),), tuple(rows))


@few
@given(calendars(), instants, spans)
def test_adding_duty_and_counting_it_agree(calendar: Calendar, start: int, duty: int) -> None:
    due = calendar.add_duty(start, duty)
    assert calendar.elapsed(start, due.at) == duty
    # It is the first such moment: a microsecond earlier the last bit is missing.
    assert duty == 0 or calendar.elapsed(start, due.at - 1) == duty - 1


@few
@given(calendars(), instants, st.integers(1, 200))
def test_working_hours_come_back_exactly(calendar: Calendar, start: int, halves: int) -> None:
    due = calendar.add(start, Fraction(halves, 2), "work_hours")
    assert calendar.elapsed(start, due.at, "work_hours") == halves * HOUR // 2


@few
@given(calendars(), instants, instants, instants)
def test_counting_is_additive_and_never_more_than_the_wall(
    calendar: Calendar, a: int, b: int, c: int
) -> None:
    a, b, c = sorted((a, b, c))
    assert calendar.elapsed(a, b) + calendar.elapsed(b, c) == calendar.elapsed(a, c)
    assert 0 <= calendar.elapsed(a, c) <= c - a
    assert calendar.elapsed(c, a) == -calendar.elapsed(a, c)


@few
@given(calendars(), instants, st.integers(0, 40 * DAY), st.integers(0, 30), units)
def test_later_start_is_never_due_earlier(
    calendar: Calendar, start: int, later: int, amount: int, unit: str
) -> None:
    first = calendar.add(start, amount, unit).at  # type: ignore[arg-type]
    assert start <= first
    assert first <= calendar.add(start + later, amount, unit).at  # type: ignore[arg-type]


@few
@given(calendars(), instants, st.integers(0, 30), units)
def test_more_is_never_due_earlier(calendar: Calendar, start: int, amount: int, unit: str) -> None:
    assert calendar.add(start, amount, unit).at <= calendar.add(start, amount + 1, unit).at  # type: ignore[arg-type]


@few
@given(weeks(), st.integers(0, 300), st.integers(0, 5 * 24 * 60))
def test_a_count_of_minutes_agrees(week: Week, day: int, length: int) -> None:
    """The oracle walks minute by minute and asks whether the local time lies in a period of today or of yesterday."""
    calendar = Calendar("drawn", ZONES[0], (week,), (DayRow(date(2026, 2, 17)), DayRow(date(2026, 2, 14), 4)))
    start = FIRST + day * DAY + 7 * HOUR
    counted = sum(_on_duty(calendar, start + n * MINUTE) for n in range(length))
    assert calendar.elapsed(start, start + length * MINUTE) == counted * MINUTE


def _on_duty(calendar: Calendar, moment: int) -> bool:
    local = to_datetime(moment, calendar.zone)
    for back in (0, 1):
        day = local.date() - timedelta(back)
        minute = local.hour * 60 + local.minute + back * 24 * 60
        row = next((r for r in calendar.rows if r.day == day), None)
        weekday = day.weekday() if row is None else row.takes
        if weekday is not None and any(p.start <= minute < p.end for p in calendar.weeks[0].periods[weekday]):
            return True
    return False


# The clock folded from its log.


def read(
    calendar: Calendar, unit: str, amount: int, events: list[tuple[int, ClockEvent]], now: int
) -> ClockReading:
    return clock_from_log(amount, unit, calendar, events, now)  # type: ignore[arg-type]


@few
@given(
    calendars(), units, instants, st.integers(1, 20), st.lists(st.integers(0, 20 * DAY), max_size=6), spans
)
def test_pauses_of_no_length_change_nothing(
    calendar: Calendar, unit: str, start: int, amount: int, pauses: list[int], until: int
) -> None:
    plain: list[tuple[int, ClockEvent]] = [(start, "start")]
    cut = list(plain)
    for after in sorted(pauses):
        cut += [(start + after, "pause"), (start + after, "resume")]
    now = start + max([until, *pauses])
    assert read(calendar, unit, amount, cut, now) == read(calendar, unit, amount, plain, now)


@few
@given(calendars(), duty_units, instants, st.integers(1, 20), instants, st.integers(0, DAY), spans)
def test_a_pause_outside_duty_changes_nothing(
    calendar: Calendar, unit: str, start: int, amount: int, pause: int, length: int, until: int
) -> None:
    assume(start <= pause and calendar.elapsed(pause, pause + length) == 0)
    plain: list[tuple[int, ClockEvent]] = [(start, "start")]
    cut: list[tuple[int, ClockEvent]] = [*plain, (pause, "pause"), (pause + length, "resume")]
    now = pause + length + until
    assert read(calendar, unit, amount, cut, now) == read(calendar, unit, amount, plain, now)


@few
@given(calendars(), duty_units, instants, st.integers(1, 20), st.integers(0, 40 * DAY))
def test_a_pause_after_hours_changes_nothing(
    calendar: Calendar, unit: str, start: int, amount: int, back: int
) -> None:
    """Aimed at the edges: the pause begins exactly when duty ends and lasts to exactly when it begins again."""
    due = calendar.add(start, amount, unit).at  # type: ignore[arg-type]
    end = max(start, due - back)
    if calendar.on_duty(end):
        end += _until_closing(calendar, end)
    begin = calendar.add_duty(end, 1).at - 1
    plain: list[tuple[int, ClockEvent]] = [(start, "start")]
    cut: list[tuple[int, ClockEvent]] = [*plain, (end, "pause"), (begin, "resume")]
    for now in (begin, begin + 1, begin + 3 * DAY):
        assert read(calendar, unit, amount, cut, now) == read(calendar, unit, amount, plain, now)


def _until_closing(calendar: Calendar, moment: int) -> int:
    """How long duty goes on without a break, by halving."""
    low, high = 1, 3 * DAY
    assume(calendar.add_duty(moment, high).at > moment + high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if calendar.add_duty(moment, middle).at == moment + middle else (low, middle)
        )
    return low


@few
@given(calendars(), units, instants, st.integers(1, 20), st.lists(spans, min_size=2, max_size=8), spans)
def test_used_and_remaining_make_the_whole(
    calendar: Calendar, unit: str, start: int, amount: int, steps: list[int], until: int
) -> None:
    events: list[tuple[int, ClockEvent]] = [(start, "start")]
    at = start
    used = 0
    for place, length in enumerate(steps):
        if place % 2 == 0:
            used += calendar.elapsed(at, at + length, unit)  # type: ignore[arg-type]
        at += length
        events.append((at, "pause" if place % 2 == 0 else "resume"))
    if len(steps) % 2 == 0:
        used += calendar.elapsed(at, at + until, unit)  # type: ignore[arg-type]
    reading = read(calendar, unit, amount, events, at + until)
    due = calendar.add(start, amount, unit).at  # type: ignore[arg-type]
    assert reading.used == used
    assert reading.remaining == calendar.elapsed(start, due, unit) - used  # type: ignore[arg-type]
    assert reading.breached_at is None or reading.remaining <= 0
    if reading.status == "running" and reading.breached_at is None:
        assert reading.due_at is not None
        assert calendar.elapsed(at + until, reading.due_at, unit) == reading.remaining  # type: ignore[arg-type]
