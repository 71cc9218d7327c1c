"""The still map of a district, drawn on the server: what stands where no live map can run."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from civicloop.kernel.facts import places as facts
from civicloop.kernel.facts.places import Places
from civicloop.kernel.facts.rings import MICRO
from civicloop.kernel.label import Label
from civicloop.web import components as ui
from civicloop.web.components import Area, Mark

_LABEL = Label("地图（静态）", "Map (still)")


def still_map(places: Places, marks: Iterable[Mark] = (), *, lang: str) -> Markup:
    """The district's outline and its streets by name, with marks on it."""
    outline = Area(_ring(places.outline), "", "outline")
    streets = [Area(_ring(street), street.label) for street in places.streets]
    return ui.still_map(places.bbox, [outline, *streets], list(marks), label=_LABEL, lang=lang)


def _ring(area: facts.Area) -> list[tuple[float, float]]:
    """The longest ring of an area: at this size its holes and islets are less than a line's width."""
    return [(lon / MICRO, lat / MICRO) for lon, lat in max(area.rings, key=len)]
