"""Derived areas: an outline divided into streets, communities and unit cells of about 10 000 m2.

Nobody publishes where these borders run, so they are computed and every result is marked derived. The outline
is cut into squares; slivers join a neighbour; each street then grows around its assumed centre to its assumed
area, and inside it communities of equal size grow around centres that settle in their middle (power diagrams
with adjusted weights). Pure and deterministic; it runs once, in `python -m civicloop.kernel.facts.derive`.
Source of the method and the 15-digit code: GB/T 30428.1 practice (squares about 100 m; sequence west to east,
north to south within a community).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from civicloop.kernel.facts.rings import (
    Edge,
    Lattice,
    Ring,
    area_m2,
    bounds,
    clip,
    cut_at,
    edges_of,
    holds,
    joined,
    metres_per_micro,
    signed_area,
)

Metres = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Patch:
    """One cell to be: its rings, directed edges, square, area in m2 and centre in metres from the origin."""

    rings: tuple[Ring, ...]
    edges: tuple[Edge, ...]
    column: int
    row: int
    area: float
    centre: Metres


def patches_of(outline: Ring, lattice: Lattice, smallest_m2: float) -> list[Patch]:
    """The outline cut into squares, parts below `smallest_m2` joined to the neighbour they border most."""
    cut = cut_at(outline, lattice)
    on_line: dict[tuple[int, int], set[int]] = defaultdict(set)
    for x, y in cut:
        on_line[0, x].add(y)
        on_line[1, y].add(x)
    stops = {line: sorted(places) for line, places in on_line.items()}
    touched = _touched(cut, lattice)
    parts: list[tuple[int, int, list[Edge]]] = []
    for row in range(lattice.rows):
        for column in range(lattice.columns):
            west, south, east, north = box = lattice.box(column, row)
            if (column, row) in touched:
                rings = joined(edges_of(clip(cut, box), stops))
            elif holds([cut], (west + east) / 2, (south + north) / 2):
                rings = [((west, south), (east, south), (east, north), (west, north))]
            else:
                continue
            parts.extend((column, row, edges_of(ring, stops)) for ring in rings if signed_area(ring) > 0)
    return _without_slivers(parts, lattice, smallest_m2)


def _touched(cut: Ring, lattice: Lattice) -> set[tuple[int, int]]:
    """Squares that any edge of the ring touches, their borders included."""
    touched = set()
    for a, b in zip(cut, (*cut[1:], cut[0]), strict=True):
        west, south, east, north = bounds((a, b))
        for column in range(
            (west - lattice.west - 1) // lattice.wide, (east - lattice.west) // lattice.wide + 1
        ):
            for row in range(
                (lattice.north - north - 1) // lattice.high, (lattice.north - south) // lattice.high + 1
            ):
                touched.add((column, row))
    return touched


def _without_slivers(
    parts: list[tuple[int, int, list[Edge]]], lattice: Lattice, smallest_m2: float
) -> list[Patch]:
    lat = (lattice.north - lattice.rows * lattice.high / 2) / 1e6
    groups = {i: [i] for i in range(len(parts))}
    areas = {i: area_m2(joined(edges), lat) for i, (_, _, edges) in enumerate(parts)}
    owner = {edge: i for i, (_, _, edges) in enumerate(parts) for edge in edges}
    home = list(range(len(parts)))
    while True:
        small = [i for i in groups if areas[i] < smallest_m2]
        if not small:
            break
        least = min(small, key=lambda i: (areas[i], i))
        shared: dict[int, float] = defaultdict(float)
        for member in groups[least]:
            for a, b in parts[member][2]:
                other = owner.get((b, a))
                if other is not None and home[other] != least:
                    shared[home[other]] += abs(a[0] - b[0]) + abs(a[1] - b[1])
        if not shared:
            raise ValueError(f"a part of {areas[least]:.0f} m2 touches nothing: the outline is broken")
        target = max(shared, key=lambda i: (shared[i], -i))
        for member in groups[least]:
            home[member] = target
        groups[target] += groups.pop(least)
        areas[target] += areas.pop(least)
    return [_patch(parts, groups[i], i, lattice, lat) for i in sorted(groups)]


def _patch(
    parts: list[tuple[int, int, list[Edge]]], members: list[int], first: int, lattice: Lattice, lat: float
) -> Patch:
    rings = tuple(joined(edge for member in members for edge in parts[member][2]))
    wide, high = metres_per_micro(lat)
    x, y = centroid(rings[0])
    centre = ((x - lattice.west) * wide, (y - lattice.north) * high)
    inner = {(b, a) for member in members for a, b in parts[member][2]}
    edges = tuple(e for member in members for e in parts[member][2] if e not in inner)
    return Patch(rings, edges, parts[first][0], parts[first][1], area_m2(rings, lat), centre)


def centroid(ring: Ring) -> tuple[float, float]:
    """The centre of gravity of a ring, in micro-degrees."""
    x0, y0 = ring[0]
    twice, cx, cy = 0, 0, 0
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x0, y2 - y0
        cross = ax * by - bx * ay
        twice, cx, cy = twice + cross, cx + (ax + bx) * cross, cy + (ay + by) * cross
    return x0 + cx / (3 * twice), y0 + cy / (3 * twice)


def grown(
    patches: Sequence[Patch], centres: Sequence[Metres], shares: Sequence[float], *, settle: bool
) -> list[int]:
    """For each patch the number of the centre it goes to, areas in proportion to `shares`.

    With `settle` the centres move to the middle of what they got; without, they stay. Every result is connected.
    """
    total = sum(p.area for p in patches)
    goals = [share / sum(shares) * total for share in shares]
    weights, places = [0.0] * len(centres), list(centres)
    owners: list[int] = []
    for turn in range(400):
        owners = _nearest(patches, places, weights)
        got = [0.0] * len(places)
        for patch, owner in zip(patches, owners, strict=True):
            got[owner] += patch.area
        if settle and turn < 200:
            places = [_middle(patches, owners, i, places[i]) for i in range(len(places))]
        rate = 0.5 if turn < 200 else 0.1
        weights = [w + rate * (goal - g) for w, goal, g in zip(weights, goals, got, strict=True)]
    return _connected(patches, owners)


def _nearest(patches: Sequence[Patch], places: Sequence[Metres], weights: Sequence[float]) -> list[int]:
    sites = [(x, y, w, i) for i, ((x, y), w) in enumerate(zip(places, weights, strict=True))]
    owners = []
    for patch in patches:
        px, py = patch.centre
        owners.append(min(((px - x) ** 2 + (py - y) ** 2 - w, i) for x, y, w, i in sites)[1])
    return owners


def _middle(patches: Sequence[Patch], owners: list[int], owner: int, fallback: Metres) -> Metres:
    mine = [p for p, o in zip(patches, owners, strict=True) if o == owner]
    area = sum(p.area for p in mine)
    if not area:
        return fallback
    return sum(p.area * p.centre[0] for p in mine) / area, sum(p.area * p.centre[1] for p in mine) / area


def _connected(patches: Sequence[Patch], owners: list[int]) -> list[int]:
    """Give every part that lies apart from its owner's main part to the neighbour it borders most."""
    beside = neighbours(patches)
    result = list(owners)
    for _ in range(len(patches)):
        loose = _loose_part(patches, result, beside)
        if loose is None:
            return result
        borders: dict[int, int] = defaultdict(int)
        for member in loose:
            for other in beside[member]:
                if result[other] != result[member]:
                    borders[result[other]] += 1
        target = max(borders, key=lambda o: (borders[o], -o))
        for member in loose:
            result[member] = target
    raise ValueError("areas could not be made connected")


