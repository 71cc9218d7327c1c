"""`civicloop import`: a former system's export into the street loop, and everything that can be wrong with a file."""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from civicloop.cli import importing
from civicloop.kernel.cases import history
from civicloop.kernel.figures import service
from civicloop.kernel.registry.district import Settings, open_district
from civicloop.kernel.time.clock import parse_instant
from tests.interop.former_system import COLUMNS, ROWS, write_csv, write_geojson, write_xlsx
from tests.processes import ROOT

STREET = ROOT / "civicloop" / "packs" / "jianghan" / "mapping-example.toml"
BOSTON = ROOT / "civicloop" / "packs" / "boston" / "mapping.toml"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "data", demo=False)


@pytest.fixture
def run(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(file, ...)` imports into the street loop; the status and everything printed."""

    def imported(
        file: Path, *more: str, mapping: Path = STREET, loop: str = "street", pack: str = "jianghan"
    ) -> Any:
        parser = argparse.ArgumentParser()
        importing.arguments(parser)
        given = parser.parse_args([loop, str(file), "--map", str(mapping), *more])
        chosen = Settings(settings.data_dir, demo=False, pack=pack)
        status = importing.run(given, chosen)
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return imported


def asked(settings: Settings, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Rows of the imported database."""
    district = open_district(settings, inline=True)
    try:
        with district.store.read() as tx:
            return tx.all(sql, params)
    finally:
        district.close()


TABLES = ("cases", "history", "clocks", "reports", "report_links", "outbox", "personal", "chain_heads")


def dump(settings: Settings) -> list[Any]:
    return [sorted(map(repr, asked(settings, f"SELECT * FROM {table}"))) for table in TABLES]


def changed(path: Path, *pairs: tuple[str, str], source: Path = STREET) -> Path:
    """The example mapping with some of its text replaced."""
    text = source.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    return path


EXPECTED = [
    ("20240101", "adopted", "rubbish", "sanitation", "report accept file dispatch adopt"),
    ("20240102", "adopted", "stall", "", "report adopt"),
    ("20240103", "accepted", "dirty_road", "", "report accept"),
    ("20240104", "dispatched", "posters", "municipal", "report accept file dispatch"),
]


def taken(settings: Settings) -> list[tuple[str, ...]]:
    """(number in the former system, state, kind, unit, the import's actions) of each case."""
    found = asked(
        settings,
        "SELECT r.external_id, c.state, c.kind, c.unit, c.id FROM cases c JOIN report_links l ON l.case_id = c.id"
        " JOIN reports r ON r.id = l.report_id ORDER BY 1",
    )
    return [
        (
            *row[:4],
            " ".join(
                action
                for (action,) in asked(
                    settings,
                    "SELECT action FROM history WHERE case_id = ? AND via = 'import' ORDER BY seq",
                    row[4],
                )
            ),
        )
        for row in found
    ]


def test_a_gb18030_file_of_a_former_system(run: Run, settings: Settings, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "旧系统.csv")
    status, said = run(file, "--rejects", str(tmp_path / "rejects.csv"))
    assert status == 1
    assert "gb18030" in said
    assert "read 7" in said
    assert "imported 4" in said
    assert taken(settings) == EXPECTED
    with (tmp_path / "rejects.csv").open(encoding="utf-8-sig", newline="") as rejects:
        rows = [(r["row"], r["id"], r["column"], r["code"]) for r in csv.DictReader(rejects)]
    assert rows == [
        ("6", "20240105", "案件状态", "test_case"),
        ("7", "20240106", "小类名称", "unreadable"),
        ("8", "20240107", "上报时间", "unreadable"),
    ]


def test_times_are_the_files_own(run: Run, settings: Settings, tmp_path: Path) -> None:
    run(write_csv(tmp_path / "x.csv"))
    rows = asked(
        settings,
        "SELECT h.action, h.happened_at, h.recorded_at FROM history h JOIN reports r ON r.external_id = '20240101'"
        " JOIN report_links l ON l.report_id = r.id AND l.case_id = h.case_id WHERE h.via = 'import' ORDER BY h.seq",
    )
    clock = ("08:10", "08:20", "08:30", "08:40", "11:40")
    assert [at for _, at, _ in rows] == [parse_instant(f"2024-01-05T{one}:00+08:00") for one in clock]
    assert all(recorded > parse_instant("2025-01-01T00:00:00Z") for _, _, recorded in rows)
    closed = asked(
        settings, "SELECT opened_at, closed_at FROM cases WHERE state = 'adopted' ORDER BY opened_at"
    )
    assert closed[0] == (rows[0][1], rows[4][1])


def test_what_it_finds_too_late_is_recorded_and_nobody_is_told(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    run(write_csv(tmp_path / "x.csv"))
    assert asked(settings, "SELECT COUNT(*) FROM outbox") == [(0,)]
    actions = dict(asked(settings, "SELECT action, COUNT(*) FROM history GROUP BY action"))
    assert actions["~breach"] > 0
    assert "escalate" not in actions
    # The two still open are long past their two hours; the tick finds nothing left to act on.
    late = "SELECT COUNT(*) FROM clocks WHERE status = 'running' AND breached_at IS NULL AND due_at < 1790000000000000"
    assert asked(settings, late) == [(0,)]


def test_a_telephone_number_is_kept_apart(run: Run, settings: Settings, tmp_path: Path) -> None:
    run(write_csv(tmp_path / "x.csv"))
    assert ("13800000001",) in asked(settings, "SELECT value FROM personal")
    for table in ("history", "cases", "reports"):
        assert "13800000001" not in repr(asked(settings, f"SELECT * FROM {table}"))


def test_positions_are_turned_from_gcj_02(run: Run, settings: Settings, tmp_path: Path) -> None:
    run(write_csv(tmp_path / "x.csv"))
    (row,) = asked(settings, "SELECT lon, lat, street FROM cases WHERE kind = 'rubbish'")
    assert 0.004 < 114.2825 - row[0] < 0.007
    assert 0.001 < row[1] - 30.5850 < 0.004
    assert row[2].startswith("420103")


@pytest.mark.parametrize(
    "kind",
    [
        "utf-8-sig",
        *(
            pytest.param(k, marks=pytest.mark.slow)
            for k in ("xlsx", "geojson", "utf-16", "semicolons", "parquet")
        ),
    ],
)
def test_every_format_gives_the_same_cases(run: Run, settings: Settings, tmp_path: Path, kind: str) -> None:
    mapping = STREET
    if kind == "xlsx":
        file = write_xlsx(tmp_path / "x.xlsx")
        mapping = changed(tmp_path / "m.toml", ('zone = "', 'sheet = "案件"\nheader_row = 2\nzone = "'))
    elif kind == "geojson":
        file = write_geojson(tmp_path / "x.geojson")
        mapping = changed(tmp_path / "m.toml", ('"经度"', '"@lon"'), ('"纬度"', '"@lat"'))
    elif kind == "parquet":
        file = tmp_path / "x.parquet"
        plain = write_csv(tmp_path / "x.csv", encoding="utf-8")
        duckdb.execute(f"COPY (SELECT * FROM read_csv('{plain}', all_varchar = true)) TO '{file}'")
    elif kind == "semicolons":
        file = tmp_path / "x.csv"
        file.write_text(
            write_csv(tmp_path / "y.csv", encoding="utf-8").read_text("utf-8").replace(",", ";"), "utf-8"
        )
    else:
        file = write_csv(tmp_path / "x.csv", encoding=kind)
    status, said = run(file, mapping=mapping)
    assert (status, "imported 4" in said, "rejected 2" in said) == (1, True, True)
    assert taken(settings) == EXPECTED


@pytest.mark.parametrize("enough", [5, 10_000])
def test_a_large_import_exports_for_the_figures(
    run: Run, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enough: int
) -> None:
    monkeypatch.setattr(service, "ENOUGH_FOR_ANALYTICS", enough)
    file = write_csv(tmp_path / "former.csv")
    _, judged = run(file, "--dry-run")
    _, said = run(file)
    ((head,),) = asked(settings, "SELECT seq FROM chain_heads")
    segments = [path.name for path in settings.data_dir.glob("figures/*/*.parquet")]
    assert segments == ([f"cases-{head:015d}.parquet"] if enough == 5 else [])
    assert ("exporting for the figures" in said) == (enough == 5)
    assert "exporting" not in judged


@pytest.mark.slow
def test_a_second_import_adds_nothing(run: Run, settings: Settings, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "x.csv")
    run(file)
    before = dump(settings)
    _, said = run(file)
    assert "imported 0" in said
    assert "already there 4" in said
    assert dump(settings) == before


@pytest.mark.slow
def test_a_newer_copy_adds_what_has_happened_since(run: Run, settings: Settings, tmp_path: Path) -> None:
    run(write_csv(tmp_path / "x.csv"))
    later = dict(zip(COLUMNS, ROWS[3], strict=True)) | {"结案时间": "2026-03-01 12:00", "案件状态": "已结案"}
    status, said = run(write_csv(tmp_path / "x.csv", (*ROWS[:3], tuple(later.values()))))
    assert (status, "continued 1" in said, "already there 3" in said) == (0, True, True)
    assert taken(settings)[3] == (
        "20240104",
        "adopted",
        "posters",
        "municipal",
        "report accept file dispatch adopt",
    )


@pytest.mark.slow
def test_a_row_that_was_changed_afterwards_is_not_rewritten(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    run(write_csv(tmp_path / "x.csv"))
    before = dump(settings)
    other = dict(zip(COLUMNS, ROWS[0], strict=True)) | {"小类名称": "占道经营"}
    status, said = run(write_csv(tmp_path / "x.csv", (tuple(other.values()),)))
    assert (status, "history is not rewritten" in said) == (1, True)
    assert dump(settings) == before


def test_a_number_that_stands_twice_in_a_file_is_taken_once(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    _, said = run(write_csv(tmp_path / "x.csv", (ROWS[0], ROWS[0])))
    assert "imported 1" in said
    assert "already there 1" in said


def test_a_dry_run_makes_no_database(run: Run, settings: Settings, tmp_path: Path) -> None:
    status, said = run(write_csv(tmp_path / "x.csv"), "--dry-run")
    assert (status, "imported 4" in said, "dry run" in said) == (1, True, True)
    assert not settings.data_dir.exists()


@pytest.mark.slow
def test_a_dry_run_judges_as_the_import_does_and_writes_nothing(
    run: Run, settings: Settings, tmp_path: Path
) -> None:
    run(write_csv(tmp_path / "x.csv", ROWS[:1]))
    before = dump(settings)
    _, said = run(write_csv(tmp_path / "x.csv"), "--dry-run")
    assert "imported 3" in said
    assert "already there 1" in said
    assert dump(settings) == before


def test_a_row_is_never_half_done(run: Run, settings: Settings, tmp_path: Path) -> None:
    # The second step is refused by the engine alone: there is no such unit in the register.
    mapping = changed(tmp_path / "m.toml", ('"sanitation"', '"nobody-knows-it"'))
    status, said = run(write_csv(tmp_path / "x.csv", ROWS[:1]), mapping=mapping)
    assert (status, "imported 0" in said, "责任单位" in said) == (1, True, True)
    assert asked(settings, "SELECT COUNT(*) FROM cases") == [(0,)]
    assert asked(settings, "SELECT COUNT(*) FROM history") == [(0,)]


DIE = """
import os, sys
from civicloop import cli
from civicloop.kernel.store import faults
left = [int(sys.argv[1])]
def hook(point):
    if point is faults.Point[sys.argv[2]]:
        left[0] -= 1
        if left[0] == 0:
            os._exit(9)
faults.hook = hook
sys.exit(cli.main(sys.argv[3:]))
"""


@pytest.mark.parametrize(
    ("count", "point"), [(3, "BEFORE_COMMIT"), (3, "AFTER_COMMIT"), (700, "CASE_WRITTEN")]
)
def test_a_killed_import_goes_on_where_it_stopped(
    run: Run, settings: Settings, tmp_path: Path, count: int, point: str
) -> None:
    file = tmp_path / "x.parquet"
    duckdb.execute(
        "COPY (SELECT 'n' || i AS CASE_ENQUIRY_ID, TIMESTAMP '2015-01-01' + INTERVAL (i) MINUTE AS OPEN_DT,"
        " CASE WHEN i % 2 = 0 THEN TIMESTAMP '2015-02-01' END AS CLOSED_DT, TIMESTAMP '2015-01-10' AS TARGET_DT,"
        " 'Graffiti' AS TYPE, 42.35 AS LATITUDE, -71.06 AS LONGITUDE, NULL AS REASON, NULL AS SUBJECT,"
        " NULL AS neighborhood, NULL AS CASE_TITLE, 'done' AS CLOSURE_REASON, NULL AS Location, NULL AS Department,"
        f" NULL AS QUEUE, NULL AS Source, NULL AS ward, NULL AS OnTime_Status FROM range(1000) t(i)) TO '{file}'"
    )
    mapping = changed(
        tmp_path / "m.toml",
        ("[expect]\nrows = 121145\nexcluded = 197", ""),
        ("[expect.having]\nclosed_at = 101272", ""),
        source=BOSTON,
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIVICLOOP_")}
    environment |= {
        "CIVICLOOP_PACK": "boston",
        "CIVICLOOP_DATA": str(settings.data_dir),
        "CIVICLOOP_DEMO": "0",
    }
    command = [
        sys.executable,
        "-c",
        DIE,
        str(count),
        point,
        "import",
        "boston",
        str(file),
        "--map",
        str(mapping),
    ]
    died = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert died.returncode == 9, died.stderr
    status, said = run(file, mapping=mapping, loop="boston", pack="boston")
    assert status == 0
    assert "imported 1,000" not in said
    boston = Settings(settings.data_dir, demo=False, pack="boston")
    assert asked(boston, "SELECT state, COUNT(*) FROM cases GROUP BY state ORDER BY state") == [
        ("closed", 500),
        ("open", 500),
    ]
    district = open_district(boston, inline=True)
    try:
        with district.store.read() as tx:
            assert history.verify(tx, district.code).broken is None
    finally:
        district.close()


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([('"上报时间"', '"上报日期"')], ["“上报日期”", "任务号", "联系电话", "m.toml:"]),
        ([('action = "adopt"', 'action = "shut"')], ["shut", "report_back"]),
        ([('give = ["place", "kind"]', 'give = ["kind"]')], ["place"]),
        ([('give = ["place", "kind"]', 'give = ["place", "colour"]')], ["colour", "it has:"]),
        ([('give = ["place", "kind"]', 'give = ["place", "note"]')], ["note", "it takes: place, kind"]),
        ([('at = "closed_at"', 'at = "shut_at"')], ["shut_at", "reported_at"]),
        ([('zone = "Asia/Shanghai"', 'zone = "Wuhan"')], ["zone", "Asia/Shanghai"]),
        ([('datum = "gcj02"', 'datum = "bd09"')], ["bd09", "gcj02"]),
        ([("[report]", "[reporting]")], ["reporting"]),
        ([('action = "report"', 'action = "accept"')], ["first step opens"]),
        ([('loop = "street"', 'loop = "boston"')], ["boston"]),
        ([('source = "szcg-2019"', 'source = "a/b"')], ["source"]),
        ([("[[exclude]]", '[values.colour]\n"x" = "y"\n\n[[exclude]]')], ["colour"]),
    ],
)
def test_a_wrong_mapping_says_what_to_write(
    run: Run, tmp_path: Path, pairs: list[tuple[str, str]], words: list[str]
) -> None:
    mapping = changed(tmp_path / "m.toml", *pairs)
    with pytest.raises(ValueError) as caught:
        run(write_csv(tmp_path / "x.csv"), mapping=mapping)
    assert [word for word in words if word not in str(caught.value)] == []


def test_the_loop_must_be_there(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no loop “roads”; there are: .*street"):
        run(write_csv(tmp_path / "x.csv"), loop="roads")
