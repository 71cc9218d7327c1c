"""Durable intake over HTTP: grouped commits against one commit a request, and the processor time of one durable row.

Three servers, each a process of its own, are asked in turn by one load generator over 64 connections kept alive: the
product's; the same with at most one operation a transaction (writer.BATCH = 1), so that each request has a commit and an
fsync of its own; and a bare uvicorn that answers as many bytes and does nothing. Medians of the rounds are reported.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.case import good
from bench.client import Load, Measured, load
from bench.report import report
from bench.server import Server, running
from civicloop.kernel.cases.fields import Position
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.registry.district import Settings, open_district
from civicloop.kernel.store import sqlite
from civicloop.kernel.store.writer import BATCH

ROUNDS = 7
SECONDS = 2.0
CONNECTIONS = 64
MOST_STATEMENTS = 8

TEXT, CONTACT, KIND, LON, LAT = "垃圾桶旁堆了七八袋垃圾", "13800000000", "rubbish", 114.27, 30.605
REPORT = json.dumps(
    {"place": {"lon": LON, "lat": LAT}, "kind": KIND, "report": {"description": TEXT, "contact": CONTACT}},
    ensure_ascii=False,
)
OBSERVATION = json.dumps(
    {
        "source": "camera-17", "kind": "overflowing", "key": "seen-000000000000", "happened_at": "2026-01-05T08:15:00Z",
        "payload": {"overflowing": True, "confidence": 0.93}, "subject": "bin-4711",
    }
)  # fmt: skip
JSON = {"content-type": "application/json"}
CREATE = ("/api/street/report", REPORT, JSON)
OBSERVE = ("/api/observations", OBSERVATION, {**JSON, "authorization": "Bearer demo"})


class Round(NamedTuple):
    """One measurement of one server: what came back, and processor seconds a request."""

    seen: Measured
    cpu: float


class Asking:
    """Asks servers, each request with a number of its own."""

    def __init__(self) -> None:
        self._first = 0

    def round(self, server: Server, what: tuple[str, str, dict[str, str]], seconds: float = SECONDS) -> Round:
        """One measurement."""
        path, body, headers = what
        before = server.cpu_seconds()
        seen = load(Load(server.port, path, body, headers, seconds, CONNECTIONS, self._first))
        self._first += seen.done + 1
        return Round(seen, (server.cpu_seconds() - before) / seen.done)


def measured() -> list[dict[str, Round]]:
    """The rounds, each with every server asked in turn."""
    ask = Asking()
    with (
        tempfile.TemporaryDirectory() as folder,
        running("hello", "30") as hello,
        running("district", f"{folder}/grouped", str(BATCH)) as grouped,
        running("district", f"{folder}/single", "1") as single,
    ):
        order: dict[str, Callable[[float], Round]] = {
            "hello": lambda seconds: ask.round(hello, OBSERVE, seconds),
            "observe": lambda seconds: ask.round(grouped, OBSERVE, seconds),
            "observe_single": lambda seconds: ask.round(single, OBSERVE, seconds),
            "create": lambda seconds: ask.round(grouped, CREATE, seconds),
            "create_single": lambda seconds: ask.round(single, CREATE, seconds),
        }
        for asked in order.values():
            asked(0.5)
        return [{name: asked(SECONDS) for name, asked in order.items()} for _ in range(ROUNDS)]


def statements() -> tuple[int, float]:
    """SQL statements of one public create by SQLite's own trace: of its operation alone, and with the commit's share."""
    seen: list[str] = []
    begin = sqlite.SqliteConnection.begin

    def traced(self: Any) -> None:
        if self.writes:
            self.raw.set_trace_callback(seen.append)
        begin(self)

    with tempfile.TemporaryDirectory() as folder:
        district = open_district(Settings(Path(folder), demo=False), inline=True)
        told = ReportGiven("web", TEXT, contact=CONTACT, position=Position(LON, LAT))
        given = {"place": {"lon": LON, "lat": LAT}, "kind": KIND}
        operations = [
            district.engine.opening("street", "report", given, PUBLIC, report=told)
            for _ in range(CONNECTIONS)
        ]
        sqlite.SqliteConnection.begin = traced  # type: ignore[method-assign]
        try:
            good(district.store.write_all(operations))
        finally:
            sqlite.SqliteConnection.begin = begin  # type: ignore[method-assign]
        district.close()
    # A trigger's program shows as the statement that fired it once more; no two statements here are alike.
    run = [sql for number, sql in enumerate(seen) if number == 0 or sql != seen[number - 1]]
    last = len(run) - 1 - run[::-1].index("SAVEPOINT op")
    return run.index("RELEASE op", last) - last + 1, len(run) / CONNECTIONS


def spread(values: list[float]) -> tuple[float, list[float]]:
    """The median, and the least and the greatest."""
    return median(values), [round(min(values), 3), round(max(values), 3)]


def main() -> None:
    rounds = measured()
    same = f"medians of {ROUNDS} rounds of {SECONDS:g} s in turn, {CONNECTIONS} connections"
    for name, path in (("create", CREATE[0]), ("observe", OBSERVE[0])):
        pairs = [(each[name].seen, each[f"{name}_single"].seen) for each in rounds]
        what = f"POST {path}, grouped commits against one commit a request, {same}"
        rate, rates = spread([ours.rate / theirs.rate for ours, theirs in pairs])
        tail, tails = spread([ours.p99 / theirs.p99 for ours, theirs in pairs])
        report(
            f"intake_{name}_rate", rate, 5.0, f"requests a second: {what}", range=rates,
            a_second=[round(median(m.rate for m in side)) for side in zip(*pairs, strict=True)],
        )  # fmt: skip
        report(
            f"intake_{name}_p99", tail, 0.2, f"p99 latency: {what}", at_least=False, range=tails,
            milliseconds=[round(median(m.p99 for m in side)) for side in zip(*pairs, strict=True)],
        )  # fmt: skip
    cpu, cpus = spread([each["observe"].cpu / each["hello"].cpu for each in rounds])
    create, creates = spread([each["create"].cpu / each["hello"].cpu for each in rounds])
    report(
        "intake_cpu", cpu, 2.5,
        f"processor time a request: one observation, one durable row, against a bare uvicorn that answers as much; {same}",
        at_least=False, range=cpus, whole_public_create=round(create, 3), whole_public_create_range=creates,
        microseconds={n: round(median(each[n].cpu for each in rounds) * 1e6) for n in ("hello", "observe", "create")},
    )  # fmt: skip
    alone, shared = statements()
    report(
        "intake_statements", alone, MOST_STATEMENTS,
        "SQL statements of one public create with a contact (case, history, clocks, report, link, personal value, savepoint and "
        f"release); with its share of {CONNECTIONS} in one commit beside it",
        at_least=False, with_its_share_of_the_commit=round(shared, 2),
    )  # fmt: skip


if __name__ == "__main__":
    main()
