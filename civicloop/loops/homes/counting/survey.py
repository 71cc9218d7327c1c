"""A survey's arithmetic: a sample drawn by a seed, and the share of those who answered with its 95 % interval.

The interval is Wilson's (1927), which stays within 0 and 1 and holds for few answers. A sample without replacement from a
small frame knows more than its size says: the variance shrinks by (N - n) / (N - 1), the finite population
correction (Cochran, Sampling Techniques, 2.6), so z squared is multiplied by it. It is justified where the answers are a
random part of the sample; who did not answer may think otherwise, which no interval covers: hence "of those who answered".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

Z = 1.959963984540054  # the normal distribution's 97.5 % point
SATISFIED = 4  # of five: satisfied or very satisfied


@dataclass(frozen=True, slots=True)
class Share:
    """Of `answered` out of `asked` out of `frame`, how many are satisfied; low and high bound the 95 % interval."""

    frame: int
    asked: int
    answered: int
    satisfied: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The satisfied share of those who answered; None where nobody did."""
        return self.satisfied / self.answered if self.answered else None

    @property
    def response(self) -> float | None:
        """The answered share of those who were asked."""
        return self.answered / self.asked if self.asked else None


def draw(frame: Sequence[str], size: int, seed: str) -> tuple[str, ...]:
    """`size` members of the frame, in the frame's order: those with the lowest SHA-256 of seed and member.

    The same seed draws the same sample, whoever does it, from the frame in whatever order; each member is as likely.
    """
    ranked = sorted(set(frame), key=lambda member: hashlib.sha256(f"{seed}\n{member}".encode()).digest())
    chosen = set(ranked[: max(size, 0)])
    return tuple(dict.fromkeys(member for member in frame if member in chosen))


def interval(satisfied: int, answered: int, frame: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, with the finite population correction; (0, 1) where nobody answered."""
    if not 0 <= satisfied <= answered <= frame:
        raise ValueError(f"{satisfied} of {answered} of {frame} can't be")
    if answered == 0:
        return 0.0, 1.0
    correction = (frame - answered) / (frame - 1) if frame > 1 else 0.0
    z2 = Z * Z * correction
    share = satisfied / answered
    middle = share + z2 / (2 * answered)
    half = sqrt(z2 * (share * (1 - share) / answered + z2 / (4 * answered * answered)))
    below = 1 + z2 / answered
    # Rounding of the last bit must not put the share itself outside.
    return max(0.0, min(share, (middle - half) / below)), min(1.0, max(share, (middle + half) / below))


def share(scores: Iterable[int], asked: int, frame: int) -> Share:
    """What the scores (1 to 5) of those who answered come to."""
    given = tuple(scores)
    satisfied = sum(score >= SATISFIED for score in given)
    low, high = interval(satisfied, len(given), frame)
    return Share(frame, asked, len(given), satisfied, low, high)
