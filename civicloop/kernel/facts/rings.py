"""Rings in whole micro-degrees: cut at a lattice, joined without slivers, measured in square metres.

A vertex is (longitude, latitude) times one million as integers, so neighbouring shapes share their vertices
exactly and edges that two shapes have in common cancel without tolerance. Outer rings run counter-clockwise,
holes clockwise; a ring does not repeat its first vertex.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from civicloop.kernel.facts.datum import degrees_per_metre

Vertex = tuple[int, int]
Ring = tuple[Vertex, ...]
Edge = tuple[Vertex, Vertex]
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Lattice:
    """Squares of `wide` by `high` micro-degrees; column 0 is the west, row 0 the north."""

    west: int
    north: int
    wide: int
    high: int
    columns: int
    rows: int

    def box(self, column: int, row: int) -> tuple[int, int, int, int]:
        """West, south, east, north of one square."""
        west, north = self.west + column * self.wide, self.north - row * self.high
        return west, north - self.high, west + self.wide, north


def lattice_over(ring: Ring, metres: float) -> Lattice:
    """The lattice of squares of about `metres` that covers `ring`, aligned to whole steps from zero."""
    west, south, east, north = bounds(ring)
    per_lon, per_lat = degrees_per_metre((south + north) / 2 / MICRO)
    wide, high = round(metres * per_lon * MICRO), round(metres * per_lat * MICRO)
    left, top = west // wide * wide, -(-north // high) * high
    return Lattice(left, top, wide, high, -(-(east - left) // wide), -(-(top - south) // high))


def bounds(ring: Iterable[Vertex]) -> tuple[int, int, int, int]:
    """West, south, east, north of the vertices."""
    vertices = list(ring)
    lons, lats = [v[0] for v in vertices], [v[1] for v in vertices]
    return min(lons), min(lats), max(lons), max(lats)


def signed_area(ring: Sequence[Vertex]) -> int:
    """Twice the area in square micro-degrees, positive when counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, (*ring[1:], ring[0]), strict=True))


def metres_per_micro(lat: float) -> tuple[float, float]:
    """Metres that a micro-degree of longitude and of latitude spans, rounded so that every machine agrees."""
    per_lon, per_lat = degrees_per_metre(lat)
    return round(1 / per_lon / MICRO, 8), round(1 / per_lat / MICRO, 8)


def area_m2(rings: Iterable[Ring], lat: float) -> float:
    """Area of the rings in square metres, holes subtracted, by the scale at latitude `lat`."""
    wide, high = metres_per_micro(lat)
    return sum(signed_area(ring) for ring in rings) / 2 * wide * high


def holds(rings: Iterable[Ring], lon: float, lat: float) -> bool:
    """Whether the point (micro-degrees) lies inside, by the even-odd rule; shared borders belong to one side."""
    inside = False
    for ring in rings:
        x1, y1 = ring[-1]
        for x2, y2 in ring:
            if (y1 > lat) != (y2 > lat) and lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1:
                inside = not inside
            x1, y1 = x2, y2
    return inside


def cut_at(ring: Ring, lattice: Lattice) -> Ring:
    """The same ring with a vertex wherever it crosses a line of the lattice."""
    cut: list[Vertex] = []
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        crossings: list[tuple[float, Vertex]] = [(0.0, (x1, y1))]
        crossings.extend(
            ((x - x1) / (x2 - x1), (x, y1 + round((x - x1) * (y2 - y1) / (x2 - x1))))
            for x in _lines_between(x1, x2, lattice.west, lattice.wide)
        )
        crossings.extend(
            ((y - y1) / (y2 - y1), (x1 + round((y - y1) * (x2 - x1) / (y2 - y1)), y))
            for y in _lines_between(y1, y2, lattice.north, lattice.high)
        )
        for _, vertex in sorted(crossings):
            if not cut or cut[-1] != vertex:
                cut.append(vertex)
    return tuple(cut[:-1] if cut[0] == cut[-1] else cut)


