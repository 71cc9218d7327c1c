"""Personal values behind commitments.

History, journals and observations keep `sha256:<hex>` of salt, purpose and value; the value and its salt
lie here and can be erased without touching what refers to them. Without the salt a commitment tells
nothing, not even of a telephone number that somebody guesses.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import NewType

from civicloop.kernel.label import Label
from civicloop.kernel.people.audit import Audit
from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import ANYBODY, Actor
from civicloop.kernel.refusal import Forbidden, Missing
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids

Commitment = NewType("Commitment", str)

_NOTHING = Label("没有这项个人信息。", "There is no such personal data.")
_ERASED = Label(
    "这项个人信息已按保存期限或本人要求删除，不可恢复。",
    "This personal data was erased, at its time or at the person's wish, and can't be restored.",
)
_MARK = "sha256:"


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a commitment: to be handed to whoever is to check it."""

    commitment: Commitment
    purpose: str
    salt: str
    value: str


def commit(purpose: str, salt: str, value: str) -> Commitment:
    """The commitment to a value: SHA-256 over the three texts, each with its length before it."""
    digest = hashlib.sha256()
    for part in (salt, purpose, value):
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return Commitment(_MARK + digest.hexdigest())


def verify(commitment: str, purpose: str, salt: str, value: str) -> bool:
    """Whether the commitment was made from this salt and value."""
    return hmac.compare_digest(commitment.encode(), commit(purpose, salt, value).encode())


def is_commitment(text: str) -> bool:
    """Whether a text has the form of a commitment; so it has after erasing, too."""
    digits = text.removeprefix(_MARK)
    return text.startswith(_MARK) and len(digits) == 64 and set(digits) <= set("0123456789abcdef")


class Personal:
    """The table personal of one district. Who may read is the caller's question; that it was read is kept here."""

    def __init__(self, district: str, clock: Clock, ids: Ids, audit: Audit) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids
        self._audit = audit

    def put(self, tx: Tx, subject: str, purpose: str, value: str, keep_until: Instant) -> Commitment:
        """Keeps a value (a phone, a name, an address) of a subject until `keep_until`; one statement."""
        salt = self._ids.code(32)
        commitment = commit(purpose, salt, value)
        tx.run(
            "INSERT INTO personal (district, commitment, subject, purpose, number, salt, value, put_at, keep_until)"
            " SELECT ?, ?, ?, ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ? FROM personal"
            " WHERE district = ? AND subject = ? AND purpose = ?",
            (
                *(self._district, commitment, subject, purpose, salt, value, self._clock.now(), keep_until),
                *(self._district, subject, purpose),
            ),
        )
        return commitment

    def holds(self, tx: Tx, commitment: str, value: str) -> bool:
        """Whether this value lies behind the commitment; an erased one is believed. Nothing is shown to anybody."""
        row = tx.one(
            "SELECT purpose, salt, erased_at FROM personal WHERE district = ? AND commitment = ?",
            (self._district, commitment),
        )
        return row is not None and (row[2] is not None or verify(commitment, row[0], row[1], value))

    def read(self, tx: Tx, actor: Actor, subject: str, purpose: str, why: str) -> str:
        """The subject's latest value, with a row in audit_reads in the same transaction (so it must be a write).

        Missing when there is none or it is erased; Forbidden for an API key without the scope "personal";
        Invalid without a reason.
        """
        return self.open(tx, actor, subject, purpose, why).value

    def open(self, tx: Tx, actor: Actor, subject: str, purpose: str, why: str) -> Opening:
        """Like `read`, with the salt: what proves to a third party that the commitment is to this value."""
        refused = may(actor, frozenset({ANYBODY}), None, need="personal")
        if refused is not None:
            raise Forbidden(refused)
        row = tx.one(
            "SELECT commitment, salt, value, erased_at FROM personal WHERE district = ? AND subject = ?"
            " AND purpose = ? ORDER BY number DESC LIMIT 1",
            (self._district, subject, purpose),
        )
        if row is None:
            raise Missing(_NOTHING)
        if row[3] is not None:
            raise Missing(_ERASED, code="erased")
        self._audit.record(tx, actor, subject, purpose, why)
        return Opening(Commitment(row[0]), purpose, row[1], row[2])

    def purposes(self, tx: Tx, subject: str) -> list[str]:
        """What is still kept of a subject, without a value, so that nothing is read."""
        rows = tx.all(
            "SELECT DISTINCT purpose FROM personal WHERE district = ? AND subject = ? AND erased_at IS NULL"
            " ORDER BY purpose",
            (self._district, subject),
        )
        return [row[0] for row in rows]

    def keep_until(self, tx: Tx, subject: str, until: Instant) -> int:
        """Sets how long a subject's values are kept, and returns how many there are."""
        return tx.run(
            "UPDATE personal SET keep_until = ? WHERE district = ? AND subject = ? AND erased_at IS NULL",
            (until, self._district, subject),
        )

    def erase(self, tx: Tx, subject: str, purpose: str = "") -> int:
        """Erases value and salt of a subject, of all purposes or of one, and returns how many values went.

        The rows stay as erased and the commitments in history stay valid as opaque texts.
        """
        return self._erase(tx, "subject = ? AND (purpose = ? OR ? = '')", (subject, purpose, purpose))

    def due_for_erasure(self, tx: Tx, now: Instant, most: int = 500) -> list[tuple[str, str]]:
        """Subjects and purposes whose time to be kept is over, the longest overdue first."""
        rows = tx.all(
            "SELECT subject, purpose FROM personal WHERE district = ? AND keep_until <= ? AND erased_at IS NULL"
            " GROUP BY subject, purpose ORDER BY MIN(keep_until), subject, purpose LIMIT ?",
            (self._district, now, most),
        )
        return [(row[0], row[1]) for row in rows]

    def erase_due(self, tx: Tx) -> int:
        """Erases every value whose time to be kept is over, and returns how many went."""
        return self._erase(tx, "keep_until <= ?", (self._clock.now(),))

    def _erase(self, tx: Tx, condition: str, params: tuple[str | int, ...]) -> int:
        if tx.dialect == "sqlite":
            # The connection zeroes what is freed within a page; here whole freed pages, too.
            tx.all("PRAGMA secure_delete = ON", ())
        try:
            return tx.run(
                "UPDATE personal SET value = '', salt = '', erased_at = ?"
                f" WHERE district = ? AND erased_at IS NULL AND {condition}",
                (self._clock.now(), self._district, *params),
            )
        finally:
            if tx.dialect == "sqlite":
                tx.all("PRAGMA secure_delete = FAST", ())


def mask_phone(number: str) -> str:
    """A number that its owner knows again and nobody can call: 138****5678."""
    if len(number) < 7:
        return "*" * len(number)
    return f"{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}" if len(number) > 7 else f"{number[:3]}****"


def mask_name(name: str) -> str:
    """A name that its bearer knows again: 王**, J*** S****."""
    return " ".join(word[:1] + "*" * max(1, len(word) - 1) for word in name.split())
