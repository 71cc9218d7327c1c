"""The model district's places: real outline, all names, derived areas that fit together, sentences that mend."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from civicloop.kernel.facts.datum import Point, convert, distance_m
from civicloop.kernel.facts.derive import derived
from civicloop.kernel.facts.drawing import outline_svg
from civicloop.kernel.facts.placefiles import PlaceFileError, read_places
from civicloop.kernel.facts.places import Places
from civicloop.kernel.facts.rings import MICRO, holds, joined
from civicloop.kernel.refusal import Invalid

PACKS = Path(__file__).parents[2] / "civicloop" / "packs"
FOLDER = PACKS / "jianghan" / "places"
_JIANGHAN = read_places(FOLDER)
SOMEWHERE = st.tuples(st.floats(114.21, 114.31), st.floats(30.56, 30.65))


@pytest.fixture(scope="module")
def places() -> Places:
    return _JIANGHAN


def test_counts_and_area_are_the_district_s(places: Places) -> None:
    assert len(places.streets) == 15
    assert len(places.communities) == 111
    assert places.outline.area_m2 == pytest.approx(28.3e6, rel=0.02)
    assert places.outline.provenance == "real"
    assert {a.provenance for a in (*places.streets, *places.communities, *places.cells)} == {"derived"}


def test_names_and_codes_are_those_of_the_source(places: Places) -> None:
    source = Path(__file__).parents[3] / "shared" / "data" / "place" / "jianghan_divisions.json"
    if not source.exists():
        pytest.skip("the source data folder is not beside the checkout")
    rows = json.loads(source.read_text("utf-8"))
    names = {street["code"]: street["name"] for street in rows["streets"]}
    assert names.keys() == {area.code for area in places.streets}
    assert all(names[area.code].startswith(area.label.zh) for area in places.streets)
    assert {c["code"] for c in rows["communities"]} == {a.code for a in places.communities}
    for community in rows["communities"]:
        area = places.area(community["code"])
        assert area is not None
        assert community["name"].startswith(area.label.zh)
        assert area.parent == community["streetCode"]


def test_cells_are_about_a_hectare_and_numbered_west_to_east_north_to_south(places: Places) -> None:
    areas = sorted(cell.area_m2 for cell in places.cells)
    assert areas[len(areas) // 2] == pytest.approx(10_000, rel=0.02)
    assert areas[0] >= 3_000
    assert areas[-1] <= 15_000
    for community in places.communities:
        own = places.inside(community.code)
        assert [cell.code for cell in own] == [f"{community.code}{n:03d}" for n in range(1, len(own) + 1)]
        assert all(re.fullmatch(r"\d{15}", cell.code) for cell in own)
        first, last = own[0], own[-1]
        assert first.at.lat >= last.at.lat - 0.0005


def test_areas_fit_together_without_gap_or_overlap(places: Places) -> None:
    whole = places.outline.area_m2
    for level in (places.streets, places.communities, places.cells):
        assert sum(area.area_m2 for area in level) == pytest.approx(whole, rel=1e-4)
    for street in places.streets:
        below = places.inside(street.code)
        assert sum(area.area_m2 for area in below) == pytest.approx(street.area_m2, rel=1e-4)
        assert len(street.rings) == 1


@settings(deadline=None)
@given(SOMEWHERE)
def test_a_position_lies_in_one_cell_of_its_own_community(where: tuple[float, float]) -> None:
    places = _JIANGHAN
    point = Point(*where)
    found = places.locate(point)
    lon, lat = point.lon * MICRO, point.lat * MICRO
    if found is None:
        assert not any(holds(area.rings, lon, lat) for area in places.communities)
        return
    for code in (found.street, found.community, found.cell):
        area = places.area(code or "")
        assert area is not None
        assert holds(area.rings, lon, lat)
    assert found.cell is not None
    assert found.cell.startswith(found.community or "?")
    assert places.contains(point)


@settings(deadline=None)
@given(SOMEWHERE)
def test_inside_agrees_with_the_real_outline_to_a_hand_s_breadth(where: tuple[float, float]) -> None:
    places = _JIANGHAN
    lon, lat = where[0] * MICRO, where[1] * MICRO
    around = {holds(places.outline.rings, lon + dx, lat + dy) for dx in (-2, 0, 2) for dy in (-2, 0, 2)}
    if len(around) == 1:
        assert places.contains(Point(*where)) == around.pop()


def test_every_label_point_lies_in_its_area(places: Places) -> None:
    for area in (*places.streets, *places.communities):
        found = places.locate(area.at)
        assert found is not None
        assert area.code in (found.street, found.community)


def test_another_datum_is_converted_before_looking(places: Places) -> None:
    point = places.communities[40].at
    assert places.locate(convert(point, "gcj02")) == places.locate(point)
    assert places.locate(convert(point, "cgcs2000")) == places.locate(point)


def test_near_gives_the_cells_around_nearest_first(places: Places) -> None:
    here = places.communities[60].at
    cells = places.near(here, 150)
    own = places.locate(here)
    assert own is not None
    assert own.cell in {cell.code for cell in cells[:2]}
    assert 4 <= len(cells) <= 25
    far = [distance_m(cell.at, here) for cell in cells]
    assert far == sorted(far)


@pytest.mark.parametrize(
    ("lon", "lat", "datum", "says_zh", "says_en"),
    [
        (30.61, 114.25, "wgs84", "写反", "swapped"),
        (114.5, 30.6, "wgs84", "不在江汉区内", "outside Jianghan District"),
        (0.0, 0.0, "wgs84", "不在江汉区内", "outside"),
        (500.0, 30.6, "wgs84", "不是地球上的位置", "no position on earth"),
        (float("nan"), 30.6, "wgs84", "不是地球上的位置", "no position on earth"),
        (114.2995, 30.5735, "wgs84", "gcj02", "datum gcj02"),
        (114.2205, 30.6250, "gcj02", "wgs84", "datum wgs84"),
        (114.25, 30.61, "bd09", "坐标系“bd09”未知", '"bd09" is unknown'),
    ],
)
def test_a_wrong_position_gets_a_sentence_that_says_how_to_mend_it(
    places: Places, lon: float, lat: float, datum: str, says_zh: str, says_en: str
) -> None:
    with pytest.raises(Invalid) as refused:
        places.position(lon, lat, datum)
    assert says_zh in refused.value.reason.zh
    assert says_en in refused.value.reason.en
    assert refused.value.fields


def test_a_right_position_comes_back_in_wgs84(places: Places) -> None:
    assert places.position(114.25, 30.61) == Point(114.25, 30.61)
    shifted = convert(Point(114.25, 30.61), "gcj02")
    back = places.position(shifted.lon, shifted.lat, "gcj02")
    assert distance_m(back, Point(114.25, 30.61)) < 0.1


@pytest.mark.slow
def test_derived_files_are_what_the_tool_writes() -> None:
    for name, text in derived(FOLDER).items():
        assert (FOLDER / name).read_text("utf-8") == text, f"{name} is not current; derive it again"


def test_files_are_small_and_every_feature_says_where_it_comes_from() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 2_000_000
    for path in FOLDER.glob("*.geojson"):
        read = json.loads(path.read_text("utf-8"))
        for feature in read.get("features", [read]):
            assert feature["properties"]["provenance"] in ("real", "derived", "synthetic")


def test_a_district_with_an_outline_only_answers_inside_or_not() -> None:
    boston = read_places(PACKS / "boston" / "places")
    found = boston.locate(Point(-71.0648, 42.3574))
    assert found is not None
    assert found.street is found.cell is None
    assert not boston.contains(Point(114.25, 30.61))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "basemap.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(PlaceFileError, match="0 features of kind district"):
        read_places(tmp_path)
    (tmp_path / "basemap.geojson").write_text("{")
    with pytest.raises(PlaceFileError, match="not JSON"):
        read_places(tmp_path)


def test_drawing_holds_every_street_and_marks_points_outside(places: Places) -> None:
    drawing = outline_svg(places, [places.streets[0].at, Point(0, 0)], (320, 240))
    assert len(drawing.streets) == 15
    assert drawing.spots[1] is None
    assert drawing.spots[0] is not None
    numbers = [float(n) for n in re.findall(r"[\d.]+", drawing.outline.d)]
    assert min(numbers) >= 0
    assert max(numbers[::2]) <= 320
    assert max(numbers[1::2]) <= 240
    assert re.fullmatch(r"[MLZ\d. ]+", drawing.outline.d)


def test_shapes_joined_at_a_corner_stay_two_rings() -> None:
    squares = [[(0, 0), (1, 0), (1, 1), (0, 1)], [(1, 1), (2, 1), (2, 2), (1, 2)]]
    edges = [(a, b) for s in squares for a, b in zip(s, s[1:] + s[:1], strict=True)]
    assert len(joined(edges)) == 2
