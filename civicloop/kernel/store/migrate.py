"""Numbered migrations, one line for the kernel and one for each loop, each applied once and never changed.

A migration is `NNNN_name.sql` in the portable subset, followed by `NNNN_name.sqlite.sql` or
`NNNN_name.postgres.sql` where a dialect needs its own (triggers, search). A statement ends with a
semicolon at the end of a line; between the lines `-- begin` and `-- end` stands one statement whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from civicloop.kernel.time.clock import Clock

KERNEL = Path(__file__).parent / "migrations"

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql$")
_WORDS = {
    "sqlite": {"{without_rowid}": " WITHOUT ROWID", "{blob}": "BLOB"},
    "postgres": {"{without_rowid}": "", "{blob}": "BYTEA"},
}


class MigrationError(Exception):
    """A migration was edited after it was applied, or the file is newer than this code."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of a line."""

    line: str
    number: int
    name: str
    path: Path

    def text(self, dialect: str) -> str:
        """The SQL for one dialect."""
        text = self.path.read_text("utf-8")
        extra = self.path.with_name(f"{self.path.stem}.{dialect}.sql")
        if extra.exists():
            text += "\n" + extra.read_text("utf-8")
        for word, replacement in _WORDS[dialect].items():
            text = text.replace(word, replacement)
        return text


def migrations(line: str, folder: Path) -> list[Migration]:
    """The line's migrations in order; ValueError when two share a number."""
    found = [
        Migration(line, int(match[1]), match[2], path)
        for path in sorted(folder.glob("*.sql"))
        if (match := _NAME.match(path.name))
    ]
    numbers = [m.number for m in found]
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"two migrations of {line!r} in {folder} share a number")
    return found


def statements(text: str) -> Iterator[str]:
    """Splits a migration into its statements."""
    lines: list[str] = []
    whole = False
    for line in text.splitlines():
        bare = line.strip()
        if bare == "-- begin":
            whole = True
        elif bare == "-- end":
            yield "\n".join(lines)
            lines, whole = [], False
        elif bare.startswith("--"):
            continue
        elif bare:
            lines.append(line)
            if not whole and bare.endswith(";"):
                yield "\n".join(lines)
                lines = []
    if lines:
        raise ValueError(f"a statement without an end: {lines[0]!r}")


def migrate(connection: Any, clock: Clock, lines: dict[str, Path]) -> list[Migration]:
    """Applies what is missing, each migration in a transaction of its own, and returns it.

    MigrationError when an applied migration has another text now, or the database knows a newer one.
    """
    connection.begin()
    if connection.dialect == "postgres":
        # Another process may be migrating just now, which takes as long as it takes.
        connection.run("SET LOCAL lock_timeout = 0", ())
        connection.run("SELECT pg_advisory_xact_lock(420103)", ())
    connection.run(
        "CREATE TABLE IF NOT EXISTS migrations (line TEXT NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL,"
        " sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (line, number))",
        (),
    )
    applied = {(r[0], r[1]): r[2] for r in connection.all("SELECT line, number, sha256 FROM migrations", ())}
    done: list[Migration] = []
    try:
        for line, folder in {"kernel": KERNEL, **lines}.items():
            known = migrations(line, folder)
            newest = known[-1].number if known else 0
            beyond = [n for (name, n) in applied if name == line and n > newest]
            if beyond:
                raise MigrationError(
                    f"the database holds migration {line} {max(beyond):04d}, which this version of Civicloop does not know: "
                    "start the newer version, or restore the back-up made before it"
                )
            for migration in known:
                text = migration.text(connection.dialect)
                digest = hashlib.sha256(text.encode()).hexdigest()
                before = applied.get((line, migration.number))
                if before is None:
                    for statement in statements(text):
                        connection.run(statement, ())
                    connection.run(
                        "INSERT INTO migrations VALUES (?, ?, ?, ?, ?)",
                        (line, migration.number, migration.name, digest, clock.wall()),
                    )
                    done.append(migration)
                elif before != digest:
                    raise MigrationError(
                        f"migration {line} {migration.number:04d}_{migration.name} was changed after it had been applied: "
                        "put the old text back and write a new migration"
                    )
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
    return done
