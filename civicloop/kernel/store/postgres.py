"""What differs on PostgreSQL: the driver, the parameter mark, what a lost connection looks like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import psycopg

from civicloop.kernel.store.transaction import Params, Row

# A server that is gone without a word is noticed within half a minute.
_ALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


@cache
def translated(sql: str) -> str:
    """The statement with psycopg's parameter marks."""
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresConnection:
    """One connection; a writer commits durably, a reader's transaction is read-only and repeatable."""

    dialect = "postgres"
    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: str, *, writes: bool, busy_seconds: float = 5.0) -> None:
        self.writes = writes
        self.transaction_id = ""
        self.raw: psycopg.Connection[Row] = psycopg.connect(
            url,
            autocommit=True,
            prepare_threshold=2,
            connect_timeout=5,
            application_name="civicloop",
            **_ALIVE,
        )
        self._cursor = self.raw.cursor()
        if writes:
            self._cursor.execute("SET synchronous_commit = on")
            self._cursor.execute(f"SET lock_timeout = {int(busy_seconds * 1000)}".encode())

    def begin(self) -> None:
        """Opens a transaction; a writer's has an id, by which its end can be asked for afterwards."""
        if not self.writes:
            self._cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return
        self._cursor.execute("BEGIN; SELECT pg_current_xact_id()::text", prepare=False)
        self._cursor.nextset()
        row = self._cursor.fetchone()
        assert row is not None
        self.transaction_id = row[0]

    def commit(self) -> None:
        self._cursor.execute("COMMIT")
        # A COMMIT of a failed transaction answers ROLLBACK without an error.
        if self._cursor.statusmessage != "COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("the transaction was rolled back at COMMIT")

    def rollback(self) -> None:
        if not self.raw.closed and self.raw.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self._cursor.execute("ROLLBACK")

    def savepoint(self) -> None:
        self._cursor.execute("SAVEPOINT op")

    def release(self) -> None:
        self._cursor.execute("RELEASE op")

    def back_to_savepoint(self) -> None:
        self._cursor.execute("ROLLBACK TO op")
        self._cursor.execute("RELEASE op")

    def again(self, error: Exception) -> bool:
        """Whether running once more may help at once: somebody else was let through first."""
        return isinstance(error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)

    def doubtful(self) -> bool:
        """Whether a failed COMMIT may have been done all the same: when its answer did not come through."""
        return self.raw.closed

    def committed(self, transaction_id: str) -> bool | None:
        """How the transaction of that id ended; None while it goes on, or after very long."""
        row = self.one("SELECT pg_xact_status(?::xid8)", (transaction_id,))
        return {"committed": True, "aborted": False}.get(row[0]) if row else None

    def lost(self, error: Exception) -> bool:
        """Whether the whole transaction must be run again: deadlock, serialization failure, lost connection."""
        return self.raw.closed or isinstance(
            error,
            psycopg.errors.DeadlockDetected
            | psycopg.errors.SerializationFailure
            | psycopg.errors.DiskFull
            | psycopg.errors.AdminShutdown
            | psycopg.errors.CrashShutdown
            | psycopg.InterfaceError,
        )

    def unavailable(self, error: Exception) -> bool:
        """Whether the error is the server's, not the operation's."""
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)

    def closed(self) -> bool:
        return self.raw.closed

    def close(self) -> None:
        self.raw.close()

    def run(self, sql: str, params: Params = ()) -> int:
        return self._cursor.execute(translated(sql), params).rowcount

    def run_many(self, sql: str, rows: Iterable[Params]) -> None:
        self._cursor.executemany(translated(sql), rows)

    def one(self, sql: str, params: Params = ()) -> Row | None:
        return self._cursor.execute(translated(sql), params).fetchone()

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        return self._cursor.execute(translated(sql), params).fetchall()

    def each(self, sql: str, params: Params = ()) -> Iterator[Row]:
        with self.raw.cursor(name="each") as cursor:
            cursor.itersize = 2000
            yield from cursor.execute(translated(sql), params)


def connect(url: str, *, writes: bool, busy_seconds: float = 5.0) -> Any:
    """A connection, typed loosely so that a machine without psycopg can import the store."""
    return PostgresConnection(url, writes=writes, busy_seconds=busy_seconds)
