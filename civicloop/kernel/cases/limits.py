"""Limits: what a move does to a case's clocks, as pure functions over values.

The engine steps the clocks with every move; `replay` folds the same steps over a case's log, so a stored
clock can always be proved, and a late or retracted fact simply re-computes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from civicloop.kernel.cases.compiled import Transition
from civicloop.kernel.cases.declaration import FromCategory, Limit, Span, SpanUnit, Until
from civicloop.kernel.cases.history import HistoryRow
from civicloop.kernel.cases.process import Process
from civicloop.kernel.time.clock import Instant


class Calendars(Protocol):
    """What limits ask of the district's calendars; all times are instants, all spans microseconds."""

    def due(self, calendar: str, start: Instant, amount: int, unit: SpanUnit) -> tuple[Instant, bool]:
        """When `amount` of `unit` from `start` has passed, and whether that is provisional (暂定)."""

    def counted(self, calendar: str, unit: SpanUnit, start: Instant, end: Instant) -> int:
        """How much of the span counts."""

    def resumed(self, calendar: str, unit: SpanUnit, start: Instant, counted: int) -> tuple[Instant, bool]:
        """When `counted` more has passed from `start`, and whether that is provisional."""


class LimitClock(msgspec.Struct, frozen=True, gc=False):
    """One running of one step of a limit.

    `remaining` is the counting time left while it stands still. `rule` names the frozen source of the span: a reference
    row's id, or "" where the declaration itself says it.
    """

    name: str
    step: str
    run: int
    status: str  # running, paused, stopped; a step of several also waiting (for the former) and done
    amount: int
    unit: SpanUnit
    calendar: str
    rule: str
    provisional: int
    started_at: Instant
    due_at: Instant | None
    remaining: int | None
    paused_at: Instant | None
    stopped_at: Instant | None
    breached_at: Instant | None


COLUMNS = LimitClock.__struct_fields__


class Terms(NamedTuple):
    """What a limit allows in this case: the steps with their spans, or one fixed moment."""

    steps: tuple[tuple[str, int, SpanUnit, str], ...]  # step, amount, unit, calendar
    due_at: Instant | None = None
    rule: str = ""


def terms(
    limit: Limit, category: Mapping[str, Any] | None, rule: str, data: Mapping[str, Any]
) -> Terms | None:
    """The terms of a limit for a case of this category and data; None where it has no such clock."""
    within = limit.within
    if isinstance(within, Span) and limit.steps:
        spans = [(one, one.within or within) for one in limit.steps]
        return Terms(tuple((s.name, w.amount, w.unit, s.calendar or limit.calendar) for s, w in spans))
    if isinstance(within, Span):
        return Terms((("", within.amount, within.unit, limit.calendar),))
    if isinstance(within, Until):
        due_at = data.get(within.name)
        return None if due_at is None else Terms((("", 0, "minutes", limit.calendar),), int(due_at))
    assert isinstance(within, FromCategory)
    steps = ((category or {}).get("limits") or {}).get(within.name)
    if not steps:
        return None
    return Terms(
        tuple(
            (s.get("step", ""), int(s["amount"]), s["unit"], s.get("calendar", limit.calendar)) for s in steps
        ),
        None,
        rule,
    )


def step(
    clocks: Sequence[LimitClock],
    transition: Transition,
    allowed: Terms | None,
    at: Instant,
    calendars: Calendars,
) -> list[LimitClock]:
    """The limit's clocks that are new or changed after a transition at `at`; the others stay as they are."""
    limit, does = transition
    mine = [clock for clock in clocks if clock.name == limit.name]
    if does == "stop":
        return [_stopped(clock, at, calendars) for clock in mine if clock.status in ("running", "paused")]
    if does == "pause":
        return [_paused(clock, at, calendars) for clock in mine if clock.status == "running"]
    resumed = [_resumed(clock, at, calendars) for clock in mine if clock.status == "paused"]
    if resumed or does == "resume":
        return resumed
    live = [clock for clock in mine if clock.status == "running"]
    if live:
        return []
    if mine and limit.re_entry == "resume":
        last = max(clock.run for clock in mine)
        return [
            _resumed(clock, at, calendars)
            for clock in mine
            if clock.run == last and clock.status == "stopped"
        ]
    if allowed is None:
        return []
    run = max((clock.run for clock in mine), default=0) + 1
    later = _in_order(limit, [name for name, *_ in allowed.steps])[1:]
    return [
        _waiting(limit, one, allowed, run, at)
        if one[0] in later
        else _started(limit, one, allowed, run, at, calendars)
        for one in allowed.steps
    ]


