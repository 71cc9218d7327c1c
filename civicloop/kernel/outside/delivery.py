"""How a delivery to the outside ends: a receipt, or a failure with its sentence."""

from __future__ import annotations

from dataclasses import dataclass

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import Instant


class DeliveryFailed(Exception):
    """The other side did not take it.

    `permanent` means that trying again can't help (a wrong number, a refused template);
    `retry_after` is the least wait in microseconds that the other side asked for.
    """

    def __init__(self, reason: Label, *, permanent: bool = False, retry_after: int = 0) -> None:
        super().__init__(reason.en)
        self.reason = reason
        self.permanent = permanent
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try at one message: what a handler may know beside the payload. `attempt` counts from 1."""

    id: str
    topic: str
    dedupe_key: str
    case_id: str
    attempt: int
    created_at: Instant
    due_at: Instant


@dataclass(frozen=True, slots=True)
class Receipt:
    """The other side took the message; `reference` is its own id for it, where it gives one."""

    port: str
    reference: str
    at: Instant
