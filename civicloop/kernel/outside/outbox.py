"""The outbox: what a transaction wants done outside is written with it, and done after it, at least once.

A message is claimed by a lease, handled outside any transaction, and marked. A failure is tried again
with growing waits; after the last try the message is undeliverable (投递失败) and somebody is told.
Order is kept within a case: a message waits for the earlier ones of its case, but one that has failed
holds up only its own topic.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Delivery, DeliveryFailed
from civicloop.kernel.refusal import Missing, Refusal, Unavailable
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.faults import Point, reach
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import HOUR, MINUTE, SECOND, Clock, Instant
from civicloop.kernel.time.ids import Ids

Payload = dict[str, Any]
Handler = Callable[[Payload, Delivery], object]
OnUndeliverable = Callable[[Tx, "Undeliverable"], object]

ATTEMPTS = 10
FIRST_WAIT = 5 * SECOND
LONGEST_WAIT = HOUR
LEASE = 2 * MINUTE
BATCH = 16
# Other processes' messages are not announced in this one, and an accelerated clock runs past its due times.
POLL_SECONDS = 2.0

_COLUMNS = "district, id, topic, dedupe_key, payload, case_id, created_at, due_at, next_try_at"
_OPEN = "done_at IS NULL AND undeliverable_at IS NULL"

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder(order="sorted").encode

_NO_HANDLER = Label("没有处理“{topic}”的程序。", "Nothing here handles {topic}.")
_BROKEN = Label("处理程序出错：{error}", "The handler failed: {error}")
_DIED = Label("处理时进程多次中断。", "The process ended each time while handling it.")
_NOBODY_TOLD = Label("{reason}（未能立案：{error}）", "{reason} (no case could be opened: {error})")
_NOT_THERE = Label("没有这条投递失败的消息。", "There is no such undeliverable message.")


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be done outside. A second message with the same `dedupe_key` is dropped silently."""

    topic: str
    dedupe_key: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    case_id: str = ""
    due_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """A message that was given up, with the last reason."""

    delivery: Delivery
    payload: Payload
    reason: Label
    at: Instant


@cache
def _insert(count: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * count)
    return f"INSERT INTO outbox ({_COLUMNS}) VALUES {rows} ON CONFLICT (district, dedupe_key) DO NOTHING"


def enqueue(tx: Tx, district: str, now: Instant, messages: Sequence[Message], ids: Ids) -> int:
    """Writes all messages with one statement and returns how many were new; wakes the worker after COMMIT.

    At most 3,000 messages at once (SQLite binds 32,766 values a statement).
    """
    if not messages:
        return 0
    values: list[Any] = []
    for m in messages:
        due = now if m.due_at is None else m.due_at
        payload = _encode(m.payload).decode()
        values += (district, ids.new(), m.topic, m.dedupe_key, payload, m.case_id, now, due, due)
    added = tx.run(_insert(len(messages)), values)
    tx.notes.append(("outbox", added))
    return added


# The first select skips what another worker is just claiming (PostgreSQL), and leaves a message alone while
# an earlier one (e) of its case is open, unless that one is of another topic and has failed, or stands
# behind one (f) that has.
_CLAIM = f"""
WITH due AS (
  SELECT m.id FROM outbox m
  WHERE m.district = ? AND m.done_at IS NULL AND m.undeliverable_at IS NULL AND m.next_try_at <= ?
    AND (m.leased_until IS NULL OR m.leased_until <= ?)
    AND (m.case_id = '' OR NOT EXISTS (
      SELECT 1 FROM outbox e
      WHERE e.district = m.district AND e.case_id = m.case_id AND e.case_id <> ''
        AND e.done_at IS NULL AND e.undeliverable_at IS NULL
        AND (e.due_at, e.id) < (m.due_at, m.id)
        AND (e.topic = m.topic OR e.last_error IS NULL AND NOT EXISTS (
          SELECT 1 FROM outbox f
          WHERE f.district = e.district AND f.case_id = e.case_id AND f.case_id <> '' AND f.topic = e.topic
            AND f.done_at IS NULL AND f.undeliverable_at IS NULL AND f.last_error IS NOT NULL
            AND (f.due_at, f.id) < (e.due_at, e.id)))))
  ORDER BY m.next_try_at, m.id LIMIT ?{{lock}})
UPDATE outbox SET attempts = attempts + 1, leased_until = ?, lease_owner = ?
WHERE district = ? AND id IN (SELECT id FROM due) AND {_OPEN} AND (leased_until IS NULL OR leased_until <= ?)
RETURNING id, topic, dedupe_key, case_id, attempts, created_at, due_at, payload
"""
_CLAIMS = {"sqlite": _CLAIM.format(lock=""), "postgres": _CLAIM.format(lock=" FOR UPDATE OF m SKIP LOCKED")}

