"""A transaction: the portable subset of SQL, and what has to follow the commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

Row = tuple[Any, ...]
Params = Sequence[Any]


class Connection(Protocol):
    """What the two dialects give a transaction."""

    dialect: str

    def run(self, sql: str, params: Params) -> int: ...
    def run_many(self, sql: str, rows: Iterable[Params]) -> None: ...
    def one(self, sql: str, params: Params) -> Row | None: ...
    def all(self, sql: str, params: Params) -> list[Row]: ...
    def each(self, sql: str, params: Params) -> Iterator[Row]: ...


class Tx:
    """One open transaction on one connection.

    `memo` holds values of this transaction (the chain's head, reference snapshots); entries must be
    immutable or replaced, since a rolled-back operation restores the dictionary, not the values. `notes` are handed to the
    store's listeners after COMMIT.
    """

    __slots__ = (
        "_connection",
        "_finishers",
        "all",
        "dialect",
        "each",
        "for_update",
        "memo",
        "notes",
        "one",
        "run",
        "run_many",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect
        self.for_update = " FOR UPDATE" if connection.dialect == "postgres" else ""
        self.memo: dict[Any, Any] = {}
        self.notes: list[Any] = []
        self._finishers: dict[str, Callable[[Tx], None]] = {}
        # Bound once: the hot path calls the dialect without a frame of ours between.
        self.run = connection.run
        self.run_many = connection.run_many
        self.one = connection.one
        self.all = connection.all
        self.each = connection.each

    def finish(self, name: str, function: Callable[[Tx], None]) -> None:
        """Has `function` run once at the end of the whole transaction, before COMMIT."""
        self._finishers[name] = function

    def mark(self) -> tuple[dict[Any, Any], int, dict[str, Callable[[Tx], None]]]:
        """What `restore` needs to forget everything from here on."""
        return dict(self.memo), len(self.notes), dict(self._finishers)

    def restore(self, mark: tuple[dict[Any, Any], int, dict[str, Callable[[Tx], None]]]) -> None:
        """Forgets what an operation left behind that was rolled back."""
        memo, count, finishers = mark
        self.memo = memo
        del self.notes[count:]
        self._finishers = finishers

    def run_finishers(self) -> None:
        """Runs and forgets the finishers."""
        finishers, self._finishers = self._finishers, {}
        for function in finishers.values():
            function(self)
