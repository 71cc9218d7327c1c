"""A limit's clock folded from its log, by hand-written rows on the office calendar of Jianghan."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import civicloop
from civicloop.kernel.time.calendar import ROUND_THE_CLOCK
from civicloop.kernel.time.calendar_file import load_calendars
from civicloop.kernel.time.clock import HOUR, MINUTE, parse_instant
from civicloop.kernel.time.clock_log import ClockEvent, ClockReading, clock_from_log

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = load_calendars(Path(civicloop.__file__).parent / "packs" / "jianghan" / "calendars.toml")[
    "work_hours"
]


def at(text: str) -> int:
    return parse_instant(f"2026-{text}", SHANGHAI)


def four_hours(now: str, *events: tuple[str, ClockEvent]) -> ClockReading:
    """A limit of 4 工作时 (office hours 08:30-12:00, 14:00-17:30); 10 March 2026 is a Tuesday."""
    return clock_from_log(4, "work_hours", OFFICE, [(at(when), event) for when, event in events], at(now))


def test_runs_and_is_due() -> None:
    reading = four_hours("03-10 11:00", ("03-10 09:00", "start"))
    assert reading == ClockReading(at("03-10 15:00"), 2 * HOUR, 2 * HOUR, "running", None, False)


def test_the_due_moment_itself_is_in_time() -> None:
    assert four_hours("03-10 15:00", ("03-10 09:00", "start")).breached_at is None
    late = clock_from_log(4, "work_hours", OFFICE, [(at("03-10 09:00"), "start")], at("03-10 15:00") + 1)
    assert late.breached_at == late.due_at == at("03-10 15:00")
    assert late.remaining == -1


def test_pause_over_lunch_and_night_costs_only_duty() -> None:
    reading = four_hours(
        "03-11 09:00", ("03-10 09:00", "start"), ("03-10 11:30", "pause"), ("03-10 17:00", "resume")
    )
    # 2.5 h used, 0.5 h until closing time, 0.5 h this morning: half an hour is left.
    assert reading == ClockReading(at("03-11 09:30"), 30 * MINUTE, 210 * MINUTE, "running", None, False)


def test_paused_clock_has_no_due_moment() -> None:
    reading = four_hours("03-20 09:00", ("03-10 09:00", "start"), ("03-10 11:30", "pause"))
    assert reading == ClockReading(None, 90 * MINUTE, 150 * MINUTE, "paused", None, False)


def test_working_days_resume_with_the_duty_time_they_had_left() -> None:
    # 5 工作日 over Spring Festival: due on the 27th at 17:30; a pause of one working day (the 25th) moves it by one.
    events: list[tuple[int, ClockEvent]] = [
        (at("02-13 16:00"), "start"),
        (at("02-24 17:30"), "pause"),
        (at("02-26 08:30"), "resume"),
    ]
    before = clock_from_log(5, "work_days", OFFICE, events[:1], at("02-24 12:00"))
    after = clock_from_log(5, "work_days", OFFICE, events, at("02-26 08:30"))
    assert before.due_at == at("02-27 17:30")
    assert after.due_at == at("02-28 17:30")


def test_stop_judges_against_the_due_moment_and_a_re_entry_resumes() -> None:
    stopped = four_hours("03-12 10:00", ("03-10 09:00", "start"), ("03-10 10:00", "stop"))
    assert stopped == ClockReading(at("03-10 15:00"), 3 * HOUR, HOUR, "stopped", None, False)
    again = four_hours(
        "03-12 10:00", ("03-10 09:00", "start"), ("03-10 10:00", "stop"), ("03-12 09:00", "resume")
    )
    assert again == ClockReading(at("03-12 12:00"), 2 * HOUR, 2 * HOUR, "running", None, False)


def test_restart_begins_from_nothing() -> None:
    events: tuple[tuple[str, ClockEvent], ...] = (("03-10 09:00", "start"), ("03-12 09:00", "restart"))
    assert four_hours("03-11 09:00", *events).breached_at == at("03-10 15:00")
    assert four_hours("03-12 10:00", *events) == ClockReading(
        at("03-12 15:00"), 3 * HOUR, HOUR, "running", None, False
    )


def test_a_breached_clock_keeps_its_due_moment_through_pauses() -> None:
    reading = four_hours(
        "03-12 09:30", ("03-10 09:00", "start"), ("03-10 16:00", "pause"), ("03-12 09:00", "resume")
    )
    assert reading == ClockReading(
        at("03-10 15:00"), -90 * MINUTE, 330 * MINUTE, "running", at("03-10 15:00"), False
    )


def test_doubled_events_and_the_future_do_no_harm() -> None:
    once = four_hours("03-10 16:00", ("03-10 09:00", "start"), ("03-10 10:00", "pause"))
    twice = four_hours(
        "03-10 16:00",
        ("03-10 09:00", "start"),
        ("03-10 09:30", "start"),
        ("03-10 10:00", "pause"),
        ("03-10 11:00", "pause"),
        ("03-10 17:00", "resume"),
    )
    assert once == twice


def test_before_the_start_the_clock_is_idle() -> None:
    events: list[tuple[int, ClockEvent]] = [(100, "pause"), (200, "start")]
    assert clock_from_log(1, "hours", ROUND_THE_CLOCK, events, 150) == ClockReading(
        None, None, 0, "idle", None, False
    )


def test_disorder_and_unknown_events_are_refused() -> None:
    with pytest.raises(ValueError, match="out of order"):
        four_hours("03-11 09:00", ("03-10 09:00", "start"), ("03-10 08:00", "pause"))
    with pytest.raises(ValueError, match="knows no"):
        four_hours("03-11 09:00", ("03-10 09:00", "begin"))  # type: ignore[arg-type]


def test_a_due_moment_in_an_unpublished_year_is_provisional() -> None:
    reading = clock_from_log(10, "work_days", OFFICE, [(at("12-25 09:00"), "start")], at("12-25 09:00"))
    assert reading.provisional
