"""The still map of a district, drawn on the server: what stands where no live map can run."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

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
    return ui.still_map(places.bbox, _areas(places), list(marks), label=_LABEL, lang=lang)


@cache  # places are made once at start and never change
def _areas(places: Places) -> tuple[Area, ...]:
    outline = Area(_ring(places.outline), "", "outline")
    return outline, *(Area(_ring(street), street.label) for street in places.streets)


def _ring(area: facts.Area) -> tuple[tuple[float, float], ...]:
    """The longest ring of an area: at this size its holes and islets are less than a line's width."""
    return tuple((lon / MICRO, lat / MICRO) for lon, lat in max(area.rings, key=len))
