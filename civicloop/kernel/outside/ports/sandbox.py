"""The sandbox: takes what a port would send and keeps it for a page to show. Nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from civicloop.kernel.outside.delivery import Receipt
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message that a sandbox took."""

    id: str
    port: str
    recipient: str
    subject: str
    body: str
    case_id: str
    data: Mapping[str, Any]
    sent_at: Instant


class Sandbox:
    """Stands where a port stands; the same dedupe key is kept once."""

    def __init__(self, name: str, store: Store, district: str, clock: Clock, ids: Ids) -> None:
        self.name = name
        self._store = store
        self._district = district
        self._clock = clock
        self._ids = ids

    def send(self, message: Outgoing) -> Receipt:
        """Records the message and gives a receipt as if it were sent."""
        now, reference = self._clock.now(), self._ids.new()
        data = msgspec.json.encode({"template": message.template, **message.data}, order="sorted").decode()
        row = (
            self._district, reference, self.name, message.dedupe_key or reference, message.recipient,
            message.subject, message.body, message.case_id, data, now,
        )  # fmt: skip
        self._store.write(
            lambda tx: tx.run(
                "INSERT INTO sent_messages"
                " (district, id, port, dedupe_key, recipient, subject, body, case_id, data, sent_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (district, port, dedupe_key) DO NOTHING",
                row,
            )
        )
        return Receipt(self.name, reference, now)


def sent(tx: Tx, district: str, *, case_id: str = "", limit: int = 100) -> list[SentMessage]:
    """What the sandboxes took, newest first, of one case or of all."""
    where, values = ("AND case_id = ? AND case_id <> ''", [case_id]) if case_id else ("", [])
    rows = tx.all(
        f"SELECT id, port, recipient, subject, body, case_id, data, sent_at FROM sent_messages"
        f" WHERE district = ? {where} ORDER BY sent_at DESC, id DESC LIMIT ?",
        (district, *values, limit),
    )
    return [SentMessage(*(*r[:6], msgspec.json.decode(r[6]), r[7])) for r in rows]
