"""A process compiled into the tables that the engine runs on: moves, and what each move does to the clocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from civicloop.kernel.cases.declaration import Action, Declaration, DeclarationError, Fact, Limit, State

OPENING = ""
SAME = "same"
PREVIOUS = "previous"
ANY = "*"

# The kernel's own moves, legal in every process: they change no state.
BREACH = "~breach"
ATTACH = "~attach"
FACT = "~fact"
CLOCK = "~clock"
UPGRADE = "~upgrade"
STILL_MOVES = (BREACH, ATTACH, FACT, CLOCK)


@dataclass(frozen=True, slots=True)
class Move:
    """One edge: `remembered` is true where the target is the state before."""

    from_state: str
    action: str
    to_state: str
    remembered: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """An action's moves as written."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]


class Transition(NamedTuple):
    """What one move, or one fact, does to one limit."""

    limit: Limit
    does: Literal["start", "stop", "pause", "resume", "reenter"]


@dataclass(frozen=True)
class Compiled:
    """Lookup tables of one process."""

    states: dict[str, State]
    actions: dict[str, Action]
    limits: dict[str, Limit]
    facts: dict[str, Fact]
    start: State
    finals: frozenset[str]
    moves: tuple[Move, ...]
    from_state: dict[str, tuple[Action, ...]]
    targets: dict[tuple[str, str], tuple[str, ...]]
    openings: tuple[Action, ...]
    transitions: dict[tuple[str, str], tuple[Transition, ...]]
    # For each action or state that ends a step of a limit: which.
    step_ends: dict[str, tuple[tuple[Limit, str], ...]]


@cache
def parse_moves(text: str) -> Parsed:
    """Reads the grammar of moves; DeclarationError when it is not of the form."""
    left, arrow, right = text.partition("->")
    if not arrow:
        raise DeclarationError(f"{text!r} has no arrow: write 'filed -> dispatched'")
    sources = tuple(part.strip() for part in left.split(",") if part.strip())
    targets = tuple(part.strip() for part in right.split("|") if part.strip())
    if not targets:
        raise DeclarationError(f"{text!r} goes nowhere: write 'filed -> dispatched'")
    return Parsed(sources, targets)


def expand(process: Declaration, action: Action) -> Iterator[Move]:
    """Every edge of an action."""
    parsed = parse_moves(action.moves)
    names = [state.name for state in process.states]
    finals = {state.name for state in process.states if state.final}
    if not parsed.sources:
        for target in parsed.targets:
            yield Move(OPENING, action.name, target)
        return
    if parsed.sources == (ANY,):
        # A comment may be added to an archived case; a real move never leaves a final state.
        sources = names if parsed.targets == (SAME,) else [n for n in names if n not in finals]
    else:
        sources = list(parsed.sources)
    for source in sources:
        for target in parsed.targets:
            if target == SAME:
                yield Move(source, action.name, source)
            elif target == PREVIOUS:
                for before in entered_from(process, source):
                    yield Move(source, action.name, before, remembered=True)
            elif target != source or parsed.sources != (ANY,):
                yield Move(source, action.name, target)


def entered_from(process: Declaration, state: str) -> list[str]:
    """The states from which an action leads into `state`, other than itself."""
    found: list[str] = []
    for action in process.actions:
        parsed = parse_moves(action.moves)
        if state not in parsed.targets or not parsed.sources:
            continue
        sources = (
            [s.name for s in process.states if not s.final] if parsed.sources == (ANY,) else parsed.sources
        )
        found += [source for source in sources if source != state and source not in found]
    return found


