"""Dated reference data (limits, prices, rules, calendars): when each row holds, and since when it is known.

A row is never changed. A correction is a new row of the same set, code and `valid_from` with a later
`known_from`; so is the end of a validity (with a `valid_to`) and a withdrawal (`valid_to` equal to
`valid_from`). Where two periods of a code overlap, the one that began later holds, and when it ends the
earlier one holds again. A process that uses a row keeps the row's id: later rows never rewrite the past.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant

Status = Literal["official", "second_hand", "from_memory", "unverified", "synthetic", "derived"]
STATUSES: tuple[Status, ...] = (
    "official",
    "second_hand",
    "from_memory",
    "unverified",
    "synthetic",
    "derived",
)

_VERSION = "SELECT reference_version FROM chain_heads WHERE district = ?"
_NEXT_VERSION = (
    "INSERT INTO chain_heads (district, seq, hash, reference_version) VALUES (?, 0, ?, 1) "
    "ON CONFLICT (district) DO UPDATE SET reference_version = chain_heads.reference_version + 1 "
    "RETURNING reference_version"
)
_INSERT = (
    "INSERT INTO reference (district, id, set_name, code, valid_from, valid_to, known_from, data, source, "
    "status, recorded_by, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LOAD = (
    "SELECT id, set_name, code, valid_from, valid_to, known_from, data, source, status FROM reference "
    "WHERE district = ? AND version > ? AND version <= ?"
)
_GENESIS = "0" * 64

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder(order="sorted").encode


class Dated(Protocol):
    """What holds in a period and is known from some time on."""

    @property
    def valid_from(self) -> Instant: ...
    @property
    def valid_to(self) -> Instant | None: ...
    @property
    def known_from(self) -> Instant: ...


D = TypeVar("D", bound=Dated)


@dataclass(frozen=True, slots=True)
class NewReference:
    """A row to add; without `known_from` it is known from now on."""

    set: str
    code: str
    valid_from: Instant
    data: dict[str, Any]
    source: str
    status: Status
    valid_to: Instant | None = None
    known_from: Instant | None = None


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One recorded row: it holds from `valid_from` until before `valid_to`; `data` is read, never changed."""

    id: str
    set: str
    code: str
    valid_from: Instant
    valid_to: Instant | None
    known_from: Instant
    data: dict[str, Any]
    source: str
    status: Status


@dataclass(frozen=True, slots=True)
class _Timeline:
    """All rows of one code, and the steps they make as known by now: `holders[i]` from `starts[i]` on."""

    rows: tuple[ReferenceRow, ...]  # by valid_from, then known_from
    newest: Instant  # the latest known_from
    starts: tuple[Instant, ...]
    holders: tuple[ReferenceRow | None, ...]

    def holding(self, at: Instant, known_at: Instant | None) -> ReferenceRow | None:
        if known_at is not None and known_at < self.newest:
            return holding_as_known(self.rows, at, known_at)
        step = bisect_right(self.starts, at) - 1
        return self.holders[step] if step >= 0 else None


def _by_start(row: Dated) -> Instant:
    return row.valid_from


def _timeline(rows: Iterable[ReferenceRow]) -> _Timeline:
    ordered = tuple(sorted(rows, key=lambda row: (row.valid_from, row.known_from)))
    latest = list({row.valid_from: row for row in ordered}.values())
    moments = {row.valid_from for row in latest} | {
        row.valid_to for row in latest if row.valid_to is not None
    }
    starts = sorted(moments)
    holders: list[ReferenceRow | None] = []
    open_rows: list[ReferenceRow] = []  # the one that began last is on top
    following = iter(latest)
    row = next(following, None)
    for moment in starts:
        while row is not None and row.valid_from == moment:
            open_rows.append(row)
            row = next(following, None)
        while open_rows and (end := open_rows[-1].valid_to) is not None and end <= moment:
            open_rows.pop()
        holders.append(open_rows[-1] if open_rows else None)
    return _Timeline(ordered, max(r.known_from for r in ordered), tuple(starts), tuple(holders))


def holding_as_known(rows: Sequence[D], at: Instant, known_at: Instant | None) -> D | None:
    """The row that held at `at`, by what was known at `known_at` (None: by all that is recorded).

    `rows` are the records of one matter by (valid_from, known_from).
    """
    decided: Instant | None = None
    for index in range(bisect_right(rows, at, key=_by_start) - 1, -1, -1):
        row = rows[index]
        if row.valid_from == decided or (known_at is not None and row.known_from > known_at):
            continue
        if row.valid_to is None or at < row.valid_to:
            return row
        decided = row.valid_from
    return None


