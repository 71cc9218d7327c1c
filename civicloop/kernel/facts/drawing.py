"""A district as numbers for an SVG: the picture where a map cannot run, and the one that prints.

Pure: gives path data and coordinates, never markup or style; the page's components dress them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from civicloop.kernel.facts.datum import Point, to_wgs84
from civicloop.kernel.facts.places import Area, Places
from civicloop.kernel.facts.rings import MICRO, Ring


@dataclass(frozen=True, slots=True)
class Shape:
    """One area: `d` for a path (rule evenodd), and where its name may stand."""

    area: Area
    d: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture `width` by `height` pixels: the outline, its areas, and a spot for each point asked, in order.

    A point outside the district has None; `metres_per_pixel` is for a scale bar.
    """

    width: int
    height: int
    view_box: str
    outline: Shape
    streets: tuple[Shape, ...]
    communities: tuple[Shape, ...]
    spots: tuple[tuple[float, float] | None, ...]
    metres_per_pixel: float


def outline_svg(
    places: Places, points: Iterable[Point] = (), size: tuple[int, int] = (640, 480), *, margin: int = 8
) -> Drawing:
    """The district fitted into `size` (width, height), north up, true to shape at its middle latitude."""
    width, height = size
    west, south, east, north = places.bbox
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = min((width - 2 * margin) / ((east - west) * squeeze), (height - 2 * margin) / (north - south))
    left = (width - (east - west) * squeeze * scale) / 2
    top = (height - (north - south) * scale) / 2

    def at(lon: float, lat: float) -> tuple[float, float]:
        return round(left + (lon - west) * squeeze * scale, 1), round(top + (north - lat) * scale, 1)

    def path(ring: Ring) -> str:
        corners = (at(lon / MICRO, lat / MICRO) for lon, lat in ring)
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners) + "Z"

    def shape(area: Area) -> Shape:
        return Shape(area, "".join(path(ring) for ring in area.rings), *at(area.at.lon, area.at.lat))

    def spot(point: Point) -> tuple[float, float] | None:
        here = to_wgs84(point)
        return at(here.lon, here.lat) if places.contains(here) else None

    return Drawing(
        width,
        height,
        f"0 0 {width} {height}",
        shape(places.outline),
        tuple(shape(area) for area in places.streets),
        tuple(shape(area) for area in places.communities),
        tuple(spot(point) for point in points),
        round(111_195 / scale, 2),
    )
