"""`civicloop import LOOP FILE --map MAPPING`: takes over the cases of another system, with their own times."""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TextIO

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from civicloop.cli.sources import Source, open_source
from civicloop.kernel.cases.importing import Importer, Taken
from civicloop.kernel.cases.mapping import ImportMap, read_mapping
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.rowreader import LeftOut, Row, RowReader
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Unavailable
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import SECOND, Instant

BATCH = 256
PATIENCE = 60.0  # seconds: a served district may be busy with what an import left to it
SAID_EVERY = 10_000  # rows, where there is no terminal to draw a bar on
SHOWN = 5  # reasons on the screen; the file of --rejects has them all
STOPPED = 130

LeaveOut = Callable[[LeftOut], None]
Advance = Callable[[float], None]


def arguments(parser: argparse.ArgumentParser) -> None:
    """LOOP FILE --map MAPPING, and what to do beside."""
    parser.add_argument("loop", metavar="LOOP")
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV, XLSX, GeoJSON, Parquet")
    parser.add_argument("--map", type=Path, required=True, metavar="MAPPING", help="映射文件 / the mapping")
    parser.add_argument("--dry-run", action="store_true", help="只核对，不写入 / judge all, write nothing")
    parser.add_argument(
        "--rejects", type=Path, metavar="FILE", help="未导入的行及原因 / rows left out, and why"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="只读前 N 行 / read the first N rows only")


