"""A unit's rating of one visit, without an account: once a unit and visit; a low one with a reason opens a re-check."""

from __future__ import annotations

from civicloop.kernel.cases.process import (
    REASON,
    Action,
    Event,
    Field,
    Label,
    Limit,
    Process,
    State,
    hours,
    minutes,
)
from civicloop.loops.homes import rules
from civicloop.loops.homes.processes.given import ESTATE, SCORE, STARS, UNIT_CODE, WORDS
from civicloop.loops.homes.processes.reading import RatedTask

TASK_RATED = Field("task", Label("评价的任务", "Rated visit"), "case")

RATING = Process(
    "homes_rating",
    Label("上门评价", "Rating of a visit"),
    purpose=Label(
        "住户扫码评价每次上门；低分并写明原因的，由社区复核。",
        "Residents rate each visit by its code; a low rating with a reason is looked into by the community.",
    ),
    seen_by="homes_officer, homes_clerk, evaluator, leader, admin",
    fields=(UNIT_CODE, ESTATE, SCORE, WORDS),
    states=(
        State("given", Label("已评价", "Given"), start=True),
        State("rechecking", Label("待复核", "To be re-checked")),
        State("counted", Label("已计入", "Counted"), final=True, closes=True),
    ),
    actions=(
        # By the page that has seen the visit's code, never by the code's holder alone: who may is decided there.
        Action("rate", Label("评价", "Rate"), "-> given", by="event", evidence=(TASK_RATED, UNIT_CODE, STARS, WORDS), sets=("unit_code", "words"), reads=(RatedTask(),), guard=rules.may_be_rated, computes=rules.rated),
        Action("weigh", Label("计入", "Count"), "given -> counted | rechecking", by="clock", choose=rules.needs_a_recheck),
        Action("uphold", Label("复核属实", "Upheld"), "rechecking -> counted", by="homes_checker", evidence=(REASON,), emits=("upheld",), key="u"),
        Action("dismiss", Label("复核不属实", "Not upheld"), "rechecking -> counted", by="homes_checker", evidence=(REASON,), key="n"),
    ),
    limits=(
        Limit("weigh", Label("计入时间", "To count"), start="given", stop="counted, rechecking", within=minutes(1), on_breach="weigh", waits=True),
        Limit("recheck", Label("复核时限", "To re-check"), start="rechecking", stop="counted", within=hours(24)),
    ),
    events=(
        Event("upheld", 1, Label("低分评价复核属实", "A low rating was upheld"), (TASK_RATED,), lambda case, given, facts: {"task": case.data["task"]}),  # noqa: ARG005
    ),
)  # fmt: skip
