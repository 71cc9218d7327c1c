"""Writes a pack's derived place files: `python -m civicloop.kernel.facts.derive PACK/places`.

Reads outline.geojson (real), divisions.json (real names and codes) and layout.toml (assumptions, synthetic);
writes basemap.geojson, labels.geojson and cells.geojson. The same input gives the same bytes; a test says so.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from civicloop.kernel.facts.partition import Patch, grown, patches_of, spread
from civicloop.kernel.facts.placefiles import BASEMAP, CELLS, LABELS
from civicloop.kernel.facts.rings import (
    MICRO,
    Lattice,
    Ring,
    Vertex,
    area_m2,
    bounds,
    holds,
    joined,
    lattice_over,
    metres_per_micro,
    signed_area,
)

Feature = dict[str, Any]


def derived(folder: Path) -> dict[str, str]:
    """The text of each derived file by its name."""
    outline_file = json.loads((folder / "outline.geojson").read_text("utf-8"))
    divisions = json.loads((folder / "divisions.json").read_text("utf-8"))
    layout = tomllib.loads((folder / "layout.toml").read_text("utf-8"))
    outline = _outline_ring(outline_file)
    lattice = lattice_over(outline, layout["square_m"])
    patches = patches_of(outline, lattice, layout["smallest_cell_m2"])
    district = divisions["district"]
    base = [_named({**district, "parent": None}, "district", [outline], "real", lattice)]
    labels = [_label(district, "district", patches, lattice)]
    cells: list[Feature] = []
    for street, mine in _streets(divisions["streets"], layout["streets"], patches, lattice):
        base.append(
            _named({**street, "parent": district["code"]}, "street", _rings(mine), "derived", lattice)
        )
        labels.append(_label(street, "street", mine, lattice))
        for community, own in _communities(street["code"], divisions["communities"], mine):
            described = {**community, "parent": street["code"]}
            base.append(_named(described, "community", _rings(own), "derived", lattice))
            labels.append(_label(community, "community", own, lattice))
            cells.extend(_cells(community["code"], own))
    base.sort(key=lambda f: (len(f["properties"]["code"]), f["properties"]["code"]))
    base.extend(_roads(outline, lattice, layout["roads"]))
    note = {"note": f"{layout['version']}: 推算与合成 derived and synthetic; outline and names are real"}
    squares = {name: getattr(lattice, name) for name in ("west", "north", "wide", "high", "columns", "rows")}
    return {
        BASEMAP: _collection(base, note),
        LABELS: _collection(labels, note),
        CELLS: _collection(cells, {**note, "lattice": squares}),
    }


def _outline_ring(feature: Feature) -> Ring:
    ring = tuple((round(x * MICRO), round(y * MICRO)) for x, y in feature["geometry"]["coordinates"][0][:-1])
    return ring if signed_area(ring) > 0 else ring[::-1]


def _streets(
    streets: list[dict[str, str]], layout: dict[str, list[float]], patches: Sequence[Patch], lattice: Lattice
) -> Iterable[tuple[dict[str, str], list[Patch]]]:
    wide, high = metres_per_micro((lattice.north - lattice.rows * lattice.high / 2) / MICRO)
    rows = [layout[street["code"]] for street in streets]
    centres = [((x * MICRO - lattice.west) * wide, (y * MICRO - lattice.north) * high) for x, y, _ in rows]
    owners = grown(patches, centres, [share for _, _, share in rows], settle=False)
    for number, street in enumerate(streets):
        yield street, [p for p, owner in zip(patches, owners, strict=True) if owner == number]


def _communities(
    street: str, communities: list[dict[str, str]], patches: list[Patch]
) -> Iterable[tuple[dict[str, str], list[Patch]]]:
    named = [c for c in communities if c["code"].startswith(street)]
    owners = grown(patches, spread(patches, len(named)), [1.0] * len(named), settle=True)
    for number, community in enumerate(named):
        yield community, [p for p, owner in zip(patches, owners, strict=True) if owner == number]


def _cells(community: str, patches: list[Patch]) -> list[Feature]:
    ordered = sorted(patches, key=lambda p: (p.row, p.centre[0]))
    return [
        {
            "type": "Feature",
            "properties": {
                "code": f"{community}{number:03d}",
                "kind": "cell",
                "parent": community,
                "area_m2": round(patch.area),
                "provenance": "derived",
            },
            "geometry": _polygons(list(patch.rings)),
        }
        for number, patch in enumerate(ordered, start=1)
    ]


def _rings(patches: list[Patch]) -> list[Ring]:
    return joined(edge for patch in patches for edge in patch.edges)


def _named(row: dict[str, Any], kind: str, rings: list[Ring], provenance: str, lattice: Lattice) -> Feature:
    lat = (lattice.north - lattice.rows * lattice.high / 2) / MICRO
    return {
        "type": "Feature",
        "properties": {
            "code": row["code"],
            "kind": kind,
            "zh": row["zh"],
            "en": row["en"],
            "parent": row["parent"],
            "area_m2": round(area_m2(rings, lat)),
            "provenance": provenance,
            "derived": provenance != "real",
        },
        "geometry": _polygons(rings),
    }


def _label(row: dict[str, str], kind: str, patches: Sequence[Patch], lattice: Lattice) -> Feature:
    """A point well inside: the middle of the cell that lies farthest from the area's border."""
    border = [
        v for ring in joined(e for p in patches for e in p.edges) for v in _every(ring, lattice.high // 2)
    ]
    wide, high = metres_per_micro((lattice.north - lattice.rows * lattice.high / 2) / MICRO)
    points = [((x - lattice.west) * wide, (y - lattice.north) * high) for x, y in border]

    def room(patch: Patch) -> tuple[float, int, int]:
        x, y = patch.centre
        return min((x - bx) ** 2 + (y - by) ** 2 for bx, by in points), -patch.row, -patch.column

    x, y = max(patches, key=room).centre
    at = (round(lattice.west + x / wide), round(lattice.north + y / high))
    return {
        "type": "Feature",
        "properties": {
            "code": row["code"],
            "kind": kind,
            "zh": row["zh"],
            "en": row["en"],
            "provenance": "derived",
        },
        "geometry": {"type": "Point", "coordinates": _degrees(at)},
    }


def _every(ring: Ring, step: int) -> Iterable[Vertex]:
    for a, b in zip(ring, (*ring[1:], ring[0]), strict=True):
        count = max(abs(a[0] - b[0]), abs(a[1] - b[1])) // step + 1
        for i in range(count):
            yield a[0] + (b[0] - a[0]) * i // count, a[1] + (b[1] - a[1]) * i // count


def _roads(outline: Ring, lattice: Lattice, families: dict[str, Any]) -> list[Feature]:
    """Straight lines across the outline: plausible on a map, and synthetic, as every one of them says."""
    wide, high = metres_per_micro((lattice.north - lattice.rows * lattice.high / 2) / MICRO)
    west, south, east, north = bounds(outline)
    reach = round(math.hypot((east - west) * wide, (north - south) * high))
    roads = []
    for family in families["families"]:
        angle = math.radians(family["bearing"])
        along, across = (math.sin(angle), math.cos(angle)), (math.cos(angle), -math.sin(angle))
        for number in range(-reach // family["spacing_m"], reach // family["spacing_m"] + 1):
            shift = family["offset_m"] + number * family["spacing_m"]
            main = number % family["main_every"] == 0

            def at(metres: float, shift: float = shift, along: Any = along, across: Any = across) -> Vertex:
                x, y = across[0] * shift + along[0] * metres, across[1] * shift + along[1] * metres
                return round(lattice.west + x / wide), round(lattice.north + y / high)

            for start, end in _stretches([holds([outline], *at(m)) for m in range(-reach, reach, 10)]):
                line = [_degrees(at(start * 10 - reach)), _degrees(at(end * 10 - reach))]
                roads.append(_road(line, "main" if main else "minor"))
    return roads


def _stretches(inside: list[bool]) -> Iterable[tuple[int, int]]:
    start = None
    for i, held in enumerate([*inside, False]):
        if held and start is None:
            start = i
        elif not held and start is not None:
            if i - start > 15:
                yield start, i - 1
            start = None


def _road(line: list[list[float]], rank: str) -> Feature:
    return {
        "type": "Feature",
        "properties": {"kind": "road", "class": rank, "provenance": "synthetic"},
        "geometry": {"type": "LineString", "coordinates": line},
    }


def _polygons(rings: list[Ring]) -> dict[str, Any]:
    outer = [ring for ring in rings if signed_area(ring) > 0]
    holes = [ring for ring in rings if signed_area(ring) < 0]
    polygons = [[_closed(ring)] for ring in outer]
    for hole in holes:
        owner = next(i for i, ring in enumerate(outer) if holds([ring], *hole[0]) or hole[0] in ring)
        polygons[owner].append(_closed(hole))
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _closed(ring: Ring) -> list[list[float]]:
    return [_degrees(v) for v in (*ring, ring[0])]


def _degrees(vertex: Vertex) -> list[float]:
    return [round(vertex[0] / MICRO, 6), round(vertex[1] / MICRO, 6)]


def _collection(features: list[Feature], members: dict[str, Any]) -> str:
    lines = ",\n".join(json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in features)
    head = json.dumps({"type": "FeatureCollection", **members}, ensure_ascii=False, separators=(",", ":"))
    return f'{head[:-1]},"features":[\n{lines}\n]}}\n'


def main(arguments: Sequence[str]) -> int:
    """Write the three files into the folder named first; a wrong call prints how to call it."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m civicloop.kernel.facts.derive PACK/places\n")
        return 2
    folder = Path(arguments[0])
    for name, text in derived(folder).items():
        (folder / name).write_text(text, "utf-8")
        sys.stdout.write(f"{folder / name}: {len(text.encode())} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
