"""Files of rows, read one after another: CSV, XLSX, GeoJSON, Parquet.

A source tells its columns and gives the cells of the wanted ones, row by row, so that memory stays flat; a spreadsheet
alone is held whole by the library that unpacks it. Cells are what the format has: texts, numbers, dates, or None.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import duckdb
from python_calamine import CalamineError, CalamineWorkbook

from civicloop.kernel.label import Label

CHUNK = 1 << 20
PARQUET_ROWS = 2048
LOOKED_AT = 200  # features whose properties make the columns of a GeoJSON file
LON, LAT = "@lon", "@lat"  # the position of a point feature, as columns
LONGEST_CELL = 10_000_000

Cells = Sequence[Any]


class SourceError(ValueError):
    """The file can't be read; `reason` says why and how to mend it."""

    def __init__(self, reason: Label) -> None:
        super().__init__(f"{reason.zh} / {reason.en}")
        self.reason = reason


class Source(Protocol):
    """An open file of rows; `said` is what was found out about it (its encoding, its sheet)."""

    columns: tuple[str, ...]
    said: str

    def rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, Cells | Label]]:
        """Row number as the file's own program shows it, with the wanted cells, or why the row can't be read."""

    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1."""

    def close(self) -> None: ...


_SUFFIX = Label(
    "不支持“{suffix}”文件；可导入 .csv、.xlsx、.geojson、.parquet。",
    "Files of the kind “{suffix}” can't be read; give a .csv, .xlsx, .geojson or .parquet.",
)
_BYTES = Label(
    "文件既不是 UTF-8 也不是 GB18030 文本（第 {at} 字节）；请另存为其一，或在映射中写明 encoding。",
    "The file is neither UTF-8 nor GB18030 text (byte {at}); save it as one of them, or name its encoding in the mapping.",
)
_ENCODING = Label("不认识的编码“{name}”。", "There is no encoding “{name}”.")
_EMPTY = Label("文件没有标题行。", "The file has no header row.")
_TWICE = Label("标题“{name}”出现了两次，请改名。", "The header “{name}” stands there twice; rename one.")
_WIDTH = Label("这一行有 {found} 格，标题有 {wanted} 格。", "The row has {found} cells, the header {wanted}.")
_CSV = Label("这一行的引号不成对：{why}。", "The row can't be read as CSV: {why}.")
_SHEET = Label("没有名为“{name}”的工作表；有：{known}。", "There is no sheet “{name}”; there are: {known}.")
_BROKEN = Label("文件已损坏或不是{kind}：{why}", "The file is broken or no {kind}: {why}")
_NO_FEATURES = Label(
    "不是 GeoJSON 的 FeatureCollection（没有 features）。",
    "It is no GeoJSON FeatureCollection: it has no features.",
)
_NOT_A_FEATURE = Label("不是要素（Feature）。", "It is no Feature.")


def open_source(
    path: Path, *, encoding: str = "", sheet: str = "", header_row: int = 1, delimiter: str = ""
) -> Source:
    """Opens a file by its suffix; SourceError when that can't be done, OSError when it isn't there."""
    match path.suffix.lower():
        case ".csv" | ".txt" | ".tsv":
            return CsvSource(path, encoding, header_row, delimiter)
        case ".xlsx" | ".xlsm" | ".xlsb" | ".xls" | ".ods":
            return SheetSource(path, sheet, header_row)
        case ".geojson" | ".json":
            return GeoJsonSource(path)
        case ".parquet":
            return ParquetSource(path)
        case suffix:
            raise SourceError(_SUFFIX.filled(suffix=suffix))


def _headers(cells: Sequence[Any]) -> tuple[str, ...]:
    names = tuple(str(cell).strip() if cell is not None else "" for cell in cells)
    if not any(names):
        raise SourceError(_EMPTY)
    for name in names:
        if name and names.count(name) > 1:
            raise SourceError(_TWICE.filled(name=name))
    return names


def _places(columns: Sequence[str], wanted: Sequence[str]) -> list[int]:
    return [columns.index(name) for name in wanted]


# ---- CSV ----------------------------------------------------------------------------------------------------


def encoding_of(path: Path) -> str:
    """The encoding of a text file: a mark says it, else UTF-8 where all of it is, else GB18030."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    wrong = 0
    for name in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(name)()
        done = 0
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    decoder.decode(chunk)
                    done += len(chunk)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            wrong = done + error.start
            continue
        return name
    raise SourceError(_BYTES.filled(at=wrong + 1))


