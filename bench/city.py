"""A large district for measurements: a SQLite file with a million cases, each with clocks, history, report and search text.

Loaded by bare bulk statements around the engine, with triggers and indexes taken off and put back afterwards, so that it
takes minutes and not hours. The rows have the shape and the spread of real ones; the hashes of the history are no chain,
and clocks that run fall due far in the future, so that nothing happens by itself.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from civicloop.kernel.cases.case import COLUMNS
from civicloop.kernel.cases.limits import COLUMNS as CLOCK_COLUMNS
from civicloop.kernel.cases.receipts import case_number
from civicloop.kernel.facts.search import Words
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.store.sqlite import SqliteConnection
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, parse_instant
from civicloop.kernel.time.ids import base32

CASES = 1_000_000
OPEN = 100_000
SEED = 20261101
NEWEST = parse_instant("2026-11-01T00:00:00Z")
OLDEST = NEWEST - 3 * 365 * DAY
# Every time in the future of a running clock counts from here.
LATER = parse_instant("2126-01-01T00:00:00Z")

OPEN_STATES = {"reported": 8, "accepted": 6, "verifying": 6, "filed": 10, "dispatched": 14, "signed": 12, "handling": 24, "held": 4, "checking": 16}  # fmt: skip
ENDED_STATES = {"archived": 930, "declined": 45, "merged_for_good": 15, "void_for_good": 10}
AT_UNIT = frozenset({"dispatched", "signed", "handling", "held", "checking", "closed", "archived"})
CLOSED_SHARE = 0.02  # of those done, still open to objections

PLACES = (
    "垃圾桶",
    "人行道",
    "公交站",
    "菜市场",
    "小区门口",
    "学校",
    "地铁口",
    "花坛",
    "路口",
    "围墙",
    "停车场",
    "桥下",
)
TROUBLES = ("堆了垃圾", "积水很深", "路灯不亮", "井盖松动", "有人占道经营", "护栏倒了", "树枝折断", "墙上有小广告", "油烟扰民", "共享单车乱停", "污水外溢", "路面塌陷")  # fmt: skip
SINCE = ("今天早上", "昨天夜里", "已经三天", "一直没人管", "刚刚发现", "又出现了")


@dataclass(frozen=True, slots=True)
class Axes:
    """What cases are spread over."""

    streets: list[tuple[str, list[str]]]  # with their communities
    kinds: list[str]
    units: list[str]


def city(folder: Path, cases: int = CASES, still_open: int = OPEN) -> Path:
    """The folder of the district, made on the first call; its file is named after what it holds."""
    home = folder / f"city-{cases}-{still_open}-kinds"
    if (home / "whole").exists():
        return home
    home.mkdir(parents=True, exist_ok=True)
    for half in home.glob("*.db*"):
        half.unlink()
    begun = time.perf_counter()
    print(f"bench: loading {cases:,} cases into {home} (once, some minutes)", file=sys.stderr, flush=True)
    settings = Settings(home)
    district = open_district(settings, inline=True)
    axes = axes_of(district)
    process = district.registry.processes["street"]
    district.close()
    connection = SqliteConnection(Path(settings.url), writes=True)
    _load(connection, district.code, process.version, axes, cases, still_open)
    connection.close()
    (home / "whole").touch()
    print(f"bench: loaded in {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return home


def axes_of(district: District) -> Axes:
    """The district's own streets, categories and units."""
    communities: dict[str, list[str]] = {}
    for row in district.pack.registers:
        if row.register == "communities":
            communities.setdefault(str(row.code)[:9], []).append(row.code)
    return Axes(
        [(street.code, communities.get(street.code, [street.code])) for street in district.places.streets],
        [row.code for row in district.pack.reference if row.set == "categories"],
        [row.code for row in district.pack.registers if row.register == "units"],
    )


def case_id(number: int) -> str:
    """The id of the case of that number, from 1."""
    return "c" + base32(number, 18)


def text(chance: random.Random, number: int) -> str:
    """What somebody wrote."""
    return f"{chance.choice(PLACES)}旁{chance.choice(TROUBLES)},{chance.choice(SINCE)},门牌{number % 5000}号"


