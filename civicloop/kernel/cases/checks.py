"""What must hold of a declaration, checked when it is imported; every fault is found, not just the first."""

from __future__ import annotations

from collections.abc import Iterable

from civicloop.kernel.cases.compiled import (
    ANY,
    OPENING,
    PREVIOUS,
    SAME,
    Move,
    entered_from,
    expand,
    parse_moves,
    reached,
    running_states,
)
from civicloop.kernel.cases.declaration import Action, Children, Declaration, DeclarationError, Limit, Until
from civicloop.kernel.label import Label

OWN_ROLES = frozenset({"public", "reporter", "clock", "fold", "children", "importer", "event"})
SETTABLE = frozenset(
    {"kind", "title", "unit", "holder", "priority", "point", "source", "street", "community"}
)


# What a request carries beside its fields.
RESERVED = frozenset({"revision", "happened_at", "offline", "report", "cases", "csrf", "lang"})


def faults(process: Declaration) -> list[str]:
    """All faults of a declaration, each a sentence; an empty list means that it stands."""
    found = list(_names(process))
    if found:
        return found
    moves: list[Move] = []
    for action in process.actions:
        try:
            found.extend(_shape(process, action))
            moves.extend(expand(process, action))
        except DeclarationError as error:
            found.append(f"action {action.name!r}: {error}")
    if found:
        return found
    found.extend(_graph(process, moves))
    found.extend(_limits(process, moves))
    found.extend(_folds(process, moves))
    found.extend(_children(process, moves))
    found.extend(_kernels_own(process))
    found.extend(_labels(process))
    return found


def _twice(what: str, names: Iterable[str]) -> Iterable[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what} {name!r} is declared twice"
        seen.add(name)


def _names(process: Declaration) -> Iterable[str]:
    yield from _twice("state", (s.name for s in process.states))
    yield from _twice("action", (a.name for a in process.actions))
    names = [x.name for x in process.limits] + [x.name for x in process.facts]
    yield from _twice("limit or fact", names)
    for name in (process.name, *(s.name for s in process.states), *(a.name for a in process.actions)):
        if not name.isidentifier() or not name.islower():
            yield f"{name!r} is no name: use lower-case letters, digits and underscores"
    for word in (SAME, PREVIOUS):
        if any(s.name == word for s in process.states):
            yield f"{word!r} is a word of the grammar and can't name a state"
    starts = [s.name for s in process.states if s.start]
    if len(starts) != 1:
        yield f"there must be exactly one start state, not {starts or 'none'}"
    if not any(s.final for s in process.states):
        yield "there is no final state: mark where a case ends with final=True"