class CsvSource:
    """Comma, semicolon or tab separated text; row 1 is the header."""

    def __init__(self, path: Path, encoding: str, header_row: int, delimiter: str) -> None:
        try:
            found = codecs.lookup(encoding).name if encoding else encoding_of(path)
        except LookupError:
            raise SourceError(_ENCODING.filled(name=encoding)) from None
        # Excel's "CSV UTF-8" begins with a mark, which is no part of the first header.
        found = "utf-8-sig" if found == "utf-8" else found
        self.said = found.removesuffix("-sig")
        csv.field_size_limit(LONGEST_CELL)
        self._size = max(path.stat().st_size, 1)
        self._raw: BinaryIO = path.open("rb")
        self._text = io.TextIOWrapper(self._raw, encoding=found, newline="")
        try:
            lines = iter(self._text)
            for _ in range(header_row - 1):
                next(lines, "")
            header = next(lines, "")
        except UnicodeDecodeError as error:
            self.close()
            raise SourceError(_BYTES.filled(at=error.start + 1)) from error
        self._delimiter = delimiter or max(",;\t|", key=header.count)
        self._first = header_row + 1
        self._lines = lines
        try:
            self.columns = _headers(next(csv.reader([header], delimiter=self._delimiter), []))
        except SourceError:
            self.close()
            raise

    def rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, Cells | Label]]:
        places = _places(self.columns, wanted)
        width = len(self.columns)
        reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        number = self._first - 1
        while True:
            number += 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, _CSV.filled(why=error)
                continue
            except UnicodeDecodeError as error:
                raise SourceError(_BYTES.filled(at=error.start + 1)) from error
            if not any(row):
                continue
            if len(row) != width:
                yield number, _WIDTH.filled(found=len(row), wanted=width)
                continue
            yield number, [row[place] for place in places]

    def fraction(self) -> float:
        return min(self._raw.tell() / self._size, 1.0)

    def close(self) -> None:
        self._text.close()


# ---- spreadsheets -------------------------------------------------------------------------------------------


class SheetSource:
    """One sheet of a workbook (XLSX, XLS, ODS): the named one, else the first."""

    def __init__(self, path: Path, sheet: str, header_row: int) -> None:
        try:
            self._book = CalamineWorkbook.from_path(str(path))
        except CalamineError as error:
            raise SourceError(_BROKEN.filled(kind="Excel", why=error)) from error
        names = self._book.sheet_names
        if sheet and sheet not in names:
            raise SourceError(_SHEET.filled(name=sheet, known=", ".join(names)))
        self.said = sheet or names[0]
        chosen = self._book.get_sheet_by_name(self.said)
        start = chosen.start
        # A sheet that begins below its first row is still counted as its program counts.
        above = start[0] if start else 0
        self._total = max(chosen.height, 1)
        self._lines = iter(chosen.iter_rows())
        for _ in range(max(header_row - 1 - above, 0)):
            next(self._lines, None)
        self._number = max(header_row, above + 1)
        self._done = 0
        self.columns = _headers(next(self._lines, []))

    def rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, Cells | Label]]:
        places = _places(self.columns, wanted)
        for row in self._lines:
            self._number += 1
            self._done += 1
            if any(cell not in ("", None) for cell in row):
                yield self._number, [row[place] for place in places]

    def fraction(self) -> float:
        return min(self._done / self._total, 1.0)

    def close(self) -> None:
        self._book.close()


# ---- GeoJSON ------------------------------------------------------------------------------------------------


