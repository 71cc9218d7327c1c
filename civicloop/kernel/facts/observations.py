"""Observations: what the world did, as it was told to us, and the pure folds over it.

An observation has two times: `happened_at`, and `recorded_at` from when we knew it. It may be late, doubled,
reordered or taken back. Its identity is what its source calls it, so the same thing twice adds nothing; a
retraction is an observation that names the identity it takes back, and may come before it. A fold gives the
same answer for any order and any repetition, also as known at a past moment. Payloads carry no personal
value, only references to `personal` rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Row, Tx
from civicloop.kernel.time.clock import Instant
from civicloop.kernel.time.ids import Ids

S = TypeVar("S")

_INTO = (
    "INSERT INTO observations (district, id, source, kind, identity_hash, happened_at, recorded_at, payload, "
    "retracts, subject) VALUES "
)
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ONCE = " ON CONFLICT (district, identity_hash) DO NOTHING"
_INSERT = _INTO + _ROW + _ONCE
# Many rows go in by few statements, of sizes that are prepared once.
_INSERTS = {size: _INTO + ", ".join([_ROW] * size) + _ONCE for size in (64, 16, 4, 1)}
_COLUMNS = (
    "o.id, o.source, o.kind, o.identity_hash, o.happened_at, o.recorded_at, o.payload, o.retracts, o.subject"
)
_BY_IDENTITY = f"SELECT {_COLUMNS} FROM observations o WHERE o.district = ? AND o.identity_hash = ?"
_BY_ID = f"SELECT {_COLUMNS} FROM observations o WHERE o.district = ? AND o.id = ?"
# What takes an observation back belongs to it, wherever it is linked and whatever its subject. CROSS JOIN fixes
# the order for SQLite, and only ids are gathered first: so each step is answered by an index alone.
_WITH_RETRACTIONS = (
    "UNION SELECT r.id FROM seen CROSS JOIN observations o CROSS JOIN observations r "
    "WHERE o.district = ? AND o.id = seen.id "
    "AND r.district = ? AND r.retracts = o.identity_hash AND r.retracts <> '') "
    f"SELECT {_COLUMNS} FROM seen CROSS JOIN observations o WHERE o.district = ? AND o.id = seen.id "
    "ORDER BY o.happened_at, o.identity_hash"
)
_BY_SUBJECT = (
    "WITH RECURSIVE seen (id) AS (SELECT id FROM observations "
    f"WHERE district = ? AND subject = ? AND subject <> '' {_WITH_RETRACTIONS}"
)
# Of each observation linked to the case the newest link row tells whether it still is.
_BY_CASE = (
    "WITH RECURSIVE seen (id) AS (SELECT l.observation_id FROM observation_links l "
    "WHERE l.district = ? AND l.case_id = ? AND l.linked = 1 AND l.linked_at <= ? AND NOT EXISTS ("
    "SELECT 1 FROM observation_links n WHERE n.district = l.district AND n.observation_id = l.observation_id "
    f"AND n.case_id = l.case_id AND n.number > l.number AND n.linked_at <= ?) {_WITH_RETRACTIONS}"
)
_CASES = (
    "SELECT l.case_id FROM observation_links l WHERE l.district = ? AND l.observation_id = ? AND l.linked = 1 "
    "AND NOT EXISTS (SELECT 1 FROM observation_links n WHERE n.district = l.district "
    "AND n.observation_id = l.observation_id AND n.case_id = l.case_id AND n.number > l.number) "
    "ORDER BY l.case_id"
)
_LINK_NOW = (
    "SELECT number, linked FROM observation_links WHERE district = ? AND observation_id = ? AND case_id = ? "
    "ORDER BY number DESC LIMIT 1"
)
_LINK = (
    "INSERT INTO observation_links (district, observation_id, case_id, number, linked, linked_at, linked_by) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ALWAYS = 2**63 - 1

_sha256 = hashlib.sha256


class Observation(msgspec.Struct, frozen=True):
    """One thing we were told; `payload` is its JSON text, `retracts` the identity it takes back, or ""."""

    id: str
    source: str
    kind: str
    identity: str
    happened_at: Instant
    recorded_at: Instant
    payload: str
    retracts: str = ""
    subject: str = ""

    @property
    def data(self) -> Any:
        """The payload as values."""
        return msgspec.json.decode(self.payload)


def identity(source: str, key: str) -> str:
    """The identity of what `source` calls `key`: only the source itself can repeat it or take it back."""
    return _sha256(f"{len(source)}:{source}{key}".encode()).hexdigest()


class Recording:
    """The hot intake's operation, one statement: `await store.awrite(recording)` is True when it was new."""

    __slots__ = ("row",)

    def __init__(
        self,
        district: str,
        id: str,
        source: str,
        kind: str,
        identity: str,
        happened_at: Instant,
        recorded_at: Instant,
        payload: str,
        retracts: str = "",
        subject: str = "",
    ) -> None:
        self.row = (
            district, id, source, kind, identity, happened_at, recorded_at, payload, retracts, subject,
        )  # fmt: skip

    def __call__(self, tx: Tx) -> bool:
        return tx.run(_INSERT, self.row) == 1

    @staticmethod
    def together(tx: Tx, recordings: Sequence[Recording]) -> list[bool]:
        """The answers of many, done by a few statements: what the writer does with neighbours."""
        answers: list[bool] = []
        for size, sql in _INSERTS.items():
            while len(recordings) - len(answers) >= size:
                rows = [one.row for one in recordings[len(answers) : len(answers) + size]]
                if tx.run(sql, [value for row in rows for value in row]) == size:
                    answers += [True] * size
                else:
                    # What was new stands there under the id that it came with.
                    answers += [tx.one(_BY_ID, row[:2]) is not None for row in rows]
        return answers


