"""Migrations: numbered in their ranges, never edited once released, in types both databases share, by district."""

from __future__ import annotations

import re
from pathlib import Path

from civicloop.kernel.store.database import Store
from tests.structure.released import digest, migration_files, released
from tests.structure.tree import ROOT

# Who numbers where, so that two people never take the same number.
RANGES = {
    range(1, 10): "cases, history, clocks, reports",
    range(10, 20): "reference, registers, observations, places",
    range(20, 30): "people",
    range(30, 40): "outbox, jobs",
    range(40, 50): "evidence",
    range(50, 60): "figures",
    range(60, 70): "search",
    range(70, 80): "statistics for the planner",
}
# Tables that are the same for every district, and why.
WITHOUT_DISTRICT = {
    "migrations": "what was done to the file",
    "process_versions": "code, not data",
    "moves": "code, not data",
}
TYPES = {"TEXT", "BIGINT", "INTEGER", "DOUBLE PRECISION", "{blob}"}

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+(\.(sqlite|postgres))?\.sql")
_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\)", re.DOTALL)


def portable() -> list[str]:
    """The migrations of no dialect."""
    return [name for name in migration_files() if not re.search(r"\.(sqlite|postgres)\.sql$", name)]


def columns() -> list[tuple[str, str, str]]:
    """(table, column, type) of every table in the portable migrations."""
    found = []
    for name in portable():
        for table, body in _TABLE.findall((ROOT / name).read_text("utf-8")):
            for line in body.splitlines():
                match = re.match(r"\s+([a-z_]+) (DOUBLE PRECISION|\{blob\}|[A-Za-z]+)", line)
                if match:
                    found.append((table, match[1], match[2]))
    return found


def test_every_file_is_named_in_the_pattern() -> None:
    assert [name for name in migration_files() if not _NAME.fullmatch(Path(name).name)] == []


def test_the_kernels_numbers_lie_in_their_ranges_without_gaps() -> None:
    numbers = sorted(int(Path(n).name[:4]) for n in portable() if n.startswith("civicloop/kernel/"))
    assert len(set(numbers)) == len(numbers)
    for part, what in RANGES.items():
        taken = [number for number in numbers if number in part]
        assert taken == list(range(max(part.start, 1), max(part.start, 1) + len(taken))), f"{what}: {taken}"
    assert [n for n in numbers if not any(n in part for part in RANGES)] == []


def test_a_loops_numbers_begin_at_one_without_gaps() -> None:
    folders: dict[Path, list[int]] = {}
    for name in portable():
        if name.startswith("civicloop/loops/"):
            folders.setdefault(Path(name).parent, []).append(int(Path(name).name[:4]))
    for folder, numbers in folders.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), folder


def test_a_dialects_file_follows_a_portable_one() -> None:
    names = set(migration_files())
    for name in names:
        if match := re.fullmatch(r"(.*)\.(sqlite|postgres)\.sql", name):
            assert f"{match[1]}.sql" in names, name


def test_what_was_released_has_not_changed() -> None:
    changed = [n for n, value in released().items() if not (ROOT / n).is_file() or digest(n) != value]
    assert changed == [], "put the released text back and write a new migration"


def test_columns_have_types_that_both_databases_share() -> None:
    found = columns()
    assert len(found) > 50
    assert [c for c in found if c[2] not in TYPES] == []


def test_times_and_amounts_are_whole_numbers() -> None:
    wrong = [c for c in columns() if re.search(r"_(at|fen|minor|micros)$", c[1]) and c[2] != "BIGINT"]
    assert wrong == []


def keys(store: Store) -> dict[str, str]:
    """table: first column of its primary key, as the database itself tells; "" without a key."""
    with store.read() as tx:
        if tx.dialect == "postgres":
            return dict(
                tx.all(
                    "SELECT c.relname, coalesce(a.attname, '') FROM pg_class c"
                    " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'"
                    " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
                    " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
                    " WHERE c.relkind IN ('r', 'p')"
                )
            )
        tables = [
            row[0]
            for row in tx.all("SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")
        ]
        first = {
            table: tx.one("SELECT name FROM pragma_table_info(?) WHERE pk = 1", (table,))
            for table in tables
            if not table.startswith("sqlite_")
        }
        return {table: row[0] if row else "" for table, row in first.items()}


def test_every_tables_key_begins_with_the_district(store: Store) -> None:
    found = keys(store)
    assert set(WITHOUT_DISTRICT) <= set(found)
    assert {t: k for t, k in found.items() if k != "district" and t not in WITHOUT_DISTRICT} == {}


def test_both_databases_have_the_declared_columns(store: Store) -> None:
    declared = columns()
    with store.read() as tx:
        for table in sorted({owner for owner, _, _ in declared}):
            names = [column for owner, column, _ in declared if owner == table]
            assert tx.all(f"SELECT {', '.join(names)} FROM {table} WHERE 1 = 0") == []