def latest_of_period(rows: Sequence[D], valid_from: Instant) -> D | None:
    """The newest record of the period that begins at `valid_from`; `rows` as for `holding_as_known`."""
    index = bisect_right(rows, valid_from, key=_by_start) - 1
    return rows[index] if index >= 0 and rows[index].valid_from == valid_from else None


def known_from_now(now: Instant, given: Instant | None, before: Dated | None) -> Instant:
    """Since when a new record is known: as given, else now and later than the record it corrects."""
    if given is not None:
        return given
    return now if before is None else max(now, before.known_from + 1)


class Snapshot:
    """All reference rows of a district at one version, in memory; it never changes."""

    __slots__ = ("_codes", "_ids", "_timelines", "version")

    def __init__(
        self, version: int, timelines: dict[tuple[str, str], _Timeline], ids: dict[str, ReferenceRow]
    ) -> None:
        self.version = version
        self._timelines = timelines
        self._ids = ids
        codes: dict[str, list[str]] = {}
        for set_name, code in sorted(timelines):
            codes.setdefault(set_name, []).append(code)
        self._codes = {name: tuple(of_set) for name, of_set in codes.items()}

    def get(self, set: str, code: str, at: Instant) -> ReferenceRow | None:
        """The row that holds at `at`, by all that is recorded."""
        timeline = self._timelines.get((set, code))
        return timeline.holding(at, None) if timeline is not None else None

    def as_known(self, set: str, code: str, at: Instant, known_at: Instant) -> ReferenceRow | None:
        """The row that held at `at`, by what was known at `known_at`."""
        timeline = self._timelines.get((set, code))
        return timeline.holding(at, known_at) if timeline is not None else None

    def all(self, set: str, at: Instant, known_at: Instant | None = None) -> list[ReferenceRow]:
        """The rows of a set that hold at `at`, by code."""
        held = (self._timelines[set, code].holding(at, known_at) for code in self._codes.get(set, ()))
        return [row for row in held if row is not None]

    def row(self, id: str) -> ReferenceRow | None:
        """The row with this id, however old: what a process had frozen."""
        return self._ids.get(id)

    def sets(self) -> list[str]:
        """The names of all sets."""
        return list(self._codes)

    def codes(self, set: str) -> tuple[str, ...]:
        """The codes of a set, whether or not they hold now."""
        return self._codes.get(set, ())

    def rows(self, set: str, code: str) -> tuple[ReferenceRow, ...]:
        """Every row ever recorded for a code, by `valid_from`, then `known_from`."""
        timeline = self._timelines.get((set, code))
        return timeline.rows if timeline is not None else ()

    def with_rows(self, version: int, rows: Iterable[ReferenceRow]) -> Snapshot:
        """The snapshot that these further rows lead to."""
        added: dict[tuple[str, str], list[ReferenceRow]] = {}
        ids = dict(self._ids)
        for row in rows:
            ids[row.id] = row
            added.setdefault((row.set, row.code), []).append(row)
        timelines = dict(self._timelines)
        for key, new in added.items():
            before = timelines.get(key)
            timelines[key] = _timeline([*before.rows, *new] if before is not None else new)
        return Snapshot(version, timelines, ids)


EMPTY = Snapshot(0, {}, {})


