"""A real city's year, end to end: imported by the command, served over HTTP, and held against DuckDB on the bare file.

The judge runs in a process of its own that imports nothing of Civicloop (boston_oracle.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from civicloop.cli import importing
from civicloop.kernel.figures.metric import Question
from civicloop.kernel.figures.sql import Writer
from civicloop.kernel.registry.district import District, Settings, open_district
from tests.processes import ROOT, Served

MAPPING = ROOT / "civicloop" / "packs" / "boston" / "mapping.toml"
METRICS = (
    "boston_count",
    "boston_closed",
    "boston_median_hours",
    "boston_p90_hours",
    "boston_mean_hours",
    "boston_on_time",
)
SAMPLE = 12
PEAK_MEGABYTES = 250  # many times less than the rows would take: nothing of the file is kept
MOST_ROWS = 3_000  # of a cell whose drill-down is counted row by row

pytestmark = pytest.mark.slow


def civicloop(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command on the Boston pack with its data in `folder`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CIVICLOOP_")}
    return subprocess.run(
        [sys.executable, "-m", "civicloop.cli", *arguments],
        cwd=ROOT,
        env={**inherited, "CIVICLOOP_PACK": "boston", "CIVICLOOP_DATA": str(folder), "CIVICLOOP_DEMO": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def imported(folder: Path, parquet: Path, *more: str) -> dict[str, int]:
    """Imports, and reads the counts that the command printed by their English names."""
    run = civicloop(folder, "import", "boston", str(parquet), "--map", str(MAPPING), *more)
    assert run.returncode == 0, run.stdout + run.stderr
    counts = re.findall(r"/([A-Za-z][A-Za-z ]*?) ([\d,]+)", run.stdout)
    found = {name: int(count.replace(",", "")) for name, count in counts}
    found["peak"] = int((re.search(r"peak memory (\d+) MB", run.stdout) or [0, 0])[1])
    return found


def judged(parquet: Path, *rows: str) -> dict[str, Any]:
    """What DuckDB says of the file."""
    oracle = Path(__file__).parent / "boston_oracle.py"
    run = subprocess.run(
        [sys.executable, str(oracle), str(parquet), *rows], capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


Cells = dict[str, tuple[float, int]]


def same(ours: Cells, theirs: dict[str, list[float]], metric: str) -> None:
    """Equal to the last bit; a mean and a share, which are sums in another order, to 12 digits."""
    assert {k: rows for k, (_, rows) in ours.items()} == {k: rows for k, (_, rows) in theirs.items()}, metric
    for key, (value, _) in ours.items():
        wanted = theirs[key][0]
        if metric in ("boston_mean_hours", "boston_on_time"):
            wanted = pytest.approx(wanted, rel=1e-12)
        assert value == wanted, (metric, key)


def cells_of(answer: dict[str, Any]) -> Cells:
    return {g["key"]: (g["value"], g["rows"]) for g in answer["groups"]}


@pytest.fixture(scope="module")
def city(boston_parquet: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """The data folder with the whole year in it, and what the import printed."""
    folder = tmp_path_factory.mktemp("boston")
    return folder, imported(folder, boston_parquet, "--rejects", str(folder / "rejects.csv"))


@pytest.fixture(scope="module")
def judge(boston_parquet: Path) -> dict[str, Any]:
    return judged(boston_parquet)


@pytest.fixture(scope="module")
def web(city: tuple[Path, dict[str, int]]) -> Iterator[httpx.Client]:
    served = Served(city[0], CIVICLOOP_PACK="boston", CIVICLOOP_DEMO="0").wait()
    with httpx.Client(base_url=served.url, timeout=600) as client:
        yield client
    served.close()


def test_a_year_of_a_city(
    city: tuple[Path, dict[str, int]], judge: dict[str, Any], web: httpx.Client, boston_parquet: Path
) -> None:
    # One test, since the import that all of it needs takes most of its time and workers share nothing.
    folder, printed = city
    everything_is_imported(folder, printed, judge)
    figures_equal_the_judges(web, judge)
    drill_down_has_as_many_rows_as_the_figure_says(web)
    the_history_is_whole_and_a_second_import_adds_nothing(folder, boston_parquet)
    sqlite_answers_as_duckdb_does(folder, web)


def everything_is_imported(folder: Path, printed: dict[str, int], judge: dict[str, Any]) -> None:
    assert (judge["rows"], judge["closed"], judge["excluded"]) == (121_145, 101_272, 197)
    assert printed["read"] == judge["rows"]
    assert printed["excluded"] == judge["excluded"]
    assert printed["imported"] == judge["rows"] - judge["excluded"] == printed["Open"]
    assert printed["Close"] == judge["closed"] - judge["excluded"]
    assert printed["rejected"] == 0
    assert 0 < printed["peak"] < PEAK_MEGABYTES
    lines = (folder / "rejects.csv").read_text("utf-8-sig").splitlines()[1:]
    assert len(lines) == judge["excluded"]
    assert all("closed_before_opened" in line for line in lines)


def figures_equal_the_judges(web: httpx.Client, judge: dict[str, Any]) -> None:
    for metric in METRICS:
        answer = web.get(f"/api/metrics/{metric}", params={"by": "kind"}).json()
        same(cells_of(answer), judge[metric]["groups"], metric)
        same({"": (answer["value"], answer["rows"])}, {"": judge[metric]["whole"]}, metric)


def count_rows(web: httpx.Client, metric: str, **query: str) -> int:
    count, after = 0, ""
    while True:
        page = web.get(
            f"/api/metrics/{metric}/rows", params={**query, "after": after, "limit": "1000"}
        ).json()
        count += len(page["rows"])
        after = page["next"]
        if not after:
            return count


def drill_down_has_as_many_rows_as_the_figure_says(web: httpx.Client) -> None:
    chance = random.Random(311)
    for metric in METRICS:
        groups = web.get(f"/api/metrics/{metric}", params={"by": "kind"}).json()["groups"]
        small = [group for group in groups if group["rows"] <= MOST_ROWS]
        for group in chance.sample(small, SAMPLE // 3):
            assert count_rows(web, metric, kind=group["key"]) == group["rows"], (metric, group)
    shares = web.get("/api/metrics/boston_on_time", params={"by": "kind"}).json()["groups"]
    for group in chance.sample([g for g in shares if g["rows"] <= MOST_ROWS], SAMPLE // 3):
        held = count_rows(web, "boston_on_time", kind=group["key"], holding="1")
        failed = count_rows(web, "boston_on_time", kind=group["key"], holding="0")
        assert held + failed == group["rows"]
        assert group["value"] == pytest.approx(100 * held / group["rows"], rel=1e-12)


def the_history_is_whole_and_a_second_import_adds_nothing(folder: Path, parquet: Path) -> None:
    before = civicloop(folder, "history", "verify")
    assert before.returncode == 0, before.stderr
    again = imported(folder, parquet, "--limit", "2000")
    assert (again["imported"], again["continued"]) == (0, 0)
    assert again["already there"] + again["excluded"] == 2000
    assert civicloop(folder, "history", "verify").stdout == before.stdout


def sqlite_answers_as_duckdb_does(folder: Path, web: httpx.Client) -> None:
    district = opened(Settings(folder, demo=False, pack="boston"))
    try:
        writer = Writer("sqlite", district.code, 0)
        for metric in METRICS:
            answer = web.get(f"/api/metrics/{metric}", params={"by": "street"}).json()
            with district.store.read() as tx:
                rows = tx.all(*writer.groups(district.figures.metric(metric), Question("street")))
            same(
                {k: (v, n) for k, v, n in rows},
                {k: list(cell) for k, cell in cells_of(answer).items()},
                metric,
            )
    finally:
        district.close()


def opened(settings: Settings) -> District:
    return open_district(settings, inline=True)


@pytest.mark.postgres
def test_postgres_answers_as_the_judge_does(
    boston_parquet: Path, postgres_empty_url: str, tmp_path: Path
) -> None:
    settings = Settings(tmp_path, database=postgres_empty_url, demo=False, pack="boston")
    parser = argparse.ArgumentParser()
    importing.arguments(parser)
    given = parser.parse_args(["boston", str(boston_parquet), "--map", str(MAPPING), "--limit", "3000"])
    assert importing.run(given, settings) == 0
    judge = judged(boston_parquet, "3000")
    district = opened(settings)
    try:
        for metric in METRICS:
            answer = district.figures.answer(metric, Question("kind"))
            assert answer.engine == "postgres"
            same({c.key: (c.value or 0.0, c.rows) for c in answer.groups}, judge[metric]["groups"], metric)
    finally:
        district.close()
