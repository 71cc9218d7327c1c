"""History: one row a move, chained by hash, in one gapless order a district.

A row's hash covers everything in it and the hash before it, so nobody can change, drop or insert a row
unseen; `verify` names the first broken link, `digest` is the one value that stands for the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant

ZERO = "0" * 64


class HistoryRow(msgspec.Struct, frozen=True, gc=False):
    """One move as it is kept; `given` is canonical JSON without personal values, `cause` what made the kernel act."""

    seq: int
    case_id: str
    process: str
    version: int
    revision: int
    action: str
    from_state: str
    to_state: str
    actor: str
    role: str
    via: str
    happened_at: Instant
    recorded_at: Instant
    given: str
    cause: str
    request_key: str | None
    prev_hash: str
    hash: str


COLUMNS = HistoryRow.__struct_fields__
_SELECT = "SELECT " + ", ".join(COLUMNS) + " FROM history"
_INSERT = (
    "INSERT INTO history (district, " + ", ".join(COLUMNS) + ") VALUES (?" + ", ?" * len(COLUMNS) + ")"
    " ON CONFLICT (district, request_key) WHERE request_key IS NOT NULL DO NOTHING"
)
_encode = msgspec.json.Encoder(order="deterministic").encode


def canonical(value: Any) -> str:
    """Canonical JSON: keys in order, no spaces."""
    return _encode(value).decode()


class Head(msgspec.Struct, frozen=True, gc=False):
    """Where the chain stands, with the version of the reference data seen with it."""

    seq: int
    hash: str
    reference_version: int


def head(tx: Tx, district: str) -> Head:
    """The chain's head in this transaction; read once, and on PostgreSQL locked from then on."""
    found: Head | None = tx.memo.get(("head", district))
    if found is None:
        row = tx.one(
            "SELECT seq, hash, reference_version FROM chain_heads WHERE district = ?" + tx.for_update,
            (district,),
        )
        if row is None:
            tx.run(
                "INSERT INTO chain_heads (district, seq, hash) VALUES (?, 0, ?) ON CONFLICT (district) DO NOTHING",
                (district, ZERO),
            )
            row = tx.one(
                "SELECT seq, hash, reference_version FROM chain_heads WHERE district = ?" + tx.for_update,
                (district,),
            )
            assert row is not None
        found = Head(*row)
        tx.memo[("head", district)] = found
    return found


def append(
    tx: Tx,
    district: str,
    *,
    case_id: str,
    process: str,
    version: int,
    revision: int,
    action: str,
    from_state: str,
    to_state: str,
    actor: str,
    role: str,
    via: str,
    happened_at: Instant,
    recorded_at: Instant,
    given: str,
    cause: str = "",
    request_key: str | None = None,
) -> int:
    """Adds a row to the chain and returns its seq; 0 when the request key stands there already and nothing was added."""
    before = head(tx, district)
    seq = before.seq + 1
    body = (
        district, seq, case_id, process, version, revision, action, from_state, to_state, actor, role, via,
        happened_at, recorded_at, given, cause, request_key,
    )  # fmt: skip
    digest = sha256(before.hash.encode() + _encode(body)).hexdigest()
    if tx.run(_INSERT, (*body, before.hash, digest)) == 0:
        return 0
    tx.memo[("head", district)] = Head(seq, digest, before.reference_version)
    tx.finish("head:" + district, lambda tx: _write_head(tx, district))
    return seq


def _write_head(tx: Tx, district: str) -> None:
    now: Head = tx.memo[("head", district)]
    tx.run("UPDATE chain_heads SET seq = ?, hash = ? WHERE district = ?", (now.seq, now.hash, district))


def rows_of_case(tx: Tx, district: str, case_id: str) -> list[HistoryRow]:
    """The case's rows in order."""
    sql = _SELECT + " WHERE district = ? AND case_id = ? ORDER BY seq"
    return [HistoryRow(*row) for row in tx.all(sql, (district, case_id))]


def row_of_request(tx: Tx, district: str, key: str) -> HistoryRow | None:
    """The row that a request key made."""
    row = tx.one(_SELECT + " WHERE district = ? AND request_key = ?", (district, key))
    return None if row is None else HistoryRow(*row)


def rows_since(tx: Tx, district: str, seq: int, limit: int) -> list[HistoryRow]:
    """At most `limit` rows after `seq`, in order."""
    sql = _SELECT + " WHERE district = ? AND seq > ? ORDER BY seq LIMIT ?"
    return [HistoryRow(*row) for row in tx.all(sql, (district, seq, limit))]


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link that doesn't hold, and why."""

    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying the chain gave: rows read, the digest of the whole, and the first fault, if any."""

    rows: int
    digest: str
    broken: Broken | None


def _all(tx: Tx, district: str) -> Iterator[tuple[Any, ...]]:
    return tx.each(_SELECT + " WHERE district = ? ORDER BY seq", (district,))


def verify(tx: Tx, district: str) -> Verdict:
    """Reads the whole chain and checks every link, the order and the head."""
    prev, seq = ZERO, 0
    for row in _all(tx, district):
        *body, prev_hash, stated = row
        seq += 1
        if body[0] != seq:
            return Verdict(seq - 1, prev, Broken(seq, f"row {seq} is missing: the next one is {body[0]}"))
        if prev_hash != prev:
            return Verdict(seq - 1, prev, Broken(seq, "it does not follow the row before it"))
        if sha256(prev.encode() + _encode((district, *body))).hexdigest() != stated:
            return Verdict(
                seq - 1, prev, Broken(seq, "its content is not what was signed: the row was changed")
            )
        prev = stated
    top = tx.one("SELECT seq, hash FROM chain_heads WHERE district = ?", (district,))
    if top is not None and (top[0], top[1]) != (seq, prev):
        return Verdict(
            seq, prev, Broken(seq + 1, f"the head says {top[0]} rows, the chain has {seq}: rows were cut off")
        )
    return Verdict(seq, prev, None)
