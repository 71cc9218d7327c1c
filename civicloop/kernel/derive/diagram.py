"""The picture of a process: Mermaid text, the usual path for the stepper, and a layout in plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from civicloop.kernel.cases.compiled import OPENING, SAME, Move, parse_moves
from civicloop.kernel.cases.process import Process
from civicloop.kernel.label import Label

# Sizes of the layout, in user units of the drawing.
BOX_WIDTH, BOX_HEIGHT = 112, 36
COLUMN, ROW, MARGIN = 152, 76, 16

NodeKind = Literal["start", "main", "side", "final"]
StepWhere = Literal["done", "here", "ahead", "skipped"]


@dataclass(frozen=True, slots=True)
class NodeValue:
    """One state in the drawing; `x` and `y` are the box's upper left corner."""

    state: str
    label: Label
    kind: NodeKind
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class EdgeValue:
    """What leads from one state to another: the actions' labels, and the line's corners."""

    source: str
    target: str
    actions: tuple[str, ...]
    labels: tuple[Label, ...]
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class DrawingValue:
    """A whole drawing; the same declaration always gives the same numbers."""

    width: int
    height: int
    nodes: tuple[NodeValue, ...]
    edges: tuple[EdgeValue, ...]


@dataclass(frozen=True, slots=True)
class StepValue:
    """One state of the stepper."""

    state: str
    label: Label
    where: StepWhere


def main_path(process: Process) -> tuple[str, ...]:
    """The states of the usual way: what no case can go around on its way to the first state that closes.

    Dangerous actions, merges, re-openings and returns don't count as ways, nor does a split into children where there is
    a way without one. After the closing state it goes the shortest way to an end.
    """
    apart = {a.name for a in process.actions if a.danger or a.reopens or a.merges or a.unmerges}
    splits = {children.after for children in process.children}
    return _way(process, apart | splits) or _way(process, apart) or (process.compiled.start.name,)


def _way(process: Process, apart: set[str]) -> tuple[str, ...]:
    """The usual way without the actions in `apart`; empty when none leads to an end."""
    edges: dict[str, list[str]] = {}
    for move in _declared(process):
        if not move.remembered and move.action not in apart:
            edges.setdefault(move.from_state, []).append(move.to_state)
    start = process.compiled.start.name
    goals = [s.name for s in process.states if s.closes] + [s.name for s in process.states if s.final]
    way = next(filter(None, (_shortest(start, frozenset({goal}), edges) for goal in goals)), ())
    if not way:
        return ()
    goal = frozenset({way[-1]})
    needed = [s for s in way if s in (start, way[-1]) or not _shortest(start, goal, edges, without=s)]
    return (*needed, *_shortest(way[-1], process.compiled.finals, edges)[1:])


