"""What goes into an action and what comes out of it, and the small computations on both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from civicloop.kernel.cases import sentences
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.declaration import Action, Fact
from civicloop.kernel.cases.fields import Position
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.reports import Report
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import Actor
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.time.clock import DAY, HOUR, Instant

KEEP_CONTACT = 730 * DAY  # until a retention rule of the district says otherwise
OFFLINE_AT_MOST = 3 * DAY  # how old work done without a signal may be when it arrives
CLOCK_SKEW = HOUR // 12  # how far a device's clock may run ahead


@dataclass(frozen=True, slots=True)
class Located:
    """Where a position lies: codes of street, community and unit cell; the position in WGS-84."""

    lon: float
    lat: float
    street: str
    community: str
    cell: str


Locate = Callable[[Position], Located]  # raises Invalid with the reason why it can't be taken


class Receipt(msgspec.Struct, frozen=True):
    """What an accepted action answers with, after the commit."""

    case_id: str
    number: str
    process: str
    state: str
    revision: int
    seq: int
    report_id: str = ""
    tracking_code: str = ""
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """An action that the case's state allows; `refused` says why this actor may not do it, None that he may."""

    action: Action
    refused: Label | None


@dataclass(frozen=True, slots=True)
class Doing:
    """One action on its way: who does it, when, why, and what the transaction has loaded."""

    process: Process
    action: Action
    actor: str
    role: str
    via: str
    at: Instant
    now: Instant
    key: str | None = None
    cause: str = ""


def happened(
    actor: Actor, happened_at: Instant | None, now: Instant, case: Case | None, *, offline: bool = False
) -> Instant:
    """When it happened: now, unless an import or offline work says otherwise within its bounds."""
    if happened_at is None:
        return now if case is None else max(now, case.changed_at)
    if actor.via == "import":
        if case is not None and happened_at < case.changed_at:
            raise Invalid(
                sentences.BEFORE_LAST.filled(last=case.changed_at),
                fields={"happened_at": sentences.BEFORE_LAST.filled(last=case.changed_at)},
            )
        return happened_at
    if not offline and actor.via != "device":
        raise Invalid(sentences.NOT_IMPORT, fields={"happened_at": sentences.NOT_IMPORT})
    if happened_at > now + CLOCK_SKEW:
        raise Invalid(sentences.FUTURE, fields={"happened_at": sentences.FUTURE})
    if happened_at < now - OFFLINE_AT_MOST:
        raise Invalid(sentences.TOO_OLD, fields={"happened_at": sentences.TOO_OLD})
    return min(now, max(happened_at, case.changed_at if case else happened_at))


def case_number(now: Instant, seq: int) -> str:
    """The number that people use for a case: the day and the history row that opened it."""
    days = now // DAY
    # Days since 1970 in base 36 and the seq: short, unique in the district, and it sorts by age.
    return f"{_base36(days)}-{seq}"


def _base36(value: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    text = ""
    while value:
        value, rest = divmod(value, 36)
        text = digits[rest] + text
    return text or "0"


def receipt_of(case: Case, report: Report | None) -> Receipt:
    """What an operation answers with for this case, and for the report that opened it."""
    return Receipt(
        case.id, case.number, case.process, case.state, case.revision, case.seq,
        report.id if report else "", report.tracking_code if report else "",
    )  # fmt: skip


def listed(found: Any) -> Label:
    """Actions or facts by their labels, for a sentence."""
    labels = [item.label for item in found if isinstance(item, Action | Fact)]
    return Label("、".join(x.zh for x in labels) or "无", ", ".join(x.en for x in labels) or "nothing")