def _load(
    connection: SqliteConnection, district: str, version: int, axes: Axes, cases: int, still_open: int
) -> None:
    execute = connection.execute
    for pragma in (
        "journal_mode = OFF",
        "synchronous = OFF",
        "cache_size = -400000",
        "locking_mode = EXCLUSIVE",
    ):
        execute(f"PRAGMA {pragma}")
    off = connection.all(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND (type = 'trigger' OR (type = 'index'"
        " AND tbl_name IN ('cases', 'history', 'clocks', 'reports', 'report_links', 'search_docs')))", ()
    )  # fmt: skip
    # What the planner is told of an index goes with it.
    told = connection.all("SELECT tbl, idx, stat FROM sqlite_stat1", ())
    for kind, name, _ in off:
        execute(f"DROP {kind} {name}")
    execute("BEGIN")
    _cases(connection, district, version, axes, cases, still_open)
    _around(connection, district)
    _search(connection, district, cases)
    execute("COMMIT")
    for _, _, sql in sorted(off):
        execute(sql)
    connection.run("DELETE FROM sqlite_stat1")
    connection.run_many("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", told)
    execute("PRAGMA journal_mode = WAL")


def _cases(
    connection: SqliteConnection, district: str, version: int, axes: Axes, cases: int, still_open: int
) -> None:
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    connection.run_many(
        f"INSERT INTO cases (district, {', '.join(COLUMNS)}) VALUES ({marks})",
        _case_rows(district, version, axes, cases, still_open),
    )


def _case_rows(
    district: str, version: int, axes: Axes, cases: int, still_open: int
) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(SEED)
    # Some kinds, units and streets have far more than others, as everywhere.
    kinds = chance.choices(axes.kinds, [1 / (n + 1) for n in range(len(axes.kinds))], k=cases)
    streets = chance.choices(axes.streets, [1 / (n + 3) for n in range(len(axes.streets))], k=cases)
    units = chance.choices(axes.units, [1 / (n + 2) for n in range(len(axes.units))], k=cases)
    running = chance.choices(list(OPEN_STATES), list(OPEN_STATES.values()), k=cases)
    over = chance.choices(list(ENDED_STATES), list(ENDED_STATES.values()), k=cases)
    for n in range(1, cases + 1):
        # The open ones are among the newer half.
        is_open = n > cases // 2 and (n - cases // 2) % max(1, cases // 2 // still_open) == 0
        at = OLDEST + (NEWEST - OLDEST) * n // cases
        took = chance.randrange(20 * MINUTE, 72 * HOUR)
        late = int(chance.random() < 0.12)
        state = running[n - 1] if is_open else over[n - 1]
        if not is_open and n > cases * (1 - CLOSED_SHARE):
            state = "closed"
        ended = None if is_open or state == "closed" else at + took
        closed = at + took if not is_open and state != "merged_for_good" else None
        due = LATER + at + took - NEWEST if is_open and state != "held" else None
        street, communities = streets[n - 1]
        community = chance.choice(communities)
        yield (
            district, case_id(n), case_number(at, 3 * n - 2), "street", version, state, "handling", "close", 3, 3 * n, kinds[n - 1],
            "gbt30428-2017", text(chance, n)[:60], 114.22 + chance.random() * 0.078, 30.565 + chance.random() * 0.079,
            street, community, "", units[n - 1] if state in AT_UNIT else "", "", 0, "web", None, None,
            at, at, at + took // 2, closed, ended, due, late, int(chance.random() < 0.05), 1, "{}",
        )  # fmt: skip


def _around(connection: SqliteConnection, district: str) -> None:
    """Three rows of history, two clocks, one linked report a case, and the chain's head."""
    moves = (
        ("3 * n - 2", "1", "'report'", "''", "'reported'", "opened_at"),
        ("3 * n - 1", "2", "'accept'", "'reported'", "'accepted'", "opened_at + 600000000"),
        ("3 * n", "3", "'close'", "'handling'", "state", "changed_at"),
    )
    rows = " UNION ALL ".join(
        f"SELECT district, {seq} AS s, id, process, version, {revision}, {action}, {before}, {after}, 'p-1', 'checker', 'web',"
        f" {at}, {at}, '{{}}', '', NULL, printf('%064x', {seq} - 1), printf('%064x', {seq}) FROM numbered"
        for seq, revision, action, before, after, at in moves
    )
    numbered = "WITH numbered AS (SELECT *, seq / 3 AS n FROM cases)"
    connection.run(f"{numbered} INSERT INTO history {rows} ORDER BY s")
    names = ", ".join(CLOCK_COLUMNS)
    for limit, span in (("close_in_2_hours", 120), ("handle", 24 * 60)):
        connection.run(
            f"INSERT INTO clocks (district, case_id, {names}) SELECT district, id, '{limit}', '', 1,"
            " CASE WHEN due_at IS NULL THEN 'stopped' ELSE 'running' END,"
            f" {span}, 'minutes', 'round_the_clock', '', 0, opened_at, COALESCE(due_at, opened_at + {span * MINUTE}), NULL, NULL,"
            " closed_at, CASE WHEN breaches > 0 THEN opened_at + 1 END FROM cases ORDER BY id"
        )
    connection.run(
        "INSERT INTO reports SELECT district, 'r' || substr(id, 2), substr(id, 10), 'web', NULL, kind, title, '', lon, lat, '[]',"
        " '', 0, opened_at, opened_at, '{}' FROM cases ORDER BY id"
    )
    connection.run(
        "INSERT INTO report_links SELECT district, 'r' || substr(id, 2), id, seq - 2, 1 FROM cases ORDER BY id"
    )
    connection.run(
        "INSERT INTO chain_heads (district, seq, hash) SELECT district, MAX(seq), printf('%064x', MAX(seq)) FROM cases WHERE"
        " district = ? ON CONFLICT (district) DO UPDATE SET seq = excluded.seq, hash = excluded.hash", (district,)
    )  # fmt: skip


def _search(connection: SqliteConnection, district: str, cases: int) -> None:
    """The index of words, and its cursor at the history's end."""
    connection.run("DELETE FROM search_cursor")
    connection.run(
        "INSERT INTO search_cursor (district, number, seq) VALUES (?, 1, ?)", (district, 3 * cases)
    )
    connection.run("INSERT INTO search_docs SELECT district, id, seq - 2, '' FROM cases ORDER BY id")
    numbered = connection.all("SELECT seq - 2, number || char(10) || title, kind FROM cases ORDER BY seq", ())
    connection.run_many(
        "INSERT INTO search_grams (rowid, grams) VALUES (?, ?)",
        ((1 << 40 | seq, Words(text, kind).tokens) for seq, text, kind in numbered),
    )
