"""Packs: both load whole, every row says where it comes from, every fault says how to mend it."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from civicloop.kernel.facts.pack import PACKS, load_pack, pack_names
from civicloop.kernel.facts.packfile import PackError
from civicloop.kernel.facts.reference import NewReference
from civicloop.kernel.people.passwords import check_new
from civicloop.kernel.time.calendar_file import load_calendars
from civicloop.kernel.time.clock import parse_instant

ROLES = {
    *("collector", "intake", "shift_head", "dispatcher", "unit_clerk", "crew", "checker", "evaluator"),
    *("admin", "leader", "homes_worker", "homes_clerk", "homes_checker", "homes_officer"),
}


def test_the_packs_that_come_along() -> None:
    assert {"boston", "jianghan"} <= set(pack_names())
    for name in pack_names():
        assert load_pack(name).code == name


def test_both_numbers_of_committees_are_carried_with_their_sources() -> None:
    figures = [f for f in load_pack("jianghan").figures if f.code == "committees"]
    assert [f.value for f in figures] == [109, 111]
    assert len({f.source for f in figures}) == 2
    pack = load_pack("jianghan")
    communities = [row for row in pack.registers if row.register == "communities"]
    assert len(communities) == 111
    assert len([row for row in communities if "虚拟" not in row.label.zh]) == 109


def test_every_street_has_its_enforcement_centre() -> None:
    pack = load_pack("jianghan")
    streets = {row.code for row in pack.registers if row.register == "streets"}
    units = [row for row in pack.registers if row.register == "units"]
    assert {row.data["street"] for row in units if row.data["kind"] == "street_centre"} == streets
    assert all(f"street-{code}" in {u.code for u in units} for code in streets)
    assert all(row.status == "synthetic" for row in units)


def categories() -> list[NewReference]:
    """The rows of the model district's categories."""
    return [row for row in load_pack("jianghan").reference if row.set == "categories"]


def test_categories_are_of_both_classes_and_whole() -> None:
    rows = categories()
    base = [row for row in rows if row.data["scheme"] == "gbt30428-2017"]
    assert {"component", "event"} == {row.data["class"] for row in base}
    assert len(base) >= 50
    assert len([row for row in base if row.data["manual"] != "none"]) == 14
    for row in rows:
        assert row.data["limits"]["handle"]
        assert row.data["filing"]["zh"]
        assert row.data["closing"]["en"]
        assert row.source
        assert row.status == ("synthetic" if row.data["manual"] == "none" and row in base else "second_hand")


def test_the_limits_of_the_three_manuals_are_as_printed() -> None:
    rows = {row.code: row.data for row in categories() if "2017" in row.data["scheme"]}
    printed = {
        "illegal_building": [(4, "work_hours"), (7, "work_days"), (20, "work_days")],
        "rubbish": [(4, "work_hours")],
        "spoil_heap": [(2, "work_days")],
        "dirty_road": [(2, "work_hours")],
        "dirty_water": [(15, "work_days")],
        "green_care": [(5, "work_days")],
        "parking_motor": [(3, "urgent_hours")],
        "water_main": [(3, "urgent_hours"), (8, "urgent_hours"), (5, "work_days")],
        "gas_main": [(3, "urgent_hours"), (2, "urgent_days"), (5, "work_days")],
    }
    for code, steps in printed.items():
        assert [(s["amount"], s["unit"]) for s in rows[code]["limits"]["handle"]] == steps


def test_the_overlay_adds_two_hours_and_leaves_the_national_row_alone() -> None:
    rows = load_pack("jianghan").reference
    for code in ("stall", "rubbish"):
        national, overlay = [row for row in rows if row.code == code]
        assert "close" not in national.data["limits"]
        assert [(s["amount"], s["unit"]) for s in overlay.data["limits"]["close"]] == [(2, "hours")]
        assert overlay.data["limits"]["handle"] == national.data["limits"]["handle"]
        assert overlay.valid_from == parse_instant("2026-01-01T00:00:00+08:00")
        assert national.valid_from == parse_instant("2017-11-01T00:00:00+08:00")


def test_every_calendar_a_limit_names_is_there() -> None:
    pack = load_pack("jianghan")
    calendars = load_calendars(pack.calendars_file)
    named = {s["calendar"] for r in categories() for steps in r.data["limits"].values() for s in steps}
    assert named <= calendars.keys()


def test_demo_accounts_hold_every_role_and_a_usable_password() -> None:
    pack = load_pack("jianghan")
    assert {grant.role for account in pack.accounts for grant in account.grants} == ROLES
    assert len([a for a in pack.accounts if a.grants[0].role == "crew"]) >= 4
    assert len({g.code for a in pack.accounts for g in a.grants if g.role == "crew"}) >= 3
    streets = {row.code for row in pack.registers if row.register == "streets"}
    for account in pack.accounts:
        check_new(pack.demo_password, account.login)
        assert all(g.code in streets for g in account.grants if g.scope == "street")


