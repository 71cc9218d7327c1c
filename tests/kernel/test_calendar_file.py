"""Packs' calendars: the shipped files load, agree with the library of holidays, and faults are named."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

import civicloop
from civicloop.kernel.time.calendar_file import load_calendars
from civicloop.kernel.time.public_days import as_toml, public_days

PACKS = Path(civicloop.__file__).parent / "packs"
FILES = sorted(PACKS.glob("*/calendars.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.parent.name)
def test_shipped_calendars_load_and_name_their_source(path: Path) -> None:
    calendars = load_calendars(path)
    assert {"work_hours", "round_the_clock"} <= set(calendars)
    for calendar in calendars.values():
        assert calendar.label.zh
        assert calendar.label.en
        assert all(week.source and week.status for week in calendar.weeks)
        assert all(row.source and row.status and row.label.zh and row.label.en for row in calendar.rows)


@pytest.mark.parametrize("path", sorted(PACKS.glob("*/holidays.toml")), ids=lambda p: p.parent.name)
def test_shipped_holidays_are_the_librarys(path: Path) -> None:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    years = range(table["years"][0], table["years"][1] + 1)
    expected = public_days(table["country"], years, table.get("subdivision"))
    weekdays = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    assert [(row["day"], row.get("takes"), row["en"]) for row in table["days"]] == [
        (row.day, None if row.takes is None else weekdays[row.takes], row.label.en) for row in expected
    ]


def test_spring_festival_2026_as_the_state_council_arranged_it() -> None:
    rows = {row.day: row for row in load_calendars(PACKS / "jianghan" / "calendars.toml")["work_hours"].rows}
    worked = sorted(day for day, row in rows.items() if row.takes is not None and day.year == 2026)
    assert worked == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]
    office = load_calendars(PACKS / "jianghan" / "calendars.toml")["work_hours"]
    assert [d for d in range(1, 29) if office.is_working_day(date(2026, 2, d))] == [
        2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 24, 25, 26, 27, 28
    ]  # fmt: skip


def test_year_end_make_up_days_belong_to_the_year_they_fall_in() -> None:
    worked = {row.day for row in public_days("CN", range(2018, 2019)) if row.takes is not None}
    assert date(2018, 12, 29) in worked


def test_file_written_for_a_country_can_be_loaded(tmp_path: Path) -> None:
    text = as_toml("CN", range(2025, 2027), None, 2026, "a source", "second_hand")
    (tmp_path / "holidays.toml").write_text(text, encoding="utf-8")
    pack = tmp_path / "calendars.toml"
    pack.write_text(
        'zone = "Asia/Shanghai"\nholidays = "holidays.toml"\n'
        '[[days]]\nday = 2026-02-14\nzh = "本地放假"\nen = "Local day off"\n'
        "[calendars.office]\nfollows_holidays = true\n"
        '[[calendars.office.weeks]]\nday_hours = 7.5\nduty = { mon-fri = ["09:00-17:00"], sat = ["09:00-12:00"] }\n',
        encoding="utf-8",
    )
    office = load_calendars(pack)["office"]
    assert office.provisional_from == date(2027, 1, 1)
    # A row on top wins over the country's make-up day.
    assert not office.is_working_day(date(2026, 2, 14))
    assert office.is_working_day(date(2026, 2, 28))
    assert office.weeks[0].day_length == 27_000_000_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('zone = "Mars/Base"', "no time zone"),
        ('zone = "UTC"\n[calendars.a]\n', "'?weeks"),
        ('zone = "UTC"\nzoen = 1', "zoen"),
        ('zone = "UTC"\n[[days]]\ntakes = "fri"', "day of a dated row"),
        ('zone = "UTC"\n[[days]]\nday = 2026-01-01T00:00:00', "is a date"),
        ('zone = "UTC"\n[[days]]\nday = 2026-01-01\ntakes = "freitag"', "weekday"),
        ('zone = "UTC"\n[calendars.a]\n[[calendars.a.weeks]]\nduty = { mon-fri = ["9-5"] }', "HH:MM"),
        ('zone = "UTC"\n[calendars.a]\n[[calendars.a.weeks]]\nduty = {}', "no duty"),
        (
            'zone = "UTC"\n[calendars.a]\n[[calendars.a.weeks]]\nday_rule = "soon"\nduty = { mon = ["09:00-10:00"] }',
            "rule of the day",
        ),
        ("not toml", "calendars.toml"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "calendars.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said) as fault:
        load_calendars(path)
    assert str(path) in str(fault.value)
