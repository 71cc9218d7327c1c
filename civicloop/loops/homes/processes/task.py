"""A routine task of a service plan: planned, done by the firm's worker, verified by the community; paid for only then.

Whoever does it never verifies it; what is not done when its limit passes is missed by the clock.
"""

from __future__ import annotations

from civicloop.kernel.cases.process import (
    NOTE,
    REASON,
    Action,
    Field,
    Label,
    Limit,
    Option,
    Process,
    State,
    Until,
    days,
    hours,
)
from civicloop.kernel.cases.reads import EarlierPictures, Pictures
from civicloop.loops.homes import rules
from civicloop.loops.homes.processes.given import ESTATE, PLACE, WORK
from civicloop.loops.homes.processes.reading import TheEstate

PLAN = Field("plan", Label("服务计划", "Service plan"), "text", maximum=60)
DAY = Field("day", Label("日期", "Day"), "date")
DUE = Field("due", Label("应完成时间", "To be done by"), "instant")
PHOTO = Field("photo", Label("完成照片", "Photograph of the work"), "photo", maximum=3)
PHOTO_CHECK = Field(
    "photo_check", Label("核查照片", "Photograph of the check"), "photo", required=False, maximum=3
)


OUTCOME = Field(
    "outcome",
    Label("结算认定", "Counts as"),
    "choice",
    required=False,
    options=(
        Option("open", Label("未定", "Not decided")),
        Option("verified", Label("核查通过", "Verified")),
        Option("missed", Label("未完成", "Missed")),
        Option("excused", Label("免责", "Excused")),
    ),
)
DONE_AT = Field("done_at", Label("完成时间", "Done at"), "instant", required=False)
# One or nought, so that figures can ask for them.
IN_TIME = Field("in_time", Label("按时完成", "Done in time"), "flag", required=False)
CHECKED = Field("checked", Label("核查过", "Checked"), "flag", required=False)


TASK = Process(
    "homes_task",
    Label("物业例行任务", "Routine task"),
    purpose=Label(
        "服务计划每天生成任务；企业做了、社区核过，才算数、才付钱。",
        "Service plans make each day's tasks; what the firm did and the community verified counts, and is paid for.",
    ),
    located=True,
    seen_by="homes_officer, evaluator, leader, admin",
    fields=(
        ESTATE, WORK, PLAN, DAY, DUE, DONE_AT, IN_TIME, CHECKED, OUTCOME,
    ),
    states=(
        State("planned", Label("待完成", "Planned"), start=True),
        State("done", Label("待核查", "Done, to be verified")),
        State("redo", Label("待返工", "To be redone")),
        State("verified", Label("已核查", "Verified"), closes=True),
        State("settled", Label("已结算", "Settled"), closes=True),
        State("missed", Label("未完成", "Missed"), closes=True),
        State("excused", Label("免责未完成", "Excused"), closes=True),
        State("archived", Label("已归档", "Archived"), final=True),
    ),
    actions=(
        Action("plan", Label("生成任务", "Plan"), "-> planned", by="clock, homes_officer", evidence=(ESTATE, WORK, PLAN, DAY, DUE, PLACE), sets=("estate", "work", "plan", "day", "due"), reads=(TheEstate(),), guard=rules.estate_is_known, computes=rules.planned),
        Action("do", Label("完成", "Done"), "planned, redo -> done", by="homes_worker", evidence=(PHOTO, NOTE), reads=(Pictures("photo"), EarlierPictures()), guard=rules.picture_is_new, computes=rules.done, key="d"),
        Action("verify", Label("核查通过", "Verify"), "done -> verified", by="homes_checker", evidence=(PHOTO_CHECK,), not_by=("do",), computes=rules.verified, key="c"),
        Action("send_back", Label("返工", "Send back"), "done, verified -> redo", by="homes_checker", evidence=(REASON, PHOTO_CHECK), not_by=("do",), counts=("reworks",), computes=rules.sent_back, effects=("tell_firm",), key="w"),
        Action("doubt", Label("复核属实返工", "Re-check upheld"), "done, verified, settled, redo -> redo", by="event", counts=("reworks",), computes=rules.sent_back, effects=("tell_firm",)),
        Action("miss", Label("未按时完成", "Missed"), "planned, redo -> missed", by="clock", computes=rules.missed, effects=("tell_firm",)),
        Action("excuse", Label("免责", "Excuse"), "missed -> excused", by="homes_checker", evidence=(REASON,), computes=rules.excused),
        Action("settle", Label("计入结算", "Settle"), "verified -> settled", by="event"),
        Action("archive", Label("归档", "Archive"), "verified, settled, missed, excused -> archived", by="clock"),
        Action("comment", Label("备注", "Comment"), "* -> same", by="homes_worker, homes_clerk, homes_checker, homes_officer", evidence=(Field("note", Label("备注", "Comment"), "long_text"),)),
    ),
    limits=(
        Limit("do", Label("完成时限", "To do"), start="planned", stop="done, missed", within=Until("due"), on_breach="miss"),
        Limit("redo", Label("返工时限", "To redo"), start="redo", stop="done, missed", within=hours(24), re_entry="restart", on_breach="miss"),
        Limit("verify", Label("核查时限", "To verify"), start="done", stop="verified, redo", within=hours(48), re_entry="restart"),
        Limit("keep", Label("保留期", "Kept for"), start="verified, settled, missed, excused", stop="redo, archived", within=days(120), on_breach="archive", waits=True, re_entry="restart"),
    ),
)  # fmt: skip
