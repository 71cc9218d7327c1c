"""The writer: many operations, one durable commit.

Operations wait in a queue; the writer thread takes one, drains its neighbours, runs each in a savepoint
of one transaction, commits once, and only then answers them all. When the whole transaction is lost
(disk full, deadlock), nothing is answered and the operations run again one by one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Unavailable
from civicloop.kernel.store.faults import Point, reach
from civicloop.kernel.store.transaction import Tx

Operation = Callable[[Tx], Any]
Listener = Callable[[list[Any]], None]

BATCH = 512

_GONE = Label(
    "数据库暂时不可写,本次没有保存任何内容,请稍后再试。",
    "The database can't be written just now; nothing was saved. Please try again in a moment.",
)


class Item:
    """One operation with the way to answer it: a thread's future, or an event loop's."""

    __slots__ = ("answer", "error", "future", "loop", "operation")

    def __init__(
        self,
        operation: Operation,
        future: Future[Any] | asyncio.Future[Any],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.operation = operation
        self.future = future
        self.loop = loop
        self.answer: Any = None
        self.error: BaseException | None = None


def _settle(items: Sequence[Item]) -> None:
    for item in items:
        future = item.future
        if future.done():
            continue  # the client has gone; the operation is durable all the same
        if item.error is not None:
            future.set_exception(item.error)
        else:
            future.set_result(item.answer)


class Writer:
    """Runs batches on one connection, which it opens again after a loss."""

    def __init__(self, connect: Callable[[], Any], listeners: Sequence[Listener]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._listeners = listeners
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the writer thread."""
        self._thread = threading.Thread(target=self._loop, name="civicloop-writer", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queues an operation."""
        self._queue.put(item)

    def stop(self) -> None:
        """Finishes what is queued and ends the thread."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _loop(self) -> None:
        get, get_nowait = self._queue.get, self._queue.get_nowait
        going = True
        while going:
            item = get()
            batch: list[Item] = []
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH:
                    break
                try:
                    item = get_nowait()
                except queue.Empty:
                    break
            going = item is not None
            if batch:
                self.run(batch)
                self._answer(batch)

    @staticmethod
    def _answer(batch: list[Item]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop | None, list[Item]] = {}
        for item in batch:
            by_loop.setdefault(item.loop, []).append(item)
        for loop, items in by_loop.items():
            if loop is None:
                _settle(items)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(_settle, items)

    def run(self, batch: list[Item]) -> None:
        """Runs the batch in one transaction, or one by one when that is lost; sets each item's answer or error."""
        reach(Point.TAKEN)
        if not self._try(batch):
            for item in batch:
                item.answer = item.error = None
                self._try([item], last=True)

    def _try(self, batch: list[Item], *, last: bool = False) -> bool:
        """One transaction; False when it was lost as a whole and nothing of it may be answered."""
        connection = None
        try:
            connection = self._open()
            connection.begin()
            reach(Point.BEGUN)
            tx = Tx(connection)
            kept = False
            for item in batch:
                mark = tx.mark()
                connection.savepoint()
                try:
                    item.answer = item.operation(tx)
                except Exception as error:
                    if connection.lost(error):
                        raise
                    connection.back_to_savepoint()
                    tx.restore(mark)
                    item.error = error
                else:
                    connection.release()
                    reach(Point.RELEASED)
                    kept = True
            if kept:
                tx.run_finishers()
                reach(Point.BEFORE_COMMIT)
                connection.commit()
                reach(Point.AFTER_COMMIT)
                if tx.notes:
                    for listener in self._listeners:
                        listener(tx.notes)
            else:
                connection.rollback()
        except Exception as error:  # noqa: BLE001 - a lost transaction, of whatever kind, is told to each caller
            self._drop(connection)
            if not last:
                return False
            unavailable = connection is None or connection.unavailable(error)
            for item in batch:
                if unavailable:
                    item.error = Unavailable(_GONE)
                    item.error.__cause__ = error
                else:
                    item.error = error
        return True

    def _open(self) -> Any:
        if self._connection is None or self._connection.closed():
            self._connection = self._connect()
        return self._connection

    def _drop(self, connection: Any) -> None:
        """Leaves no half-open transaction behind; a connection that can't roll back is given up."""
        if connection is None:
            return
        try:
            connection.rollback()
        except connection.errors:
            connection.close()
            self._connection = None
