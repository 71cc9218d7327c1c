"""A pack: the folder of data that makes a district, read into plain values.

    pack.toml          what the district is: code, label, zone, loops, datum, map, figures, phones, sources
    categories.toml    schemes of categories (see categories.py), optional
    units.toml         responsible units (责任单位), optional
    accounts.toml      accounts of the demo, optional
    registers/         further registers, reference/ further dated rows, for any loop (see packrows.py), optional
    places/            basemap.geojson and its companions (see placefiles.py)
    calendars.toml     working calendars (see time/calendar_file.py)

Nothing is written anywhere; the caller puts reference and register rows into the store. Every fault is a
PackError with file, line, key and the way to mend it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from civicloop.kernel.facts.categories import read_categories
from civicloop.kernel.facts.datum import DATUMS
from civicloop.kernel.facts.packfile import PackError, Table, read_file, refuse_repeats
from civicloop.kernel.facts.packrows import read_reference, register_files
from civicloop.kernel.facts.placefiles import read_places
from civicloop.kernel.facts.places import Places
from civicloop.kernel.facts.reference import STATUSES, NewReference
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import API_SCOPES, ApiScope
from civicloop.kernel.time.clock import Instant

PACKS = Path(__file__).parents[2] / "packs"
SCOPES = ("district", "street", "community", "unit", "self")
UNIT_KINDS = ("street_centre", "department", "utility", "contractor")


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A thing the district knows from the start: register and code, label, data, and where it comes from."""

    register: str
    code: str
    label: Label
    valid_from: Instant
    valid_to: Instant | None
    data: dict[str, Any]
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A number somebody printed about the district; two sources may print two, and a page shows both."""

    code: str
    label: Label
    value: float
    unit: Label
    source: str
    status: str
    note: Label


@dataclass(frozen=True, slots=True)
class PackGrant:
    """A role of a demo account and where it holds."""

    role: str
    scope: str
    code: str


@dataclass(frozen=True, slots=True)
class PackAccount:
    """A demo account of an invented person; several accounts may belong to one `person`."""

    login: str
    name: Label
    person: str
    mobile: str | None
    grants: tuple[PackGrant, ...]


@dataclass(frozen=True, slots=True)
class PackKey:
    """A demo API key with a known text, which acts for a demo account."""

    login: str
    text: str
    scopes: tuple[ApiScope, ...]


@dataclass(frozen=True, slots=True)
class Phone:
    """A number people may call."""

    number: str
    label: Label


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file of the pack comes from, under which licence, and whether it is real, derived or synthetic."""

    file: str
    text: str
    licence: str
    provenance: str


@dataclass(frozen=True, slots=True)
class MapView:
    """Where a map opens: centre in degrees (WGS-84) and zoom."""

    lon: float
    lat: float
    zoom: float


@dataclass(frozen=True, slots=True)
class Pack:
    """A district's data; `reference` and `registers` are rows to store, the rest is for start-up and pages."""

    folder: Path
    code: str
    label: Label
    zone: str
    loops: tuple[str, ...]
    languages: tuple[str, ...]
    datum: str
    district: str
    map: MapView
    figures: tuple[Figure, ...]
    phones: tuple[Phone, ...]
    sources: tuple[Source, ...]
    demo_password: str
    accounts: tuple[PackAccount, ...]
    keys: tuple[PackKey, ...]
    reference: tuple[NewReference, ...]
    registers: tuple[RegisterRow, ...]

    @property
    def calendars_file(self) -> Path:
        """The calendars of the district; `load_calendars` reads it."""
        return self.folder / "calendars.toml"

    @property
    def places_folder(self) -> Path:
        """The folder of the place files, which the map is served from."""
        return self.folder / "places"

    def places(self) -> Places:
        """The district's areas, read from the files: about 0.1 s for the model district, so keep them."""
        return read_places(self.places_folder)


def pack_names() -> tuple[str, ...]:
    """The packs that come with the product."""
    return tuple(sorted(path.parent.name for path in PACKS.glob("*/pack.toml")))


