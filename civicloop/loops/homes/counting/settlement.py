"""What a firm is paid for a month: from visits and rates to a statement, in whole fen, never a float.

A month is paid by what is known when its statement is drawn up. What changes later is paid, or taken back, by the
next statement as one signed difference a month: the sum of all that was ever stated for a month is always what the month
is worth by the newest statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["verified", "missed", "open"]

WHOLE = 10_000  # basis points


@dataclass(frozen=True, slots=True)
class Visit:
    """One routine task: its month ("2026-11"), its work, how it ended, and the rates of its day.

    `redone` says that it was sent back at least once. Rates: the unit price in fen; what is taken off for a
    missed or a redone visit, in basis points of the price.
    """

    case: str
    month: str
    work: str
    outcome: Outcome
    redone: bool
    price_fen: int
    missed_bp: int
    redone_bp: int


@dataclass(frozen=True, slots=True)
class Line:
    """One work of a month: how many visits were verified, redone and missed, and what that comes to, in fen."""

    work: str
    verified: int
    redone: int
    missed: int
    gross_fen: int
    deducted_fen: int

    @property
    def amount_fen(self) -> int:
        """What is paid for the line."""
        return self.gross_fen - self.deducted_fen


@dataclass(frozen=True, slots=True)
class Difference:
    """What an earlier month is worth now against what was stated for it; `delta_fen` is signed."""

    month: str
    stated_fen: int
    worth_fen: int

    @property
    def delta_fen(self) -> int:
        """To be paid in addition, or less."""
        return self.worth_fen - self.stated_fen


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of a firm, with what has changed in the months that were stated before."""

    month: str
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]

    @property
    def worth_fen(self) -> int:
        """What the month itself is worth."""
        return sum(line.amount_fen for line in self.lines)

    @property
    def delta_fen(self) -> int:
        """The earlier months' differences together."""
        return sum(each.delta_fen for each in self.differences)

    @property
    def amount_fen(self) -> int:
        """What is to be paid; below zero it is carried as a claim on the firm."""
        return self.worth_fen + self.delta_fen

    @property
    def by_month(self) -> dict[str, int]:
        """How the amount divides among months: what this statement adds to what was stated for each."""
        return {self.month: self.worth_fen, **{d.month: d.delta_fen for d in self.differences}}


def part_fen(price_fen: int, basis_points: int) -> int:
    """A part of a price, half a fen rounded up; both are never negative."""
    if price_fen < 0 or basis_points < 0:
        raise ValueError("a price and its part are never negative")
    return (price_fen * basis_points + WHOLE // 2) // WHOLE


def deduction_fen(visit: Visit) -> int:
    """What a visit takes off: for being missed, or for having been sent back before it was verified."""
    if visit.outcome == "missed":
        return part_fen(visit.price_fen, visit.missed_bp)
    if visit.outcome == "verified" and visit.redone:
        return part_fen(visit.price_fen, visit.redone_bp)
    return 0


def lines(visits: Iterable[Visit]) -> tuple[Line, ...]:
    """The visits of one month by work; what is still open counts when it is verified or missed."""
    found: dict[str, list[int]] = {}
    for visit in visits:
        if visit.outcome == "open":
            continue
        sums = found.setdefault(visit.work, [0, 0, 0, 0, 0])
        verified = visit.outcome == "verified"
        for place, more in enumerate(
            (
                int(verified),
                int(verified and visit.redone),
                int(not verified),
                visit.price_fen if verified else 0,
                deduction_fen(visit),
            )
        ):
            sums[place] += more
    return tuple(Line(work, *found[work]) for work in sorted(found))


def statement(month: str, visits: Sequence[Visit], stated: Sequence[Mapping[str, int]]) -> Statement:
    """The statement of `month`; `stated` is how each approved statement before it divided among months, in fen.

    ValueError when the month was stated before: it is frozen.
    """
    before: dict[str, int] = {}
    for each in stated:
        for name, amount in each.items():
            before[name] = before.get(name, 0) + amount
    if month in before:
        raise ValueError(f"{month} is stated already")
    by_month: dict[str, list[Visit]] = {}
    for visit in visits:
        by_month.setdefault(visit.month, []).append(visit)
    worth = {name: sum(line.amount_fen for line in lines(by_month.get(name, ()))) for name in before}
    changed = tuple(
        Difference(name, before[name], worth[name]) for name in sorted(before) if worth[name] != before[name]
    )
    return Statement(month, lines(by_month.get(month, ())), changed)
