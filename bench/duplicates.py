"""Duplicates: how many are found on Boston's year against a simple rule, and how long the lookup takes among a million cases.

Boston: what a closing text calls a duplicate is one (a weak label: most duplicates are closed without saying so, hence the low
precision of both). A request is proposed when an earlier one is alike enough; the rule proposes it when one of the same type lies within
50 m and 7 days. The threshold is found on January to August, as the lowest whole number of points whose precision is 1.3 times the
rule's; reported are September to December. Rows with the geocoder's default position, and those that close before they open, are left out.

The lookup: the district of bench/city.py, distinct places never asked before, against bare SELECTs of one case by its key.
"""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from bench.city import CASES, OPEN, case_id, city, text
from bench.report import report
from bench.scale import FOLDER, p95
from civicloop.kernel.cases.case import SELECT_CASE
from civicloop.kernel.registry.district import Settings, open_district
from civicloop.kernel.store.sqlite import SqliteConnection
from civicloop.loops.street.api.near import LOOKED_M, group_of, proposals
from civicloop.loops.street.duplicates.likeness import (
    THRESHOLD,
    Telling,
    likeness,
    two_grams,
)

FILE = Path(__file__).parents[2] / "shared" / "data" / "street" / "boston_311_2015.parquet"
JUDGED = Path(__file__).parent / "data" / "judged_pairs.csv"
DEFAULT_PLACE = (42.3594, -71.0587)
STRICTER = 1.3
REPORTED_FROM = 9  # September
ROWS = """
SELECT CASE_ENQUIRY_ID, TYPE, REASON, LONGITUDE, LATITUDE, OPEN_DT, CLOSED_DT, concat_ws(' ', CASE_TITLE, Location),
  contains(lower(coalesce(CLOSURE_REASON, '')), 'duplicat') FROM read_parquet(?)
WHERE LATITUDE IS NOT NULL AND NOT (abs(LATITUDE - ?) < 1e-6 AND abs(LONGITUDE - ?) < 1e-6)
  AND (CLOSED_DT IS NULL OR CLOSED_DT >= OPEN_DT) ORDER BY OPEN_DT, CASE_ENQUIRY_ID
"""
EPOCH = datetime(1970, 1, 1)
WEEK = 7 * 24 * 3_600_000_000
CELL = 0.0012  # degrees of latitude, a little more than the reach
ASKED = 1000
GOAL_MS = 5


@dataclass(frozen=True, slots=True)
class Request:
    """A row of the file; `said` is whether its closing text calls it a duplicate."""

    id: str
    month: int
    telling: Telling
    said: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A request with the points of the likest earlier one, and whether the simple rule proposes it."""

    month: int
    said: bool
    points: float
    rule: bool


def micros(moment: datetime) -> int:
    return int((moment - EPOCH).total_seconds() * 1_000_000)


def requests() -> list[Request]:
    """The located rows, oldest first."""
    rows = duckdb.connect().execute(ROWS, [str(FILE), *DEFAULT_PLACE]).fetchall()
    return [
        Request(
            row[0], row[5].month,
            Telling(row[1], row[2], row[3], row[4], micros(row[5]), two_grams(row[7]), micros(row[6]) if row[6] else None),
            row[8],
        )
        for row in rows
    ]  # fmt: skip


def judged(rows: list[Request]) -> list[Judged]:
    """Each request against those before it that lie close by."""
    cells: dict[tuple[int, int, str], list[Telling]] = {}
    found: list[Judged] = []
    for row in rows:
        one = row.telling
        north, east = int(one.lat / CELL), int(one.lon / CELL / 1.3)
        points, rule = 0.0, False
        for y in (north - 1, north, north + 1):
            for x in (east - 1, east, east + 1):
                for other in cells.get((y, x, one.group), ()):
                    alike = likeness(one, other)
                    if alike is None:
                        continue
                    points = max(points, alike.points)
                    rule = rule or (
                        alike.relation == "same" and alike.metres <= 50 and alike.earlier_by <= WEEK
                    )
        found.append(Judged(row.month, row.said, points, rule))
        cells.setdefault((north, east, one.group), []).append(one)
    return found


def precision_recall(rows: list[Judged], chosen: list[Judged]) -> tuple[float, float]:
    right = sum(r.said for r in chosen)
    return right / max(len(chosen), 1), right / sum(r.said for r in rows)


def tuned(rows: list[Judged]) -> int:
    """The lowest whole number of points whose precision is so much above the rule's."""
    wanted = STRICTER * precision_recall(rows, [r for r in rows if r.rule])[0]
    for points in range(50, 100):
        if precision_recall(rows, [r for r in rows if r.points >= points])[0] >= wanted:
            return points
    raise RuntimeError("no threshold is strict enough")