def load_pack(name_or_path: str | Path) -> Pack:
    """The pack of this name, or in this folder; PackError says what is wrong with it and how to mend it."""
    folder = Path(name_or_path)
    if not folder.is_dir():
        folder = PACKS / str(name_or_path)
    if not folder.is_dir():
        raise PackError(
            Path(name_or_path),
            None,
            "",
            Label(
                "没有这个数据包；随产品提供：{names}。",
                "there is no such pack; with the product come {names}",
            ).filled(names=", ".join(pack_names())),
        )
    top = read_file(folder / "pack.toml")
    top.only(_PACK_KEYS)
    zone = _zone(top)
    founded = top.day("valid_from", zone)
    if founded is None:
        raise top.fault("valid_from", "缺少这个键，请补上。", "is missing; add it")
    units = _units(folder, zone, founded)
    further = _further(folder, founded)
    # A role may hold for whatever organisation a register names: the loop says which register it hands its cases to.
    accounts, keys, password = _accounts(folder, {row.code for row in (*units, *further)})
    reference = read_reference(folder, zone, founded)
    if (folder / "categories.toml").exists():
        codes = {row.code for row in units}
        reference += read_categories(folder / "categories.toml", zone, codes, _calendar_names(folder))
    return Pack(
        folder=folder,
        code=top.word("code"),
        label=top.label("label"),
        zone=zone.key,
        loops=top.words("loops"),
        languages=top.words("languages"),
        datum=top.choice("datum", DATUMS),
        district=top.word("district"),
        map=_view(top.table("map")),
        figures=_figures(top),
        phones=tuple(Phone(t.word("number"), t.label("label")) for t in top.tables("phones")),
        sources=_sources(top, folder),
        demo_password=password,
        accounts=accounts,
        keys=keys,
        reference=tuple(reference),
        registers=(*units, *_areas(folder, founded), *further),
    )


_PACK_KEYS = {
    "code",
    "label",
    "zone",
    "loops",
    "languages",
    "datum",
    "district",
    "valid_from",
    "map",
    "figures",
    "phones",
    "sources",
}


def _zone(top: Table) -> ZoneInfo:
    try:
        return ZoneInfo(top.word("zone"))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise top.fault(
            "zone", "没有这个时区；如 Asia/Shanghai。", "is no time zone; write one such as Asia/Shanghai"
        ) from error


def _view(table: Table) -> MapView:
    table.only({"lon", "lat", "zoom"})
    view = MapView(table.number("lon"), table.number("lat"), table.number("zoom"))
    if not (-180 <= view.lon <= 180 and -90 <= view.lat <= 90):
        raise table.fault(
            "lat", "不是地球上的位置；经度与纬度写反了吗？", "is no position; are lon and lat swapped?"
        )
    return view


def _figures(top: Table) -> tuple[Figure, ...]:
    figures = []
    for table in top.tables("figures"):
        table.only({"code", "label", "value", "unit", "source", "status", "note"})
        figures.append(
            Figure(
                table.word("code"),
                table.label("label"),
                table.number("value"),
                table.label("unit"),
                table.word("source"),
                table.choice("status", STATUSES),
                table.label("note") if "note" in table.values else Label("", ""),
            )
        )
    return tuple(figures)


def _sources(top: Table, folder: Path) -> tuple[Source, ...]:
    sources = []
    for table in top.tables("sources"):
        table.only({"file", "text", "licence", "provenance"})
        provenance = table.choice("provenance", ("real", "derived", "synthetic"))
        source = Source(table.word("file"), table.word("text"), table.word("licence"), provenance)
        if not (folder / source.file).exists():
            raise table.fault(
                "file", "数据包里没有这个文件。", "is no file of this pack; remove the row or add it"
            )
        sources.append(source)
    return tuple(sources)


