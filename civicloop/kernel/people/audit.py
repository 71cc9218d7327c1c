"""Who read whose personal data, when and why: rows that are only ever added."""

from __future__ import annotations

from dataclasses import dataclass

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import Actor
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids

_NO_WHY = Label(
    "请写明查看个人信息的理由，例如“联系上报人核实地点”。",
    "Say why you read personal data, such as “calling the reporter to find the place”.",
)


@dataclass(frozen=True, slots=True)
class Read:
    """One reading: `actor` is a signature, `subject` whose data, `purpose` which."""

    read_at: Instant
    actor: str
    account_id: str
    via: str
    subject: str
    purpose: str
    why: str


class Audit:
    """The table audit_reads of one district."""

    def __init__(self, district: str, clock: Clock, ids: Ids) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids

    def record(self, tx: Tx, actor: Actor, subject: str, purpose: str, why: str) -> None:
        """Writes that `actor` reads the `purpose` (phone, photo) of `subject`; Invalid without a reason."""
        if not why.strip():
            raise Invalid(_NO_WHY, fields={"why": _NO_WHY})
        tx.run(
            "INSERT INTO audit_reads (district, id, read_at, actor, account_id, via, subject, purpose, why)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._district, self._ids.new("r"), self._clock.now(), actor.signature, actor.account_id),
                *(actor.via, subject, purpose, why.strip()),
            ),
        )

    def of_subject(self, tx: Tx, subject: str, most: int = 200) -> list[Read]:
        """The last readings of one subject's data, the newest first."""
        return self._rows(tx, "subject", subject, most)

    def of_actor(self, tx: Tx, signature: str, most: int = 200) -> list[Read]:
        """The last readings by one actor, the newest first."""
        return self._rows(tx, "actor", signature, most)

    def _rows(self, tx: Tx, column: str, value: str, most: int) -> list[Read]:
        rows = tx.all(
            "SELECT read_at, actor, account_id, via, subject, purpose, why FROM audit_reads"
            f" WHERE district = ? AND {column} = ? ORDER BY read_at DESC, id DESC LIMIT ?",
            (self._district, value, most),
        )
        return [Read(*row) for row in rows]
