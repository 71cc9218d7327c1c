"""How alike two tellings of a problem are, from 0 to 100 points, and the one sentence that says why.

100 points have the same category, place and moment and the same words, with the earlier case open. What differs takes points
away, each for itself, so that a proposal explains itself and nothing is hidden in a model.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from civicloop.kernel.label import Label

Relation = Literal["same", "related", "unknown"]

REACH_M = 100.0
THRESHOLD = 76.0
"""From here on a pair is proposed; tuned on Boston's January to August, see bench/duplicates.py."""

A_METRE = 0.4
RELATED_KIND = 16.0
UNKNOWN_KIND = 8.0
CLOSED = 40.0
DOUBLED_DAYS = 2.0  # for each doubling of the days between two tellings
DOUBLED_DAYS_CLOSED = 4.0  # the same since the earlier was closed
OTHER_WORDS = 12.0

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR
_METRES_A_DEGREE = 111_195.0
_WORD = re.compile(r"[^\W_]+")

_KINDS = {
    "same": Label("同类问题", "same kind"),
    "related": Label("相近类别", "related kind"),
    "unknown": Label("类别未定", "kind not yet known"),
}
_SENTENCE = Label("{kind}，相距{metres}米，{when}", "{kind}, {metres} m away, {when}")
_MINUTES = (Label("早{n}分钟", "{n} minutes earlier"), Label("晚{n}分钟", "{n} minutes later"))
_HOURS = (Label("早{n}小时", "{n} hours earlier"), Label("晚{n}小时", "{n} hours later"))
_DAYS = (Label("早{n}天", "{n} days earlier"), Label("晚{n}天", "{n} days later"))
_NOW = Label("几乎同时", "almost at the same time")


@dataclass(frozen=True, slots=True)
class Telling:
    """One problem as it was told: category and its group ("" for not known), degrees WGS-84, moments in microseconds.

    `words` are the 2-grams of what was written; `closed_at` is when its case was closed, None while it is open.
    """

    kind: str
    group: str
    lon: float
    lat: float
    at: int
    words: frozenset[str] = frozenset()
    closed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike, and why; `earlier_by` is microseconds, negative where the other came later."""

    points: float
    relation: Relation
    metres: float
    earlier_by: int

    @property
    def proposed(self) -> bool:
        """Whether it is enough to ask a person."""
        return self.points >= THRESHOLD

    def sentence(self) -> Label:
        """The reason in one sentence, without its full stop: "same kind, 18 m away, 3 hours earlier"."""
        return _SENTENCE.filled(
            kind=_KINDS[self.relation], metres=round(self.metres), when=_when(self.earlier_by)
        )


def two_grams(text: str) -> frozenset[str]:
    """The pairs of neighbouring signs within each word of a text; a word of one sign stands for itself."""
    return frozenset(
        word[i : i + 2] for word in _WORD.findall(text.lower()) for i in range(max(1, len(word) - 1))
    )


def likeness(told: Telling, other: Telling) -> Likeness | None:
    """How alike a telling is to another one; None beyond reach, or where the categories have nothing in common."""
    relation = _relation(told, other)
    if relation is None:
        return None
    metres = distance_m(told.lon, told.lat, other.lon, other.lat)
    if metres > REACH_M:
        return None
    gap = told.at - other.at
    points = 100.0 - A_METRE * metres - DOUBLED_DAYS * math.log2(1 + abs(gap) / _DAY)
    points -= {"same": 0.0, "related": RELATED_KIND, "unknown": UNKNOWN_KIND}[relation]
    if other.closed_at is not None and other.closed_at <= told.at:
        points -= CLOSED + DOUBLED_DAYS_CLOSED * math.log2(1 + (told.at - other.closed_at) / _DAY)
    points -= OTHER_WORDS * (1 - _shared(told.words, other.words))
    return Likeness(max(points, 0.0), relation, metres, gap)


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two places that are close together, on a sphere; below 0.1 % off within a kilometre."""
    wide = (lon - other_lon) * math.cos(math.radians((lat + other_lat) / 2))
    return _METRES_A_DEGREE * math.hypot(wide, lat - other_lat)


def _relation(told: Telling, other: Telling) -> Relation | None:
    if not told.kind or not other.kind:
        return "unknown"
    if told.kind == other.kind:
        return "same"
    return "related" if told.group and told.group == other.group else None


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of pairs that both have, of all that either has; half of one where somebody wrote nothing."""
    if not one or not other:
        return 0.5
    return len(one & other) / len(one | other)


def _when(earlier_by: int) -> Label:
    later, span = int(earlier_by < 0), abs(earlier_by)
    if span < _HOUR // 12:
        return _NOW
    if span < 2 * _HOUR:
        return _MINUTES[later].filled(n=span // (_HOUR // 60))
    if span < 2 * _DAY:
        return _HOURS[later].filled(n=span // _HOUR)
    return _DAYS[later].filled(n=span // _DAY)
