"""The import of Boston's year through the engine, against the bare insertion of the same rows.

Two measurements. The real command takes the whole file into a new district: seconds (goal: 180 on two cores) and the most memory
it held. Then chunks of the file run side by side: the importer with the batches it has, against the INSERTs and UPDATEs that this
makes, replayed as prepared statements into the same schema, indexes and triggers, 64 rows a commit, synchronous=FULL.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from itertools import islice
from pathlib import Path

from bench.case import Recorded, recorded, replayed, timed
from bench.report import report
from civicloop.cli.importing import BATCH
from civicloop.cli.sources import open_source
from civicloop.kernel.cases.importing import Importer
from civicloop.kernel.cases.mapping import ImportMap, read_mapping
from civicloop.kernel.cases.rowreader import Row, RowReader
from civicloop.kernel.label import Label
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.store.sqlite import SqliteConnection
from civicloop.kernel.time.clock import SystemClock
from civicloop.loops.boston.process import PROCESS

ROOT = Path(__file__).parents[1]
FILE = ROOT.parent / "shared" / "data" / "street" / "boston_311_2015.parquet"
MAPPING = ROOT / "civicloop" / "packs" / "boston" / "mapping.toml"
TARGET = 0.25
GOAL_SECONDS = 180
CHUNK = 4 * BATCH
CHUNKS = 12
BARE_BATCH = 64


def whole(folder: Path) -> dict[str, float]:
    """Seconds, seconds of processor time and peak megabytes of the real command over the whole file."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CIVICLOOP_")}
    run = subprocess.run(
        [sys.executable, "-m", "civicloop.cli", "import", "boston", str(FILE), "--map", str(MAPPING)],
        cwd=ROOT,
        env={**inherited, "CIVICLOOP_PACK": "boston", "CIVICLOOP_DATA": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = {
        "seconds": r"([\d.]+) s, ",
        "cpu_seconds": r"processor ([\d.]+) s",
        "peak_mb": r"peak memory (\d+) MB",
    }
    found = {name: re.search(pattern, run.stdout) for name, pattern in wanted.items()}
    return {name: float(match[1]) for name, match in found.items() if match}


def city(folder: Path) -> District:
    return open_district(Settings(folder, demo=False, pack="boston"), inline=True)


def rows_of(plan: ImportMap, count: int) -> list[Row]:
    """The first rows of the file that are taken over."""
    reader, source = RowReader(plan, SystemClock().now()), open_source(FILE)
    cells = islice(source.rows(reader.wanted), count)
    read = [reader.read(number, row) for number, row in cells if not isinstance(row, Label)]
    source.close()
    return [row for row in read if isinstance(row, Row)]


def taken(importer: Importer, rows: list[Row], batch: int) -> int:
    for start in range(0, len(rows), batch):
        importer.take(rows[start : start + batch])
    return len(rows)


def main() -> None:
    if not FILE.exists():
        sys.exit("the shared Boston file is not beside the repository")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        command = whole(root / "whole")
        plan = read_mapping(MAPPING, {PROCESS.name: PROCESS}, PROCESS.name)
        rows = rows_of(plan, CHUNK * CHUNKS)
        chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
        other = city(root / "recorded")
        importer = Importer(other.engine, plan)
        writes: list[Recorded] = [recorded(partial(taken, importer, chunk, BARE_BATCH)) for chunk in chunks]
        other.close()
        city(root / "bare").close()
        connection = SqliteConnection(root / "bare" / "boston.db", writes=True)
        district = city(root / "engine")
        mine = Importer(district.engine, plan)
        # Side by side, so that what else the machine does falls on both.
        pairs = [
            (timed(partial(replayed, connection, bare)), timed(partial(taken, mine, chunk, BATCH)))
            for chunk, bare in zip(chunks, writes, strict=True)
        ]
        district.close()
        connection.close()
    ratios = sorted(raw / engine for raw, engine in pairs[1:])
    report(
        "import_boston", ratios[len(ratios) // 2], TARGET,
        f"chunks of {CHUNK} rows through the engine, {BATCH} rows a commit, against their writes by bare prepared statements, "
        f"{BARE_BATCH} rows a commit, synchronous=FULL; median of {len(ratios)} side by side; `command` is the whole command "
        f"over all 121,145 rows (goal {GOAL_SECONDS} s on two cores)",
        range=[round(ratios[0], 3), round(ratios[-1], 3)], command=command,
    )  # fmt: skip


if __name__ == "__main__":
    main()