def _loose_part(patches: Sequence[Patch], owners: list[int], beside: list[list[int]]) -> list[int] | None:
    parts: dict[int, list[list[int]]] = defaultdict(list)
    seen: set[int] = set()
    for start in range(len(patches)):
        if start in seen:
            continue
        part, waiting = [], [start]
        seen.add(start)
        while waiting:
            here = waiting.pop()
            part.append(here)
            for other in beside[here]:
                if other not in seen and owners[other] == owners[start]:
                    seen.add(other)
                    waiting.append(other)
        parts[owners[start]].append(part)
    by_size: Callable[[list[int]], float] = lambda part: sum(patches[i].area for i in part)  # noqa: E731
    loose = [part for group in parts.values() for part in sorted(group, key=by_size)[:-1]]
    # A part with no neighbour of another owner is the outline's own island and stays where it is.
    loose = [p for p in loose if any(owners[o] != owners[p[0]] for i in p for o in beside[i])]
    return min(loose, key=by_size) if loose else None


def neighbours(patches: Sequence[Patch]) -> list[list[int]]:
    """For each patch the patches it shares an edge with."""
    owner = {edge: i for i, patch in enumerate(patches) for edge in patch.edges}
    beside = []
    for patch in patches:
        found = {owner[b, a] for a, b in patch.edges if (b, a) in owner}
        beside.append(sorted(found))
    return beside


def spread(patches: Sequence[Patch], count: int) -> list[Metres]:
    """`count` starting centres far apart: the western-most patch, then always the one farthest from all."""
    first = min(range(len(patches)), key=lambda i: (patches[i].centre, i))
    chosen = [patches[first].centre]
    while len(chosen) < count:
        farthest = max(
            range(len(patches)),
            key=lambda i: (min(_squared(patches[i].centre, c) for c in chosen), -i),
        )
        chosen.append(patches[farthest].centre)
    return chosen


def _squared(a: Metres, b: Metres) -> float:
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
