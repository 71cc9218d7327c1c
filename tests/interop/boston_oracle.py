"""The figures of the Boston file by DuckDB alone: `python boston_oracle.py FILE [FIRST_ROWS]` prints them as JSON.

It imports nothing of Civicloop. Local times become UTC by the rule of the United States written out here: daylight time
from the second Sunday of March to the first of November. The hour that autumn repeats is taken as its first
occurrence (daylight time), a time in the hour that spring leaves out with the offset before the change.
"""

from __future__ import annotations

import json
import sys

import duckdb

SETUP = """
CREATE MACRO sunday(year, month, day) AS
  make_date(year, month, day) + CAST((7 - dayofweek(make_date(year, month, day))) % 7 AS INTEGER);
CREATE MACRO daylight(t) AS
  t >= sunday(year(t), 3, 8) + INTERVAL 3 HOUR AND t < sunday(year(t), 11, 1) + INTERVAL 2 HOUR;
CREATE MACRO utc(t) AS epoch_us(t) + (CASE WHEN daylight(t) THEN 4 ELSE 5 END) * 3600000000;
CREATE TABLE requests AS
  SELECT TYPE AS kind, utc(OPEN_DT) AS opened, utc(CLOSED_DT) AS closed, utc(TARGET_DT) AS target
  FROM (SELECT * FROM read_parquet(?) LIMIT ?);
"""
# A request that closes before it opens counts nowhere.
KEPT = "FROM requests WHERE (closed IS NULL OR closed >= opened)"
CLOSED = f"{KEPT} AND closed IS NOT NULL"
HOURS = "(closed - opened) / 3600000000.0"
FIGURES = {
    "boston_count": ("COUNT(*)", KEPT),
    "boston_closed": ("COUNT(*)", CLOSED),
    "boston_median_hours": (f"quantile_disc({HOURS}, 0.5)", CLOSED),
    "boston_p90_hours": (f"quantile_disc({HOURS}, 0.9)", CLOSED),
    "boston_mean_hours": (f"AVG({HOURS})", CLOSED),
    "boston_on_time": (
        "100.0 * COUNT(*) FILTER (closed <= target) / COUNT(*)",
        f"{CLOSED} AND target IS NOT NULL",
    ),
}


def main(path: str, first_rows: str = "1000000000") -> int:
    """Prints {metric: {"whole": [value, rows], "groups": {kind: [value, rows]}}}, and how many rows there are."""
    duck = duckdb.connect()
    *macros, table = SETUP.strip().split(";\n")
    for macro in macros:
        duck.execute(macro)
    duck.execute(table, [path, int(first_rows)])
    answer: dict[str, object] = {}
    for name, (value, rows) in FIGURES.items():
        whole = duck.execute(f"SELECT {value}, COUNT(*) {rows}").fetchone()
        groups = duck.execute(f"SELECT kind, {value}, COUNT(*) {rows} GROUP BY kind").fetchall()
        answer[name] = {"whole": whole, "groups": {kind: [one, count] for kind, one, count in groups}}
    counts = "SELECT COUNT(*), COUNT(closed), COUNT(*) FILTER (closed < opened) FROM requests"
    answer["rows"], answer["closed"], answer["excluded"] = duck.execute(counts).fetchone() or (0, 0, 0)
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