def step_done(
    clocks: Sequence[LimitClock], limit: Limit, name: str, at: Instant, calendars: Calendars
) -> list[LimitClock]:
    """The clocks that change when the step `name` is done at `at`: it and those before it end, the next one starts.

    A step ended while the clock stands still lets the next one stand still too.
    """
    mine = [clock for clock in clocks if clock.name == limit.name]
    last = max((clock.run for clock in mine), default=0)
    by_step = {clock.step: clock for clock in mine if clock.run == last}
    order = _in_order(limit, by_step)
    live = [by_step[one] for one in order if by_step[one].status in ("running", "paused")]
    if name not in order or not live:
        return []
    cut = order.index(name) + 1
    changed = [_done(by_step[one], at, calendars) for one in order[:cut] if by_step[one].status != "done"]
    if not changed or cut == len(order) or by_step[order[cut]].status != "waiting":
        return changed
    following = by_step[order[cut]]
    due_at, provisional = calendars.due(following.calendar, at, following.amount, following.unit)
    begun = msgspec.structs.replace(
        following, status="running", started_at=at, due_at=due_at, provisional=int(provisional)
    )
    return [*changed, _paused(begun, at, calendars) if live[0].status == "paused" else begun]


def _in_order(limit: Limit, present: Iterable[str]) -> list[str]:
    """The limit's steps that this case has, in the order in which they follow one another."""
    known = set(present)
    return [one.name for one in limit.steps if one.name in known]


def _waiting(
    limit: Limit, one: tuple[str, int, SpanUnit, str], allowed: Terms, run: int, at: Instant
) -> LimitClock:
    # It stands there from the start, so that a later step's span is frozen with the first one's.
    name, amount, unit, calendar = one
    return LimitClock(
        limit.name, name, run, "waiting", amount, unit, calendar, allowed.rule, 0,
        at, None, None, None, None, None,
    )  # fmt: skip


def _done(clock: LimitClock, at: Instant, calendars: Calendars) -> LimitClock:
    if clock.status == "waiting":
        return msgspec.structs.replace(clock, status="done", started_at=at, stopped_at=at)
    return msgspec.structs.replace(_stopped(clock, at, calendars), status="done")


def _started(
    limit: Limit,
    one: tuple[str, int, SpanUnit, str],
    allowed: Terms,
    run: int,
    at: Instant,
    calendars: Calendars,
) -> LimitClock:
    name, amount, unit, calendar = one
    if allowed.due_at is not None:
        due_at, provisional = allowed.due_at, False
    else:
        due_at, provisional = calendars.due(calendar, at, amount, unit)
    return LimitClock(
        limit.name, name, run, "running", amount, unit, calendar, allowed.rule, int(provisional),
        at, due_at, None, None, None, None,
    )  # fmt: skip


def _left(clock: LimitClock, at: Instant, calendars: Calendars) -> int:
    """The counting time from `at` to the due moment; negative when that has passed."""
    assert clock.due_at is not None
    if at <= clock.due_at:
        return calendars.counted(clock.calendar, clock.unit, at, clock.due_at)
    return -calendars.counted(clock.calendar, clock.unit, clock.due_at, at)


def _paused(clock: LimitClock, at: Instant, calendars: Calendars) -> LimitClock:
    return msgspec.structs.replace(
        clock, status="paused", paused_at=at, remaining=_left(clock, at, calendars), due_at=None
    )


def _stopped(clock: LimitClock, at: Instant, calendars: Calendars) -> LimitClock:
    # The due moment stays on a stopped clock (it says whether the work was in time); what was left is kept for a re-entry.
    remaining = clock.remaining if clock.status == "paused" else _left(clock, at, calendars)
    return msgspec.structs.replace(
        clock, status="stopped", stopped_at=at, paused_at=None, remaining=remaining
    )


