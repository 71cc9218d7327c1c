"""The writer: many operations, one durable commit.

Operations wait in a queue; the writer thread takes one, drains its neighbours, runs each in a savepoint
of one transaction, commits once, and only then answers them all. When the whole transaction is lost
(disk full, deadlock), nothing is answered and the operations run again one by one.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, Protocol

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Unavailable
from civicloop.kernel.store.faults import Point, reach
from civicloop.kernel.store.transaction import Tx

Operation = Callable[[Tx], Any]
Listener = Callable[[list[Any]], None]

BATCH = 512
GATHER_SECONDS = 0.005  # about what a commit takes
# A deadlock or serialization failure leaves somebody else ahead, so an operation alone gets through in a few tries.
TRIES = 8

_GONE = Label(
    "数据库暂时不可写，本次没有保存任何内容，请稍后再试。",
    "The database can't be written just now; nothing was saved. Please try again in a moment.",
)


_IN_DOUBT = Label(
    "数据库在保存时中断，本次是否已保存不能确定：请先查看，再重试；带同一请求编号重试不会重复。",
    "The database broke off while it was saving, so whether this was saved is not known. Look before you try again; "
    "the same request key never does it twice.",
)
_log = logging.getLogger(__name__)


_Before = Literal["begun", "end", "known"]


@dataclass(frozen=True, slots=True)
class _Lost:
    """Why a transaction was lost, and before what: before it had begun, before its end, before its end was known."""

    error: Exception
    before: _Before
    again: bool
    unavailable: bool


class Waiting(Protocol):
    """Who waits for an operation's end: a future, or whatever else hears of it in the same words."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, exception: Any, /) -> None: ...


class Item:
    """One operation with who waits for it, in a thread, or in an event loop that gathers."""

    __slots__ = ("answer", "error", "future", "gathering", "operation")

    def __init__(
        self,
        operation: Operation,
        future: Waiting,
        gathering: Gathering | None,
    ) -> None:
        self.operation = operation
        self.future = future
        self.gathering = gathering
        self.answer: Any = None
        self.error: BaseException | None = None


def settle(items: Sequence[Item]) -> None:
    """Tells each who still waits what became of his operation."""
    for item in items:
        future = item.future
        if future.done():
            continue  # the client has gone; the operation is durable all the same
        if item.error is not None:
            future.set_exception(item.error)
        else:
            future.set_result(item.answer)