def compile_process(process: Declaration) -> Compiled:
    """The tables of a process that `checks.faults` found sound."""
    actions = {action.name: action for action in process.actions}
    moves: list[Move] = []
    for action in process.actions:
        moves.extend(expand(process, action))
    for state in process.states:
        moves.extend(Move(state.name, name, state.name) for name in STILL_MOVES)
    upgrades = {(old, new) for upgrade in process.upgrades for old, new in upgrade.states.items()}
    moves.extend(Move(old, UPGRADE, new) for old, new in sorted(upgrades))
    targets: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        targets.setdefault((move.from_state, move.action), []).append(move.to_state)
    from_state: dict[str, list[Action]] = {state.name: [] for state in process.states}
    for action in process.actions:
        for state in process.states:
            if (state.name, action.name) in targets:
                from_state[state.name].append(action)
    return Compiled(
        states={state.name: state for state in process.states},
        actions=actions,
        limits={limit.name: limit for limit in process.limits},
        facts={fact.name: fact for fact in process.facts},
        start=next(state for state in process.states if state.start),
        finals=frozenset(state.name for state in process.states if state.final),
        moves=tuple(dict.fromkeys(moves)),
        from_state={name: tuple(found) for name, found in from_state.items()},
        targets={key: tuple(dict.fromkeys(found)) for key, found in targets.items()},
        openings=tuple(action for action in process.actions if (OPENING, action.name) in targets),
        transitions=_transitions(process, moves),
        step_ends=_step_ends(process),
    )


def _step_ends(process: Declaration) -> dict[str, tuple[tuple[Limit, str], ...]]:
    found: dict[str, list[tuple[Limit, str]]] = {}
    for limit in process.limits:
        for one in limit.steps:
            found.setdefault(one.until, []).append((limit, one.name))
    return {name: tuple(ends) for name, ends in found.items()}


def _transitions(process: Declaration, moves: list[Move]) -> dict[tuple[str, str], tuple[Transition, ...]]:
    """For each move that changes the state, what it does to each limit, in declared order."""
    finals = {state.name for state in process.states if state.final}
    regions = {limit.name: running_states(limit, moves) for limit in process.limits}
    found: dict[tuple[str, str], tuple[Transition, ...]] = {}
    for before, after in {(m.from_state, m.to_state) for m in moves if m.from_state != m.to_state}:
        does: list[Transition] = []
        for limit in process.limits:
            if after in limit.stop or after in finals:
                does.append(Transition(limit, "stop"))
            elif after in limit.pause:
                does.append(Transition(limit, "pause"))
            elif after in limit.start:
                does.append(Transition(limit, "start"))
            elif before in limit.pause:
                does.append(Transition(limit, "resume"))
            elif before in limit.stop and after in regions[limit.name]:
                does.append(Transition(limit, "reenter"))
        found[(before, after)] = tuple(does)
    return found


def running_states(limit: Limit, moves: Iterable[Move]) -> set[str]:
    """The states in which the limit's clock can be running or paused, reached from its start without its stop.

    A limit that starts at a fact can run in every state, since the world does not ask where the case is.
    """
    known = list(moves)
    names = {m.from_state for m in known if m.from_state} | {m.to_state for m in known}
    starts = set(limit.start) & names
    if not set(limit.start) <= names:
        starts |= names - set(limit.stop)
    entries = {(m.to_state, m.from_state) for m in known if m.to_state in starts}
    return {state for state, _ in reached(entries, [m for m in known if m.to_state not in limit.stop])}


def reached(entries: Iterable[tuple[str, str]], moves: Iterable[Move]) -> set[tuple[str, str]]:
    """What can be reached from `entries`, as pairs of a state and the one before it.

    The pair is what `previous` needs: it leads back only to where the case came from.
    """
    edges: dict[str, list[Move]] = {}
    for move in moves:
        edges.setdefault(move.from_state, []).append(move)
    found = set(entries)
    work = list(found)
    while work:
        state, before = work.pop()
        for move in edges.get(state, ()):
            if move.to_state == state or (move.remembered and move.to_state != before):
                continue
            pair = (move.to_state, state)
            if pair not in found:
                found.add(pair)
                work.append(pair)
    return found
