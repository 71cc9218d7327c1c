"""Segments: changed cases exported by seq to Parquet, folded to the latest row of each case for DuckDB.

A segment is named by the last seq it holds and written in one rename, so a killed export leaves none half done. The folded
table lives in memory and is brought forward by each new segment.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import duckdb

from civicloop.kernel.store.database import Store

TYPES = {
    "district": "VARCHAR", "id": "VARCHAR", "number": "VARCHAR", "process": "VARCHAR", "state": "VARCHAR",
    "seq": "BIGINT", "kind": "VARCHAR", "street": "VARCHAR", "community": "VARCHAR", "cell": "VARCHAR",
    "unit": "VARCHAR", "source": "VARCHAR", "lon": "DOUBLE", "lat": "DOUBLE", "first_seen_at": "BIGINT",
    "opened_at": "BIGINT", "closed_at": "BIGINT", "ended_at": "BIGINT", "due_at": "BIGINT", "breaches": "INTEGER",
    "reworks": "INTEGER", "reports": "INTEGER", "data": "VARCHAR",
}  # fmt: skip
_COLUMNS = ", ".join(TYPES)
_CHANGED = f"SELECT {_COLUMNS} FROM cases WHERE district = ? AND seq > ? ORDER BY seq"
_NULL = "\\N"


class Segments:
    """The exported cases of one district, and the question-answerer over them."""

    def __init__(self, store: Store, district: str, folder: Path) -> None:
        self._store = store
        self._district = district
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._duck = duckdb.connect()
        self._duck.execute("SET threads = 2")
        self._duck.execute(f"CREATE TABLE cases ({', '.join(f'{n} {t}' for n, t in TYPES.items())})")
        self.seq = 0
        for path in sorted(folder.glob("cases-*.parquet")):
            self._take(path)

    def catch_up(self) -> int:
        """Exports what has changed since the last segment and returns the seq that the table now stands at."""
        with self._store.read() as tx:
            row = tx.one("SELECT seq FROM chain_heads WHERE district = ?", (self._district,))
            head = int(row[0]) if row else 0
            if head > self.seq:
                path = self._folder / f"cases-{head:015d}.parquet"
                rough = self._folder / f"new-{os.getpid()}.csv"
                with rough.open("w", encoding="utf-8", newline="") as out:
                    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
                    for values in tx.each(_CHANGED, (self._district, self.seq)):
                        writer.writerow([_NULL if v is None else v for v in values])
                self._write(rough, path)
                rough.unlink()
                self._take(path)
        return self.seq

    def _write(self, rough: Path, path: Path) -> None:
        columns = ", ".join(f"'{n}': '{t}'" for n, t in TYPES.items())
        half = path.with_suffix(".half")
        self._duck.execute(
            f"COPY (SELECT * FROM read_csv('{_quoted(rough)}', header = false, nullstr = '{_NULL}', quote = '\"', escape = '\"',"
            f" delim = ',', auto_detect = false, allow_quoted_nulls = true, max_line_size = 10000000, columns = {{{columns}}}))"
            f" TO '{_quoted(half)}' (FORMAT parquet, COMPRESSION zstd)"
        )
        half.rename(path)

    def _take(self, path: Path) -> None:
        """Brings the table forward by a segment: the latest row of a case replaces the one before."""
        source = f"read_parquet('{_quoted(path)}')"
        if self.seq:
            self._duck.execute(f"DELETE FROM cases WHERE id IN (SELECT id FROM {source})")
        self._duck.execute(f"INSERT INTO cases SELECT {_COLUMNS} FROM {source}")
        self.seq = int(path.stem.removeprefix("cases-"))

    def ask(self, sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement over the table `cases`."""
        return self._duck.execute(sql, params).fetchall()

    def close(self) -> None:
        """Closes DuckDB; the segments stay."""
        self._duck.close()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
