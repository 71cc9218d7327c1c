"""The plan of a process's property test: plain values that a state machine in the tests is built from.

For each state what is legal and what is not, for each action who may and who may not, how its evidence is made up
rightly and wrongly, and at which named points a fault can strike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from civicloop.kernel.cases.compiled import OPENING
from civicloop.kernel.cases.fields import DEFAULT_MAXIMUM, EARLIEST, LATEST
from civicloop.kernel.cases.process import Action, Field, Process
from civicloop.kernel.derive.routes import people_of
from civicloop.kernel.store.faults import Point

Making = Literal["text", "whole", "one_of", "flag", "point", "instant", "date", "hashes", "code", "case"]

# Where a fault can strike an action, in its order; before COMMIT nothing may be left of it, after it everything is.
BEFORE_COMMIT = (
    Point.BEGUN, Point.JUDGED, Point.HISTORY_WRITTEN, Point.CASE_WRITTEN, Point.CLOCKS_WRITTEN, Point.RELEASED,
    Point.BEFORE_COMMIT,
)  # fmt: skip
AFTER_COMMIT = (Point.AFTER_COMMIT,)


@dataclass(frozen=True, slots=True)
class DrawValue:
    """How one field's value is made up.

    `low` and `high` are length, count or value by `making`; `values` are the only right ones of "one_of";
    `source` names the set that "code" is drawn from. Each of `wrong` must be refused.
    """

    field: str
    making: Making
    required: bool
    low: int
    high: int
    values: tuple[str, ...] = ()
    source: str = ""
    wrong: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """One action: by whom, with what, and what may come of it besides success."""

    action: str
    right_roles: tuple[str, ...]
    wrong_roles: tuple[str, ...]
    evidence: tuple[DrawValue, ...]
    guarded: bool
    apart_from: tuple[str, ...]
    merges: bool
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class StatePlan:
    """One state ("" before the case is opened): each legal action with its targets, and the actions that are not."""

    state: str
    final: bool
    legal: tuple[tuple[str, tuple[str, ...]], ...]
    returns: frozenset[str]
    illegal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanValue:
    """The whole plan of a process."""

    process: str
    roles: tuple[str, ...]
    states: tuple[StatePlan, ...]
    actions: tuple[ActionPlan, ...]
    facts: tuple[str, ...]
    limits: tuple[str, ...]


def plan(process: Process) -> PlanValue:
    """The plan of a process; the same declaration gives the same plan."""
    roles = sorted(
        {role for action in process.actions for role in people_of(action)} - {"public", "reporter"}
    )
    return PlanValue(
        process=process.name,
        roles=tuple(roles),
        states=tuple(_state(process, name) for name in (OPENING, *process.compiled.states)),
        actions=tuple(_action(action, roles) for action in process.actions),
        facts=tuple(fact.name for fact in process.facts),
        limits=tuple(limit.name for limit in process.limits),
    )


def _state(process: Process, state: str) -> StatePlan:
    legal = [
        (action.name, process.compiled.targets[(state, action.name)])
        for action in process.actions
        if (state, action.name) in process.compiled.targets
    ]
    names = {name for name, _ in legal}
    returns = {m.action for m in process.compiled.moves if m.remembered and m.from_state == state}
    openings = {action.name for action in process.compiled.openings}
    return StatePlan(
        state=state,
        final=state in process.compiled.finals,
        legal=tuple(legal),
        returns=frozenset(returns),
        illegal=tuple(a.name for a in process.actions if a.name not in names | openings),
    )


def _action(action: Action, roles: list[str]) -> ActionPlan:
    people = people_of(action)
    open_to_all = bool(people & {"public", "signed_in"})
    points = (
        BEFORE_COMMIT + ((Point.OUTBOX_WRITTEN,) if action.effects or action.emits else ()) + AFTER_COMMIT
    )
    return ActionPlan(
        action=action.name,
        right_roles=tuple(sorted(people)),
        wrong_roles=() if open_to_all else tuple(role for role in roles if role not in people),
        evidence=tuple(draw(field) for field in action.evidence),
        guarded=action.guard is not None,
        apart_from=action.not_by,
        merges=action.merges,
        points=points,
    )


def draw(field: Field) -> DrawValue:
    """How a field's value is made up, and what it must refuse."""
    wrong: list[Any] = ["", None] if field.required else []
    low, high = field.minimum or 0, field.maximum or 0
    values: tuple[str, ...] = ()
    making: Making = "code"
    match field.kind:
        case "text" | "long_text":
            making, low, high = "text", max(low, 1), field.maximum or DEFAULT_MAXIMUM[field.kind]
            wrong += ["x" * (high + 1), "a\x00b", 7, ["x"]]
        case "number" | "amount":
            making = "whole"
            low = field.minimum if field.minimum is not None else -(2**53)
            high = field.maximum if field.maximum is not None else 2**53
            wrong += [low - 1, high + 1, "x", 1.5, True, [1]]
        case "choice":
            making, values = "one_of", tuple(option.value for option in field.options)
            wrong += ["no-such-option", 1]
        case "flag":
            making = "flag"
            wrong += ["perhaps", 7]
        case "point":
            making = "point"
            wrong += [
                {"lon": 200, "lat": 30},
                {"lon": 114},
                {"lon": 114, "lat": 30, "datum": "bd09"},
                "114,30",
            ]
        case "instant":
            making, low, high = "instant", EARLIEST, LATEST
            wrong += ["yesterday", "2026-03-02T09:30:00", -1]
        case "date":
            making = "date"
            wrong += ["2026-02-30", "tomorrow"]
        case "photo":
            making, low, high = "hashes", max(low, 1), field.maximum or DEFAULT_MAXIMUM["photo"]
            wrong += ["0" * 63, ["g" * 64], 7]
        case "case":
            making = "case"
            wrong += ["x" * 65, 7]
        case _:
            wrong += [7, "x" * 65] + (["nobody"] if field.kind == "person" else [])
    source = "people" if field.kind == "person" else field.source
    return DrawValue(field.name, making, field.required, low, high, values, source, tuple(wrong))
