"""The rules by example, what is refused in them, and the router against a plain reading of its rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civicloop.loops.street.routing.rules import DAYS, Asked, Known, compiled

KNOWN = Known(
    frozenset({"sanitation", "traffic", "parks"}),
    {"rubbish": "appearance", "stall": "order", "bike": "order"},
    {"rubbish": "sanitation", "stall": "street", "bike": "street"},
    lambda code: code.startswith("420103"),
)
BECAUSE = {"zh": "夜间由环卫处置", "en": "sanitation works at night"}
NIGHT = {
    "code": "night",
    "unit": "sanitation",
    "groups": ["order"],
    "hours": "20:00-06:00",
    "because": BECAUSE,
}
STALL = Asked("stall", "420103001", "420103001002", "420103001002007", "web", 4, 21 * 60)


def answered(rules: list[dict[str, Any]], asked: Asked) -> tuple[str, str]:
    router, faults = compiled(rules, KNOWN)
    assert faults == []
    chosen = router.route(asked)
    return chosen.unit, chosen.rule


def test_the_first_that_fits_decides_and_says_why() -> None:
    router, faults = compiled([NIGHT], KNOWN)
    assert faults == []
    chosen = router.route(STALL)
    assert (chosen.unit, chosen.rule, chosen.why.en) == ("sanitation", "night", "sanitation works at night")


@pytest.mark.parametrize(
    ("minute", "unit"),
    [(20 * 60 - 1, "street-420103001"), (20 * 60, "sanitation"), (6 * 60 - 1, "sanitation"), (6 * 60, "street-420103001")],
)  # fmt: skip
def test_hours_run_over_midnight_and_their_end_is_not_in_them(minute: int, unit: str) -> None:
    asked = Asked("stall", "420103001", "", "", "web", 0, minute)
    assert answered([NIGHT], asked)[0] == unit


def test_beyond_the_rules_the_category_decides() -> None:
    noon = Asked("rubbish", "420103001", "", "", "web", 0, 720)
    assert answered([NIGHT], noon) == ("sanitation", "")
    assert answered([], Asked("", "420103001", "", "", "web", 0, 720)) == ("", "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": "nobody"}, "names the unit “nobody”"),
        ({"hours": "25:00-26:00"}, "write the hours"),
        ({"hours": "08:00-08:00"}, "write the hours"),
        ({"kinds": ["dragon"]}, "names “dragon” in kinds"),
        ({"groups": ["dragons"]}, "names “dragons” in groups"),
        ({"places": ["11"]}, "names “11” in places"),
        ({"days": ["someday"]}, "names “someday” in days"),
        ({"days": "mon"}, "must be a list"),
        ({"because": {"zh": "夜"}}, "in both languages"),
        ({"untl": 5}, "no key “untl”"),
        ({"code": "Ä"}, "has no code"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], said: str) -> None:
    _, faults = compiled([{**NIGHT, **change}], KNOWN)
    assert [said in fault.en for fault in faults] == [True]


@pytest.mark.parametrize(
    "later",
    [
        {**NIGHT, "code": "b"},
        {**NIGHT, "code": "b", "groups": [], "kinds": ["bike"], "hours": "21:00-22:00"},
        {**NIGHT, "code": "b", "places": ["420103001002"], "days": ["sat"], "sources": ["web"]},
    ],
)
def test_a_rule_that_is_never_reached_is_refused(later: dict[str, Any]) -> None:
    _, faults = compiled([NIGHT, later], KNOWN)
    assert [f.en for f in faults] == ["Rule “b” is never reached: “night” before it fits whenever it does."]
    assert compiled([{**later, "hours": "05:00-07:00"}, NIGHT], KNOWN)[1] == []


HOURS = st.sampled_from(["", "20:00-06:00", "08:00-12:00", "07:00-20:30", "00:00-24:00"])
PLACES = ["420103001", "420103001002", "420103002"]


def some(values: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "unit": st.sampled_from(["sanitation", "traffic", "street"]), "kinds": some(["rubbish", "stall", "bike"]),
            "places": some(PLACES), "days": some(list(DAYS)), "hours": HOURS, "sources": some(["web", "patrol"]),
            "because": st.just(BECAUSE),
        }
    ),
    max_size=5,
)  # fmt: skip
QUESTIONS = st.builds(
    lambda kind, street, inside, source, day, minute: Asked(kind, street, street + inside, "", source, day, minute),
    st.sampled_from(["rubbish", "stall", "bike"]), st.sampled_from(["420103001", "420103002"]), st.sampled_from(["002", "003"]),
    st.sampled_from(["web", "patrol", "open311"]), st.integers(0, 6), st.integers(0, 1439),
)  # fmt: skip


def plainly(rules: list[dict[str, Any]], asked: Asked) -> str:
    """The code of the first rule that fits, read off the data itself."""
    for rule in rules:
        start, _, end = rule["hours"].partition("-")
        clock = f"{asked.minute // 60:02}:{asked.minute % 60:02}"
        in_hours = not start or (start <= clock < end if start < end else clock >= start or clock < end)
        if (
            (not rule["kinds"] or asked.kind in rule["kinds"])
            and (not rule["places"] or {asked.street, asked.community} & set(rule["places"]))
            and (not rule["days"] or DAYS[asked.weekday] in rule["days"])
            and (not rule["sources"] or asked.source in rule["sources"])
            and in_hours
        ):
            return str(rule["code"])
    return ""


@given(RULES, QUESTIONS)
def test_the_router_answers_as_its_rules_read(rules: list[dict[str, Any]], asked: Asked) -> None:
    numbered = [{**rule, "code": f"r{n}"} for n, rule in enumerate(rules)]
    router, _ = compiled(numbered, KNOWN)
    assert router.route(asked).rule == plainly(numbered, asked)


@given(RULES, QUESTIONS)
def test_what_is_called_unreachable_never_decides(rules: list[dict[str, Any]], asked: Asked) -> None:
    numbered = [{**rule, "code": f"r{n}"} for n, rule in enumerate(rules)]
    router, faults = compiled(numbered, KNOWN)
    assert router.route(asked).rule not in {f.en.split("“")[1].split("”")[0] for f in faults}
