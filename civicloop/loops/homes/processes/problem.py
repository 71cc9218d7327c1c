"""A resident's problem with the estate: its firm answers with a photograph, the community closes or sends back."""

from __future__ import annotations

from civicloop.kernel.cases.process import (
    NOTE,
    REASON,
    Action,
    Field,
    Label,
    Limit,
    Process,
    State,
    days,
    hours,
)
from civicloop.loops.homes import rules
from civicloop.loops.homes.processes.given import ESTATE
from civicloop.loops.homes.processes.reading import TheEstate

WHAT = Field("words", Label("什么问题", "What is wrong"), "long_text", maximum=500)
PHOTO = Field("photo", Label("照片", "Photograph"), "photo", required=False, maximum=3)
PHOTO_AFTER = Field("photo_after", Label("处理后照片", "Photograph afterwards"), "photo", maximum=3)

PROBLEM = Process(
    "homes_problem",
    Label("小区问题", "Problem of an estate"),
    purpose=Label(
        "住户反映小区物业问题，由该小区的物业企业处理，社区核查后结案。",
        "Residents report what is wrong in their estate; its firm puts it right, and the community checks and closes.",
    ),
    seen_by="homes_officer, evaluator, leader, admin",
    fields=(ESTATE, WHAT),
    states=(
        State("reported", Label("已反映", "Reported"), start=True),
        State("answered", Label("待核查", "Answered, to be checked")),
        State("closed", Label("已结案", "Closed"), closes=True),
        State("declined", Label("不属物业", "Not the firm's"), final=True, closes=True),
        State("archived", Label("已归档", "Archived"), final=True),
    ),
    actions=(
        Action("report", Label("反映小区问题", "Report a problem of an estate"), "-> reported", by="public, homes_checker", evidence=(ESTATE, WHAT, PHOTO), sets=("estate", "words"), reads=(TheEstate(),), guard=rules.estate_is_known, computes=rules.located, effects=("tell_firm",)),
        Action("answer", Label("已处理", "Put right"), "reported -> answered", by="homes_worker, homes_clerk", evidence=(PHOTO_AFTER, NOTE), key="r"),
        Action("close", Label("结案", "Close"), "answered -> closed", by="homes_checker", not_by=("answer",), key="c"),
        Action("send_back", Label("返工", "Send back"), "answered -> reported", by="homes_checker", evidence=(REASON,), not_by=("answer",), counts=("reworks",), effects=("tell_firm",), key="w"),
        Action("decline", Label("不属物业", "Not the firm's"), "reported, answered -> declined", by="homes_checker", evidence=(REASON,), danger=True, key="n"),
        Action("archive", Label("归档", "Archive"), "closed -> archived", by="clock"),
    ),
    limits=(
        Limit("answer", Label("处理时限", "To answer"), start="reported", stop="answered, declined", within=hours(48), re_entry="restart"),
        Limit("check", Label("核查时限", "To check"), start="answered", stop="closed, reported, declined", within=hours(48), re_entry="restart"),
        Limit("keep", Label("保留期", "Kept for"), start="closed", stop="archived", within=days(30), on_breach="archive", waits=True),
    ),
)  # fmt: skip
