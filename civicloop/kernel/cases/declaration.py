"""The declaration: a loop's process as one frozen value, checked when it is imported.

A domain expert can read it; routes, forms, permissions, the database's own rules, clocks, the diagram,
the documentation page and a property test are derived from it. The grammar of an action's moves:

    "-> reported"            opens a case
    "filed -> dispatched"    from one state to another; "a, b -> c" from several
    "* -> same"              from every state, moving nothing (a comment, an order)
    "held -> previous"       back to the state before this one
    "a -> b | c"             one of several, chosen by the rule `choose`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from civicloop.kernel.cases.fields import Field
from civicloop.kernel.label import Label

if TYPE_CHECKING:
    from civicloop.kernel.cases.case import Case
    from civicloop.kernel.cases.reads import Read
    from civicloop.kernel.facts.observations import Observation
    from civicloop.kernel.time.clock import Instant

Given = Mapping[str, Any]
Facts = Mapping[str, Any]
Guard = Callable[["Case", Given, Facts], Label | None]
Compute = Callable[["Case", Given, Facts], Mapping[str, Any]]
Choose = Callable[["Case", Given, Facts], str]
Spawn = Callable[["Case", Given, Facts], "tuple[Child, ...]"]
Holds = Callable[[Sequence["Observation"]], "Instant | None"]
Journal = Callable[["Case", Given, Facts], Mapping[str, int]]

SpanUnit = Literal["minutes", "hours", "days", "work_hours", "work_days", "urgent_hours", "urgent_days"]


class DeclarationError(ValueError):
    """A declaration that can't stand; raised at import with every fault found."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a case can be. `closes` marks the result as reached (the headline's end of work); it need not be final."""

    name: str
    label: Label
    start: bool = False
    final: bool = False
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """An amount of time in a unit of a calendar (时限): hours run by the wall, work_hours by duty time."""

    amount: int
    unit: SpanUnit


@dataclass(frozen=True, slots=True)
class FromCategory:
    """The span stands in the category's dated row under `limits[name]`; a category without one has no such clock."""

    name: str


@dataclass(frozen=True, slots=True)
class Until:
    """The due moment stands in the case's own data under `name`; a case without it has no such clock."""

    name: str


def minutes(amount: int) -> Span:
    """A span of elapsed minutes."""
    return Span(amount, "minutes")


def hours(amount: int) -> Span:
    """A span of elapsed hours."""
    return Span(amount, "hours")


def days(amount: int) -> Span:
    """A span of elapsed days of 24 hours."""
    return Span(amount, "days")


def work_hours(amount: int) -> Span:
    """A span of duty time (工作时)."""
    return Span(amount, "work_hours")


