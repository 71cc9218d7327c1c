"""Estates as the loop reads them: a dated entry of the register, with the buildings and units below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from civicloop.kernel.label import Label

ESTATES = "estates"
FIRMS = "firms"

WORKS: Mapping[str, Label] = {
    "cleaning": Label("清扫保洁", "Cleaning"),
    "patrol": Label("安全巡查", "Safety patrol"),
}


@dataclass(frozen=True, slots=True)
class Estate:
    """A residential compound; `layout` holds, for each building in order, how many units (单元) it has."""

    code: str
    label: Label
    firm: str
    street: str
    community: str
    lon: float
    lat: float
    layout: tuple[int, ...]

    @property
    def units(self) -> tuple[str, ...]:
        """The codes of all units: estate, building, unit ("E001-02-1")."""
        return tuple(
            f"{self.code}-{building:02d}-{unit}"
            for building, count in enumerate(self.layout, 1)
            for unit in range(1, count + 1)
        )


def estate_of(code: str, attributes: Mapping[str, Any]) -> Estate:
    """The estate of a register entry."""
    layout: Sequence[int] = attributes["layout"]
    return Estate(
        code,
        Label(str(attributes["name"]), str(attributes["name_en"])),
        str(attributes["firm"]),
        str(attributes["street"]),
        str(attributes["community"]),
        float(attributes["lon"]),
        float(attributes["lat"]),
        tuple(layout),
    )


def unit_label(unit: str) -> Label:
    """What a unit is called: "2栋1单元"; a code of another shape is shown as it is."""
    parts = unit.split("-")
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return Label(unit, unit)
    building, number = int(parts[1]), int(parts[2])
    return Label(f"{building}栋{number}单元", f"Building {building}, unit {number}")