@dataclass(slots=True)
class Tally:
    """What an import did: rows by their fate, actions performed, breaches recorded."""

    opening: str
    read: int = 0
    imported: int = 0
    continued: int = 0
    there: int = 0
    breaches: int = 0
    actions: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Taken | LeftOut) -> None:
        """Counts one row."""
        self.read += 1
        if isinstance(outcome, LeftOut):
            (self.excluded if outcome.excluded else self.rejected)[outcome.code] += 1
            return
        self.imported += self.opening in outcome.actions
        self.continued += bool(outcome.actions) and self.opening not in outcome.actions
        self.there += not outcome.actions
        self.breaches += outcome.breaches
        self.actions.update(outcome.actions)


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Imports and says what it did; status 1 when rows were rejected or the file is not what the mapping expects."""
    with ExitStack() as stack:
        if given.dry_run and not settings.database and not Path(settings.url).exists():
            # Judging needs a district; one that is not there yet is made aside and thrown away.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="civicloop-dry-run-"))
            settings = replace(settings, data_dir=Path(folder))
        district = open_district(settings, inline=True, busy_seconds=PATIENCE)
        stack.callback(district.close)
        plan = read_mapping(given.map, _processes(district, given.loop), given.loop)
        source = open_source(
            given.file,
            encoding=plan.encoding,
            sheet=plan.sheet,
            header_row=plan.header_row,
            delimiter=plan.delimiter,
        )
        stack.callback(source.close)
        plan.require(source.columns)
        aside = "（试运行，不写入 / dry run, nothing is written）" if given.dry_run else ""
        print(f"{given.file.name} ({source.said}) → {given.loop} {aside}".rstrip(), flush=True)
        tally, reader = Tally(plan.steps[0].action.name), RowReader(plan, district.clock.now())
        importer = Importer(district.engine, plan, dry=given.dry_run)
        started = district.clock.wall()
        try:
            with _rejects(given.rejects) as leave_out, _progress(tally) as advance:
                _import(importer, source, reader, tally, leave_out, advance, given.limit)
            stopped = False
        except KeyboardInterrupt:
            stopped = True
        print(_said(tally, plan, district.clock.wall() - started))
        if stopped:
            print("已停止；再次运行同一命令即从此处继续。/ Stopped; the same command goes on from here.")
            return STOPPED
        if not given.dry_run:
            _export(district)
        wrong = [] if given.limit else _unexpected(plan, reader, tally)
        print("\n".join(wrong), end="\n" if wrong else "")
        return 1 if wrong or tally.rejected else 0


def _processes(district: District, loop: str) -> dict[str, Process]:
    found = district.registry.loops.get(loop)
    if found is None:
        known = ", ".join(district.registry.loops)
        raise ValueError(
            f"没有名为“{loop}”的流程；有：{known}。/ There is no loop “{loop}”; there are: {known}"
        )
    return {process.name: process for process in found.processes}


def _import(
    importer: Importer,
    source: Source,
    reader: RowReader,
    tally: Tally,
    leave_out: LeaveOut,
    advance: Advance,
    limit: int | None,
) -> None:
    batch: list[Row] = []
    ids: set[str] = set()

    def take() -> None:
        for outcome in importer.take(batch):
            tally.add(outcome)
            if isinstance(outcome, LeftOut):
                leave_out(outcome)
        batch.clear()
        ids.clear()
        advance(source.fraction())

    for number, cells in islice(source.rows(reader.wanted), limit):
        row = (
            LeftOut(number, "", "", "unreadable", cells)
            if isinstance(cells, Label)
            else reader.read(number, cells)
        )
        if isinstance(row, LeftOut):
            tally.add(row)
            leave_out(row)
            continue
        # The same number twice in one batch: the second has to find the first written.
        if len(batch) == BATCH or row.external_id in ids:
            take()
        batch.append(row)
        ids.add(row.external_id)
    take()


@contextmanager
def _rejects(path: Path | None) -> Iterator[LeaveOut]:
    """Writes rows that are left out to a CSV file that spreadsheets open, and the first wrong ones to the screen."""
    with ExitStack() as stack:
        # The mark at the beginning tells spreadsheets that it is UTF-8.
        file: TextIO | None = (
            stack.enter_context(path.open("w", encoding="utf-8-sig", newline="")) if path else None
        )
        writer = csv.writer(file) if file else None
        if writer:
            writer.writerow(("row", "id", "column", "code", "reason_zh", "reason_en"))
        shown = 0

        def leave_out(row: LeftOut) -> None:
            nonlocal shown
            if writer:
                reason = row.reason
                writer.writerow((row.number, row.external_id, row.column, row.code, reason.zh, reason.en))
            if not row.excluded and shown < SHOWN:
                shown += 1
                what = f"{row.number} {row.external_id} {row.column}".strip()
                print(f"  行/row {what}: {row.reason.zh} / {row.reason.en}", file=sys.stderr)

        yield leave_out


@contextmanager
def _progress(tally: Tally) -> Iterator[Advance]:
    """A bar on a terminal, a line every so many rows elsewhere."""
    if not sys.stdout.isatty():
        said = 0

        def line(fraction: float) -> None:
            nonlocal said
            if tally.read // SAID_EVERY > said:
                said = tally.read // SAID_EVERY
                print(f"  {tally.read} 行/rows, {100 * fraction:.0f} %", flush=True)

        yield line
        return
    columns = (
        TextColumn("{task.fields[rows]:>9,} 行/rows"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as progress:
        bar = progress.add_task("", total=1.0, rows=0)
        yield lambda fraction: progress.update(bar, completed=fraction, rows=tally.read)


def _export(district: District) -> None:
    """Has the figures' export follow the import, so that the first figure asked for is there at once.

    What was imported stands whatever comes of it: the export only goes on at the first question.
    """
    words = "为指标导出数据/exporting for the figures"
    started = district.clock.wall()
    try:
        if sys.stdout.isatty():
            with Progress(TextColumn(words), BarColumn(), TimeElapsedColumn(), transient=True) as progress:
                progress.add_task("", total=None)
                needed = district.figures.prepare()
        else:
            needed = district.figures.prepare()
    except (KeyboardInterrupt, Unavailable):
        print("指标将在首次查看时导出。/ The figures are exported when they are first looked at.")
        return
    if needed:
        print(f"{words}: {(district.clock.wall() - started) / SECOND:.1f} s")


def _said(tally: Tally, plan: ImportMap, took: Instant) -> str:
    seconds = max(took / SECOND, 0.001)
    actions = ", ".join(
        f"{step.action.label.zh}/{step.action.label.en} {tally.actions[step.action.name]:,}"
        for step in plan.steps
    )
    reasons = {rule.code: rule.reason for rule in plan.exclusions}
    lines = [
        f"读取/read {tally.read:,} · 导入/imported {tally.imported:,} · 续办/continued {tally.continued:,} · "
        f"已有/already there {tally.there:,} · 排除/excluded {tally.excluded.total():,} · 退回/rejected {tally.rejected.total():,}",
        f"  {actions} · 超时记录/breaches recorded {tally.breaches:,}",
    ]
    lines += [
        f"  排除/excluded {n:,}: {reasons[code].zh} / {reasons[code].en}"
        for code, n in tally.excluded.items()
    ]
    lines += [f"  退回/rejected {n:,}: {code}" for code, n in tally.rejected.items()]
    lines.append(f"  {seconds:.1f} s, {tally.read / seconds:,.0f} 行每秒/rows per second{_used()}")
    return "\n".join(lines)


def _used() -> str:
    """The processor time and the most memory that this process has used; nothing where the system doesn't tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return ""
    # Not getrusage's ru_maxrss, which begins with what the process that started this one held.
    peak = int(status.read_text("ascii", "replace").partition("VmHWM:")[2].split()[0]) // 1024
    return f", 处理器/processor {time.process_time():.1f} s, 内存峰值/peak memory {peak} MB"


def _unexpected(plan: ImportMap, reader: RowReader, tally: Tally) -> list[str]:
    """Where the file is not what the mapping expects."""
    expected = plan.expected
    pairs = [("rows", expected.rows, tally.read), ("excluded", expected.excluded, tally.excluded.total())]
    pairs += [(name, count, reader.having[name]) for name, count in expected.having.items()]
    return [
        f"映射预期/the mapping expects {name} = {wanted:,}, 实际/found {found:,}"
        for name, wanted, found in pairs
        if wanted is not None and wanted != found
    ]
