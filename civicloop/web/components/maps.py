"""A map with its legend, and the still picture that stands where no map can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Literal, NamedTuple

import msgspec
from markupsafe import Markup

from civicloop.web import locale
from civicloop.web.components.basics import synthetic_mark
from civicloop.web.components.clocks import STATUS_LABELS, Status, clock_shape
from civicloop.web.components.icons import icon
from civicloop.web.components.markup import NOTHING, Text, classes, el, join, say, void

Bounds = tuple[float, float, float, float]
"""West, south, east, north in WGS-84 degrees."""

LayerKind = Literal["base", "labels", "outline", "areas", "cells", "lines", "cases", "points", "shares"]


class MapLayer(NamedTuple):
    """One GeoJSON source of a map: `url` on our own origin, how it is drawn, its name in the legend.

    `cases` are points with properties id, title, status (a clock status), href; they cluster, the worst
    status colours the cluster. `points` have title and href. `areas` have name (and name_en). `shares` are areas with
    `share` 0..1.
    `base` is a pack's basemap.geojson, `labels` its labels.geojson (both tell their features apart by `kind`).
    `refresh` names the events (of live.js, "case") after which the source is fetched again.
    """

    id: str
    url: str
    kind: LayerKind
    label: Text = ""
    synthetic: bool = False
    refresh: str = ""


class Area(NamedTuple):
    """A polygon of the still map: one outer ring of (longitude, latitude) pairs."""

    ring: tuple[tuple[float, float], ...]
    name: Text = ""
    kind: Literal["outline", "area", "cell"] = "area"


class Mark(NamedTuple):
    """A point of the still map: a case with its clock status, or any place."""

    longitude: float
    latitude: float
    title: Text = ""
    status: Status | None = None
    href: str = ""


def still_map(
    bounds: Bounds,
    areas: tuple[Area, ...] = (),
    marks: Sequence[Mark] = (),
    *,
    label: Text = locale.MAP,
    width: int = 800,
    height: int = 560,
    lang: str = "zh",
) -> Markup:
    """The same map as an SVG drawn on the server: for no JavaScript, no WebGL, print and screen readers."""
    at = partial(_at, bounds, width, height)
    drawn = [_still_ground(bounds, areas, width, height, lang)]
    drawn += [_still_mark(mark, at(mark.longitude, mark.latitude), lang) for mark in marks]
    return el(
        "svg",
        {"class": "still", "viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": say(label, lang)},
        *drawn,
    )


def _at(bounds: Bounds, width: int, height: int, longitude: float, latitude: float) -> tuple[float, float]:
    """Where a position stands in the picture."""
    west, south, east, north = bounds
    # One degree of longitude is shorter than one of latitude by the cosine; 0.86 at 30.6 degrees is near
    # enough for a picture of a district anywhere in central China, and the shape is scaled to fit anyway.
    shrink = 0.86
    scale = min(width / ((east - west) * shrink), height / (north - south)) * 0.94
    left = (width - (east - west) * shrink * scale) / 2
    top = (height - (north - south) * scale) / 2
    return left + (longitude - west) * shrink * scale, top + (north - latitude) * scale


@cache  # a district has one, and its streets have a thousand corners
def _still_ground(bounds: Bounds, areas: tuple[Area, ...], width: int, height: int, lang: str) -> Markup:
    at = partial(_at, bounds, width, height)
    drawn: list[Markup] = []
    for area in areas:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*p) for p in area.ring))
        drawn.append(void("polygon", {"class": f"still-{area.kind}", "points": points}))
    for area in areas:
        if area.name and area.ring:
            x, y = at(
                sum(p[0] for p in area.ring) / len(area.ring), sum(p[1] for p in area.ring) / len(area.ring)
            )
            drawn.append(
                el("text", {"class": "still-name", "x": f"{x:.1f}", "y": f"{y:.1f}"}, say(area.name, lang))
            )
    return join(drawn)


def _still_mark(mark: Mark, where: tuple[float, float], lang: str) -> Markup:
    words = say(mark.title, lang)
    if mark.status:
        words = f"{words} {say(STATUS_LABELS[mark.status], lang)}".strip()
    dot = el(
        "circle",
        {
            "class": f"still-mark still-{mark.status or 'point'}",
            "cx": f"{where[0]:.1f}",
            "cy": f"{where[1]:.1f}",
            "r": 6,
        },
        el("title", None, words) if words else NOTHING,
    )
    return el("a", {"href": mark.href, "aria-label": words}, dot) if mark.href else dot


def map_with_legend(
    layers: Sequence[MapLayer],
    bounds: Bounds,
    *,
    fallback: Markup = NOTHING,
    statuses: Sequence[Status] = (),
    synthetic: bool = False,
    panel: str = "#panel",
    label: Text = locale.MAP,
    height: Literal["short", "tall", "fill"] = "tall",
    pick: Mapping[str, str] | None = None,
    selected: tuple[float, float] | None = None,
    attribution: Text = "",
    lang: str = "zh",
) -> Markup:
    """A live map (map.js) over GeoJSON layers, its legend below, its still picture beneath.

    A click on a case loads its page into `panel` by htmx. `pick` (`{"longitude": "#id", "latitude": "#id"}`)
    makes it a picker that writes into those fields. `synthetic` puts the permanent mark on it.
    """
    settings: dict[str, object] = {
        "layers": [
            {
                "id": layer.id,
                "url": layer.url,
                "kind": layer.kind,
                "label": say(layer.label, lang),
                "refresh": layer.refresh,
            }
            for layer in layers
        ],
        "bounds": list(bounds),
        "panel": panel,
        "pick": dict(pick) if pick else None,
        "selected": list(selected) if selected else None,
        "attribution": say(attribution, lang),
        "words": {
            "failed": say(locale.MAP_FAILED, lang),
            "controls": {
                "Map.Title": say(label, lang),
                "NavigationControl.ZoomIn": say(locale.ZOOM_IN, lang),
                "NavigationControl.ZoomOut": say(locale.ZOOM_OUT, lang),
                "Marker.Title": say(locale.PIN, lang),
            },
        },
    }
    entries = [
        el("li", None, clock_shape(status, size=13), say(STATUS_LABELS[status], lang)) for status in statuses
    ]
    entries.extend(
        el(
            "li",
            None,
            el("span", {"class": f"swatch swatch-{layer.kind}", "aria-hidden": "true"}),
            say(layer.label, lang),
            synthetic_mark(lang=lang) if layer.synthetic else NOTHING,
        )
        for layer in layers
        if layer.label and layer.kind != "cases"
    )
    legend = (
        el("ul", {"class": "legend", "aria-label": say(locale.LEGEND, lang)}, *entries)
        if entries
        else NOTHING
    )
    return el(
        "figure",
        {
            "class": classes("map", f"map-{height}", pick is not None and "map-pick"),
            "data-island": "map",
            "data-map": msgspec.json.encode(settings).decode(),
            "data-synthetic": synthetic,
        },
        el(
            "div",
            {"class": "map-stage"},
            el("div", {"class": "map-still"}, fallback),
            el("div", {"class": "map-canvas"}),
            el("span", {"class": "map-synthetic"}, synthetic_mark(lang=lang)) if synthetic else NOTHING,
        ),
        el("p", {"class": "map-message", "role": "status", "hidden": True}),
        el("figcaption", None, legend) if entries else NOTHING,
    )


def point_field(
    name: str,
    label: Text,
    *,
    layers: Sequence[MapLayer],
    bounds: Bounds,
    fallback: Markup = NOTHING,
    longitude: str = "",
    latitude: str = "",
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    synthetic: bool = False,
    lang: str = "zh",
) -> Markup:
    """A place: picked on the map, from the device, or typed; sends `NAME.longitude` and `NAME.latitude`."""
    selected = _degrees(longitude, latitude)
    hint_id, error_id = f"{name}-hint", f"{name}-error"
    optional = NOTHING if required else el("span", {"class": "optional"}, say(locale.OPTIONAL, lang))
    spoken_error = el("span", {"class": "sr-only"}, say(locale.ERROR, lang))
    return el(
        "fieldset",
        {
            "class": classes("field", "field-point", bool(error) and "has-error"),
            "id": name,
            "data-island": "point",
            "aria-describedby": " ".join(i for i, on in ((hint_id, hint), (error_id, error)) if on) or None,
        },
        el("legend", {"class": "field-label"}, say(label, lang), optional),
        el("p", {"class": "hint", "id": hint_id}, say(hint, lang)) if hint else NOTHING,
        el("p", {"class": "error", "id": error_id}, spoken_error, say(error, lang)) if error else NOTHING,
        _locate_tools("" if hint else locale.PICK_ON_MAP, lang),
        map_with_legend(
            layers,
            bounds,
            fallback=fallback,
            synthetic=synthetic,
            height="short",
            label=label,
            pick={"longitude": f"#{name}-longitude", "latitude": f"#{name}-latitude"},
            selected=selected,
            lang=lang,
        ),
        el(
            "details",
            {"class": "by-hand", "open": selected is None},
            el("summary", None, say(locale.POINT_BY_HAND, lang)),
            el(
                "div",
                {"class": "pair-fields"},
                _degree_field(name, "longitude", locale.LONGITUDE, longitude, required, error, lang),
                _degree_field(name, "latitude", locale.LATITUDE, latitude, required, error, lang),
            ),
        ),
    )


def _degrees(longitude: str, latitude: str) -> tuple[float, float] | None:
    """The typed place where the map may show it; what is no number is left to the field's error."""
    try:
        return float(longitude), float(latitude)
    except ValueError:
        return None


def _locate_tools(words: Text, lang: str) -> Markup:
    return el(
        "div",
        {"class": "point-tools needs-js"},
        el(
            "button",
            {
                "class": "btn btn-secondary",
                "type": "button",
                "data-locate": True,
                "data-locating": say(locale.LOCATING, lang),
                "data-not-located": say(locale.NOT_LOCATED, lang),
            },
            icon("locate", size=18),
            el("span", None, say(locale.USE_MY_POSITION, lang)),
        ),
        el("span", {"class": "point-words", "role": "status"}, say(words, lang)),
    )


def _degree_field(
    name: str, part: str, caption: Text, value: str, required: bool, error: Text, lang: str
) -> Markup:
    identity = f"{name}-{part}"
    return el(
        "label",
        {"class": "field", "for": identity},
        el("span", {"class": "field-label"}, say(caption, lang)),
        void(
            "input",
            {
                "class": "input input-number",
                "id": identity,
                "name": f"{name}.{part}",
                "value": value or None,
                "inputmode": "decimal",
                "autocomplete": "off",
                "required": required,
                "aria-invalid": "true" if error else None,
                "aria-describedby": f"{name}-error" if error else None,
            },
        ),
    )
