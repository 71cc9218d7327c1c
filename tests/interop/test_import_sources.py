"""Files of rows as people have them: encodings, broken ones, times in every shape."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from civicloop.cli.sources import CHUNK, SourceError, encoding_of, open_source
from civicloop.kernel.cases.mapping import read_mapping
from civicloop.kernel.cases.rowreader import LeftOut, Row, RowReader
from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import format_instant, parse_instant
from civicloop.loops.boston.process import PROCESS as BOSTON

NOW = parse_instant("2026-03-02T09:00:00+08:00")


def all_of(path: Path, **how: Any) -> list[Any]:
    source = open_source(path, **how)
    rows = list(source.rows(source.columns))
    source.close()
    return rows


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-8-sig", "utf-16"])
def test_an_encoding_is_found_however_late_it_shows(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "plain,text\n" * (CHUNK // 11) + "汉字,𠮷\n", encoding)
    assert encoding_of(path) == encoding
    assert all_of(path)[-1][1] == ["汉字", "𠮷"]


def test_what_is_no_text_is_told_by_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,\xff\xff\n")
    with pytest.raises(SourceError, match="byte 7"):
        open_source(path)


def test_a_declared_encoding_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("编号\n汉\n", "gb18030")
    with pytest.raises(SourceError, match="neither UTF-8 nor GB18030"):
        all_of(path, encoding="utf-8")
    with pytest.raises(SourceError, match="no encoding"):
        open_source(path, encoding="klingon")


def test_rows_that_do_not_fit_the_header_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,2\n1,2,3\n\n"x\ny",4\n', "utf-8")
    (_, good), (number, bad), (_, quoted) = all_of(path)
    assert (good, number, quoted) == (["1", "2"], 3, ["x\ny", "4"])
    assert isinstance(bad, Label)
    assert "3 cells, the header 2" in bad.en


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("x.xlsx", b"PK\x03\x04 no workbook", "no Excel"),
        ("x.parquet", b"PAR1 but no more", "no Parquet"),
        ("x.geojson", b'{"type": "FeatureCollection"}', "no features"),
        ("x.geojson", b'{"features": [{"type": "Feature", ', "no GeoJSON"),
        ("x.csv", b"", "no header"),
        ("x.csv", b"a,a\n1,2\n", "stands there twice"),
        ("x.pdf", b"", "can't be read"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=word):
        open_source(path)


def test_features_are_read_one_by_one_across_chunks(tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    feature = '{"type":"Feature","properties":{"n":%d,"t":"%s"},"geometry":null}'
    path.write_text(
        '{"features": [' + ", ".join(feature % (n, "汉" * 900) for n in range(1500)) + "]}", "utf-8"
    )
    assert [row[2] for _, row in all_of(path)] == list(range(1500))


MAPPING = """
loop = "boston"
source = "test"
zone = "America/New_York"
fold = "{fold}"
time_formats = ["%d.%m.%Y %H:%M"]

[columns]
external_id = "id"
opened_at = "opened"
closed_at = "closed"
kind = "kind"
lon = "lon"
lat = "lat"

[position]

[[no_position]]
lon = 1.5
lat = 2.5

[[step]]
action = "open"
at = "opened_at"
give = ["external_id", "kind", "place"]

[[step]]
action = "close"
at = "closed_at"
"""


def read(
    tmp_path: Path, opened: Any = "2015-01-01", closed: Any = None, fold: str = "first", **more: Any
) -> Any:
    path = tmp_path / "m.toml"
    path.write_text(MAPPING.format(fold=fold), "utf-8")
    plan = read_mapping(path, {"boston": BOSTON}, "boston")
    cells = {"id": "7", "opened": opened, "closed": closed, "kind": "k", "lon": None, "lat": None} | more
    return RowReader(plan, NOW).read(1, [cells[name] for name in plan.columns.values()])


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2015-07-01", "2015-07-01T04:00:00Z"),
        ("2015/7/1 8:05", "2015-07-01T12:05:00Z"),
        ("2015年7月1日 8时5分", "2015-07-01T12:05:00Z"),
        ("2015年7月1日 8时5分6秒", "2015-07-01T12:05:06Z"),
        ("2015-07-01T08:05:06.5", "2015-07-01T12:05:06Z"),
        ("2015-07-01T08:05:06Z", "2015-07-01T08:05:06Z"),
        ("2015-07-01 08:05 +08:00", "2015-07-01T00:05:00Z"),
        ("01.07.2015 08:05", "2015-07-01T12:05:00Z"),
        (datetime(2015, 7, 1, 8, 5), "2015-07-01T12:05:00Z"),
        (datetime(2015, 7, 1, 8, 5, tzinfo=ZoneInfo("Asia/Shanghai")), "2015-07-01T00:05:00Z"),
    ],
)
def test_times_in_every_shape(tmp_path: Path, text: Any, utc: str) -> None:
    row = read(tmp_path, text)
    assert isinstance(row, Row)
    assert format_instant(row.steps[0].at) == utc


@pytest.mark.parametrize(
    ("local", "fold", "utc"),
    [
        ("2015-11-01 01:30", "first", "2015-11-01T05:30:00Z"),
        ("2015-11-01 01:30", "second", "2015-11-01T06:30:00Z"),
        ("2015-03-08 02:30", "first", "2015-03-08T07:30:00Z"),
    ],
)
def test_the_hours_that_clocks_repeat_and_leave_out(tmp_path: Path, local: str, fold: str, utc: str) -> None:
    assert format_instant(read(tmp_path, local, fold=fold).steps[0].at) == utc


@pytest.mark.parametrize(
    ("cells", "column", "word"),
    [
        ({"opened": "yesterday"}, "opened", "no time such as"),
        ({"opened": "2015-13-01"}, "opened", "no time such as"),
        ({"opened": None}, "opened", "no time for"),
        ({"opened": "2030-01-01"}, "opened", "in the future"),
        ({"closed": "2014-12-31"}, "closed", "comes before"),
        ({"id": " "}, "id", "no number"),
        ({"lon": "east", "lat": "2"}, "lon", "is no number"),
    ],
)
def test_a_wrong_row_names_its_column(tmp_path: Path, cells: dict[str, Any], column: str, word: str) -> None:
    row = read(tmp_path, **cells)
    assert isinstance(row, LeftOut)
    assert (row.column, word in row.reason.en) == (column, True)


def test_a_default_coordinate_is_no_position(tmp_path: Path) -> None:
    assert "place" in read(tmp_path, lon="1.5", lat=2.6).steps[0].given
    assert "place" not in read(tmp_path, lon="1.5", lat=2.5).steps[0].given
    assert "place" not in read(tmp_path, lon="1.5").steps[0].given


def test_a_spreadsheets_numbers_are_the_same_ids(tmp_path: Path) -> None:
    assert read(tmp_path, id=7.0).external_id == read(tmp_path, id=7).external_id == "7"
