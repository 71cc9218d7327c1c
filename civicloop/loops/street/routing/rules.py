"""Rules as values: read from plain data, checked against what there is, compiled into a router that answers in microseconds.

A rule fits when every condition that it names fits; one that names none always does. The first that fits decides. Beyond the last
the category's own unit does. A unit is a unit's code or "street": the centre of the street where the problem lies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from civicloop.kernel.label import Label

OF_THE_STREET = "street"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = frozenset({"code", "unit", "because", "kinds", "groups", "places", "days", "hours", "sources"})

_DAY_MINUTES = 24 * 60
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_CODE = re.compile(r"[a-z0-9_-]{1,40}")

_OWN = Label("此类别的责任单位就是它", "it is the unit of this category")
_NO_CODE = Label(
    "第 {n} 条规则缺少代码，或代码不是小写字母、数字和 - _。",
    "Rule {n} has no code of small letters, digits, - and _.",
)
_TWICE = Label("规则“{code}”出现了两次。", "Rule “{code}” stands there twice.")
_KEY = Label(
    "规则“{code}”没有“{key}”这个键；可用的有 {known}。",
    "Rule “{code}” has no key “{key}”; known are {known}.",
)
_LIST = Label("规则“{code}”的 {key} 应是文字列表。", "Rule “{code}”: {key} must be a list of texts.")
_UNIT = Label(
    "规则“{code}”的单位“{value}”不存在。", "Rule “{code}” names the unit “{value}”, which there is not."
)
_BECAUSE = Label(
    "规则“{code}”要用中英文说明理由。",
    "Rule “{code}” must say why in both languages: because = {{ zh, en }}.",
)
_UNKNOWN = Label(
    "规则“{code}”的 {key} 里没有“{value}”。", "Rule “{code}” names “{value}” in {key}, which there is not."
)
_BAD_HOURS = Label(
    "规则“{code}”的时间“{value}”应写成 20:00-06:00。",
    "Rule “{code}”: write the hours “{value}” as 20:00-06:00.",
)
_SHADOWED = Label(
    "规则“{code}”永远轮不到：排在前面的“{by}”已覆盖它的全部情形。",
    "Rule “{code}” is never reached: “{by}” before it fits whenever it does.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is routed: category, where it lies ("" for not known), the way in, weekday from 0 and minute of the local day."""

    kind: str
    street: str
    community: str
    cell: str
    source: str
    weekday: int
    minute: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The unit ("" where none follows), the rule that decided ("" for the category's own) and why."""

    unit: str
    rule: str
    why: Label


@dataclass(frozen=True, slots=True)
class Known:
    """What rules may name: units, category groups by category, ways in, and whether a place's code is one."""

    units: frozenset[str]
    groups: Mapping[str, str]  # the group of each category
    own_units: Mapping[str, str]  # the unit of each category
    is_place: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled: empty sets ask for nothing; `days` and `minutes` are bit sets, a bit a weekday and a minute."""

    code: str
    unit: str
    because: Label
    kinds: frozenset[str] | None
    places: frozenset[str]
    sources: frozenset[str]
    days: int
    minutes: int

    def fits(self, asked: Asked) -> bool:
        """Whether every condition holds."""
        return (
            (self.kinds is None or asked.kind in self.kinds)
            and (
                not self.places
                or asked.cell in self.places
                or asked.community in self.places
                or asked.street in self.places
            )
            and (not self.sources or asked.source in self.sources)
            and bool(self.days >> asked.weekday & 1)
            and bool(self.minutes >> asked.minute & 1)
        )

    def covers(self, later: Rule) -> bool:
        """Whether it fits whenever the other does. A place's code begins with that of the place it lies in."""
        return (
            (self.kinds is None or (later.kinds is not None and later.kinds <= self.kinds))
            and (
                not self.places
                or (
                    bool(later.places)
                    and all(any(p.startswith(own) for own in self.places) for p in later.places)
                )
            )
            and (not self.sources or (bool(later.sources) and later.sources <= self.sources))
            and not later.days & ~self.days
            and not later.minutes & ~self.minutes
        )


class Router:
    """Rules that were found right, ready to be asked."""

    __slots__ = ("_own_units", "rules")

    def __init__(self, rules: Sequence[Rule], own_units: Mapping[str, str]) -> None:
        self.rules = tuple(rules)
        self._own_units = own_units

    def route(self, asked: Asked) -> Chosen:
        """The unit and why; total: whatever is asked has an answer."""
        for rule in self.rules:
            if rule.fits(asked):
                unit = unit_of(rule.unit, asked.street)
                if unit:
                    return Chosen(unit, rule.code, rule.because)
        return Chosen(unit_of(self._own_units.get(asked.kind, ""), asked.street), "", _OWN)


def unit_of(unit: str, street: str) -> str:
    """The code of a unit, the street's own centre for "street"; "" where the street is not known."""
    if unit != OF_THE_STREET:
        return unit
    return f"street-{street}" if street else ""


def compiled(data: Sequence[Mapping[str, Any]], known: Known) -> tuple[Router, list[Label]]:
    """The router of plain rules, and every fault found in them; with a fault the router must not be used."""
    rules: list[Rule] = []
    faults: list[Label] = []
    for number, each in enumerate(data, 1):
        rule = _read(number, each, known, faults)
        if rule is None:
            continue
        if any(rule.code == other.code for other in rules):
            faults.append(_TWICE.filled(code=rule.code))
        before = next((other for other in rules if other.covers(rule)), None)
        if before is not None:
            faults.append(_SHADOWED.filled(code=rule.code, by=before.code))
        rules.append(rule)
    return Router(rules, known.own_units), faults


def _read(number: int, data: Mapping[str, Any], known: Known, faults: list[Label]) -> Rule | None:
    code = data.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        faults.append(_NO_CODE.filled(n=number))
        return None
    before = len(faults)
    faults += [
        _KEY.filled(code=code, key=key, known=", ".join(sorted(KEYS))) for key in data if key not in KEYS
    ]
    lists: dict[str, list[str]] = {}
    for key in ("kinds", "groups", "places", "days", "sources"):
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            faults.append(_LIST.filled(code=code, key=key))
            value = []
        lists[key] = value
    because = data.get("because")
    if not isinstance(because, Mapping) or not all(
        isinstance(because.get(x), str) and because.get(x) for x in ("zh", "en")
    ):
        faults.append(_BECAUSE.filled(code=code))
        because = {"zh": "", "en": ""}
    unit = data.get("unit")
    if unit != OF_THE_STREET and unit not in known.units:
        faults.append(_UNIT.filled(code=code, value=unit))
    tests: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("kinds", lambda v: v in known.groups),
        ("groups", lambda v: v in known.groups.values()),
        ("places", known.is_place),
        ("days", lambda v: v in DAYS),
    )
    for key, there in tests:
        faults += [_UNKNOWN.filled(code=code, key=key, value=v) for v in lists[key] if not there(v)]
    minutes = _minutes(code, data.get("hours", ""), faults)
    if len(faults) > before:
        return None
    kinds = frozenset(lists["kinds"]) | {k for k, g in known.groups.items() if g in lists["groups"]}
    days = sum(1 << DAYS.index(d) for d in set(lists["days"])) or (1 << 7) - 1
    return Rule(
        code, str(unit), Label(str(because["zh"]), str(because["en"])),
        kinds if lists["kinds"] or lists["groups"] else None,
        frozenset(lists["places"]), frozenset(lists["sources"]), days, minutes,
    )  # fmt: skip


def _minutes(code: str, hours: object, faults: list[Label]) -> int:
    """The minutes of the day as bits; hours that end before they begin run over midnight."""
    if hours == "":
        return (1 << _DAY_MINUTES) - 1
    match = _HOURS.fullmatch(hours) if isinstance(hours, str) else None
    start, end = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])) if match else (0, 0)
    if start == end or start >= _DAY_MINUTES or end > _DAY_MINUTES:
        faults.append(_BAD_HOURS.filled(code=code, value=hours))
        return 0
    upto = (1 << end) - 1
    return (
        upto & ~((1 << start) - 1) if start < end else ((1 << _DAY_MINUTES) - 1) & ~((1 << start) - 1) | upto
    )