def _units(folder: Path, zone: ZoneInfo, founded: Instant) -> list[RegisterRow]:
    if not (folder / "units.toml").exists():
        return []
    top = read_file(folder / "units.toml")
    top.only({"unit"})
    tables = top.tables("unit")
    refuse_repeats(tables, "code")
    rows = []
    for table in tables:
        table.only({"code", "label", "kind", "street", "source", "status", "valid_from", "valid_to"})
        label, kind = table.label("label"), table.choice("kind", UNIT_KINDS)
        data: dict[str, Any] = {"zh": label.zh, "en": label.en, "kind": kind}
        if kind == "street_centre":
            data["street"] = table.word("street")
        rows.append(
            RegisterRow(
                "units",
                table.word("code"),
                label,
                table.day("valid_from", zone) or founded,
                table.day("valid_to", zone),
                data,
                table.word("source"),
                table.choice("status", STATUSES),
            )
        )
    return rows


def _areas(folder: Path, founded: Instant) -> list[RegisterRow]:
    """Streets and communities as register rows: names and codes are real, their borders derived."""
    path = folder / "places" / "divisions.json"
    if not path.exists():
        return []
    places = read_places(folder / "places", with_cells=False)
    rows = []
    for register, areas in (("streets", places.streets), ("communities", places.communities)):
        for area in areas:
            data = {
                "zh": area.label.zh,
                "en": area.label.en,
                "parent": area.parent,
                "borders": area.provenance,
            }
            rows.append(
                RegisterRow(
                    register, area.code, area.label, founded, None, data, "divisions.json", "second_hand"
                )
            )
    return rows


def _further(folder: Path, founded: Instant) -> list[RegisterRow]:
    """The rows of the registers that the pack brings for its loops."""
    return [
        RegisterRow(
            register,
            row["code"],
            Label(row["zh"], row["en"]),
            founded,
            None,
            {key: value for key, value in row.items() if key not in ("code", "zh", "en")},
            found.source,
            found.status,
        )
        for register, found in register_files(folder)
        for row in found.rows
    ]


def _accounts(folder: Path, units: set[str]) -> tuple[tuple[PackAccount, ...], tuple[PackKey, ...], str]:
    if not (folder / "accounts.toml").exists():
        return (), (), ""
    top = read_file(folder / "accounts.toml")
    top.only({"password", "account", "key"})
    tables = top.tables("account")
    refuse_repeats(tables, "login")
    accounts = []
    for table in tables:
        table.only({"login", "name", "person", "mobile", "grants"})
        login = table.word("login")
        grants = tuple(_grant(grant, units) for grant in table.tables("grants"))
        if not grants:
            raise table.fault("grants", "至少要有一个角色。", "must hold at least one role")
        mobile = table.word("mobile") if "mobile" in table.values else None
        accounts.append(PackAccount(login, table.label("name"), table.word("person", login), mobile, grants))
    keys = tuple(_key(table, {account.login for account in accounts}) for table in top.tables("key"))
    return tuple(accounts), keys, top.word("password")


def _key(table: Table, logins: set[str]) -> PackKey:
    table.only({"login", "text", "scopes"})
    scopes = tuple(scope for scope in API_SCOPES if scope in table.words("scopes"))
    if not scopes or len(scopes) != len(set(table.words("scopes"))):
        raise table.fault(
            "scopes",
            "可填：{known}。",
            "may hold: {known}",
            known=", ".join(API_SCOPES),
        )
    return PackKey(table.choice("login", logins), table.word("text"), scopes)


def _grant(table: Table, units: set[str]) -> PackGrant:
    table.only({"role", "scope", "code"})
    scope = table.choice("scope", SCOPES, "district")
    code = table.word("code") if scope not in ("district", "self") else ""
    if scope == "unit" and code not in units:
        raise table.fault(
            "code",
            "units.toml 与 registers/ 里都没有单位“{code}”。",
            'neither units.toml nor registers/ has a unit "{code}"; add it there',
            code=code,
        )
    return PackGrant(table.word("role"), scope, code)


def _calendar_names(folder: Path) -> set[str]:
    path = folder / "calendars.toml"
    if not path.exists():
        return set()
    calendars = tomllib.loads(path.read_text("utf-8")).get("calendars", {})
    return set(calendars)
