"""A limit's clock as a pure fold over what happened: the proof that a stored clock is right.

Events are (instant, name), in order of happening. An event that changes nothing (a pause of a clock that stands, a
repeated start) is passed over, so a doubled fact does no harm; what lies after `now` is not known yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from civicloop.kernel.time.calendar import Calendar, Due, Unit
from civicloop.kernel.time.clock import Instant

ClockEvent = Literal["start", "pause", "resume", "stop", "restart"]
ClockStatus = Literal["idle", "running", "paused", "stopped"]


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What a clock shows; spans are microseconds that count in the limit's unit.

    `due_at` is None while the clock is idle, and while it is paused or was stopped in a pause, unless it had run out.
    `remaining` is negative by what was overrun. `breached_at` is the due moment that passed unmet in the present run
    (a restart begins a new run); being done exactly at the due moment is in time.
    """

    due_at: Instant | None
    remaining: int | None
    used: int
    status: ClockStatus
    breached_at: Instant | None
    provisional: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """The clock between two events: `since` is when it last began to count."""

    status: ClockStatus = "idle"
    allowed: int = 0
    used: int = 0
    since: Instant = 0
    due: Due | None = None
    breached_at: Instant | None = None


def clock_from_log(
    limit_amount: int | Fraction,
    unit: Unit,
    calendar: Calendar,
    events: Sequence[tuple[Instant, ClockEvent]],
    now: Instant,
) -> ClockReading:
    """Folds the events up to and including `now`; ValueError when they are out of order.

    A stopped clock goes on by "resume" (with what it had left) or by "restart" (from nothing).
    """
    run = _Run()
    last: Instant | None = None
    for at, event in events:
        if last is not None and at < last:
            raise ValueError("the events of a clock are out of order")
        last = at
        if at > now:
            continue
        run = _after(run, at, event, limit_amount, unit, calendar)
    run = _counted(run, now, unit, calendar)
    due_at = run.due.at if run.due is not None else None
    remaining = None if run.status == "idle" else run.allowed - run.used
    return ClockReading(
        due_at, remaining, run.used, run.status, run.breached_at, run.due is not None and run.due.provisional
    )


def _after(
    run: _Run, at: Instant, event: ClockEvent, amount: int | Fraction, unit: Unit, calendar: Calendar
) -> _Run:
    if event == "restart" or (event == "start" and run.status == "idle"):
        first = calendar.add(at, amount, unit)
        return _Run("running", calendar.elapsed(at, first.at, unit), 0, at, first)
    if event == "pause" and run.status == "running":
        run = _counted(run, at, unit, calendar)
        return replace(run, status="paused", due=run.due if run.breached_at is not None else None)
    if event == "resume" and run.status in ("paused", "stopped"):
        due = run.due if run.breached_at is not None else calendar.resume(at, run.allowed - run.used, unit)
        return replace(run, status="running", since=at, due=due)
    if event == "stop" and run.status in ("running", "paused"):
        return replace(_counted(run, at, unit, calendar), status="stopped")
    if event not in ("start", "pause", "resume", "stop"):
        raise ValueError(f"a clock knows no {event!r}")
    return run


def _counted(run: _Run, at: Instant, unit: Unit, calendar: Calendar) -> _Run:
    """The run with its time counted up to `at`, and the breach if its due moment has passed."""
    if run.status != "running" or run.due is None:
        return run
    breached_at = run.breached_at
    if breached_at is None and at > run.due.at:
        breached_at = run.due.at
    used = run.used + calendar.elapsed(run.since, at, unit)
    return replace(run, used=used, since=at, breached_at=breached_at)
