"""What the homes loop decides: pure functions of the case, what is given, and declared facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.process import Child
from civicloop.kernel.facts.evidence import same_look
from civicloop.kernel.label import Label
from civicloop.loops.homes.counting import settlement, survey
from civicloop.loops.homes.model import WORKS, Estate, unit_label

Given = Mapping[str, Any]
Facts = Mapping[str, Any]

LOW = 2  # of five: dissatisfied
SMALLEST_SAMPLE = 5

_NO_ESTATE = Label("名录中没有此小区。", "The register has no such estate.")
_SAME_PICTURE = Label(
    "照片与此任务之前的照片是同一张，请现场重新拍摄。",
    "The photograph is the same picture as an earlier one of this task; take a new one on the spot.",
)
_TAKEN_BEFORE = Label(
    "照片拍摄于任务下达之前，请现场重新拍摄。",
    "The photograph was taken before the task was planned; take a new one on the spot.",
)
_NOT_DONE = Label("此次上门尚未完成，完成后再评价。", "This visit has not been done yet; rate it afterwards.")
_NOT_THERE = Label("此单元不在该小区。", "This unit is not in the estate.")
_RATED = Label("此单元已评价过这次上门。", "This unit has rated this visit already.")
_NO_TASK = Label("没有这次上门。", "There is no such visit.")
_MONTH = Label("月份要写成 2026-11。", "Write the month as 2026-11.")
_MONTH_RUNS = Label("当月未过完，月后再结算。", "The month is not over; settle it afterwards.")
_STATED = Label("该企业此月已有结算单。", "This firm has a statement for the month already.")
_LATER = Label(
    "该企业已有更晚月份的结算单，此月的变化由下一张结算单以差额体现。",
    "A later month of this firm is stated already; what changes in this one stands in the next statement as a difference.",
)
_WAITING = Label(
    "该企业上一张结算单尚未审定，请先审定或作废。",
    "The firm's last statement is not decided yet; approve or withdraw it first.",
)
_QUARTER = Label("季度要写成 2026Q4。", "Write the quarter as 2026Q4.")
_TOO_MANY = Label("样本不能大于总体（{n}个单元）。", "The sample can't be larger than the frame ({n} units).")


def estate_is_known(case: Case, given: Given, facts: Facts) -> Label | None:  # noqa: ARG001
    """Work is planned, and a problem reported, for an estate of the register."""
    return None if facts["estate"] is not None else _NO_ESTATE


def planned(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """A task belongs to the firm that serves the estate on that day."""
    estate: Estate = facts["estate"]
    return {
        "unit": estate.firm,
        "street": estate.street,
        "community": estate.community,
        "title": f"{estate.label.zh} {WORKS[given['work']].zh} {given['day']}",
        "outcome": "open",
    }


def picture_is_new(case: Case, given: Given, facts: Facts) -> Label | None:  # noqa: ARG001
    """The photograph of the work is neither an earlier one of the task nor older than the task."""
    for picture in facts["pictures"]:
        if any(same_look(picture["look"], earlier["look"]) for earlier in facts["earlier_pictures"]):
            return _SAME_PICTURE
        if picture["taken_at"] is not None and picture["taken_at"] < case.opened_at:
            return _TAKEN_BEFORE
    return None


def done(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """Who did it has it in hand; in time is judged by the first time that it was done."""
    first = case.data.get("done_at")
    at = facts["now"] if first is None else first
    return {"holder": facts["by"], "done_at": at, "in_time": int(at <= case.data["due"])}


def verified(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """A verified visit is what a firm is paid for."""
    return {"outcome": "verified", "checked": 1}


def sent_back(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """What is sent back counts neither as verified nor as missed until it is checked again."""
    return {"outcome": "open", "checked": 1}


def missed(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """A missed visit is not paid, and takes something off."""
    return {"outcome": "missed", "in_time": 0}


def excused(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """An excused visit is neither paid nor does it take anything off."""
    return {"outcome": "excused"}


def may_be_rated(case: Case, given: Given, facts: Facts) -> Label | None:  # noqa: ARG001
    """A unit of the estate rates a visit that was done, once."""
    task = facts["task"]
    if task is None:
        return _NO_TASK
    if given["unit_code"] not in task["units"]:
        return _NOT_THERE
    if task["case"].state not in ("done", "verified", "settled"):
        return _NOT_DONE
    return _RATED if task["again"] else None


def rated(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """A rating lies where its visit lies."""
    task: Case = facts["task"]["case"]
    unit = unit_label(given["unit_code"]).zh
    return {
        "unit": task.unit,
        "street": task.street,
        "community": task.community,
        "task": task.id,
        "estate": task.data["estate"],
        "title": f"{task.title} {unit}",
        "score": int(given["stars"]),
    }


def needs_a_recheck(case: Case, given: Given, facts: Facts) -> str:  # noqa: ARG001
    """A low rating with a reason is looked into by the community; any other counts as it is."""
    return "rechecking" if case.data["score"] <= LOW and case.data.get("words") else "counted"


def located(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """A problem of an estate lies there, in the hands of its firm."""
    estate: Estate = facts["estate"]
    return {
        "unit": estate.firm, "street": estate.street, "community": estate.community,
        "title": f"{estate.label.zh} {given['words'][:40]}",
    }  # fmt: skip


def may_be_stated(case: Case, given: Given, facts: Facts) -> Label | None:
    """One statement a firm and month, in the order of the months, each decided before the next."""
    month = str(given.get("month") or case.data.get("month", ""))
    if (
        len(month) != 7
        or month[4] != "-"
        or not (month[:4] + month[5:]).isdecimal()
        or not "01" <= month[5:] <= "12"
    ):
        return _MONTH
    work = facts["work"]
    if month >= work["this_month"]:
        return _MONTH_RUNS
    for found, sentence in ((work["again"], _STATED), (work["later"], _LATER), (work["waiting"], _WAITING)):
        if found:
            return sentence
    return None


def stated(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:
    """The statement as it is now; when it is approved, no action computes it anew."""
    firm = str(given.get("firm") or case.data.get("firm", ""))
    month = str(given.get("month") or case.data.get("month", ""))
    found = settlement.statement(month, facts["work"]["visits"], facts["work"]["stated"])
    cases = [
        visit.case for visit in facts["work"]["visits"] if visit.month == month and visit.outcome != "open"
    ]
    return {
        "unit": firm,
        "title": f"{firm} {month}",
        "amount_fen": found.amount_fen,
        "worth_fen": found.worth_fen,
        "delta_fen": found.delta_fen,
        "lines": _text(found.lines),
        "differences": _text(found.differences),
        "by_month": _text(found.by_month),
        "visits": _text(cases),
    }


def payable(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """What a ledger needs to post an approved statement: whom, for which month, how many fen (signed)."""
    return {
        "case": case.id,
        "firm": case.data["firm"],
        "month": case.data["month"],
        "amount_fen": case.data["amount_fen"],
    }


def may_be_drawn(case: Case, given: Given, facts: Facts) -> Label | None:  # noqa: ARG001
    """A sample is no larger than its frame, and a quarter is written so that it sorts."""
    quarter = str(case.data["quarter"])
    if len(quarter) != 6 or not quarter[:4].isdecimal() or quarter[4:] not in ("Q1", "Q2", "Q3", "Q4"):
        return _QUARTER
    size = sum(len(units) for units in facts["frame"].values())
    return _TOO_MANY.filled(n=size) if int(case.data["size"]) > size else None


def drawn(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """The sample, and how many units each estate had when it was drawn: what the interval stands on."""
    frame = [unit for units in facts["frame"].values() for unit in units]
    sample = survey.draw(frame, int(case.data["size"]), str(case.data["seed"]))
    sizes = {code: len(units) for code, units in facts["frame"].items()}
    return {"frame": _text(sizes), "sample": _text(sample), "title": str(case.data["quarter"])}


def invitations(case: Case, given: Given, facts: Facts) -> tuple[Child, ...]:  # noqa: ARG001
    """One invitation a drawn unit."""
    sample: list[str] = msgspec.json.decode(str(case.data["sample"]))
    return tuple(Child({"unit_code": unit}, title=f"{case.title} {unit_label(unit).zh}") for unit in sample)


def invited(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """An invitation belongs to the estate of its unit."""
    return {"estate": str(given["unit_code"]).partition("-")[0]}


def answered(case: Case, given: Given, facts: Facts) -> Mapping[str, Any]:  # noqa: ARG001
    """The answer as a number, so that it can be counted."""
    return {"score": int(given["stars"])}


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
