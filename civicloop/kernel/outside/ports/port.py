"""What every way out has in common: a message goes in, a receipt comes back or the delivery fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Delivery, DeliveryFailed, Receipt
from civicloop.kernel.outside.outbox import Handler, Message
from civicloop.kernel.time.clock import Instant

_ERASED = Label("收件人的联系方式已删除。", "The recipient's address has been erased.")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one recipient: a number, an openid, a group's name, a mail address, a URL, a folder's file.

    `template` and `data` are for providers that send only approved templates.
    """

    recipient: str
    body: str
    subject: str = ""
    template: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    dedupe_key: str = ""
    case_id: str = ""


class Port(Protocol):
    """A way out. A second `send` with the same dedupe key may reach the receiver twice, never less than once."""

    name: str

    def send(self, message: Outgoing) -> Receipt:
        """Sends and returns the receipt; DeliveryFailed with a sentence otherwise."""


def to_outbox(topic: str, outgoing: Outgoing, due_at: Instant | None = None) -> Message:
    """The outbox row that has `handled_by` a port send this message."""
    payload = asdict(outgoing)
    key, case_id = payload.pop("dedupe_key"), payload.pop("case_id")
    return Message(topic, key, payload, case_id, due_at)


def handled_by(port: Port, resolve: Callable[[str], str | None] | None = None) -> Handler:
    """An outbox handler that sends through a port.

    `resolve` turns a recipient written as a reference into the address at the moment of sending, so that personal
    values stay out of the outbox; None says that it was erased.
    """

    def handle(payload: dict[str, Any], delivery: Delivery) -> Receipt:
        recipient: str | None = payload["recipient"]
        if resolve is not None and recipient:
            recipient = resolve(recipient)
        if not recipient:
            raise DeliveryFailed(_ERASED, permanent=True)
        outgoing = Outgoing(
            **{**payload, "recipient": recipient}, dedupe_key=delivery.dedupe_key, case_id=delivery.case_id
        )
        return port.send(outgoing)

    return handle