def _shape(process: Declaration, action: Action) -> Iterable[str]:
    parsed = parse_moves(action.moves)
    names = {s.name for s in process.states}
    finals = {s.name for s in process.states if s.final}
    say = f"action {action.name!r}"
    for state in (*parsed.sources, *parsed.targets):
        if state not in names and state not in (ANY, SAME, PREVIOUS):
            yield f"{say} names the unknown state {state!r}"
    if ANY in parsed.sources and len(parsed.sources) > 1:
        yield f"{say} mixes '*' with named states"
    for word in (SAME, PREVIOUS):
        if word in parsed.targets and len(parsed.targets) > 1:
            yield f"{say} mixes {word!r} with other targets"
    if not parsed.sources and parsed.targets != tuple(s.name for s in process.states if s.start):
        yield f"{say} opens a case and must lead to the start state alone"
    if (len(parsed.targets) > 1) != (action.choose is not None):
        yield f"{say}: several targets and a rule `choose` go together"
    if PREVIOUS in parsed.targets:
        if ANY in parsed.sources:
            yield f"{say}: 'previous' needs a named state on the left"
        for source in parsed.sources:
            if source in names and not entered_from(process, source):
                yield f"{say}: nothing leads into {source!r}, so there is no previous state"
    leaving = [s for s in parsed.sources if s in finals and parsed.targets != (SAME,)]
    if leaving:
        yield f"{say} leaves the final state {leaving[0]!r}"
    if not action.roles:
        yield f"{say} is done by nobody: name a role in `by`"
    actions = {a.name for a in process.actions}
    below = {children.process for children in process.children}
    for other in (*action.not_by, *((action.inverse,) if action.inverse else ())):
        of, dot, _ = other.rpartition(".")
        if dot and other in action.not_by and of not in below:
            yield f"{say} names {other!r}, and {of!r} is no process of its children"
        elif other not in actions and not (dot and of in below):
            yield f"{say} names the unknown action {other!r}"
    own = {field.name for field in process.fields}
    given = {field.name for field in action.evidence}
    for field in action.evidence:
        if field.personal and field.name in action.sets:
            yield f"{say} sets {field.name!r}, which is personal and stays among the personal values"
    for name in action.sets:
        if name not in given:
            yield f"{say} sets {name!r}, which is not among its evidence"
        if name not in SETTABLE and name not in own:
            yield f"{say} sets {name!r}, which is neither the case's nor the subject's own"
    for name in action.counts:
        if name != "reworks":
            yield f"{say} counts {name!r}; a case counts reworks"
    events = {event.name for event in process.events}
    for name in action.emits:
        if name not in events:
            yield f"{say} emits the unknown event {name!r}"
    yield from (f"{say}: {fault}" for fault in _twice("field", (f.name for f in action.evidence)))
    if action.merges and "case" not in {f.kind for f in action.evidence}:
        yield f"{say} merges and needs a field of kind 'case' that names the master"
    if action.merges and any(t in finals for t in parsed.targets):
        yield f"{say} merges and may not end the case: what is merged can still be undone"
    if action.merges and not any(a.unmerges for a in process.actions):
        yield f"{say} merges, and no action with unmerges=True undoes it"
    if len(action.key) > 1:
        yield f"{say}: a key is one character"


def _graph(process: Declaration, moves: list[Move]) -> Iterable[str]:
    finals = {s.name for s in process.states if s.final}
    if not any(m.from_state == OPENING for m in moves):
        yield (
            "nothing opens a case: declare an action with moves '-> "
            + next(s.name for s in process.states if s.start)
            + "'"
        )
    upgraded = {new for upgrade in process.upgrades for new in upgrade.states.values()}
    for unknown in sorted(upgraded - {s.name for s in process.states}):
        yield f"an upgrade leads to the unknown state {unknown!r}"
    for upgrade in process.upgrades:
        if upgrade.from_version >= process.version:
            yield f"an upgrade from version {upgrade.from_version} is not older than version {process.version}"
    starts = {s.name for s in process.states if s.start}
    entered = _onward(starts | upgraded, [(m.from_state, m.to_state) for m in moves])
    for state in process.states:
        if state.name not in entered:
            yield f"state {state.name!r} can never be reached"
    finishing = _onward(finals, [(m.to_state, m.from_state) for m in moves])
    for state in process.states:
        if state.name not in finishing:
            yield f"from state {state.name!r} the loop can never finish"
    keys: dict[tuple[str, str], str] = {}
    for move in moves:
        action = next(a for a in process.actions if a.name == move.action)
        if not action.key or move.from_state == OPENING:
            continue
        other = keys.setdefault((move.from_state, action.key), action.name)
        if other != action.name:
            yield f"key {action.key!r} means both {other!r} and {action.name!r} in state {move.from_state!r}"