def at_equal_precision(rows: list[Judged], precision: float) -> float:
    """The most recall at any threshold, in steps of a tenth of a point, whose precision is at least that."""
    steps = (n / 10 for n in range(500, 1000))
    each = (precision_recall(rows, [r for r in rows if r.points >= t]) for t in steps)
    return max((recall for found, recall in each if found >= precision), default=0.0)


def agreement(rows: list[Request]) -> dict[str, object]:
    """How the likeness stands to the pairs judged by hand."""
    known = {row.id: row.telling for row in rows}
    counts = {(proposed, same): 0 for proposed in (True, False) for same in (True, False)}
    with JUDGED.open() as file:
        for pair in csv.DictReader(file):
            alike = likeness(known[pair["later"]], known[pair["earlier"]])
            counts[alike is not None and alike.proposed, pair["verdict"] == "duplicate"] += 1
    right = counts[True, True] + counts[False, False]
    return {
        "judged_pairs": sum(counts.values()),
        "judged_agree": round(right / sum(counts.values()), 3),
        "judged_precision": round(counts[True, True] / (counts[True, True] + counts[True, False]), 3),
        "judged_recall": round(counts[True, True] / (counts[True, True] + counts[False, True]), 3),
    }


def boston() -> None:
    rows = requests()
    every = judged(rows)
    before = [r for r in every if r.month < REPORTED_FROM]
    after = [r for r in every if r.month >= REPORTED_FROM]
    threshold = tuned(before)
    precision, recall = precision_recall(after, [r for r in after if r.points >= threshold])
    rule_precision, rule_recall = precision_recall(after, [r for r in after if r.rule])
    report(
        "duplicates", recall / rule_recall if precision >= rule_precision else 0.0, 1.0,
        f"recall on {len(after):,} requests of September to December over that of “same type, 50 m, 7 days”, at a threshold found on "
        "January to August whose precision there is not below the rule's (else 0)",
        threshold=threshold, shipped=THRESHOLD, precision=round(precision, 4), recall=round(recall, 4),
        rule_precision=round(rule_precision, 4), rule_recall=round(rule_recall, 4),
        recall_at_equal_precision=round(at_equal_precision(after, rule_precision), 4), **agreement(rows),
    )  # fmt: skip


def lookup() -> None:
    home = city(FOLDER, CASES, OPEN)
    settings = Settings(home)
    district = open_district(settings, inline=True)
    chance = random.Random(5)
    kinds = [row.code for row in district.pack.reference if row.set == "categories"]
    bare = SqliteConnection(Path(settings.url), writes=False)
    mine: list[float] = []
    plain: list[float] = []
    proposed = 0
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
        for number in range(ASKED):
            kind = chance.choice(kinds)
            now = district.clock.now()
            begun = time.perf_counter()
            told = Telling(
                kind, group_of(snapshot, kind, now), 114.22 + chance.random() * 0.078, 30.565 + chance.random() * 0.079, now,
                two_grams(text(chance, number)),
            )  # fmt: skip
            proposed += len(proposals(tx, district.code, snapshot, told))
            mine.append(time.perf_counter() - begun)
            plain += bare_seconds(bare, district.code, chance)
    district.close()
    base = p95(plain)
    report(
        "duplicates_lookup", p95(mine) / base, GOAL_MS / 1000 / base,
        f"p95 of {ASKED} lookups within {LOOKED_M:g} m at distinct places among {CASES:,} cases, {OPEN:,} of them open, against the "
        "p95 of bare SELECTs of a case by its key; the target is the goal on an idle machine in the same measure",
        at_least=False, goal_ms=GOAL_MS, p50_ms=round(sorted(mine)[ASKED // 2] * 1000, 2), p95_ms=round(p95(mine) * 1000, 2),
        worst_ms=round(max(mine) * 1000, 2), bare_p95_ms=round(base * 1000, 3), proposed=proposed,
    )  # fmt: skip


def bare_seconds(connection: SqliteConnection, district: str, chance: random.Random) -> Iterator[float]:
    for _ in range(3):
        key = case_id(chance.randint(1, CASES))
        begun = time.perf_counter()
        connection.one(f"{SELECT_CASE} WHERE district = ? AND id = ?", (district, key))
        yield time.perf_counter() - begun


def main() -> None:
    boston()
    lookup()


if __name__ == "__main__":
    main()
