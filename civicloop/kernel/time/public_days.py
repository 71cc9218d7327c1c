"""Public holidays and make-up days (调休) of a country, from PyPI's `holidays`, as a file of dated rows for a pack.

`python -m civicloop.kernel.time.public_days CN 2015 2030 --published-to 2026 > holidays.toml` writes the file. The
rows are kept with the pack, because the library takes a second and 45 MB to load, and because what held once is
not to change with a version of a library. A test compares file and library.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version

from civicloop.kernel.label import Label
from civicloop.kernel.time.duty import WEEKDAYS, DayRow


def public_days(country: str, years: range, subdivision: str | None = None) -> tuple[DayRow, ...]:
    """The days off and make-up days of the country's general public in those years, in order of date.

    A make-up day takes the weekday of the day off it stands in for. For years without a notice the rows are the
    library's estimate from the statute, without make-up days.
    """
    # Here and not above: loading it costs a second and 45 MB, and a server never needs it.
    import holidays

    source = f"PyPI holidays {version('holidays')}"

    found: dict[date, DayRow] = {}
    names = {
        language: holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)
        for language in ("zh_CN", "en_US")
        if language in (holidays.country_holidays(country).supported_languages or (language,))
    }
    english = names["en_US"]
    chinese = names.get("zh_CN", english)
    for day in sorted(english):
        if day.year in years:
            found[day] = DayRow(day, None, Label(chinese[day].replace("; ", "；"), english[day]), source)
    for off, work in _substitutions(getattr(english, "special_public_holidays", {})):
        if work.year in years:
            label = Label(f"调休上班（补 {off}）", f"Make-up working day (for {off})")
            found[work] = DayRow(work, off.weekday(), label, source)
    return tuple(found[day] for day in sorted(found))


def _substitutions(special: dict[int, tuple[object, ...]]) -> Iterator[tuple[date, date]]:
    """Pairs of (day off, day worked for it) from the library's rows (month, day, month, day[, year])."""
    for year, rows in special.items():
        for row in rows if rows and isinstance(rows[0], tuple) else (rows,):
            if isinstance(row, tuple) and len(row) in (4, 5) and all(isinstance(part, int) for part in row):
                yield date(year, row[0], row[1]), date(row[4] if len(row) == 5 else year, row[2], row[3])


def as_toml(
    country: str, years: range, subdivision: str | None, published_to: int | None, source: str, status: str
) -> str:
    """The text of a pack's file of holidays; `published_to` is the last year whose arrangement is out."""
    lines = [
        f"# Written by civicloop.kernel.time.public_days for {country} {subdivision or ''}".rstrip()
        + "; not by hand.",
        f'country = "{country}"',
    ]
    if subdivision:
        lines.append(f'subdivision = "{subdivision}"')
    lines += [f"years = [{years.start}, {years.stop - 1}]", f'source = "{source}"', f'status = "{status}"']
    if published_to is not None:
        lines.append(f"published_to = {published_to}")
    lines.append("days = [")
    for row in public_days(country, years, subdivision):
        takes = "" if row.takes is None else f', takes = "{WEEKDAYS[row.takes]}"'
        lines.append(f'  {{ day = {row.day}{takes}, zh = "{row.label.zh}", en = "{row.label.en}" }},')
    return "\n".join([*lines, "]", ""])


def main(arguments: list[str] | None = None) -> None:
    """Writes the file to standard output."""
    parser = argparse.ArgumentParser(
        prog="public_days", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("country")
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--subdivision")
    parser.add_argument("--published-to", type=int)
    parser.add_argument("--source", default="PyPI holidays")
    parser.add_argument("--status", default="second_hand")
    given = parser.parse_args(arguments)
    sys.stdout.write(
        as_toml(
            given.country,
            range(given.first, given.last + 1),
            given.subdivision,
            given.published_to,
            given.source,
            given.status,
        )
    )


if __name__ == "__main__":
    main()