def _limits(process: Declaration, moves: list[Move]) -> Iterable[str]:
    states = {s.name for s in process.states}
    finals = {s.name for s in process.states if s.final}
    facts = {f.name for f in process.facts}
    actions = {a.name: a for a in process.actions}
    own = {f.name for f in process.fields}
    for both in states & facts:
        yield f"{both!r} names a state and a fact"
    for limit in process.limits:
        say = f"limit {limit.name!r}"
        for name in (*limit.start, *limit.stop, *limit.pause):
            if name not in states and name not in facts:
                yield f"{say} names {name!r}, which is neither a state nor a fact"
        for name in limit.resume:
            if name not in facts:
                yield f"{say} resumes at {name!r}, which is no fact (a pause in a state ends with the state)"
        if set(limit.pause) & facts and not limit.resume:
            yield f"{say} pauses at a fact, and no fact in `resume` lets it run on"
        if not limit.start or not limit.stop:
            yield f"{say} needs a start and a stop"
        if (
            set(limit.start) & set(limit.stop)
            or set(limit.start) & set(limit.pause)
            or set(limit.stop) & set(limit.pause)
            or set(limit.resume) & {*limit.start, *limit.stop, *limit.pause}
        ):
            yield f"{say}: start, stop, pause and resume must differ"
        yield from _steps(limit, say, states | set(actions))
        if isinstance(limit.within, Until) and limit.within.name not in own:
            yield f"{say} takes its due moment from the unknown field {limit.within.name!r}"
        if not limit.on_breach:
            continue
        action = actions.get(limit.on_breach)
        if action is None:
            yield f"{say} performs the unknown action {limit.on_breach!r}"
            continue
        if "clock" not in action.roles:
            yield f"{say} performs {action.name!r}, which the clock may not do: add 'clock' to its `by`"
        legal = {m.from_state for m in moves if m.action == action.name}
        for state in sorted(running_states(limit, moves) - set(limit.pause)):
            if state in states and state not in finals and state not in legal:
                yield f"{say} can fire in state {state!r}, where {action.name!r} is not legal"


def _steps(limit: Limit, say: str, known: set[str]) -> Iterable[str]:
    yield from _twice(f"{say}: step", (one.name for one in limit.steps))
    yield from _twice(f"{say}: the end of a step", (one.until for one in limit.steps))
    if limit.steps and isinstance(limit.within, Until):
        yield f"{say} is due at one moment and can't have steps"
    for one in limit.steps:
        if not one.name.isidentifier():
            yield f"{say}: {one.name!r} is no name of a step"
        if one.until not in known:
            yield f"{say}: step {one.name!r} ends at {one.until!r}, which is neither an action nor a state"


def _folds(process: Declaration, moves: list[Move]) -> Iterable[str]:
    finals = {s.name for s in process.states if s.final}
    facts = {f.name for f in process.facts}
    inverses = {a.inverse for a in process.actions if a.inverse}
    for action in process.actions:
        say = f"action {action.name!r}"
        mine = [m for m in moves if m.action == action.name]
        for name in action.because:
            if name not in facts:
                yield f"{say} is caused by {name!r}, which is no fact"
        if "fold" not in action.roles:
            if action.because:
                yield f"{say} is caused by facts and must be allowed to a fold: add 'fold' to its `by`"
            continue
        if any(m.to_state in finals for m in mine if m.to_state != m.from_state):
            yield f"{say} is a fold's and may not enter a final state"
        if not action.because and action.name not in inverses:
            yield f"{say} is a fold's and must name its causes in `because`"
        if not action.inverse:
            yield f"{say} is a fold's and must declare its inverse"
            continue
        back = {(m.from_state, m.to_state) for m in moves if m.action == action.inverse}
        for move in mine:
            if (move.to_state, move.from_state) not in back:
                yield f"{say}: {action.inverse!r} does not lead back from {move.to_state!r} to {move.from_state!r}"


