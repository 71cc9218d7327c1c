"""The engine's step-by-step clocks against the fold over the whole log: two reckonings, one answer."""

from __future__ import annotations

from typing import Literal

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from civicloop.kernel.cases.compiled import Transition
from civicloop.kernel.cases.declaration import Limit, Span
from civicloop.kernel.cases.limits import LimitClock, Terms, step
from civicloop.kernel.label import Label
from civicloop.kernel.time.calendar import Calendar, CalendarSet, Unit
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, Instant, parse_instant
from civicloop.kernel.time.clock_log import ClockEvent, clock_from_log
from tests.kernel.test_calendar import OFFICE, office

FIRST = parse_instant("2026-02-09T00:30:00Z")  # Monday 08:30 in Wuhan, the week before Spring Festival
LIMIT = Limit(
    "handle", Label("处置", "Handle"), start="open", stop="done", pause="held", within=Span(4, "work_hours")
)
# The same moment twice, some minutes, hours and weeks: edges of duty come up often.
gaps = st.one_of(st.just(0), st.integers(0, 30).map(lambda n: n * 30 * MINUTE), st.integers(0, 20 * DAY))
logs = st.lists(st.tuples(gaps, st.sampled_from(["pause", "resume", "stop"])), max_size=8)


def marked(clock: LimitClock, now: Instant) -> LimitClock:
    """What the engine does before anything else at `now`: a due moment that has passed is a breach."""
    if (
        clock.status == "running"
        and clock.breached_at is None
        and clock.due_at is not None
        and clock.due_at < now
    ):
        return msgspec.structs.replace(clock, breached_at=clock.due_at)
    return clock


@given(
    st.sampled_from(
        [OFFICE, office("same_time_nth_day"), office("duty_time"), office("end_of_nth_day", "20:30-07:30")]
    ),
    st.sampled_from(
        [(4, "work_hours"), (2, "work_days"), (5, "urgent_hours"), (3, "urgent_days"), (90, "minutes")]
    ),
    st.integers(0, 12 * DAY),
    logs,
    gaps,
)
@example(OFFICE, (4, "work_hours"), 30 * MINUTE, [(6 * HOUR, "pause"), (4 * HOUR, "resume")], HOUR)
def test_steps_and_fold_agree(
    calendar: Calendar,
    amount: tuple[int, Unit],
    offset: int,
    log: list[tuple[int, Literal["pause", "resume", "stop"]]],
    until: int,
) -> None:
    calendars = CalendarSet({"here": calendar})
    terms = Terms((("", amount[0], amount[1], "here"),))
    at = FIRST + offset
    events: list[tuple[Instant, ClockEvent]] = [(at, "start")]
    [clock] = step([], Transition(LIMIT, "start"), terms, at, calendars)
    for gap, event in log:
        at += gap
        events.append((at, event))
        clock = marked(clock, at)
        # The engine's "start" is what brings a stopped clock back with what it had left.
        does = "start" if event == "resume" and clock.status == "stopped" else event
        for changed in step([clock], Transition(LIMIT, does), terms, at, calendars):
            clock = changed
    now = at + until
    clock = marked(clock, now)
    reading = clock_from_log(amount[0], amount[1], calendar, events, now)
    assert clock.status == reading.status
    assert clock.breached_at == reading.breached_at
    if clock.due_at is not None:
        assert clock.due_at == reading.due_at
    if clock.remaining is not None and clock.breached_at is None:
        assert clock.remaining == reading.remaining
    elif clock.remaining is not None:
        # By how much it was overrun is told apart: the fold leaves out pauses after the breach.
        assert reading.remaining is not None
        assert clock.remaining <= reading.remaining <= 0
