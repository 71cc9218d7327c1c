"""One whole street case, report to close, through the engine, against the same rows by bare prepared statements.

Both write the same rows into the same schema, indexes and triggers on SQLite with synchronous=FULL, 64 operations a commit. The
baseline replays exactly the INSERTs and UPDATEs that the engine made, in the same order, with nothing in between.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from bench.report import report
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.people.roles import PUBLIC, Actor, Grant, Scope
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.store import sqlite
from civicloop.loops.street.fixtures.pictures import street_picture

BATCH = 64
ROUNDS = 24
TARGET = 0.25
Recorded = list[list[tuple[str, tuple[Any, ...]]]]


def who(name: str, role: str, kind: str, code: str) -> Actor:
    return Actor(name, "a-" + name, grants=(Grant(role, Scope(kind, code)),))  # type: ignore[arg-type]


HEAD = who("head", "shift_head", "district", "jianghan")
DISPATCHER = who("dispatch", "dispatcher", "district", "jianghan")
CLERK = who("clerk", "unit_clerk", "unit", "sanitation")
CREW = who("crew", "crew", "unit", "sanitation")
CHECKER = who("check", "checker", "district", "jianghan")


def district_in(folder: Path) -> District:
    return open_district(Settings(folder, demo=False), inline=True)


def whole_cases(district: District, before: str, after: str, rounds: int) -> int:
    """Runs `rounds` times `BATCH` cases from report to close; returns how many."""
    engine, store = district.engine, district.store
    steps: tuple[tuple[str, dict[str, Any], Actor], ...] = (
        ("accept", {}, HEAD), ("file", {}, HEAD), ("dispatch", {}, DISPATCHER), ("sign", {}, CLERK), ("take", {}, CREW),
        ("report_back", {"photo_after": [after]}, CREW), ("close", {}, CHECKER),
    )  # fmt: skip
    for number in range(rounds):
        place = {"lon": 114.25 + number % 10 * 0.001, "lat": 30.605}
        told = ReportGiven("web", "垃圾桶旁堆了七八袋垃圾", media=(before,))
        opened = store.write_all(
            [
                engine.opening("street", "report", {"place": place, "kind": "rubbish"}, PUBLIC, report=told)
                for _ in range(BATCH)
            ]
        )
        cases = [receipt.case_id for receipt in good(opened)]
        for action, given, actor in steps:
            good(store.write_all([engine.performing(case, action, given, actor) for case in cases]))
    return rounds * BATCH


def good(outcomes: Iterable[Any]) -> list[Any]:
    found = list(outcomes)
    for outcome in found:
        if isinstance(outcome, BaseException):
            raise outcome
    return found


def recorded(work: Callable[[], int]) -> Recorded:
    """The writes of each commit that `work` makes, by listening at the connection."""
    commits: Recorded = []
    original_run, original_begin = sqlite.SqliteConnection.run, sqlite.SqliteConnection.begin

    def run(self: Any, sql: str, params: Any = ()) -> int:
        if sql.startswith(("INSERT", "UPDATE")):
            commits[-1].append((sql, tuple(params)))
        return original_run(self, sql, params)

    def begin(self: Any) -> None:
        if self.writes:
            commits.append([])
        original_begin(self)

    sqlite.SqliteConnection.run, sqlite.SqliteConnection.begin = run, begin  # type: ignore[method-assign]
    try:
        work()
    finally:
        sqlite.SqliteConnection.run, sqlite.SqliteConnection.begin = original_run, original_begin  # type: ignore[method-assign]
    return commits


def replayed(connection: sqlite.SqliteConnection, commits: Recorded) -> None:
    """The bare statements of some commits."""
    for commit in commits:
        connection.begin()
        for sql, params in commit:
            connection.execute(sql, params)
        connection.commit()


def pictures(district: District) -> tuple[str, str]:
    """A photograph of the problem and one of the work."""
    keep = district.evidence.keep
    before = keep(street_picture("bench", problem="rubbish"), actor_id="bench", purpose="bench")
    after = keep(street_picture("bench", view=1), actor_id="bench", purpose="bench")
    return before.hash, after.hash


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        other = district_in(root / "recorded")
        photos = pictures(other)
        commits = recorded(lambda: whole_cases(other, *photos, ROUNDS))
        other.close()
        a_round = len(commits) // ROUNDS
        bare = district_in(root / "bare")
        bare.close()
        connection = sqlite.SqliteConnection(Path(bare.store.url), writes=True)
        district = district_in(root / "engine")
        pictures(district)
        pairs: list[tuple[float, float]] = []
        # Round about, so that what else the machine does falls on both.
        for number in range(ROUNDS):
            mine = commits[number * a_round : (number + 1) * a_round]
            pairs.append(
                (timed(lambda: whole_cases(district, *photos, 1)), timed(partial(replayed, connection, mine)))
            )
        district.close()
        connection.close()
        pairs = pairs[2:]
        ratios = sorted(raw / engine for engine, raw in pairs)
        writes = sum(len(c) for c in commits) // ROUNDS
        report(
            "case", ratios[len(ratios) // 2], TARGET,
            f"{BATCH} street cases from report to close through the engine, {BATCH} operations a commit, against their {writes} writes "
            f"by bare prepared statements in the same commits; median of {len(pairs)} rounds side by side",
            range=[round(ratios[0], 3), round(ratios[-1], 3)],
            cases_a_second=round(BATCH / sorted(e for e, _ in pairs)[len(pairs) // 2]),
        )  # fmt: skip


if __name__ == "__main__":
    main()
