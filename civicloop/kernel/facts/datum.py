"""Positions with their datum: a point never travels without saying how its numbers are to be read.

WGS-84 is what satellites and this store use; GCJ-02 is what Chinese public maps show, shifted by up to
about 700 m; CGCS2000 differs from WGS-84 by decimetres and is computed with as equal, keeping its label.
Store columns are always WGS-84. Source: the shift is the widely published formula on the Krasovsky
ellipsoid; the inverse is our own iteration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeGuard, get_args

Datum = Literal["wgs84", "gcj02", "cgcs2000"]
DATUMS: tuple[Datum, ...] = get_args(Datum)

_MAJOR_AXIS_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_EARTH_RADIUS_M = 6371008.8
_INVERSE_ENOUGH_DEGREES = 1e-10
_INVERSE_ROUNDS = 30


class DatumMismatch(ValueError):
    """Two positions of different datums met in one computation; convert one of them first."""


@dataclass(frozen=True, slots=True)
class Point:
    """A position: longitude and latitude in degrees, east and north positive, and their datum.

    Raises ValueError for numbers that are no position on earth; `check_position` gives sentences instead.
    """

    lon: float
    lat: float
    datum: Datum = "wgs84"

    def __post_init__(self) -> None:
        if not (-180.0 <= self.lon <= 180.0 and -90.0 <= self.lat <= 90.0):
            raise ValueError(f"longitude {self.lon}, latitude {self.lat} is no position on earth")
        if self.datum not in DATUMS:
            raise ValueError(f"datum {self.datum!r} is not one of {', '.join(DATUMS)}")


def is_datum(text: str) -> TypeGuard[Datum]:
    """Whether `text` names a datum that is known here."""
    return text in DATUMS


def to_wgs84(point: Point) -> Point:
    """The same place in WGS-84; exact to far below 0.1 m."""
    if point.datum == "gcj02":
        return Point(*_unshifted(point.lon, point.lat), "wgs84")
    return point if point.datum == "wgs84" else Point(point.lon, point.lat, "wgs84")


def convert(point: Point, datum: Datum) -> Point:
    """The same place in `datum`; outside China the numbers stay as they are."""
    if point.datum == datum:
        return point
    base = to_wgs84(point)
    if datum == "gcj02":
        return Point(*_shifted(base.lon, base.lat), "gcj02")
    return Point(base.lon, base.lat, datum)


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance in metres; raises DatumMismatch when one is GCJ-02 and the other is not."""
    require_same_datum(a, b)
    half_lat = math.radians(b.lat - a.lat) / 2
    half_lon = math.radians(b.lon - a.lon) / 2
    across = math.cos(math.radians(a.lat)) * math.cos(math.radians(b.lat)) * math.sin(half_lon) ** 2
    return 2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(math.sin(half_lat) ** 2 + across)))


def require_same_datum(a: Point, b: Point) -> None:
    """Raise DatumMismatch unless both numbers may stand in one formula."""
    if (a.datum == "gcj02") != (b.datum == "gcj02"):
        raise DatumMismatch(f"{a.datum} and {b.datum} do not mix: convert one of them first")


def degrees_per_metre(lat: float) -> tuple[float, float]:
    """Degrees of longitude and of latitude that one metre spans at `lat` (WGS-84 ellipsoid, series)."""
    phi = math.radians(lat)
    metres_lat = 111132.954 - 559.822 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi)
    metres_lon = 111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi)
    return 1 / metres_lon, 1 / metres_lat


def box_around(point: Point, metres: float) -> tuple[float, float, float, float]:
    """West, south, east, north of the square that holds every place within `metres`, in the point's datum."""
    per_lon, per_lat = degrees_per_metre(point.lat)
    # The series is for the ellipsoid and distance_m for a sphere; one per cent covers their difference.
    wide, high = metres * per_lon * 1.01, metres * per_lat * 1.01
    return point.lon - wide, point.lat - high, point.lon + wide, point.lat + high


def in_china(lon: float, lat: float) -> bool:
    """Whether the GCJ-02 shift applies: the rectangle every published implementation uses."""
    return 72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271


def _shifted(lon: float, lat: float) -> tuple[float, float]:
    if not in_china(lon, lat):
        return lon, lat
    d_lon, d_lat = _shift(lon, lat)
    return lon + d_lon, lat + d_lat


def _unshifted(lon: float, lat: float) -> tuple[float, float]:
    if not any(in_china(lon + west, lat + north) for west in (-1, 1) for north in (-1, 1)):
        # The shift is far below a degree, and its series run away where they were not made for (the poles).
        return lon, lat
    guess_lon, guess_lat = lon, lat
    for _ in range(_INVERSE_ROUNDS):
        d_lon, d_lat = _shift(guess_lon, guess_lat)
        next_lon, next_lat = lon - d_lon, lat - d_lat
        done = max(abs(next_lon - guess_lon), abs(next_lat - guess_lat)) < _INVERSE_ENOUGH_DEGREES
        guess_lon, guess_lat = next_lon, next_lat
        if done:
            break
    return (guess_lon, guess_lat) if in_china(guess_lon, guess_lat) else (lon, lat)


def _shift(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    ripple = 20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += 2 / 3 * (ripple + _waves(y, (20, 1), (40, 3), (160, 12), (320, 30)))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += 2 / 3 * (ripple + _waves(x, (20, 1), (40, 3), (150, 12), (300, 30)))
    phi = math.radians(lat)
    bend = 1 - _ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    per_lat = math.radians(_MAJOR_AXIS_M * (1 - _ECCENTRICITY_SQUARED) / (bend * math.sqrt(bend)))
    per_lon = math.radians(_MAJOR_AXIS_M / math.sqrt(bend) * math.cos(phi))
    return east / per_lon, north / per_lat


def _waves(value: float, *terms: tuple[int, int]) -> float:
    return sum(size * math.sin(value / slow * math.pi) for size, slow in terms)
