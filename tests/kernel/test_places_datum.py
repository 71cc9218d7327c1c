"""Datums: the round trip, the border of the shift, and the refusal to mix."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from civicloop.kernel.facts.datum import (
    DatumMismatch,
    Point,
    box_around,
    convert,
    degrees_per_metre,
    distance_m,
    to_wgs84,
)

IN_CHINA = st.tuples(st.floats(73.5, 135.1), st.floats(18.1, 53.6))


@settings(deadline=None)
@given(IN_CHINA)
def test_round_trip_stays_under_ten_centimetres_anywhere_in_china(place: tuple[float, float]) -> None:
    start = Point(*place)
    shifted = convert(start, "gcj02")
    assert distance_m(start, to_wgs84(shifted)) < 0.1
    assert distance_m(shifted, convert(to_wgs84(shifted), "gcj02")) < 0.1


def test_shift_here_is_the_one_other_implementations_print() -> None:
    shifted = convert(Point(114.27, 30.6), "gcj02")
    assert shifted.lon - 114.27 == pytest.approx(0.005415, abs=1e-5)
    assert shifted.lat - 30.6 == pytest.approx(-0.002452, abs=1e-5)
    assert 500 < distance_m(Point(114.27, 30.6), Point(shifted.lon, shifted.lat)) < 700


@settings(deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_nothing_moves_outside_china(lon: float, lat: float) -> None:
    if 72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271:
        return
    there = convert(Point(lon, lat), "gcj02")
    assert (there.lon, there.lat) == (lon, lat)


def test_cgcs2000_counts_as_wgs84_and_keeps_its_label() -> None:
    point = Point(114.27, 30.6, "cgcs2000")
    assert to_wgs84(point) == Point(114.27, 30.6, "wgs84")
    assert convert(Point(114.27, 30.6), "cgcs2000") == point
    assert distance_m(point, Point(114.27, 30.6)) == 0


def test_mixing_datums_is_an_error_not_a_587_metre_surprise() -> None:
    with pytest.raises(DatumMismatch):
        distance_m(Point(114.27, 30.6), Point(114.27, 30.6, "gcj02"))


@pytest.mark.parametrize(("lon", "lat"), [(181.0, 0.0), (0.0, 90.5), (math.nan, 30.0), (114.0, math.inf)])
def test_numbers_that_are_no_position_are_refused(lon: float, lat: float) -> None:
    with pytest.raises(ValueError):
        Point(lon, lat)


def test_distance_knows_the_size_of_the_earth() -> None:
    assert distance_m(Point(0, 0), Point(0, 1)) == pytest.approx(111_195, rel=1e-4)
    assert distance_m(Point(114.27, 30.6), Point(-71.0587, 42.3594)) == pytest.approx(11_990_000, rel=0.01)


@settings(deadline=None)
@given(IN_CHINA, st.floats(0, 2 * math.pi), st.floats(1, 5000))
def test_box_holds_every_place_within_reach(
    place: tuple[float, float], bearing: float, metres: float
) -> None:
    centre = Point(*place)
    per_lon, per_lat = degrees_per_metre(centre.lat)
    there = Point(
        centre.lon + per_lon * metres * math.cos(bearing), centre.lat + per_lat * metres * math.sin(bearing)
    )
    west, south, east, north = box_around(centre, metres)
    if distance_m(centre, there) <= metres:
        assert west <= there.lon <= east
        assert south <= there.lat <= north
