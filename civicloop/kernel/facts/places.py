"""Places: a district's outline, streets, communities and unit cells, and in which of them a position lies.

Positions are WGS-84 inside; a caller may hand in another datum and gets it converted. Borders between streets,
communities and cells are computed (see partition.py), and each area says so in `provenance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from civicloop.kernel.facts.datum import DATUMS, Datum, Point, box_around, distance_m, is_datum, to_wgs84
from civicloop.kernel.facts.rings import MICRO, Lattice, Ring, bounds, holds
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid

Kind = Literal["district", "street", "community", "cell"]
Provenance = Literal["real", "derived", "synthetic"]

PROVENANCE_LABELS: Mapping[Provenance, Label] = {
    "real": Label("实测", "Real"),
    "derived": Label("推算", "Derived"),
    "synthetic": Label("合成", "Synthetic"),
}


@dataclass(frozen=True, slots=True)
class Area:
    """A named area: rings in micro-degrees (WGS-84), area in m2, a point for its label, where it comes from."""

    code: str
    kind: Kind
    label: Label
    parent: str | None
    rings: tuple[Ring, ...]
    area_m2: int
    at: Point
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Place:
    """The codes of the areas a position lies in; None where a pack has no such areas."""

    street: str | None = None
    community: str | None = None
    cell: str | None = None


_NOWHERE_FINER = Place()


class Places:
    """A district's areas, ready to be asked; made once at start from a pack and never changed."""

    def __init__(
        self,
        outline: Area,
        streets: Iterable[Area] = (),
        communities: Iterable[Area] = (),
        cells: Iterable[Area] = (),
        lattice: Lattice | None = None,
    ) -> None:
        self.outline = outline
        self.streets = tuple(streets)
        self.communities = tuple(communities)
        self.cells = tuple(cells)
        everything = (outline, *self.streets, *self.communities, *self.cells)
        self._by_code = {area.code: area for area in everything}
        if len(self._by_code) != len(everything):
            raise ValueError("two areas have one code")
        self._lattice = lattice
        self._whole: dict[int, Place] = {}
        self._parts: dict[int, list[tuple[tuple[Ring, ...], Place]]] = {}
        if lattice is not None:
            for cell in self.cells:
                self._enter(cell, lattice)
        west, south, east, north = bounds(v for ring in outline.rings for v in ring)
        self.bbox = (west / MICRO, south / MICRO, east / MICRO, north / MICRO)

    def _enter(self, cell: Area, lattice: Lattice) -> None:
        community = self._by_code[cell.parent or ""]
        place = Place(community.parent, community.code, cell.code)
        west, south, east, north = bounds(v for ring in cell.rings for v in ring)
        columns = range((west - lattice.west) // lattice.wide, -(-(east - lattice.west) // lattice.wide))
        rows = range((lattice.north - north) // lattice.high, -(-(lattice.north - south) // lattice.high))
        whole = len(cell.rings) == 1 and len(cell.rings[0]) == 4 and len(columns) * len(rows) == 1
        for row in rows:
            for column in columns:
                number = row * lattice.columns + column
                if whole and set(cell.rings[0]) == _corners(lattice.box(column, row)):
                    self._whole[number] = place
                else:
                    self._parts.setdefault(number, []).append((cell.rings, place))

    def area(self, code: str) -> Area | None:
        """The area with this code, of any kind; None when there is none."""
        return self._by_code.get(code)

    def inside(self, code: str) -> tuple[Area, ...]:
        """The areas directly below `code`: streets of the district, communities of a street, cells of one."""
        return tuple(area for area in self._by_code.values() if area.parent == code)

    def locate(self, point: Point) -> Place | None:
        """The areas a position lies in, or None outside the district; about a microsecond."""
        if point.datum == "gcj02":
            point = to_wgs84(point)
        lon, lat = point.lon * MICRO, point.lat * MICRO
        lattice = self._lattice
        if lattice is None:
            return _NOWHERE_FINER if holds(self.outline.rings, lon, lat) else None
        column = int((lon - lattice.west) // lattice.wide)
        if not 0 <= column < lattice.columns:
            return None
        number = int((lattice.north - lat) // lattice.high) * lattice.columns + column
        place = self._whole.get(number)
        if place is not None:
            return place
        for rings, candidate in self._parts.get(number, ()):
            if holds(rings, lon, lat):
                return candidate
        return None

    def contains(self, point: Point) -> bool:
        """Whether the position lies in the district."""
        return self.locate(point) is not None

    def near(self, point: Point, metres: float) -> tuple[Area, ...]:
        """The cells whose squares the box of `metres` around the position touches, nearest label first."""
        lattice = self._lattice
        if lattice is None:
            return ()
        centre = to_wgs84(point)
        west, south, east, north = (value * MICRO for value in box_around(centre, metres))
        left, right = int((west - lattice.west) // lattice.wide), int((east - lattice.west) // lattice.wide)
        top, low = int((lattice.north - north) // lattice.high), int((lattice.north - south) // lattice.high)
        codes: set[str | None] = set()
        for row in range(max(top, 0), min(low, lattice.rows - 1) + 1):
            for column in range(max(left, 0), min(right, lattice.columns - 1) + 1):
                number = row * lattice.columns + column
                if number in self._whole:
                    codes.add(self._whole[number].cell)
                codes.update(place.cell for _, place in self._parts.get(number, ()))
        found = [(distance_m(self._by_code[code].at, centre), code) for code in codes if code is not None]
        return tuple(self._by_code[code] for _, code in sorted(found))

    def likely_swapped(self, lon: float, lat: float) -> bool:
        """Whether the pair lies in the district only when read the other way round."""
        return not self._reads(lon, lat, "wgs84") and self._reads(lat, lon, "wgs84")

    def likely_gcj02(self, lon: float, lat: float) -> bool:
        """Whether the pair lies in the district only when read as GCJ-02."""
        return not self._reads(lon, lat, "wgs84") and self._reads(lon, lat, "gcj02")

    def likely_wgs84(self, lon: float, lat: float) -> bool:
        """Whether the pair, handed in as GCJ-02, lies in the district only when read as WGS-84."""
        return not self._reads(lon, lat, "gcj02") and self._reads(lon, lat, "wgs84")

    def _reads(self, lon: float, lat: float, datum: Datum) -> bool:
        return _on_earth(lon, lat) and self.contains(Point(lon, lat, datum))

    def position(self, lon: float, lat: float, datum: str = "wgs84") -> Point:
        """The position in WGS-84, when it lies in the district.

        Raises Invalid with a sentence for the field that is wrong (`datum`, or `lat` and `lon` together).
        """
        if not is_datum(datum):
            known = ", ".join(DATUMS)
            text = Label(
                "坐标系“{given}”未知；请填 {known} 之一。", 'Datum "{given}" is unknown; use one of {known}.'
            )
            raise Invalid(
                text.filled(given=datum, known=known), fields={"datum": text.filled(given=datum, known=known)}
            )
        if self._reads(lon, lat, datum):
            return to_wgs84(Point(lon, lat, datum))
        sentence = self._why_outside(lon, lat, datum)
        raise Invalid(sentence, fields={"lat": sentence, "lon": sentence})

    def _why_outside(self, lon: float, lat: float, datum: Datum) -> Label:
        given = {"lon": f"{lon:.6g}", "lat": f"{lat:.6g}", "district": self.outline.label}
        if self.likely_swapped(lon, lat):
            return Label(
                "经度和纬度写反了：位置在{district}内的是经度 {lat}、纬度 {lon}。请对调后再提交。",
                "Longitude and latitude are swapped: longitude {lat}, latitude {lon} lies in {district}. "
                "Exchange them and send again.",
            ).filled(**given)
        if not _on_earth(lon, lat):
            return Label(
                "经度 {lon}、纬度 {lat} 不是地球上的位置；经度应在 -180 至 180 之间，纬度应在 -90 至 90 之间。",
                "Longitude {lon}, latitude {lat} is no position on earth; longitude runs from -180 to 180 and "
                "latitude from -90 to 90.",
            ).filled(**given)
        if datum != "gcj02" and self.likely_gcj02(lon, lat):
            return Label(
                "按 WGS-84 读，这个位置在{district}之外；按国内地图的 GCJ-02 读则在区内。若取自国内地图，请注明坐标系 gcj02。",
                "Read as WGS-84 this position lies outside {district}; read as GCJ-02, the datum of Chinese "
                "maps, it lies inside. If it was taken from such a map, send datum gcj02 with it.",
            ).filled(**given)
        if datum == "gcj02" and self.likely_wgs84(lon, lat):
            return Label(
                "按 GCJ-02 读，这个位置在{district}之外；按 WGS-84（卫星定位）读则在区内。若来自手机定位，请注明坐标系 wgs84。",
                "Read as GCJ-02 this position lies outside {district}; read as WGS-84, what satellites give, "
                "it lies inside. If it came from a phone's position, send datum wgs84 with it.",
            ).filled(**given)
        return Label(
            "经度 {lon}、纬度 {lat} 不在{district}内；请在地图上点选区内的位置。",
            "Longitude {lon}, latitude {lat} lies outside {district}; pick a place inside it on the map.",
        ).filled(**given)


def _on_earth(lon: float, lat: float) -> bool:
    return -180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0


def _corners(box: tuple[int, int, int, int]) -> set[tuple[int, int]]:
    west, south, east, north = box
    return {(west, south), (east, south), (east, north), (west, north)}
