"""Throttles: how often a door may be tried, by account and by address.

A try is counted in a transaction of its own before it is judged, so that many at once count as many, and
a refusal does not take its count back. Times are the wall clock's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import TooMany
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import MINUTE, SECOND, Instant

_LATER = Label("尝试次数过多，请在 {minutes} 分钟后再试。", "Too many tries. Come back in {minutes} minutes.")
_COUNT = """
INSERT INTO tries (district, door, started_at, count) VALUES (?, ?, ?, 1)
ON CONFLICT (district, door) DO UPDATE SET
  count = CASE WHEN tries.started_at <= ? OR tries.started_at > ? THEN 1 ELSE tries.count + 1 END,
  started_at = CASE WHEN tries.started_at <= ? OR tries.started_at > ? THEN ? ELSE tries.started_at END
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `tries` within `window` (microseconds), counted from the first."""

    tries: int
    window: Instant


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of each door."""

    login_account: Limit = Limit(8, 15 * MINUTE)
    login_address: Limit = Limit(60, 15 * MINUTE)
    code_mobile: Limit = Limit(4, 15 * MINUTE)
    code_address: Limit = Limit(20, 15 * MINUTE)
    tracking_address: Limit = Limit(30, 15 * MINUTE)


def door(kind: str, name: str) -> str:
    """The key of a door; the name (a login, a number, an address) is hashed, for it may be personal."""
    return f"{kind}:{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class Throttle:
    """Counts tries in the table `tries`."""

    def __init__(self, district: str, store: Store) -> None:
        self._district = district
        self._store = store

    def knock(self, *doors: tuple[str, Limit]) -> None:
        """Counts one try at each door; TooMany, with the time to come back, when one has had too many."""
        wait = self._store.write(lambda tx: max(self._count(tx, key, limit) for key, limit in doors))
        if wait > 0:
            seconds = -(-wait // SECOND)
            raise TooMany(
                _LATER.filled(minutes=-(-wait // MINUTE)), extra={"retry_after_seconds": int(seconds)}
            )

    def _count(self, tx: Tx, key: str, limit: Limit) -> Instant:
        """Counts one try and returns how long to wait: 0 when it is allowed."""
        now = self._store.clock.wall()
        gone = now - limit.window
        tx.run(_COUNT, (self._district, key, now, gone, now, gone, now, now))
        row = tx.one(
            "SELECT started_at, count FROM tries WHERE district = ? AND door = ?", (self._district, key)
        )
        if row is None or row[1] <= limit.tries:
            return 0
        return int(row[0] + limit.window - now)

    def forget(self, tx: Tx, key: str) -> None:
        """Starts a door's count anew, after a success."""
        tx.run("DELETE FROM tries WHERE district = ? AND door = ?", (self._district, key))

    def give_back(self, tx: Tx, key: str) -> None:
        """Takes one try back, after a success: a whole office may share an address."""
        tx.run("UPDATE tries SET count = count - 1 WHERE district = ? AND door = ?", (self._district, key))

    def sweep(self, tx: Tx) -> None:
        """Removes the counts of yesterday and before."""
        gone = self._store.clock.wall() - 24 * 60 * MINUTE
        tx.run("DELETE FROM tries WHERE district = ? AND started_at < ?", (self._district, gone))
