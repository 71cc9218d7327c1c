"""The store: one writer, many readers, SQLite or PostgreSQL behind the same few calls."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Unavailable
from civicloop.kernel.store.migrate import migrate
from civicloop.kernel.store.sqlite import SqliteConnection
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.store.writer import Gathering, Item, Listener, Waiting, Writer, settle, told
from civicloop.kernel.time.clock import Clock

T = TypeVar("T")

READERS = 8
FEW = 32  # operations of background work a commit

_NO_READER = Label(
    "数据库暂时读不到，请稍后再试。", "The database can't be read just now. Please try again in a moment."
)


class Store:
    """Everything that is kept. `inline=True` runs each operation in the caller's thread (simulation, tests)."""

    def __init__(self, url: str, clock: Clock, *, inline: bool = False, busy_seconds: float = 5.0) -> None:
        self.url = url
        self.clock = clock
        self.inline = inline
        self._busy_seconds = busy_seconds
        self._listeners: list[Listener] = []
        self._gatherings: WeakKeyDictionary[asyncio.AbstractEventLoop, Gathering] = WeakKeyDictionary()
        self._readers: queue.LifoQueue[Any] = queue.LifoQueue()
        self._free = queue.LifoQueue[None]()
        for _ in range(READERS):
            self._free.put(None)
        self.dialect = "postgres" if url.startswith(("postgres://", "postgresql://")) else "sqlite"
        self._writer = Writer(lambda: self.connect(writes=True), self._listeners)
        if not inline:
            self._writer.start()

    def connect(self, *, writes: bool) -> Any:
        """A new connection of this store's dialect, the caller's to close."""
        if self.dialect == "postgres":
            # Imported only where it is used: the driver is an extra.
            from civicloop.kernel.store.postgres import connect

            return connect(self.url, writes=writes, busy_seconds=self._busy_seconds)
        return SqliteConnection(Path(self.url), writes=writes, busy_seconds=self._busy_seconds)

    def listen(self, listener: Listener) -> None:
        """Calls `listener(notes)` after every commit that left notes, in the writer's thread."""
        self._listeners.append(listener)

    def submit(self, operation: Callable[[Tx], T]) -> Future[T]:
        """Queues an operation; the future is done when it is durable, or has failed with nothing written."""
        future: Future[T] = Future()
        item = Item(operation, future, None)
        if self.inline:
            self._writer.run([item])
            if item.error is not None:
                future.set_exception(item.error)
            else:
                future.set_result(item.answer)
        else:
            self._writer.put([item])
        return future

    def write(self, operation: Callable[[Tx], T]) -> T:
        """Runs an operation to its durable end and returns its value; raises what it raised."""
        return self.submit(operation).result()

    async def awrite(self, operation: Callable[[Tx], T]) -> T:
        """`write` for a coroutine: the event loop goes on meanwhile."""
        if self.inline:
            return self.write(operation)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.hand(operation, future)
        return await future

    def hand(self, operation: Callable[[Tx], Any], waiting: Waiting) -> None:
        """Hands an operation over from an event loop's thread; `waiting` hears of its end in the same thread."""
        if self.inline:
            item = Item(operation, waiting, None)
            self._writer.run([item])
            settle([item])
            return
        loop = asyncio.get_running_loop()
        gathering = self._gatherings.get(loop)
        if gathering is None:
            gathering = self._gatherings[loop] = Gathering(loop, self._writer.put)
        gathering.add(Item(operation, waiting, gathering))

    def write_all(self, operations: list[Callable[[Tx], T]]) -> list[T | BaseException]:
        """Runs many operations as neighbours in as few commits as may be; each succeeds or fails alone."""
        futures = [Item(operation, Future(), None) for operation in operations]
        if self.inline:
            self._writer.run(futures)
            return [item.error if item.error is not None else cast(T, item.answer) for item in futures]
        self._writer.put(futures)
        outcomes: list[T | BaseException] = []
        for item in futures:
            error = cast("Future[T]", item.future).exception()
            outcomes.append(error if error is not None else cast("Future[T]", item.future).result())
        return outcomes

    def write_between(self, operations: Sequence[Callable[[Tx], T]]) -> list[T | BaseException]:
        """As `write_all`, a few a commit, so that what people send meanwhile waits for one short commit at most."""
        outcomes: list[T | BaseException] = []
        for few in range(0, len(operations), FEW):
            outcomes.extend(self.write_all(list(operations[few : few + FEW])))
        return outcomes

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A snapshot to read from; at most `READERS` at a time, the rest wait."""
        self._free.get()
        try:
            connection = self._reader()
            try:
                yield Tx(connection)
            except connection.errors as error:
                if connection.unavailable(error):
                    raise Unavailable(_NO_READER) from error
                raise
            finally:
                try:
                    connection.rollback()
                    self._readers.put(connection)
                except connection.errors:
                    connection.close()
        finally:
            self._free.put(None)

    def _reader(self) -> Any:
        """A connection with an open snapshot; one that died since its last use is replaced once."""
        for _ in range(READERS + 1):
            try:
                connection = self._readers.get_nowait()
            except queue.Empty:
                connection = None
            errors: tuple[type[Exception], ...] = (
                connection.errors if connection is not None else (OSError, *SqliteConnection.errors)
            )
            fresh = connection is None
            try:
                if connection is None:
                    connection = self.connect(writes=False)
                    errors = connection.errors
                connection.begin()
                return connection
            except Exception as error:
                if connection is not None:
                    connection.close()
                if fresh:
                    raise Unavailable(_NO_READER) from error
                if not isinstance(error, errors):
                    raise
        raise Unavailable(_NO_READER)

    def close(self) -> None:
        """Finishes what is queued and closes every connection."""
        self._writer.stop()
        while True:
            try:
                self._readers.get_nowait().close()
            except queue.Empty:
                return


def open_store(
    url: str,
    clock: Clock,
    *,
    inline: bool = False,
    busy_seconds: float = 5.0,
    lines: dict[str, Path] | None = None,
) -> Store:
    """Opens a store and brings its tables up to date: the kernel's line, then each loop's (`lines`: name to folder).

    Unavailable when the store can't be written, as where another process has held its lock for `busy_seconds`.
    """
    store = Store(url, clock, inline=inline, busy_seconds=busy_seconds)
    connection = store.connect(writes=True)
    try:
        migrate(connection, clock, lines or {})
    except BaseException as error:
        store.close()
        if isinstance(error, connection.errors) and connection.unavailable(error):
            raise told(error) from error
        raise
    finally:
        connection.close()
    return store
