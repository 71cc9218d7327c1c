"""The place files of a pack: GeoJSON in WGS-84, read into `Places`.

`basemap.geojson` holds the district, streets and communities (and roads, which only the map reads),
`labels.geojson` one point a named area, `cells.geojson` the unit cells with the lattice they were cut on. Every
feature has `code`, `kind`, `provenance`; named ones also `zh`, `en`, `parent`, `area_m2`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

import msgspec

from civicloop.kernel.facts.datum import Point
from civicloop.kernel.facts.partition import centroid
from civicloop.kernel.facts.places import Area, Kind, Places, Provenance
from civicloop.kernel.facts.rings import MICRO, Lattice, Ring, area_m2
from civicloop.kernel.label import Label

BASEMAP, LABELS, CELLS = "basemap.geojson", "labels.geojson", "cells.geojson"


class PlaceFileError(ValueError):
    """A place file does not say what it should; the text names file, feature and what to mend."""


def read_places(folder: Path, *, with_cells: bool = True) -> Places:
    """The district in `folder`; cells and labels may be absent (a district with an outline only)."""
    spots = {
        f["properties"]["code"]: f["geometry"]["coordinates"]
        for f in _features(folder / LABELS, optional=True)
    }
    named = [
        _area(folder / BASEMAP, number, feature, spots)
        for number, feature in enumerate(_features(folder / BASEMAP))
        if feature["properties"].get("kind") in ("district", "street", "community")
    ]
    outlines = [area for area in named if area.kind == "district"]
    if len(outlines) != 1:
        raise PlaceFileError(
            f"{folder / BASEMAP}: {len(outlines)} features of kind district; there must be one"
        )
    path = folder / CELLS
    cells = _collection(path) if with_cells and path.exists() else None
    return Places(
        outlines[0],
        [area for area in named if area.kind == "street"],
        [area for area in named if area.kind == "community"],
        [_area(path, n, feature, {}) for n, feature in enumerate(cells["features"])] if cells else [],
        _lattice(path, cells) if cells else None,
    )


def _collection(path: Path) -> dict[str, Any]:
    try:
        read = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise PlaceFileError(f"{path}: not JSON ({error})") from error
    if not isinstance(read, dict) or read.get("type") != "FeatureCollection":
        raise PlaceFileError(f"{path}: not a GeoJSON FeatureCollection")
    return cast(dict[str, Any], read)


def _features(path: Path, *, optional: bool = False) -> list[dict[str, Any]]:
    if optional and not path.exists():
        return []
    return cast(list[dict[str, Any]], _collection(path)["features"])


def _lattice(path: Path, collection: dict[str, Any]) -> Lattice:
    try:
        return msgspec.convert(collection["lattice"], Lattice)
    except (KeyError, msgspec.ValidationError) as error:
        raise PlaceFileError(
            f"{path}: member lattice is missing or wrong ({error}); derive the file again"
        ) from error


def _area(path: Path, number: int, feature: dict[str, Any], spots: dict[str, list[float]]) -> Area:
    properties, geometry = feature["properties"], feature["geometry"]
    try:
        code, kind, provenance = properties["code"], properties["kind"], properties["provenance"]
        if provenance not in get_args(Provenance) or kind not in get_args(Kind):
            raise PlaceFileError(
                f"{path}: feature {number}: kind {kind!r} or provenance {provenance!r} is unknown"
            )
        rings = _rings(geometry)
        middle = centroid(rings[0])
        spot = spots.get(code) or [middle[0] / MICRO, middle[1] / MICRO]
        return Area(
            code,
            kind,
            Label(properties.get("zh", code), properties.get("en", code)),
            properties.get("parent"),
            rings,
            properties.get("area_m2") or round(area_m2(rings, spot[1])),
            Point(spot[0], spot[1]),
            provenance,
        )
    except (KeyError, TypeError, IndexError) as error:
        raise PlaceFileError(
            f"{path}: feature {number}: {error!r} is missing or of the wrong shape"
        ) from error


def _rings(geometry: dict[str, Any]) -> tuple[Ring, ...]:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    polygons = [coordinates] if kind == "Polygon" else coordinates
    return tuple(
        tuple((round(lon * MICRO), round(lat * MICRO)) for lon, lat in ring[:-1])
        for polygon in polygons
        for ring in polygon
    )