def _kernels_own(process: Declaration) -> Iterable[str]:
    """Actions that the kernel performs must be able to succeed without a person."""
    actions = {a.name: a for a in process.actions}
    performed = [(f"limit {x.name!r}", x.on_breach, "a clock") for x in process.limits if x.on_breach]
    for children in process.children:
        say = f"children {children.process!r}"
        performed.append((say, children.on_all_closed, "a child"))
        if children.on_reopened:
            performed.append((say, children.on_reopened, "a child"))
    performed += [(f"fact {f!r}", a.name, "a fact") for a in process.actions for f in a.because[:1]]
    for say, name, who in performed:
        action = actions.get(name)
        if action is None:
            continue
        if any(field.required for field in action.evidence):
            yield f"{say} performs {name!r}, which needs evidence that {who} can't give"
        if action.guard is not None:
            yield f"{say} performs {name!r}, whose guard could refuse {who}: let `choose` decide where it leads"


def _children(process: Declaration, moves: list[Move]) -> Iterable[str]:
    actions = {a.name: a for a in process.actions}
    for children in process.children:
        say = f"children {children.process!r}"
        performed = [children.on_all_closed, *([children.on_reopened] if children.on_reopened else [])]
        for name in (children.after, *performed):
            if name not in actions:
                yield f"{say} names the unknown action {name!r}"
        for name in performed:
            if name in actions and "children" not in actions[name].roles:
                yield f"{say}: {name!r} must be allowed to the kernel: add 'children' to its `by`"
        if any(m.action == children.after and m.from_state == OPENING for m in moves):
            yield f"{say} open after {children.after!r}, which opens the case: open them after an action on it"
        if children.on_parent_end == "cancel" and not children.cancel:
            yield f"{say}: to cancel them at the parent's end, name their action in `cancel`"
        for state in _missed(process, children, moves):
            yield f"{say} can all close in state {state!r}, where {children.on_all_closed!r} is not legal"


def _missed(process: Declaration, children: Children, moves: list[Move]) -> list[str]:
    """States in which the last child's closing would be missed, though the parent can come back to wait for it."""
    own = (children.after, children.on_all_closed, children.on_reopened)
    others = [m for m in moves if m.action not in own and m.from_state]
    entries = {
        (m.to_state, m.from_state) for m in moves if m.action in (children.after, children.on_reopened)
    }
    legal = {m.from_state for m in moves if m.action == children.on_all_closed}
    missed = {
        pair[0]
        for pair in reached(entries, others)
        if pair[0] not in legal and any(state in legal for state, _ in reached({pair}, others))
    }
    return [s.name for s in process.states if s.name in missed]


def _onward(states: set[str], edges: list[tuple[str, str]]) -> set[str]:
    found = set(states)
    grow = True
    while grow:
        new = {to for source, to in edges if source in found} - found
        found |= new
        grow = bool(new)
    return found


def _labels(process: Declaration) -> Iterable[str]:
    labels: list[tuple[str, Label | None]] = [(f"process {process.name!r}", process.label)]
    labels += [(f"state {s.name!r}", s.label) for s in process.states]
    labels += [(f"action {a.name!r}", a.label) for a in process.actions]
    labels += [(f"limit {x.name!r}", x.label) for x in process.limits]
    labels += [(f"fact {x.name!r}", x.label) for x in process.facts]
    labels += [(f"event {x.name!r}", x.label) for x in process.events]
    evented = [f for e in process.events for f in e.fields]
    for field in evented:
        if field.personal:
            yield f"an event carries the personal field {field.name!r}; let the receiver ask for it"
    fields = [*process.fields, *(f for a in process.actions for f in a.evidence), *evented]
    labels += [(f"field {f.name!r}", f.label) for f in fields]
    labels += [(f"option {o.value!r} of {f.name!r}", o.label) for f in fields for o in f.options]
    for what, label in labels:
        if label is None or not label.zh.strip() or not label.en.strip():
            yield f"{what} lacks a label in one of the languages"
    for field in fields:
        if field.name in RESERVED:
            yield f"field {field.name!r} has a name that every request uses for itself"
        if field.kind == "choice" and len(field.options) < 2:
            yield f"field {field.name!r} is a choice with fewer than two options"
        if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
            yield f"field {field.name!r} has a minimum above its maximum"


__all__ = ["OWN_ROLES", "faults"]