class Gathering:
    """What one event loop has for the writer: neighbours go together, once the loop has nothing else to do.

    Loop and writer are two threads under one interpreter lock: taking turns, they do more than side by side. So what comes
    in while the writer works waits for its answer, and then for a turn of the loop that brings nothing more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, put: Callable[[list[Item]], None]) -> None:
        self._loop = loop
        self._put = put
        self._waiting: list[Item] = []
        self._out = 0
        self._looking = False

    def add(self, item: Item) -> None:
        """Takes an operation; called in the loop's thread."""
        self._waiting.append(item)
        if len(self._waiting) >= BATCH:
            self._hand_over()
        elif self._out == 0 and not self._looking:
            self._look_out()

    def answered(self, items: list[Item]) -> None:
        """Has the loop answer what the writer has done; called in the writer's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._answer, items)

    def _answer(self, items: list[Item]) -> None:
        self._out -= len(items)
        settle(items)
        if self._out == 0 and self._waiting and not self._looking:
            self._look_out()

    def _look_out(self) -> None:
        self._looking = True
        self._loop.call_soon(self._look, len(self._waiting), self._loop.time() + GATHER_SECONDS)

    def _look(self, seen: int, until: float) -> None:
        count = len(self._waiting)
        if count > seen and self._loop.time() < until:
            self._loop.call_soon(self._look, count, until)
            return
        self._looking = False
        if count:
            self._hand_over()

    def _hand_over(self) -> None:
        items, self._waiting = self._waiting, []
        self._out += len(items)
        self._put(items)


class Writer:
    """Runs batches on one connection, which it opens again after a loss."""

    def __init__(self, connect: Callable[[], Any], listeners: Sequence[Listener]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._listeners = listeners
        self._queue: queue.SimpleQueue[Sequence[Item] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the writer thread."""
        self._thread = threading.Thread(target=self._loop, name="civicloop-writer", daemon=True)
        self._thread.start()

    def put(self, items: Sequence[Item]) -> None:
        """Queues operations as neighbours."""
        self._queue.put(items)

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
            items = get()
            waiting: list[Item] = []
            while items is not None:
                waiting += items
                if len(waiting) >= BATCH:
                    break
                try:
                    items = get_nowait()
                except queue.Empty:
                    break
            going = items is not None
            for first in range(0, len(waiting), BATCH):
                batch = waiting[first : first + BATCH]
                self.run(batch)
                self._answer(batch)

    @staticmethod
    def _answer(batch: list[Item]) -> None:
        by_loop: dict[Gathering | None, list[Item]] = {}
        for item in batch:
            by_loop.setdefault(item.gathering, []).append(item)
        for gathering, items in by_loop.items():
            if gathering is None:
                settle(items)
            else:
                gathering.answered(items)

    def run(self, batch: list[Item]) -> None:
        """Runs the batch in one transaction, or one by one when that is lost; sets each item's answer or error."""
        lost = self._try(batch)
        if lost is not None and lost.before == "begun" and lost.again:
            # A connection that died while nobody used it is found out only now.
            lost = self._try(batch)
        if lost is None:
            return
        if lost.before != "end":
            _fail(batch, lost)
            return
        for number, item in enumerate(batch):
            for _ in range(TRIES):
                item.answer = item.error = None
                lost = self._try([item])
                if lost is None or lost.before != "end" or not lost.again:
                    break
            if lost is not None:
                _fail([item], lost)
                if lost.before == "begun":
                    _fail(batch[number + 1 :], lost)
                    return

    def _try(self, batch: list[Item]) -> _Lost | None:
        """One transaction; what happened when it was lost as a whole and nothing of it may be answered."""
        connection: Any = None
        before: _Before = "begun"
        try:
            reach(Point.TAKEN)
            connection = self._open()
            connection.begin()
            before = "end"
            reach(Point.BEGUN)
            tx = Tx(connection)
            if not _perform(connection, tx, batch):
                connection.rollback()
                return None
            tx.run_finishers()
            reach(Point.BEFORE_COMMIT)
            before = "known"
            connection.commit()
        except Exception as error:  # noqa: BLE001 - a lost transaction, of whatever kind, is told to each caller
            unavailable, again = True, False
            if connection is not None:
                unavailable = connection.unavailable(error)
                again = connection.closed() if before == "begun" else connection.again(error)
            self._drop(connection)
            if before == "known":
                done = self._committed(connection)
                if done:
                    return None
                before = "known" if done is None else "end"
            return _Lost(error, before, again, unavailable)
        self._tell(tx)
        return None

    def _committed(self, connection: Any) -> bool | None:
        """Whether a COMMIT without an answer was done all the same; None when nobody can say."""
        if not connection.doubtful():
            return False
        try:
            done: bool | None = self._open().committed(connection.transaction_id)
        except connection.errors:
            self._connection = None
            return None
        return done

    def _tell(self, tx: Tx) -> None:
        """Tells the listeners of what is durable; it stays so whatever they do, and nothing is run again for that."""
        for listener in (lambda _: reach(Point.AFTER_COMMIT), *(self._listeners if tx.notes else ())):
            try:
                listener(tx.notes)
            except Exception:  # noqa: BLE001 - a listener of any kind may fail in any way
                _log.exception("store: a listener failed after the commit")

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


def _perform(connection: Any, tx: Tx, batch: list[Item]) -> bool:
    """Runs each operation in a savepoint, or neighbours of a kind in one; whether one of them wrote something to commit."""
    kept = False
    for together, neighbours in groupby(batch, _together):
        items = list(neighbours)
        if together is not None and _perform_together(connection, tx, together, items):
            kept = True
            continue
        for item in items:
            kept = _perform_one(connection, tx, item) or kept
    return kept


def _together(item: Item) -> Callable[[Tx, list[Any]], Sequence[Any]] | None:
    """How operations of this kind are done many at once, with an answer each; None where each is done for itself."""
    return getattr(type(item.operation), "together", None)


def _perform_together(
    connection: Any, tx: Tx, together: Callable[[Tx, list[Any]], Sequence[Any]], items: list[Item]
) -> bool:
    """Whether all were done; if not, nothing was, and each has its own turn."""
    mark = tx.mark()
    connection.savepoint()
    try:
        answers = together(tx, [item.operation for item in items])
    except Exception as error:
        if connection.lost(error):
            raise
        connection.back_to_savepoint()
        tx.restore(mark)
        return False
    connection.release()
    for item, answer in zip(items, answers, strict=True):
        item.answer = answer
    reach(Point.RELEASED)
    return True


def _perform_one(connection: Any, tx: Tx, item: Item) -> bool:
    mark = tx.mark()
    connection.savepoint()
    try:
        item.answer = item.operation(tx)
    except Exception as error:
        if connection.lost(error):
            raise
        connection.back_to_savepoint()
        tx.restore(mark)
        item.error = told(error) if connection.unavailable(error) else error
        return False
    connection.release()
    reach(Point.RELEASED)
    return True


def _fail(items: Sequence[Item], lost: _Lost) -> None:
    for item in items:
        item.answer = None
        if lost.before == "known":
            item.error = told(lost.error, _IN_DOUBT)
        else:
            item.error = told(lost.error) if lost.unavailable else lost.error


def told(error: Exception, sentence: Label = _GONE) -> Unavailable:
    """The refusal that says so to people, with the machine's error as its cause."""
    unavailable = Unavailable(sentence)
    unavailable.__cause__ = error
    return unavailable