def work_days(amount: int) -> Span:
    """A span of duty days (工作日)."""
    return Span(amount, "work_days")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something the world did, known through observations; limits may start, pause and stop at it.

    `holds` is its fold: pure over the case's observations that stand (`facts.observations.standing`), it says
    since when the fact holds, or None that it does not. A late, repeated or retracted observation may so move it
    or take it away. Without `holds` the loop tells the engine itself.
    """

    name: str
    label: Label
    holds: Holds | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a limit whose steps follow one another (围挡, 修复, 恢复); `until` names the action or state that ends it.

    Its span stands in the category's row under its name, else in `within`, else in the limit's own; `calendar` likewise.
    """

    name: str
    until: str
    within: Span | None = None
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit (时限) on a case; its clock runs from `start` to `stop`, and stands still in `pause`.

    `start`, `stop` and `pause` name states or facts. A pause in a state ends when the state is left, a pause by a
    fact ends at a fact of `resume`. `re_entry` says what a second entry into `start`
    does: "resume" runs on with what was left, "restart" begins anew. `on_breach` is an action that
    the clock itself performs at the due moment. A limit that `waits` is no promise (an objection window, a review date): its
    end counts as no breach. `steps` run one after another: the clock of each starts when the former is done, and the end
    of a later one ends those before it too. Steps of a category that are not among them run from the start, side by side.
    """

    name: str
    label: Label
    start: tuple[str, ...]
    stop: tuple[str, ...]
    within: Span | FromCategory | Until
    pause: tuple[str, ...] = ()
    calendar: str = "round_the_clock"
    re_entry: Literal["resume", "restart"] = "resume"
    on_breach: str = ""
    waits: bool = False
    resume: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    def __init__(
        self,
        name: str,
        label: Label,
        *,
        start: str | tuple[str, ...],
        stop: str | tuple[str, ...],
        within: Span | FromCategory | Until,
        pause: str | tuple[str, ...] = (),
        calendar: str = "round_the_clock",
        re_entry: Literal["resume", "restart"] = "resume",
        on_breach: str = "",
        waits: bool = False,
        resume: str | tuple[str, ...] = (),
        steps: tuple[Step, ...] = (),
    ) -> None:
        put = object.__setattr__
        put(self, "name", name)
        put(self, "label", label)
        put(self, "start", _names(start))
        put(self, "stop", _names(stop))
        put(self, "within", within)
        put(self, "pause", _names(pause))
        put(self, "calendar", calendar)
        put(self, "re_entry", re_entry)
        put(self, "on_breach", on_breach)
        put(self, "waits", waits)
        put(self, "resume", _names(resume))
        put(self, "steps", steps)


@cache
def _roles(by: str) -> frozenset[str]:
    return frozenset(part.strip() for part in by.split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody does with a case.

    `by`: roles, comma separated ("public", "reporter", "clock", "fold" and "children" are the kernel's own).
    `evidence`: fields that must or may be given. `reads`: what the engine loads inside the transaction.
    `guard`: judged there; its Label is the reason of refusal. `sets`: given fields that become the case's
    own. `computes`: pure function to further attributes; facts["now"] is the moment, facts["by"] who acts.
    `counts`: case counters that go up by one.
    `journals`: pure functions to postings, account to signed minor units, which the ledger posts in the same
    transaction; each sums to zero. `not_by`: actions whose persons may not do this one (separation of duty, since
    the last re-opening); "matter.decide" names an action of a child process. `because`: for a fold's action, the
    facts that cause it; `inverse`: the action that is performed when they hold no longer. `key`: the keyboard's letter.
    """

    name: str
    label: Label
    moves: str
    by: str
    evidence: tuple[Field, ...] = ()
    reads: tuple[Read, ...] = ()
    guard: Guard | None = None
    choose: Choose | None = None
    sets: tuple[str, ...] = ()
    computes: Compute | None = None
    counts: tuple[str, ...] = ()
    journals: tuple[Journal, ...] = ()
    not_by: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    emits: tuple[str, ...] = ()
    merges: bool = False
    unmerges: bool = False
    reopens: bool = False
    because: tuple[str, ...] = ()
    inverse: str = ""
    key: str = ""
    danger: bool = False
    hint: Label | None = None

    @property
    def roles(self) -> frozenset[str]:
        """The roles of `by`."""
        return _roles(self.by)


@dataclass(frozen=True, slots=True)
class Child:
    """One child case to open: where it goes and what it is given."""

    given: Mapping[str, Any]
    unit: str = ""
    title: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Children:
    """Parallel work: child cases of another process, opened `after` an action of the parent.

    When all have closed (reached a state that closes, or ended) the engine performs `on_all_closed` on the parent
    in the same transaction; where `spawn` gives no child, at once.
    `on_parent_end`: "cancel" performs `cancel` on the open ones, "keep" leaves them. `pause="inherit"` pauses
    the children's clocks while a clock of the parent is paused. A child that re-opens under a parent that has
    moved on performs `on_reopened` there; without it the re-opening is refused.
    """

    process: str
    after: str
    spawn: Spawn
    on_all_closed: str
    opens_with: str = "open"
    on_parent_end: Literal["cancel", "keep"] = "keep"
    cancel: str = ""
    pause: Literal["inherit", "own"] = "own"
    on_reopened: str = ""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Where the open cases of an older version go when a release removes or re-means states."""

    from_version: int
    states: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """A typed, versioned event that a process emits; `fields` are what a receiver may rely on."""

    name: str
    version: int
    label: Label
    fields: tuple[Field, ...]
    build: Compute


@dataclass(frozen=True, slots=True)
class On:
    """What a loop does about another's event: opens a case of its own, or performs an action on one.

    `event`, `opens` and `performs` are "process.name", since a loop may have several processes. `given` maps the event's payload to the action's fields; `find` names the payload's field
    that holds the id of the case to act on.
    """

    event: str
    given: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    opens: str = ""
    performs: str = ""
    find: str = ""


@dataclass(frozen=True)
class Declaration:
    """All that a process declares; `Process` is the checked one.

    `fields` are the subject's own, `kinds` names the reference set of its categories, `located` says that every case
    has a position in the district, `reported` that it is opened by a report to which further ones may be linked.
    `seen_by` are roles that may read its cases beside those who act on them.
    """

    name: str
    label: Label
    states: tuple[State, ...]
    actions: tuple[Action, ...]
    limits: tuple[Limit, ...] = ()
    fields: tuple[Field, ...] = ()
    facts: tuple[Fact, ...] = ()
    children: tuple[Children, ...] = ()
    events: tuple[Event, ...] = ()
    upgrades: tuple[Upgrade, ...] = ()
    version: int = 1
    kinds: str = ""
    located: bool = False
    reported: bool = False
    seen_by: str = ""
    purpose: Label | None = None


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value
