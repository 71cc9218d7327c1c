"""Sessions and API keys: who stands behind a secret, found by one indexed read.

Only hashes of secrets are stored. A found actor is remembered for a few seconds; a change made through
this process forgets it at once, a change made by another process within `REMEMBER`.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from dataclasses import dataclass
from typing import Any

from civicloop.kernel.label import Label
from civicloop.kernel.people.accounts import grants_of
from civicloop.kernel.people.roles import Actor, Via
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import HOUR, MINUTE, SECOND, Instant
from civicloop.kernel.time.ids import Ids

REMEMBER = 5 * SECOND
# A session's or key's last use is written at most this often, so that reading a page is not a write.
NOTED_EVERY = MINUTE
_ROOM = 4096

_ACTOR = """
SELECT s.id, s.seen_at, s.idle_at, s.expires_at, a.id, a.person_id, a.must_change, p.name_zh, p.name_en,
  d.principal_person, g.role, g.scope_kind, g.scope_code, g.valid_from, g.valid_to
FROM sessions s
JOIN accounts a ON a.district = s.district AND a.id = s.account_id AND a.disabled_at IS NULL
JOIN persons p ON p.district = a.district AND p.id = a.person_id
LEFT JOIN delegations d ON d.district = s.district AND d.id = s.delegation_id AND d.revoked_at IS NULL
  AND d.from_at <= ? AND d.until_at > ?
LEFT JOIN role_grants g ON g.district = a.district AND g.account_id = COALESCE(d.principal_account, a.id)
  AND g.valid_from <= ? AND (g.valid_to IS NULL OR g.valid_to > ?)
WHERE s.district = ? AND s.token_hash = ? AND s.idle_at > ? AND s.expires_at > ? AND a.demo <= ?
"""
_KEY = """
SELECT k.id, k.used_at, k.expires_at, a.id, a.person_id, k.scopes, p.name_zh, p.name_en,
  g.role, g.scope_kind, g.scope_code, g.valid_from, g.valid_to
FROM api_keys k
JOIN accounts a ON a.district = k.district AND a.id = k.account_id AND a.disabled_at IS NULL
JOIN persons p ON p.district = a.district AND p.id = a.person_id
LEFT JOIN role_grants g ON g.district = a.district AND g.account_id = a.id
  AND g.valid_from <= ? AND (g.valid_to IS NULL OR g.valid_to > ?)
WHERE k.district = ? AND k.key_hash = ? AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?)
  AND k.demo <= ? AND a.demo <= ?
"""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lives unused, and at most."""

    idle: Instant = 2 * HOUR
    longest: Instant = 12 * HOUR


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its owner sees it in the list."""

    id: str
    made_at: Instant
    seen_at: Instant
    expires_at: Instant
    agent: str
    address: str


@dataclass(frozen=True, slots=True)
class Forget:
    """A note to the store's listeners: what is remembered of actors no longer holds."""

    district: str


@dataclass(frozen=True, slots=True)
class _Known:
    actor: Actor
    until: Instant


def secret_hash(secret: str) -> str:
    """What is stored of a secret that is itself long and random."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(token: str) -> str:
    """The CSRF token of a session, derived, so that it needs no row and changes with the session."""
    return hmac.new(token.encode(), b"civicloop csrf", hashlib.sha256).hexdigest()


def csrf_right(token: str, given: str) -> bool:
    """Whether a form's CSRF token belongs to the session, compared in constant time."""
    return hmac.compare_digest(csrf_of(token).encode(), given.encode())