def _resumed(clock: LimitClock, at: Instant, calendars: Calendars) -> LimitClock:
    left = clock.remaining or 0
    if clock.breached_at is not None and left <= 0:
        due_at: Instant = clock.due_at if clock.due_at is not None else clock.breached_at
        provisional = bool(clock.provisional)
    else:
        due_at, provisional = calendars.resumed(clock.calendar, clock.unit, at, max(left, 0))
    return msgspec.structs.replace(
        clock,
        status="running",
        due_at=due_at,
        remaining=None,
        paused_at=None,
        stopped_at=None,
        provisional=int(provisional),
    )


def next_due(clocks: Iterable[LimitClock]) -> Instant | None:
    """The earliest due moment of the clocks that run."""
    return min((c.due_at for c in clocks if c.status == "running" and c.due_at is not None), default=None)


def merged(clocks: Sequence[LimitClock], changed: Sequence[LimitClock]) -> list[LimitClock]:
    """The clocks with the changed ones in their places."""
    if not changed:
        return list(clocks)
    by_key = {(c.name, c.step, c.run): c for c in clocks}
    by_key.update({(c.name, c.step, c.run): c for c in changed})
    return list(by_key.values())


class Entry(NamedTuple):
    """One entry of a case's log: the case entered a state, or a fact held; in the order of happening."""

    at: Instant
    name: str
    fact: bool = False
    action: str = ""


def log_of(
    process: Process, moves: Iterable[HistoryRow], facts: Iterable[tuple[str, Instant]]
) -> list[Entry]:
    """A case's log: its rows that move it or end a step, and the facts, which count after the rows of their moment."""
    ends = process.compiled.step_ends
    log = [
        Entry(row.happened_at, row.to_state, False, row.action)
        for row in moves
        if row.from_state != row.to_state or row.action in ends
    ]
    log += [Entry(at, name, True) for name, at in sorted(facts)]
    return sorted(log, key=lambda entry: (entry.at, entry.fact))


def replay(
    process: Process,
    log: Sequence[Entry],
    allowed: Mapping[str, Terms | None],
    calendars: Calendars,
) -> list[LimitClock]:
    """The clocks of a case from its log alone; `allowed` holds each limit's frozen terms.

    A clock that ran past its due moment is marked as breached there; one that still runs is left to the caller's now.
    """
    clocks: list[LimitClock] = []
    state = ""
    for entry in log:
        clocks = [_marked(clock, entry.at) for clock in clocks]
        if entry.fact:
            moved = fact_transitions(process, entry.name)
        else:
            moved = process.compiled.transitions.get((state, entry.name), ())
            for limit, name in steps_ended(process, entry.action, state, entry.name):
                clocks = merged(clocks, step_done(clocks, limit, name, entry.at, calendars))
            state = entry.name
        for transition in moved:
            clocks = merged(
                clocks, step(clocks, transition, allowed.get(transition.limit.name), entry.at, calendars)
            )
    return clocks


def steps_ended(process: Process, action: str, before: str, after: str) -> Sequence[tuple[Limit, str]]:
    """The steps of limits that a move ends, by its action or by the state that it enters."""
    ends = process.compiled.step_ends
    if not ends:
        return ()
    return (*ends.get(action, ()), *(ends.get(after, ()) if before != after else ()))


def _marked(clock: LimitClock, at: Instant) -> LimitClock:
    # What was left at a breach decides how a clock goes on after a re-entry.
    if (
        clock.status != "running"
        or clock.breached_at is not None
        or clock.due_at is None
        or clock.due_at >= at
    ):
        return clock
    return msgspec.structs.replace(clock, breached_at=clock.due_at)


def fact_transitions(process: Process, fact: str) -> tuple[Transition, ...]:
    """What a fact does to each limit."""
    found: list[Transition] = []
    for limit in process.limits:
        if fact in limit.stop:
            found.append(Transition(limit, "stop"))
        elif fact in limit.pause:
            found.append(Transition(limit, "pause"))
        elif fact in limit.start:
            found.append(Transition(limit, "start"))
        elif fact in limit.resume:
            found.append(Transition(limit, "resume"))
    return tuple(found)