def test_the_map_opens_inside_the_district() -> None:
    for name in pack_names():
        pack = load_pack(name)
        west, south, east, north = pack.places().bbox
        assert west < pack.map.lon < east
        assert south < pack.map.lat < north


def test_boston_s_mapping_names_the_columns_of_the_file() -> None:
    mapping = tomllib.loads((PACKS / "boston" / "mapping.toml").read_text("utf-8"))
    assert mapping["columns"]["opened_at"] == "OPEN_DT"
    file = Path(__file__).parents[3] / "shared" / "data" / "street" / "boston_311_2015.parquet"
    if not file.exists():
        pytest.skip("the source data folder is not beside the checkout")
    import duckdb

    columns = {row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{file}'").fetchall()}
    assert set(mapping["columns"].values()) <= columns
    rows, closed, early = duckdb.sql(
        f"SELECT count(*), count(CLOSED_DT), count(*) FILTER (CLOSED_DT < OPEN_DT) FROM '{file}'"
    ).fetchall()[0]
    assert mapping["expect"] == {"rows": rows, "excluded": early, "having": {"closed_at": closed}}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PACKS / "jianghan", tmp_path / "broken", ignore=shutil.ignore_patterns("cells.geojson"))
    return tmp_path / "broken"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("pack.toml", 'zone = "Asia/Shanghai"', 'zone = "Asia/Wuhan"', r"pack\.toml:4 zone: is no time zone"),
        ("pack.toml", 'datum = "wgs84"', 'datum = "bd09"', r"pack\.toml:\d+ datum: \"bd09\" can't be used"),
        ("pack.toml", 'code = "jianghan"', "", r"code: is missing; add it"),
        ("pack.toml", "lat = 30.605", "lat = 114.259", r"map\.lat: is no position; are lon and lat swapped"),
        ("pack.toml", "value = 109", 'value = "109"', r"pack\.toml:\d+ figures\.value: must be a number"),
        ("pack.toml", "loops = [", "loops = {", r"pack\.toml:\d+: is not correct TOML"),
        ("pack.toml", 'file = "units.toml"', 'file = "u.toml"', r"sources\.file: is no file of this pack"),
        ("units.toml", 'kind = "utility"', 'kind = "utilty"', r"units\.toml:\d+ unit\.kind"),
        ("units.toml", 'code = "parks"', 'code = "water"', r"unit\.code: \"water\" is there already"),
        ("units.toml", 'code = "water"', 'codes = "water"', r"unit\.codes: there is no such key"),
        ("accounts.toml", 'code = "water"', 'code = "fire-brigade"', r"has a unit \"fire-brigade\"; add it"),
        ("categories.toml", 'unit = "work_hours"', 'unit = "hour"', r"categories\.toml:\d+ .*unit: \"hour\""),
        ("categories.toml", "amount = 4,", "amount = 0,", r"amount: must be above zero"),
        ("categories.toml", 'manual = "jiyuan"', 'manual = "jinan"', r"manual: \"jinan\" can't be used"),
        (
            "reference/homes_prices.toml",
            'code = "patrol"',
            'kode = "patrol"',
            r"row\.kode: there is no such key",
        ),
        ("registers/firms.json", '"code": "F02"', '"code": ""', r"rows: row 2 lacks code, zh or en"),
        (
            "registers/firms.json",
            '"status": "synthetic"',
            '"status": "guessed"',
            r"can't be read: Invalid enum value",
        ),
        ("categories.toml", "filing = {", "filling = {", r"category\.filling: there is no such key"),
        ("categories.toml", "2026-01-01", '"2026-01-01"', r"scheme\.valid_from: must be a date"),
        ("categories.toml", 'code = "hawker"', 'code = "stall"', r"\"stall\" is there already"),
    ],
)
def test_a_fault_names_file_line_key_and_the_way_to_mend_it(
    copy: Path, file: str, old: str, new: str, says: str
) -> None:
    text = (copy / file).read_text("utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(PackError, match=says) as fault:
        load_pack(copy)
    assert fault.value.reason.zh != fault.value.reason.en


def test_the_line_is_the_line_of_the_fault(copy: Path) -> None:
    path = copy / "categories.toml"
    lines = path.read_text("utf-8").splitlines()
    number = next(i for i, line in enumerate(lines) if line == 'code = "litter_bin"') + 7
    assert lines[number].startswith("unit = ")
    lines[number] = 'unit = "nobody"'
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(PackError, match=rf"categories\.toml:{number + 1} category\.unit"):
        load_pack(copy)


def test_a_pack_that_is_not_there_says_which_are() -> None:
    with pytest.raises(PackError, match="boston, jianghan"):
        load_pack("atlantis")
