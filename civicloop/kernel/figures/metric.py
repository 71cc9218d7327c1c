"""A metric: a headline number as values, from which the SQL of each engine, its drill-down and its page are derived.

Every metric reads the same table, one row a case, as it stood at one named seq of the history. The rows that
a figure counts are the rows that its drill-down lists, by the same condition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from civicloop.kernel.label import Label

Aggregator = Literal["count", "mean", "median", "p90", "share", "sum"]
Operator = Literal["=", "<>", "<", "<=", ">", ">=", "in", "known", "unknown"]
Direction = Literal["less", "more", "neither"]

# What a figure may be split and filtered by.
DIMENSIONS = ("kind", "street", "community", "unit", "source", "state", "month")

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The elapsed time between two moments of a case, or of its own data ("data.NAME"), in hours (UTC, no calendar)."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Column:
    """A whole number of the case itself, or of its own data as "data.NAME"."""

    name: str


Measure = Elapsed | Column


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a case: of a column, of "data.NAME", or of an elapsed time in hours."""

    of: str | Elapsed
    operator: Operator
    value: Any = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A declared figure.

    `where` says which cases count at all (the denominator of a share), `holds` which of them make its numerator.
    Quantiles are nearest-rank. `period` names the moment by which a case falls into a month or a period.
    """

    name: str
    label: Label
    definition: Label
    process: str
    aggregator: Aggregator
    unit: Label
    measure: Measure | None = None
    where: tuple[Condition, ...] = ()
    holds: tuple[Condition, ...] = ()
    period: str = "opened_at"
    direction: Direction = "neither"
    goal: float | None = None
    dimensions: tuple[str, ...] = ("kind", "street", "community", "unit", "source", "month")
    decimals: int = 1

    def __post_init__(self) -> None:
        if (self.aggregator == "share") != bool(self.holds):
            raise ValueError(f"metric {self.name}: a share, and nothing else, says what `holds`")
        if (self.aggregator in ("mean", "median", "p90", "sum")) != (self.measure is not None):
            raise ValueError(f"metric {self.name}: {self.aggregator} and a measure don't fit")
        unknown = set(self.dimensions) - set(DIMENSIONS)
        if unknown:
            raise ValueError(
                f"metric {self.name}: unknown dimensions {sorted(unknown)}; known are {DIMENSIONS}"
            )


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a metric: split by a dimension ("" for the whole), kept to some values and a period."""

    by: str = ""
    only: tuple[tuple[str, str], ...] = ()  # (dimension, value)
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One number: of the group `key` ("" for the whole), over `rows` cases; None where no case counts."""

    key: str
    value: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class Figure:
    """The answer: the whole, its groups by size, all read at one `seq`; `engine` says who computed it."""

    metric: str
    seq: int
    whole: Cell
    groups: tuple[Cell, ...]
    engine: str