class GeoJsonSource:
    """A FeatureCollection, feature by feature; a point's position is in the columns @lon and @lat."""

    said = "GeoJSON"

    def __init__(self, path: Path) -> None:
        self._size = max(path.stat().st_size, 1)
        self._raw: BinaryIO = path.open("rb")
        self._text = io.TextIOWrapper(self._raw, encoding="utf-8-sig")
        self._features = self._read()
        try:
            self._first = list(islice(self._features, LOOKED_AT))
        except SourceError:
            self.close()
            raise
        found: dict[str, None] = {LON: None, LAT: None}
        for feature in self._first:
            if isinstance(feature, dict):
                found.update(dict.fromkeys(feature.get("properties") or {}))
        self.columns = tuple(found)

    def rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, Cells | Label]]:
        number = 0
        for part in (self._first, self._features):
            for feature in part:
                number += 1
                if not isinstance(feature, dict) or feature.get("type") != "Feature":
                    yield number, _NOT_A_FEATURE
                    continue
                cells = dict(feature.get("properties") or {})
                cells[LON], cells[LAT] = _point(feature.get("geometry"))
                yield number, [cells.get(name) for name in wanted]

    def _read(self) -> Iterator[Any]:
        """The members of `features`, decoded one by one from a buffer that never holds more than a few."""
        decoder = json.JSONDecoder()
        buffer = self._until_features()
        while True:
            buffer = buffer.lstrip(" \t\r\n,")
            if buffer.startswith("]"):
                return
            try:
                feature, end = decoder.raw_decode(buffer)
            except json.JSONDecodeError as error:
                more = self._more()
                if not more:
                    raise SourceError(_BROKEN.filled(kind="GeoJSON", why=error)) from error
                buffer += more
                continue
            yield feature
            buffer = buffer[end:]

    def _until_features(self) -> str:
        buffer = ""
        while True:
            more = self._more()
            buffer += more
            _, found, rest = buffer.partition('"features"')
            opened = rest.lstrip().removeprefix(":").lstrip()
            if found and opened.startswith("["):
                return opened[1:]
            if not more:
                raise SourceError(_NO_FEATURES)

    def _more(self) -> str:
        try:
            return self._text.read(CHUNK)
        except UnicodeDecodeError as error:
            raise SourceError(_BROKEN.filled(kind="GeoJSON", why=error)) from error

    def fraction(self) -> float:
        return min(self._raw.tell() / self._size, 1.0)

    def close(self) -> None:
        self._text.close()


def _point(geometry: Any) -> tuple[Any, Any]:
    if isinstance(geometry, dict) and geometry.get("type") == "Point":
        coordinates = geometry.get("coordinates")
        if isinstance(coordinates, list) and len(coordinates) >= 2:
            return coordinates[0], coordinates[1]
    return None, None


# ---- Parquet ------------------------------------------------------------------------------------------------


class ParquetSource:
    """A Parquet file, read by DuckDB a few thousand rows at a time."""

    said = "Parquet"

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._duck = duckdb.connect(config={"threads": 1, "memory_limit": "400MB"})
        try:
            described = self._duck.execute("DESCRIBE SELECT * FROM read_parquet(?)", [self._path]).fetchall()
            total = self._duck.execute("SELECT COUNT(*) FROM read_parquet(?)", [self._path]).fetchone()
        except duckdb.Error as error:
            self.close()
            raise SourceError(_BROKEN.filled(kind="Parquet", why=error)) from error
        self.columns = tuple(row[0] for row in described)
        self._total = max(total[0] if total else 0, 1)
        self._done = 0

    def rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, Cells | Label]]:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in wanted)
        answer = self._duck.execute(f"SELECT {names} FROM read_parquet(?)", [self._path])
        while found := answer.fetchmany(PARQUET_ROWS):
            for row in found:
                self._done += 1
                yield self._done, row

    def fraction(self) -> float:
        return self._done / self._total

    def close(self) -> None:
        self._duck.close()