def _shortest(
    start: str, goals: frozenset[str], edges: dict[str, list[str]], without: str = ""
) -> tuple[str, ...]:
    """The shortest way to one of the goals, start and goal included; empty when there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start, without}
    while ways:
        way = ways.pop(0)
        if way[-1] in goals:
            return way
        for target in edges.get(way[-1], ()):
            if target not in seen:
                seen.add(target)
                ways.append((*way, target))
    return ()


def steps(process: Process, visited: Sequence[str], state: str) -> tuple[StepValue, ...]:
    """The stepper: the usual way with what was passed, where the case is, and what lies ahead.

    `visited` are the states that the case has been in. A case on a side state shows it after the last step that
    was passed.
    """
    path = main_path(process)
    been = set(visited)
    passed = [i for i, name in enumerate(path) if name in been or name == state]
    here = path.index(state) if state in path else (passed[-1] if passed else 0)
    ended = state in process.compiled.finals
    found: list[StepValue] = []
    for i, name in enumerate(path):
        label = process.state(name).label
        if name == state:
            where: StepWhere = "here"
        elif i > here:
            where = "skipped" if ended else "ahead"
        else:
            where = "done" if name in been else "skipped"
        found.append(StepValue(name, label, where))
        if i == here and state not in path:
            found.append(StepValue(state, process.state(state).label, "here"))
    return tuple(found)


def mermaid(process: Process, language: str = "zh") -> str:
    """A stateDiagram-v2; what moves nothing is left out, a return to the state before is dotted by its words."""
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f'    state "{_plain(s.label.text(language))}" as {s.name}' for s in process.states]
    back = Label("返回原状态", "back")
    joined: dict[tuple[str, str], list[str]] = {}
    for move in _declared(process, opening=True):
        label = process.action(move.action).label.text(language)
        words = f"{label} ({back.text(language)})" if move.remembered else label
        known = joined.setdefault((move.from_state, move.to_state), [])
        if words not in known:
            known.append(words)
    for (source, target), words_of in joined.items():
        lines.append(f"    {source or '[*]'} --> {target}: {_plain(' / '.join(words_of))}")
    lines += [f"    {state.name} --> [*]" for state in process.states if state.final]
    return "\n".join(lines) + "\n"


def drawing(process: Process) -> DrawingValue:
    """The layout: the usual way in one row, each side state below the first state that leads to it."""
    path = main_path(process)
    places: dict[str, tuple[int, int]] = {name: (i, 0) for i, name in enumerate(path)}
    moves = _declared(process)
    taken = set(places.values())
    side = [s.name for s in process.states if s.name not in places]
    while side:
        name = next(
            (n for n in side if any(m.to_state == n and m.from_state in places for m in moves)), side[0]
        )
        side.remove(name)
        sources = [places[m.from_state] for m in moves if m.to_state == name and m.from_state in places]
        column, above = min(sources, default=(0, 0))
        row = above + 1
        while (column, row) in taken:
            row += 1
        places[name] = (column, row)
        taken.add((column, row))
    nodes = tuple(
        NodeValue(s.name, s.label, _kind(process, s.name, path), *_corner(places[s.name]))
        for s in process.states
    )
    columns, rows = zip(*places.values(), strict=True)
    return DrawingValue(
        width=2 * MARGIN + max(columns) * COLUMN + BOX_WIDTH,
        height=2 * MARGIN + max(rows) * ROW + BOX_HEIGHT,
        nodes=nodes,
        edges=_edges(process, moves, places),
    )


def _declared(process: Process, *, opening: bool = False) -> list[Move]:
    """The moves that people see: none of the kernel's own, none that moves nothing."""
    found: list[Move] = []
    for action in process.actions:
        if parse_moves(action.moves).targets == (SAME,):
            continue
        for move in process.compiled.moves:
            if move.action != action.name or move.from_state == move.to_state:
                continue
            if opening or move.from_state != OPENING:
                found.append(move)
    return found


def _edges(
    process: Process, moves: Sequence[Move], places: dict[str, tuple[int, int]]
) -> tuple[EdgeValue, ...]:
    joined: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        known = joined.setdefault((move.from_state, move.to_state), [])
        if move.action not in known:
            known.append(move.action)
    return tuple(
        EdgeValue(
            source,
            target,
            tuple(actions),
            tuple(process.action(name).label for name in actions),
            _line(places[source], places[target]),
        )
        for (source, target), actions in joined.items()
    )


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return MARGIN + place[0] * COLUMN, MARGIN + place[1] * ROW


def _line(source: tuple[int, int], target: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Straight to the next box of a row or column, else over the gap between the rows."""
    (x, y), (u, v) = _corner(source), _corner(target)
    middle, half = BOX_WIDTH // 2, BOX_HEIGHT // 2
    if source[1] == target[1] and target[0] == source[0] + 1:
        return (x + BOX_WIDTH, y + half), (u, v + half)
    if source[0] == target[0] and target[1] == source[1] + 1:
        return (x + middle, y + BOX_HEIGHT), (u + middle, v)
    gap = (
        max(y, v) + BOX_HEIGHT + (ROW - BOX_HEIGHT) // 2
        if y == v
        else min(y, v) + BOX_HEIGHT + (ROW - BOX_HEIGHT) // 2
    )
    leave = y + BOX_HEIGHT if gap > y else y
    enter = v + BOX_HEIGHT if gap > v else v
    return (x + middle, leave), (x + middle, gap), (u + middle, gap), (u + middle, enter)


def _kind(process: Process, name: str, path: Sequence[str]) -> NodeKind:
    if process.state(name).start:
        return "start"
    if process.state(name).final:
        return "final"
    return "main" if name in path else "side"


def _plain(text: str) -> str:
    """Without the characters that Mermaid reads as its own."""
    return "".join(c for c in text if c not in '":;#<>{}[]').strip()


__all__ = [
    "DrawingValue", "EdgeValue", "NodeValue", "StepValue", "drawing", "main_path", "mermaid", "steps",
]  # fmt: skip