class Sessions:
    """The tables sessions and (for finding) api_keys of one district."""

    def __init__(self, district: str, store: Store, ids: Ids, lifetime: Lifetime, *, demo: bool) -> None:
        self._district = district
        self._store = store
        self._clock = store.clock
        self._ids = ids
        self._lifetime = lifetime
        self._demo = int(demo)
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._generation = 0
        store.listen(self._hear)

    def open(self, tx: Tx, account_id: str, *, via: Via = "web", agent: str = "", address: str = "") -> str:
        """Opens a session and returns its token, the only copy there is; `via` is "web" or "device"."""
        now = self._clock.wall()
        token = ("D" if via == "device" else "S") + self._ids.code(32)
        tx.run(
            "INSERT INTO sessions (district, token_hash, id, account_id, made_at, seen_at, idle_at, expires_at,"
            " agent, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._district, secret_hash(token), self._ids.new("s"), account_id, now, now),
                *(now + self._lifetime.idle, now + self._lifetime.longest, agent[:200], address[:64]),
            ),
        )
        return token

    def actor(self, token: str) -> Actor | None:
        """Who is signed in with this token; None when it is unknown, expired or revoked. One indexed read."""
        hashed = secret_hash(token)
        known = self._recall(hashed)
        if known is not None:
            return known
        now, wall, generation = self._clock.now(), self._clock.wall(), self._generation
        with self._store.read() as tx:
            rows = tx.all(_ACTOR, (now, now, now, now, self._district, hashed, wall, wall, self._demo))
        if not rows:
            return None
        session, seen_at, idle_at, expires_at, account, person, must_change, zh, en, principal = rows[0][:10]
        actor = Actor(
            *(person, account, Label(zh, en), grants_of(r[10:15] for r in rows)),
            via="device" if token.startswith("D") else "web",
            session_id=session,
            acts_for=principal or "",
            must_change=bool(must_change),
        )
        self._keep(hashed, actor, min(wall + REMEMBER, idle_at, expires_at), generation)
        if wall - seen_at >= NOTED_EVERY:
            self._note(
                "UPDATE sessions SET seen_at = ?, idle_at = ? WHERE district = ? AND token_hash = ?",
                (wall, wall + self._lifetime.idle, self._district, hashed),
            )
        return actor

    def actor_of_key(self, text: str) -> Actor | None:
        """The actor behind an API key, with the key's scopes; None when it is unknown, expired or revoked."""
        hashed = secret_hash(text)
        known = self._recall(hashed)
        if known is not None:
            return known
        now, wall, generation = self._clock.now(), self._clock.wall(), self._generation
        with self._store.read() as tx:
            rows = tx.all(_KEY, (now, now, self._district, hashed, wall, self._demo, self._demo))
        if not rows:
            return None
        key, used_at, expires_at, account, person, scopes, zh, en = rows[0][:8]
        actor = Actor(
            *(person, account, Label(zh, en), grants_of(r[8:13] for r in rows)),
            via="api",
            api_scopes=frozenset(scopes.split()),
            session_id=key,
        )
        self._keep(hashed, actor, min(wall + REMEMBER, expires_at or wall + REMEMBER), generation)
        if used_at is None or wall - used_at >= NOTED_EVERY:
            self._note(
                "UPDATE api_keys SET used_at = ? WHERE district = ? AND key_hash = ?",
                (wall, self._district, hashed),
            )
        return actor

    def remembered(self, secret: str) -> Actor | None:
        """The actor of a token or key from memory alone: what an event loop may ask."""
        return self._recall(secret_hash(secret))

    def act_for(self, tx: Tx, token: str, delegation_id: str) -> None:
        """Has the session act under a delegation from now on; an empty id means for oneself again."""
        tx.run(
            "UPDATE sessions SET delegation_id = ? WHERE district = ? AND token_hash = ?",
            (delegation_id, self._district, secret_hash(token)),
        )
        self.forget(tx)

    def of_account(self, tx: Tx, account_id: str) -> list[SessionInfo]:
        """The account's open sessions, the last used first."""
        wall = self._clock.wall()
        rows = tx.all(
            "SELECT id, made_at, seen_at, expires_at, agent, address FROM sessions WHERE district = ?"
            " AND account_id = ? AND idle_at > ? AND expires_at > ? ORDER BY seen_at DESC, id",
            (self._district, account_id, wall, wall),
        )
        return [SessionInfo(*row) for row in rows]

    def close(self, tx: Tx, token: str) -> None:
        """Signs out."""
        tx.run(
            "DELETE FROM sessions WHERE district = ? AND token_hash = ?", (self._district, secret_hash(token))
        )
        self.forget(tx)

    def revoke(self, tx: Tx, account_id: str, session_id: str = "", *, all_but: str = "") -> int:
        """Ends one session of the account, or all, or all but one; returns how many ended."""
        ended = tx.run(
            "DELETE FROM sessions WHERE district = ? AND account_id = ? AND (id = ? OR ? = '') AND id <> ?",
            (self._district, account_id, session_id, session_id, all_but),
        )
        self.forget(tx)
        return ended

    def sweep(self, tx: Tx) -> None:
        """Removes the rows of expired sessions, addresses and all."""
        wall = self._clock.wall()
        tx.run(
            "DELETE FROM sessions WHERE district = ? AND (expires_at <= ? OR idle_at <= ?)",
            (self._district, wall, wall),
        )

    def forget(self, tx: Tx) -> None:
        """Has everything that is remembered of actors forgotten as soon as the transaction is durable."""
        tx.notes.append(Forget(self._district))

    def _hear(self, notes: list[Any]) -> None:
        if any(isinstance(note, Forget) and note.district == self._district for note in notes):
            with self._lock:
                self._known.clear()
                self._generation += 1

    def _recall(self, hashed: str) -> Actor | None:
        known = self._known.get(hashed)
        return known.actor if known is not None and known.until > self._clock.wall() else None

    def _keep(self, hashed: str, actor: Actor, until: Instant, generation: int) -> None:
        with self._lock:
            # What was read before a change may be out of date by the time it would be kept.
            if generation == self._generation:
                if len(self._known) >= _ROOM:
                    self._known.clear()
                self._known[hashed] = _Known(actor, until)

    def _note(self, sql: str, params: tuple[Any, ...]) -> None:
        """Writes a last use without waiting; when the store can't take it, the session only ends earlier."""
        self._store.submit(lambda tx: tx.run(sql, params))