_MINE = f"WHERE district = ? AND id = ? AND lease_owner = ? AND attempts = ? AND {_OPEN}"
_DONE = f"UPDATE outbox SET done_at = ?, leased_until = NULL, lease_owner = NULL {_MINE}"
_AGAIN = f"UPDATE outbox SET next_try_at = ?, last_error = ?, leased_until = NULL, lease_owner = NULL {_MINE}"
_GIVE_UP = (
    f"UPDATE outbox SET undeliverable_at = ?, last_error = ?, leased_until = NULL, lease_owner = NULL {_MINE}"
)
_GIVE_BACK = f"UPDATE outbox SET attempts = attempts - 1, leased_until = NULL, lease_owner = NULL {_MINE}"


@dataclass(frozen=True, slots=True)
class _Claim:
    delivery: Delivery
    payload: Payload


class OutboxWorker:
    """Does what the outbox holds for one district; several workers and processes may run side by side.

    `on_undeliverable(tx, undeliverable)` runs in the transaction that gives a message up.
    """

    def __init__(
        self,
        store: Store,
        district: str,
        clock: Clock,
        ids: Ids,
        handlers: Mapping[str, Handler],
        *,
        on_undeliverable: OnUndeliverable | None = None,
        attempts: int = ATTEMPTS,
        lease: int = LEASE,
    ) -> None:
        self._store = store
        self._district = district
        self._clock = clock
        self._ids = ids
        self._handlers = handlers
        self._on_undeliverable = on_undeliverable
        self._attempts = attempts
        self._lease = lease
        self._wake = threading.Event()
        store.listen(self._heard)

    def _heard(self, notes: list[Any]) -> None:
        if any(isinstance(n, tuple) and n[0] == "outbox" for n in notes):
            self._wake.set()

    def drain(self, limit: int = 1_000_000) -> int:
        """Does everything that is due now, also what that brings about, and returns the number of tries."""
        count = 0
        while count < limit and (tried := self.step(min(64, limit - count))):
            count += tried
        return count

    def step(self, batch: int = BATCH) -> int:
        """Claims and handles one batch; returns how many messages it claimed."""
        owner = self._ids.new("w")
        until = self._clock.wall() + self._lease
        claims = self._store.write(lambda tx: self._claim(tx, owner, until, batch))
        ends: list[tuple[_Claim, Callable[[Tx], object], Label | None]] = []
        for claim in claims:
            reach(Point.EFFECT_CLAIMED)
            ends.append(self._handle(claim, owner, until))
        outcomes = self._store.write_all([end for _, end, _ in ends])
        for (claim, _, reason), outcome in zip(ends, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self._unsettled(claim, owner, reason, outcome)
        return len(claims)

    def _claim(self, tx: Tx, owner: str, until: Instant, batch: int) -> list[_Claim]:
        district, wall = self._district, self._clock.wall()
        rows = tx.all(
            _CLAIMS[tx.dialect], (district, self._clock.now(), wall, batch, until, owner, district, wall)
        )
        rows.sort(key=lambda r: (r[6], r[0]))
        return [_Claim(Delivery(*r[:7]), msgspec.json.decode(r[7])) for r in rows]

    def _handle(
        self, claim: _Claim, owner: str, until: Instant
    ) -> tuple[_Claim, Callable[[Tx], object], Label | None]:
        """Runs the handler; returns what is to be written about it, and the reason when it is given up."""
        delivery = claim.delivery
        mine = (self._district, delivery.id, owner, delivery.attempt)
        if self._clock.wall() >= until:
            # The batch took longer than the lease: somebody else may have it already.
            return claim, lambda tx: tx.run(_GIVE_BACK, mine), None
        if delivery.attempt > self._attempts:
            return self._end(claim, mine, DeliveryFailed(_DIED, permanent=True))
        handler = self._handlers.get(delivery.topic)
        try:
            if handler is None:
                raise DeliveryFailed(_NO_HANDLER.filled(topic=delivery.topic))
            handler(claim.payload, delivery)
        except DeliveryFailed as failure:
            return self._end(claim, mine, failure)
        except Refusal as refusal:
            return self._end(claim, mine, DeliveryFailed(refusal.reason))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is kept and tried again
            _log.warning("outbox: %s failed", delivery.topic, exc_info=error)
            return self._end(claim, mine, DeliveryFailed(_BROKEN.filled(error=_sentence(error))))
        reach(Point.EFFECT_DONE)
        now = self._clock.now()
        return claim, lambda tx: tx.run(_DONE, (now, *mine)), None

    def _end(
        self, claim: _Claim, mine: tuple[str, str, str, int], failure: DeliveryFailed
    ) -> tuple[_Claim, Callable[[Tx], object], Label | None]:
        now = self._clock.now()
        attempt = claim.delivery.attempt
        if not failure.permanent and attempt < self._attempts:
            again = now + max(failure.retry_after, wait(claim.delivery.id, attempt))
            return claim, lambda tx: tx.run(_AGAIN, (again, _error(failure.reason), *mine)), None
        reason = failure.reason

        def give_up(tx: Tx) -> None:
            gone = tx.run(_GIVE_UP, (now, _error(reason), *mine))
            if gone and self._on_undeliverable is not None:
                self._on_undeliverable(tx, Undeliverable(claim.delivery, claim.payload, reason, now))

        return claim, give_up, reason

    def _unsettled(self, claim: _Claim, owner: str, reason: Label | None, error: Exception) -> None:
        """A message could not be marked: it comes again after its lease; a given-up one is kept at least."""
        if reason is None or isinstance(error, Unavailable):
            raise error
        _log.error("outbox: nobody could be told of an undeliverable message", exc_info=error)
        text = _error(_NOBODY_TOLD.filled(reason=reason, error=_sentence(error)))
        mine = (self._district, claim.delivery.id, owner, claim.delivery.attempt)
        now = self._clock.now()
        self._store.write(lambda tx: tx.run(_GIVE_UP, (now, text, *mine)))

    def run_forever(self, stop: threading.Event) -> None:
        """Works until `stop` is set: at once when this process commits a message, else every two seconds."""
        while not stop.is_set():
            self._wake.clear()
            try:
                busy = self.step() > 0
            except Unavailable:
                busy = False  # the store says so itself wherever people see it; the rows wait
            except Exception:  # noqa: BLE001 - one broken round must not end all deliveries
                _log.exception("outbox: a round failed")
                busy = False
            if not busy:
                self._wake.wait(POLL_SECONDS)

    def start(self, stop: threading.Event, threads: int = 2) -> list[threading.Thread]:
        """Starts daemon threads in `run_forever`: with two, one slow receiver does not hold up the others."""
        started = [
            threading.Thread(target=self.run_forever, args=(stop,), name=f"civicloop-outbox-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in started:
            thread.start()
        return started

    def wake(self) -> None:
        """Has `run_forever` look at once (a stop flag, a moved clock)."""
        self._wake.set()

    def next_due(self, tx: Tx) -> Instant | None:
        """When the earliest open message is to be tried, for a clock that jumps."""
        row = tx.one(f"SELECT MIN(next_try_at) FROM outbox WHERE district = ? AND {_OPEN}", (self._district,))
        return row[0] if row else None

    def undeliverable(self, tx: Tx) -> list[Undeliverable]:
        """What was given up, oldest first."""
        rows = tx.all(
            "SELECT id, topic, dedupe_key, case_id, attempts, created_at, due_at, payload, last_error,"
            " undeliverable_at FROM outbox WHERE district = ? AND undeliverable_at IS NOT NULL"
            " ORDER BY undeliverable_at, id",
            (self._district,),
        )
        return [
            Undeliverable(
                Delivery(*r[:7]), msgspec.json.decode(r[7]), Label(**msgspec.json.decode(r[8])), r[9]
            )
            for r in rows
        ]

    def retry(self, tx: Tx, message_id: str) -> None:
        """Has an undeliverable message tried afresh; Missing when there is none such."""
        changed = tx.run(
            "UPDATE outbox SET undeliverable_at = NULL, attempts = 0, last_error = NULL, next_try_at = ?"
            " WHERE district = ? AND id = ? AND undeliverable_at IS NOT NULL",
            (self._clock.now(), self._district, message_id),
        )
        if not changed:
            raise Missing(_NOT_THERE)
        tx.notes.append(("outbox", 1))


def wait(message_id: str, attempt: int) -> int:
    """Microseconds to wait after failure number `attempt`: doubled each time, drawn from its upper half.

    The jitter is drawn from the message's id, so that a simulation repeats itself.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT << min(attempt - 1, 20))
    draw = int.from_bytes(hashlib.sha256(f"{message_id}:{attempt}".encode()).digest()[:4], "big")
    return longest // 2 + (longest // 2) * draw // 0xFFFFFFFF


def _error(reason: Label) -> str:
    return _encode({"zh": reason.zh, "en": reason.en}).decode()


def _sentence(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= 300 else text[:299] + "…"