class Reference:
    """A district's reference data: the way to add rows, and the snapshot to look them up in."""

    def __init__(self, store: Store, district: str) -> None:
        self.district = district
        self._clock = store.clock
        self._committed = EMPTY
        self._memo_version = ("reference version", district)
        self._memo_snapshot = ("reference snapshot", district)

    def snapshot(self, tx: Tx) -> Snapshot:
        """The snapshot this transaction sees; one small statement when nothing has changed."""
        if self._memo_version in tx.memo:
            return self._of_memo(tx)
        head = tx.one(_VERSION, (self.district,))
        return self.snapshot_for(tx, head[0] if head is not None else 0)

    def snapshot_for(self, tx: Tx, version: int) -> Snapshot:
        """The snapshot at a version just read from chain_heads in `tx`, mostly the one in memory.

        Rows that an earlier operation of the same transaction added are in it, whatever `version` says.
        """
        if self._memo_version in tx.memo:
            return self._of_memo(tx)
        known = self._committed
        if version == known.version:
            return known
        if version < known.version:  # a reader whose transaction began before the last change
            return self._loaded(tx, EMPTY, version)
        self._committed = loaded = self._loaded(tx, known, version)
        return loaded

    def _of_memo(self, tx: Tx) -> Snapshot:
        # Rows that are not committed may yet be rolled back: they live in the transaction's memo only.
        version: int = tx.memo[self._memo_version]
        memo: Snapshot | None = tx.memo.get(self._memo_snapshot)
        if memo is None or memo.version != version:
            known = self._committed
            base = memo if memo is not None else known if known.version < version else EMPTY
            tx.memo[self._memo_snapshot] = memo = self._loaded(tx, base, version)
        return memo

    def _loaded(self, tx: Tx, base: Snapshot, version: int) -> Snapshot:
        rows = tx.all(_LOAD, (self.district, base.version, version))
        return base.with_rows(
            version,
            [ReferenceRow(r[0], r[1], r[2], r[3], r[4], r[5], _decode(r[6]), r[7], r[8]) for r in rows],
        )

    def add(self, tx: Tx, rows: Iterable[NewReference], *, recorded_by: str) -> list[str]:
        """Adds what is new and returns its ids; a row that says what is already recorded adds nothing.

        Invalid when a correction is not known later than the row it corrects: it would rewrite the past.
        """
        now = self._clock.now()
        snapshot = self.snapshot(tx)
        latest: dict[tuple[str, str, Instant], ReferenceRow] = {}
        fresh: list[tuple[ReferenceRow, str]] = []
        for new in rows:
            key = (new.set, new.code, new.valid_from)
            before = latest.get(key) or latest_of_period(snapshot.rows(new.set, new.code), new.valid_from)
            data = _encode(new.data).decode()
            if before is not None and _same(before, new, data):
                continue
            known_from = known_from_now(now, new.known_from, before)
            _check(new, known_from, before)
            row = ReferenceRow(
                f"{new.set}:{new.code}:{new.valid_from}:{known_from}", new.set, new.code, new.valid_from,
                new.valid_to, known_from, _decode(data), new.source, new.status,
            )  # fmt: skip
            latest[key] = row
            fresh.append((row, data))
        if fresh:
            self._insert(tx, fresh, recorded_by)
        return [row.id for row, _ in fresh]

    def _insert(self, tx: Tx, fresh: list[tuple[ReferenceRow, str]], recorded_by: str) -> None:
        version: int = tx.all(_NEXT_VERSION, (self.district, _GENESIS))[0][0]
        tx.run_many(
            _INSERT,
            [
                (self.district, r.id, r.set, r.code, r.valid_from, r.valid_to, r.known_from, data, r.source,
                 r.status, recorded_by, version)
                for r, data in fresh
            ],
        )  # fmt: skip
        tx.memo[self._memo_version] = version


def _same(before: ReferenceRow, new: NewReference, data: str) -> bool:
    return (
        before.valid_to == new.valid_to
        and before.source == new.source
        and before.status == new.status
        and _encode(before.data).decode() == data
    )


def _check(new: NewReference, known_from: Instant, before: ReferenceRow | None) -> None:
    fields: dict[str, Label] = {}
    if not new.set or not new.code:
        fields["code"] = Label("集合名与代码都不能为空。", "Give both the set and the code.")
    if new.valid_to is not None and new.valid_to < new.valid_from:
        fields["valid_to"] = Label("失效时间不能早于生效时间。", "The end can't be before the start.")
    if new.status not in STATUSES:
        fields["status"] = Label(
            "来源状态只能是：{statuses}。", "The status must be one of: {statuses}."
        ).filled(statuses=", ".join(STATUSES))
    if before is not None and known_from <= before.known_from:
        fields["known_from"] = Label(
            "更正的知悉时间必须晚于被更正的记录，否则会改写过去。",
            "A correction must be known later than the row it corrects, or it would rewrite the past.",
        )
    if fields:
        raise Invalid(
            Label("参考数据“{set}/{code}”有误。", "Reference row {set}/{code} is wrong.").filled(
                set=new.set, code=new.code
            ),
            fields=fields,
        )
