"""What differs on SQLite: the driver, the pragmas, what a lost transaction looks like."""

from __future__ import annotations

import sqlite3 as standard
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from civicloop.kernel.store.transaction import Params, Row

# Versions before 3.51.3 have a fault in WAL mode, and Debian's 3.40.1 answers a two-character Chinese
# search on a trigram table with no rows.
MINIMUM = (3, 51, 3)


def driver() -> ModuleType:
    """The SQLite that Civicloop ships, or the system's where it is new enough; RuntimeError otherwise."""
    try:
        from pysqlite3 import dbapi2

        module: ModuleType = dbapi2
    except ImportError:
        module = standard
    if module.sqlite_version_info < MINIMUM:
        raise RuntimeError(
            f"SQLite {module.sqlite_version} is too old: Civicloop needs {'.'.join(map(str, MINIMUM))} or newer. "
            "Install the package pysqlite3, or a newer Python."
        )
    return module


sqlite = driver()


class SqliteConnection:
    """One connection; a writer begins IMMEDIATE, a reader is opened read-only."""

    dialect = "sqlite"
    errors: tuple[type[Exception], ...] = (sqlite.OperationalError, sqlite.DatabaseError)

    def __init__(self, path: Path, *, writes: bool, busy_seconds: float = 5.0) -> None:
        self.writes = writes
        uri = f"{path.absolute().as_uri()}?mode={'rwc' if writes else 'ro'}"
        self.raw: Any = sqlite.connect(
            uri,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=busy_seconds,
            cached_statements=512,
        )
        self.execute = self.raw.execute
        if writes:
            self.execute("PRAGMA journal_mode=WAL")
            self.execute("PRAGMA synchronous=FULL")
            self.execute("PRAGMA wal_autocheckpoint=4000")
            # Freed bytes are zeroed, or an erased personal value would outlive its row in the page.
            self.execute("PRAGMA secure_delete=FAST")
        else:
            self.execute("PRAGMA query_only=1")
        self.execute("PRAGMA temp_store=MEMORY")
        self.execute("PRAGMA cache_size=-16000")

    def begin(self) -> None:
        """Opens a transaction; a writer takes the write lock at once."""
        self.execute("BEGIN IMMEDIATE" if self.writes else "BEGIN")

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        if self.raw.in_transaction:
            self.execute("ROLLBACK")

    def savepoint(self) -> None:
        self.execute("SAVEPOINT op")

    def release(self) -> None:
        self.execute("RELEASE op")

    def back_to_savepoint(self) -> None:
        self.execute("ROLLBACK TO op")
        self.execute("RELEASE op")

    def lost(self, error: Exception) -> bool:
        """Whether the whole transaction went with this error (full disk, I/O error)."""
        return not self.raw.in_transaction or (
            isinstance(error, sqlite.OperationalError)
            and getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite.SQLITE_FULL, sqlite.SQLITE_IOERR)
        )

    def again(self, error: Exception) -> bool:  # noqa: ARG002 - the dialects answer alike
        """Whether running once more may help at once: never, since a writer has waited for the lock already."""
        return False

    def doubtful(self) -> bool:
        """Whether a failed COMMIT may have been done all the same: never, the log's end says so itself."""
        return False

    def unavailable(self, error: Exception) -> bool:
        """Whether the error is the machine's, not the operation's."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return isinstance(error, sqlite.Error) and code in (
            sqlite.SQLITE_FULL,
            sqlite.SQLITE_IOERR,
            sqlite.SQLITE_BUSY,
            sqlite.SQLITE_LOCKED,
            sqlite.SQLITE_READONLY,
            sqlite.SQLITE_CANTOPEN,
            sqlite.SQLITE_NOMEM,
        )

    def closed(self) -> bool:
        return False

    def close(self) -> None:
        self.raw.close()

    def run(self, sql: str, params: Params = ()) -> int:
        count: int = self.execute(sql, params).rowcount
        return count

    def run_many(self, sql: str, rows: Iterable[Params]) -> None:
        self.raw.executemany(sql, rows)

    def one(self, sql: str, params: Params = ()) -> Row | None:
        row: Row | None = self.execute(sql, params).fetchone()
        return row

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        rows: list[Row] = self.execute(sql, params).fetchall()
        return rows

    def each(self, sql: str, params: Params = ()) -> Iterator[Row]:
        yield from self.execute(sql, params)
