"""The street loop's guards and computations: pure functions of the case, what is given, and declared facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.process import Child
from civicloop.kernel.facts.evidence import same_look
from civicloop.kernel.label import Label

CATEGORY = "category"
OF_THE_STREET = "street"  # a category's unit: the centre of the street in which the case lies

_UNNAMED = Label("请先确定类别，再立案。", "Choose the category before filing the case.")
_NO_UNIT = Label(
    "此类别没有对应的责任单位，请选择一个。", "No responsible unit follows from the category; choose one."
)
_PARTS = Label("请写2至10行，每行一个子案件。", "Write two to ten lines, one part each.")
_SAME_PICTURE = Label(
    "处置后的照片与之前的照片是同一张，请现场重新拍摄。",
    "The photograph afterwards is the same picture as before; take a new one on the spot.",
)
_TAKEN_BEFORE = Label(
    "处置后的照片拍摄于派遣之前，请现场重新拍摄。",
    "The photograph afterwards was taken before the case was sent out; take a new one on the spot.",
)


def category_is_known(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:  # noqa: ARG001
    """A case is filed under a category: its limits and its responsible unit follow from it."""
    return None if given.get("kind") or case.kind else _UNNAMED


def photo_after_is_new(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:  # noqa: ARG001
    """The photograph after the work is neither one of the earlier pictures nor older than the dispatch."""
    for picture in facts["pictures"]:
        if any(same_look(picture["look"], earlier["look"]) for earlier in facts["earlier_pictures"]):
            return _SAME_PICTURE
        sent = facts["dispatched"]
        if sent is not None and picture["taken_at"] is not None and picture["taken_at"] < sent["happened_at"]:
            return _TAKEN_BEFORE
    return None


def unit_is_known(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:
    """A case is sent to a named unit, or to the one that its category names."""
    return None if given.get("unit") or responsible_unit(case, given, facts).get("unit") else _NO_UNIT


def responsible_unit(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The unit that the category's row names: the street's own centre where it says "street"."""
    row = facts[CATEGORY]
    if not row or given.get("unit"):
        return {}
    unit = str(row.get("unit", ""))
    if unit == OF_THE_STREET:
        return {"unit": f"street-{case.street}"} if case.street else {}
    return {"unit": unit} if unit else {}


def part_titles(given: Mapping[str, Any]) -> list[str]:
    """The parts as they were written, a line each."""
    return [line.strip() for line in str(given.get("parts", "")).splitlines() if line.strip()]


def parts_are_several(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:  # noqa: ARG001
    """A case is split into two parts at least and ten at most."""
    return None if 2 <= len(part_titles(given)) <= 10 else _PARTS


def parts(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Child, ...]:  # noqa: ARG001
    """A part a line, at the same place and of the same category."""
    return tuple(Child({}, title=title[:60]) for title in part_titles(given))


def nobody(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG001
    """A returned case has no unit and no crew until it is sent again."""
    return {"unit": "", "holder": ""}


def whoever_takes_it(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG001
    """A crew that takes a case has it in hand."""
    return {"holder": facts["by"]}


def kind_of(case: Case, given: Mapping[str, Any]) -> str:
    """The category that counts: the one just given, else the case's."""
    return str(given.get("kind") or case.kind)
