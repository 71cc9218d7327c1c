"""Working calendars by hand-written rows: each was reckoned on paper from a printed calendar, not by the program."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import civicloop
from civicloop.kernel.label import Label
from civicloop.kernel.time.calendar import ROUND_THE_CLOCK, UNIT_LABELS, UNITS, Calendar, CalendarSet, Unit
from civicloop.kernel.time.calendar_file import load_calendars
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, format_instant, parse_instant
from civicloop.kernel.time.duty import DayRow, DayRule, Period, Week, weekly

SHANGHAI = ZoneInfo("Asia/Shanghai")
BOSTON = ZoneInfo("America/New_York")
PACKS = Path(civicloop.__file__).parent / "packs"
JIANGHAN = load_calendars(PACKS / "jianghan" / "calendars.toml")
OFFICE = JIANGHAN["work_hours"]


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return parse_instant(text, zone)


def shown(instant: int, zone: ZoneInfo = SHANGHAI) -> str:
    return format_instant(instant, zone)[:16].replace("T", " ")


def office(rule: DayRule, *periods: str, days: str = "mon-fri", zone: ZoneInfo = SHANGHAI) -> Calendar:
    texts = list(periods or ("08:30-12:00", "14:00-17:30"))
    return Calendar("office", zone, (Week(weekly({days: texts}), rule),))


# Jianghan's office: 08:30-12:00 and 14:00-17:30, seven hours a day, end_of_nth_day.
# Spring Festival 2026: off from Sunday 15 to Monday 23 February; Saturdays 14 and 28 February are worked.
OFFICE_ROWS: list[tuple[str, int | Fraction, Unit, str]] = [
    # 工作时 within one stretch, over the lunch pause, over a night, over a weekend.
    ("2026-03-10 09:00", 2, "work_hours", "2026-03-10 11:00"),
    ("2026-03-10 11:00", 2, "work_hours", "2026-03-10 15:00"),
    ("2026-03-10 16:30", 2, "work_hours", "2026-03-11 09:30"),
    ("2026-03-13 16:30", 4, "work_hours", "2026-03-16 11:30"),
    # Just filled: closing time and the beginning of lunch are the due moments, not the next opening.
    ("2026-03-10 16:30", 1, "work_hours", "2026-03-10 17:30"),
    ("2026-03-10 10:00", 2, "work_hours", "2026-03-10 12:00"),
    # Opened outside hours: before, in the pause, after, on Saturday. Time begins with duty.
    ("2026-03-10 06:00", 2, "work_hours", "2026-03-10 10:30"),
    ("2026-03-10 12:40", 2, "work_hours", "2026-03-10 16:00"),
    ("2026-03-10 17:30", 2, "work_hours", "2026-03-11 10:30"),
    ("2026-03-10 22:15", 2, "work_hours", "2026-03-11 10:30"),
    ("2026-03-14 11:00", 4, "work_hours", "2026-03-16 14:30"),
    # Half hours of duty: 1.5 工作时.
    ("2026-03-10 11:30", Fraction(3, 2), "work_hours", "2026-03-10 15:00"),
    # Spring Festival: the make-up Saturday works as a Friday; nine days off; the second make-up Saturday.
    ("2026-02-13 16:00", 4, "work_hours", "2026-02-14 11:00"),
    ("2026-02-14 16:30", 4, "work_hours", "2026-02-24 11:30"),
    ("2026-02-17 10:00", 7, "work_hours", "2026-02-24 17:30"),
    ("2026-02-27 17:00", 1, "work_hours", "2026-02-28 09:00"),
    # 工作日: the day of the start isn't counted, the last ends with duty.
    ("2026-03-10 09:00", 1, "work_days", "2026-03-11 17:30"),
    ("2026-03-10 23:00", 1, "work_days", "2026-03-11 17:30"),
    ("2026-03-13 16:00", 1, "work_days", "2026-03-16 17:30"),
    ("2026-03-14 11:00", 1, "work_days", "2026-03-16 17:30"),
    ("2026-03-16 00:30", 1, "work_days", "2026-03-17 17:30"),
    ("2026-02-13 16:00", 5, "work_days", "2026-02-27 17:30"),
    ("2026-02-13 16:00", 6, "work_days", "2026-02-28 17:30"),
    ("2026-02-18 10:00", 7, "work_days", "2026-03-03 17:30"),
    # New Year 2026 (1 to 3 January, Sunday 4 worked), Qingming, May, National Day.
    ("2025-12-31 17:00", 1, "work_hours", "2026-01-04 09:00"),
    ("2026-04-03 16:00", 1, "work_days", "2026-04-07 17:30"),
    ("2026-04-30 16:00", 4, "work_days", "2026-05-09 17:30"),
    ("2026-09-30 17:00", 4, "work_days", "2026-10-12 17:30"),
    # 紧急工作时, 紧急工作日: the wall clock, through night and holiday.
    ("2026-02-16 23:10", 3, "urgent_hours", "2026-02-17 02:10"),
    ("2026-02-14 16:30", 8, "urgent_hours", "2026-02-15 00:30"),
    ("2026-02-16 23:10", 2, "urgent_days", "2026-02-18 23:10"),
    ("2026-02-16 23:10", 90, "minutes", "2026-02-17 00:40"),
    ("2026-02-16 23:10", 2, "hours", "2026-02-17 01:10"),
    ("2026-02-16 23:10", 1, "days", "2026-02-17 23:10"),
    # Nothing is due at once, also when nobody is on duty.
    ("2026-03-14 11:00", 0, "work_hours", "2026-03-14 11:00"),
]


@pytest.mark.parametrize(("start", "amount", "unit", "due"), OFFICE_ROWS)
def test_due_by_hand(start: str, amount: int | Fraction, unit: Unit, due: str) -> None:
    answer = OFFICE.add(at(start), amount, unit)
    assert shown(answer.at) == due
    assert not answer.provisional


DAY_RULE_ROWS: list[tuple[DayRule, str, int, str]] = [
    ("end_of_nth_day", "2026-03-12 15:00", 2, "2026-03-16 17:30"),
    ("same_time_nth_day", "2026-03-12 15:00", 2, "2026-03-16 15:00"),
    ("duty_time", "2026-03-12 15:00", 2, "2026-03-16 15:00"),
    # At opening time the rules part: a full day of duty is over at closing time.
    ("end_of_nth_day", "2026-03-12 08:30", 1, "2026-03-13 17:30"),
    ("same_time_nth_day", "2026-03-12 08:30", 1, "2026-03-13 08:30"),
    ("duty_time", "2026-03-12 08:30", 1, "2026-03-12 17:30"),
    # Opened outside hours.
    ("end_of_nth_day", "2026-03-14 11:00", 2, "2026-03-17 17:30"),
    ("same_time_nth_day", "2026-03-14 11:00", 2, "2026-03-18 08:30"),
    ("duty_time", "2026-03-14 11:00", 2, "2026-03-17 17:30"),
    ("same_time_nth_day", "2026-03-12 12:30", 1, "2026-03-13 14:00"),
    ("same_time_nth_day", "2026-03-12 17:30", 1, "2026-03-16 08:30"),
]


@pytest.mark.parametrize(("rule", "start", "days", "due"), DAY_RULE_ROWS)
def test_what_a_working_day_means(rule: DayRule, start: str, days: int, due: str) -> None:
    assert shown(office(rule).add(at(start), days, "work_days").at) == due


NIGHT_ROWS: list[tuple[str, int, Unit, str]] = [
    # 20:30-07:30, Monday to Friday evenings; Friday's shift ends on Saturday morning.
    ("2026-03-10 21:00", 2, "work_hours", "2026-03-10 23:00"),
    ("2026-03-10 23:00", 2, "work_hours", "2026-03-11 01:00"),
    ("2026-03-11 06:30", 2, "work_hours", "2026-03-11 21:30"),
    ("2026-03-11 12:00", 11, "work_hours", "2026-03-12 07:30"),
    ("2026-03-14 06:30", 2, "work_hours", "2026-03-16 21:30"),
    # At 02:00 the working day is still the evening's before.
    ("2026-03-11 02:00", 1, "work_days", "2026-03-12 07:30"),
    ("2026-03-11 12:00", 1, "work_days", "2026-03-13 07:30"),
    ("2026-03-14 02:00", 1, "work_days", "2026-03-17 07:30"),
]


@pytest.mark.parametrize(("start", "amount", "unit", "due"), NIGHT_ROWS)
def test_night_shift(start: str, amount: int, unit: Unit, due: str) -> None:
    assert shown(office("end_of_nth_day", "20:30-07:30").add(at(start), amount, unit).at) == due


def test_same_time_of_a_night_shift_stays_after_midnight() -> None:
    shift = office("same_time_nth_day", "20:30-07:30")
    assert shown(shift.add(at("2026-03-11 02:00"), 2, "work_days").at) == "2026-03-13 02:00"


def test_day_off_takes_the_shift_that_begins_on_it() -> None:
    shift = office("end_of_nth_day", "22:00-06:00", days="mon-sun").published(
        [DayRow(date(2026, 3, 11))], None
    )
    assert shift.elapsed(at("2026-03-10 12:00"), at("2026-03-11 12:00")) == 8 * HOUR
    assert shift.elapsed(at("2026-03-11 12:00"), at("2026-03-12 12:00")) == 0


def test_make_up_day_works_the_periods_of_the_day_it_stands_in_for() -> None:
    week = Week(weekly({"mon-thu": ["09:00-17:00"], "fri": ["09:00-12:00"]}))
    calendar = Calendar("short_friday", SHANGHAI, (week,), (DayRow(date(2026, 3, 14), 4),))
    assert calendar.elapsed(at("2026-03-14 00:00"), at("2026-03-15 00:00")) == 3 * HOUR
    assert calendar.is_working_day(date(2026, 3, 14))
    assert not calendar.is_working_day(date(2026, 3, 15))


def test_same_time_moves_on_to_duty_on_a_shorter_day() -> None:
    week = Week(weekly({"mon-thu": ["09:00-17:00"], "fri": ["09:00-12:00"]}), "same_time_nth_day")
    calendar = Calendar("short_friday", SHANGHAI, (week,))
    assert shown(calendar.add(at("2026-03-12 15:00"), 1, "work_days").at) == "2026-03-16 09:00"
    assert shown(calendar.add(at("2026-03-12 11:00"), 1, "work_days").at) == "2026-03-13 11:00"


def test_hours_that_change_with_the_season_hold_from_their_date() -> None:
    winter = Week(weekly({"mon-fri": ["08:30-12:00", "14:00-17:30"]}), valid_to=date(2026, 4, 30))
    summer = Week(
        weekly({"mon-fri": ["08:00-12:00", "15:00-18:00"]}), "duty_time", valid_from=date(2026, 5, 1)
    )
    calendar = Calendar("seasons", SHANGHAI, (winter, summer))
    assert shown(calendar.add(at("2026-04-30 17:00"), 1, "work_hours").at) == "2026-05-01 08:30"
    # The rule of the day is the one in force when the clock starts.
    assert shown(calendar.add(at("2026-04-30 17:00"), 1, "work_days").at) == "2026-05-01 18:00"
    assert shown(calendar.add(at("2026-05-01 17:00"), 1, "work_days").at) == "2026-05-04 17:00"


def test_elapsed_counts_duty_and_wall() -> None:
    start, end = at("2026-02-13 16:00"), at("2026-02-24 09:00")
    assert OFFICE.elapsed(start, end, "work_hours") == 9 * HOUR  # 1.5 + 7 on the make-up Saturday + 0.5
    assert OFFICE.elapsed(start, end, "work_days") == 9 * HOUR
    assert OFFICE.elapsed(start, end, "urgent_hours") == end - start
    assert OFFICE.elapsed(end, start) == -9 * HOUR


def test_pause_keeps_what_was_left() -> None:
    # 4 工作时 from 09:00; paused 10:00-16:00 with three hours left.
    left = 4 * HOUR - OFFICE.elapsed(at("2026-03-10 09:00"), at("2026-03-10 10:00"))
    assert shown(OFFICE.resume(at("2026-03-10 16:00"), left, "work_hours").at) == "2026-03-11 10:00"
    # Nothing was left at closing time: resumed in the evening, it was due at closing time.
    assert shown(OFFICE.resume(at("2026-03-10 20:00"), 0, "work_hours").at) == "2026-03-10 17:30"
    assert shown(OFFICE.resume(at("2026-03-11 08:30"), 0, "work_hours").at) == "2026-03-10 17:30"
    assert shown(OFFICE.resume(at("2026-03-11 10:00"), 0, "work_hours").at) == "2026-03-11 10:00"
    assert OFFICE.resume(at("2026-03-10 20:00"), HOUR, "urgent_hours").at == at("2026-03-10 21:00")


def test_unpublished_year_is_provisional_until_published() -> None:
    start = at("2026-12-31 16:30")
    assert not OFFICE.add(start, 1, "work_hours").provisional
    due = OFFICE.add(start, 2, "work_hours")
    assert (shown(due.at), due.provisional) == ("2027-01-04 09:30", True)
    assert OFFICE.add(at("2026-12-31 09:00"), 1, "work_days").provisional
    assert not OFFICE.add(start, 80, "urgent_hours").provisional
    # The notice makes Sunday 3 January a working day in place of Monday.
    notice = [DayRow(date(2027, 1, 3), 0, Label("补班", "Make-up day")), DayRow(date(2027, 1, 4))]
    known = OFFICE.published(notice, date(2028, 1, 1)).add(start, 2, "work_hours")
    assert (shown(known.at), known.provisional) == ("2027-01-03 09:30", False)
    assert OFFICE.add(start, 2, "work_hours") == due


def test_clock_changes_are_counted_as_they_are_lived() -> None:
    night = office("duty_time", "22:00-06:00", days="mon-sun", zone=BOSTON)
    # 8 March 2015 has no 02:00-03:00, 1 November 2015 has 01:00-02:00 twice.
    assert night.elapsed(at("2015-03-07 12:00", BOSTON), at("2015-03-08 12:00", BOSTON)) == 7 * HOUR
    assert night.elapsed(at("2015-10-31 12:00", BOSTON), at("2015-11-01 12:00", BOSTON)) == 9 * HOUR
    assert shown(night.add(at("2015-03-08 01:30", BOSTON), 1, "work_hours").at, BOSTON) == "2015-03-08 03:30"
    # A period that would begin in the missing hour begins after it.
    early = office("duty_time", "02:30-04:00", days="mon-sun", zone=BOSTON)
    assert shown(early.add(at("2015-03-08 00:00", BOSTON), 1, "work_hours").at, BOSTON) == "2015-03-08 04:00"
    # The same time of day, not 24 hours later.
    same = office("same_time_nth_day", "08:30-17:00", zone=BOSTON)
    assert shown(same.add(at("2015-03-06 10:00", BOSTON), 1, "work_days").at, BOSTON) == "2015-03-09 10:00"


def test_round_the_clock() -> None:
    start = at("2026-02-17 03:00")
    for unit in ("work_hours", "hours", "urgent_hours"):
        assert ROUND_THE_CLOCK.add(start, 2, unit).at == start + 2 * HOUR
    assert ROUND_THE_CLOCK.add(start, 2, "work_days").at == start + 2 * DAY
    assert ROUND_THE_CLOCK.elapsed(start, start + 5) == 5
    assert ROUND_THE_CLOCK.on_duty(start)


def test_refusals_say_what_is_wrong() -> None:
    start = at("2026-03-10 09:00")
    with pytest.raises(ValueError, match="not negative"):
        OFFICE.add(start, -1, "work_hours")
    with pytest.raises(ValueError, match="whole number"):
        OFFICE.add(start, Fraction(1, 2), "work_days")
    with pytest.raises(ValueError, match="whole number"):
        OFFICE.add(start, Fraction(1, 7), "work_hours")
    with pytest.raises(ValueError, match="unknown unit"):
        OFFICE.add(start, 1, "fortnights")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no such amount of duty"):
        OFFICE.add(start, 10**7, "work_days")
    closing = Calendar(
        "closing", SHANGHAI, (Week(weekly({"mon": ["09:00-12:00"]}), valid_to=date(2026, 6, 1)),)
    )
    with pytest.raises(ValueError, match="no such amount of duty"):
        closing.add(start, 60, "work_hours")
    with pytest.raises(ValueError, match="overlap"):
        Week(weekly({"mon": ["09:00-12:00", "11:00-13:00"]}))
    with pytest.raises(ValueError, match="overlap"):
        Week(weekly({"sun": ["22:00-06:00"], "mon": ["05:00-09:00"]}))
    with pytest.raises(ValueError, match="no duty at all"):
        Calendar("idle", SHANGHAI, (Week(((),) * 7),))
    with pytest.raises(ValueError, match="declared day_length"):
        Week(weekly({"mon": ["09:00-12:00"], "tue": ["09:00-17:00"]}), "duty_time")


def test_calendar_set_answers_as_limits_ask() -> None:
    calendars = CalendarSet(JIANGHAN)
    start = at("2026-03-10 16:30")
    assert calendars.due("work_hours", start, 2, "work_hours") == (at("2026-03-11 09:30"), False)
    assert calendars.counted("work_hours", "work_hours", start, at("2026-03-11 09:00")) == 90 * MINUTE
    assert calendars.resumed("urgent", "urgent_hours", start, HOUR) == (start + HOUR, False)
    assert calendars.names() == ("night_shift", "patrol", "round_the_clock", "urgent", "work_hours")
    assert "urgent" in calendars
    assert calendars["patrol"].on_duty(at("2026-02-17 10:00"))


def test_every_unit_has_a_name_in_both_languages() -> None:
    assert set(UNIT_LABELS) == set(UNITS)
    assert all(label.zh and label.en for label in UNIT_LABELS.values())


def test_period_reads_night_and_full_day() -> None:
    assert Period.parse("22:00-06:00") == Period(1320, 1800)
    assert Period.parse("00:00-24:00") == Period(0, 1440)
    for wrong in ("8-9", "25:00-26:00", "08:30", "08:61-09:00"):
        with pytest.raises(ValueError, match=r"time of day|duty period"):
            Period.parse(wrong)