class RecordingMany:
    """Many recordings as one operation, all or none; its value is the number that was new."""

    __slots__ = ("recordings",)

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self.recordings = list(recordings)

    def __call__(self, tx: Tx) -> int:
        return sum(Recording.together(tx, self.recordings))


class Observations:
    """A district's observations: the way to record, link and read them."""

    def __init__(self, store: Store, district: str, ids: Ids) -> None:
        self.district = district
        self._clock = store.clock
        self._ids = ids

    def recording(
        self,
        source: str,
        kind: str,
        key: str,
        happened_at: Instant,
        payload: str,
        *,
        subject: str = "",
        retracts_key: str | None = None,
        recorded_at: Instant | None = None,
    ) -> Recording:
        """The operation that records what `source` calls `key`; `payload` is JSON text.

        `retracts_key` is what the same source called the observation it takes back. Only an import gives
        `recorded_at`: when we would have known it.
        """
        return Recording(
            self.district,
            self._ids.new("o"),
            source,
            kind,
            identity(source, key),
            happened_at,
            self._clock.now() if recorded_at is None else recorded_at,
            payload,
            "" if retracts_key is None else identity(source, retracts_key),
            subject,
        )

    def record(self, tx: Tx, recording: Recording) -> tuple[str, bool]:
        """Records within a transaction: the observation's id (a repetition's is the first's), and if it is new."""
        if recording(tx):
            return recording.row[1], True
        first = tx.one(_BY_IDENTITY, (self.district, recording.row[4]))
        assert first is not None, "a conflict without the row it conflicts with"
        return first[0], False

    def get(self, tx: Tx, id: str) -> Observation | None:
        """The observation with this id."""
        return _observation(tx.one(_BY_ID, (self.district, id)))

    def identified(self, tx: Tx, identity: str) -> Observation | None:
        """The observation with this identity, such as the one that a retraction names."""
        return _observation(tx.one(_BY_IDENTITY, (self.district, identity)))

    def of_subject(self, tx: Tx, subject: str) -> list[Observation]:
        """All observations of a subject and what takes them back, for a fold."""
        rows = tx.all(_BY_SUBJECT, (self.district, subject, *(self.district,) * 3))
        return [Observation(*row) for row in rows]

    def of_case(self, tx: Tx, case_id: str, linked_by: Instant | None = None) -> list[Observation]:
        """The observations linked to a case, at `linked_by` or now, and what takes them back, for a fold."""
        until = _ALWAYS if linked_by is None else linked_by
        rows = tx.all(_BY_CASE, (self.district, case_id, until, until, *(self.district,) * 3))
        return [Observation(*row) for row in rows]

    def cases(self, tx: Tx, observation_id: str) -> list[str]:
        """The cases an observation is linked to now."""
        return [row[0] for row in tx.all(_CASES, (self.district, observation_id))]

    def link(self, tx: Tx, observation_id: str, case_id: str, *, by: str, linked: bool = True) -> bool:
        """Links an observation to a case, or takes the link back; False when it already stands so."""
        newest = tx.one(_LINK_NOW, (self.district, observation_id, case_id))
        number, standing = newest if newest is not None else (0, 0)
        if bool(standing) == linked:
            return False
        now = self._clock.now()
        tx.run(_LINK, (self.district, observation_id, case_id, number + 1, int(linked), now, by))
        return True


def _observation(row: Row | None) -> Observation | None:
    return None if row is None else Observation(*row)


def fold(
    rows: Iterable[Observation],
    step: Callable[[S, Observation], S],
    initial: S,
    as_known_at: Instant | None = None,
) -> S:
    """Steps through what stands, by (happened_at, identity): the same for any order and repetition of `rows`.

    `step` is pure. Retractions and what they take back are left out; with `as_known_at` only what had been
    recorded by then counts.
    """
    state = initial
    for row in standing(rows, as_known_at):
        state = step(state, row)
    return state


def standing(rows: Iterable[Observation], as_known_at: Instant | None = None) -> list[Observation]:
    """The observations that stand, each once, in the order in which they happened.

    A retraction that is itself taken back no longer counts.
    """
    known: dict[str, Observation] = {}
    for row in rows:
        if as_known_at is None or row.recorded_at <= as_known_at:
            before = known.get(row.identity)
            if before is None or _first_told(row) < _first_told(before):
                known[row.identity] = row
    against: dict[str, list[str]] = {}
    for row in known.values():
        if row.retracts:
            against.setdefault(row.retracts, []).append(row.identity)
    gone = _taken_back(known, against) if against else set[str]()
    return sorted(
        (row for row in known.values() if not row.retracts and row.identity not in gone),
        key=lambda row: (row.happened_at, row.identity),
    )


def _first_told(row: Observation) -> tuple[Instant, Instant, str, str, str, str, str]:
    """Of two tellings of one identity the first counts; the rest only makes the choice unambiguous."""
    return row.recorded_at, row.happened_at, row.kind, row.payload, row.retracts, row.subject, row.id


def _taken_back(known: dict[str, Observation], against: dict[str, list[str]]) -> set[str]:
    """The identities that do not stand, of those that somebody retracts."""
    retractors = {identity for identities in against.values() for identity in identities}
    undecided = (retractors | set(against)) & set(known)
    stands: set[str] = set()
    gone: set[str] = set()
    while True:
        standing_now = {i for i in undecided if all(by in gone for by in against.get(i, ()))}
        undecided -= standing_now
        stands |= standing_now
        gone_now = {i for i in undecided if any(by in stands for by in against.get(i, ()))}
        undecided -= gone_now
        gone |= gone_now
        if not standing_now and not gone_now:
            # What is still undecided are retractions that take each other back in a circle, and nothing else.
            return gone