def _lines_between(a: int, b: int, origin: int, step: int) -> range:
    low, high = min(a, b), max(a, b)
    first = origin + ((low - origin) // step + 1) * step
    return range(first, high, step)


def clip(ring: Ring, box: tuple[int, int, int, int]) -> list[Vertex]:
    """The part of a ring, already cut at the box's lines, inside the box; bridges may run along its sides."""
    part = list(ring)
    for axis, limit, sign in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
        kept: list[Vertex] = []
        for a, b in zip(part, part[1:] + part[:1], strict=True):
            a_in, b_in = (a[axis] - limit) * sign >= 0, (b[axis] - limit) * sign >= 0
            if a_in:
                kept.append(a)
            if a_in != b_in:
                kept.append(_crossing(a, b, axis, limit))
        part = [v for i, v in enumerate(kept) if v != kept[i - 1]] if len(kept) > 1 else []
    return part


def _crossing(a: Vertex, b: Vertex, axis: int, limit: int) -> Vertex:
    other = 1 - axis
    value = a[other] + round((limit - a[axis]) * (b[other] - a[other]) / (b[axis] - a[axis]))
    return (limit, value) if axis == 0 else (value, limit)


def edges_of(ring: Sequence[Vertex], on_line: dict[tuple[int, int], list[int]]) -> list[Edge]:
    """The ring's directed edges, each split at the known vertices on its line.

    `on_line` maps (0, longitude) and (1, latitude) to the sorted other coordinates of vertices on that line.
    """
    edges: list[Edge] = []
    for a, b in zip(ring, (*ring[1:], *ring[:1]), strict=True):
        axis = 0 if a[0] == b[0] else 1 if a[1] == b[1] else None
        stops = on_line.get((axis, a[axis]), []) if axis is not None else []
        if axis is None or not stops:
            edges.append((a, b))
            continue
        low, high = sorted((a[1 - axis], b[1 - axis]))
        between = [s for s in stops[bisect_left(stops, low + 1) :] if s < high]
        if a[1 - axis] > b[1 - axis]:
            between.reverse()
        chain = [a, *((a[0], s) if axis == 0 else (s, a[1]) for s in between), b]
        edges.extend(pairwise(chain))
    return edges


def joined(edges: Iterable[Edge]) -> list[Ring]:
    """The rings around shapes given by their directed edges; an edge met both ways is inside and vanishes."""
    counts: dict[Edge, int] = {}
    for a, b in edges:
        if counts.get((b, a), 0):
            counts[b, a] -= 1
        else:
            counts[a, b] = counts.get((a, b), 0) + 1
    leaving: dict[Vertex, list[Vertex]] = {}
    for (a, b), count in sorted(counts.items()):
        leaving.setdefault(a, []).extend([b] * count)
    rings: list[Ring] = []
    for start in sorted(leaving):
        while leaving[start]:
            rings.append(_without_bends_of_zero(_walk(start, leaving)))
    return [ring for ring in rings if len(ring) > 2]


def _walk(start: Vertex, leaving: dict[Vertex, list[Vertex]]) -> list[Vertex]:
    """Follow edges from `start` back to it, turning left as far as possible, so touching rings stay apart."""
    path = [start]
    came_from: Vertex | None = None
    here = start
    while True:
        choices = leaving[here]
        following = choices[0] if came_from is None else max(choices, key=_turn(came_from, here))
        choices.remove(following)
        if following == start:
            return path
        path.append(following)
        came_from, here = here, following


class _turn:
    """Sort key: the angle by which a step from `here` turns left against the way it was reached."""

    def __init__(self, before: Vertex, here: Vertex) -> None:
        self.dx, self.dy = here[0] - before[0], here[1] - before[1]
        self.here = here

    def __call__(self, there: Vertex) -> float:
        ex, ey = there[0] - self.here[0], there[1] - self.here[1]
        return math.atan2(self.dx * ey - self.dy * ex, self.dx * ex + self.dy * ey)


def _without_bends_of_zero(ring: list[Vertex]) -> Ring:
    kept = []
    for i, v in enumerate(ring):
        a, b = ring[i - 1], ring[(i + 1) % len(ring)]
        if (v[0] - a[0]) * (b[1] - v[1]) != (v[1] - a[1]) * (b[0] - v[0]):
            kept.append(v)
    return tuple(kept)
