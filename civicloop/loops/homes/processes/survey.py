"""A quarter's satisfaction survey: a frame of units, a sample drawn by a seed, one single-use code a drawn unit."""

from __future__ import annotations

from civicloop.kernel.cases.process import Action, Children, Field, Label, Limit, Process, State, days
from civicloop.loops.homes import rules
from civicloop.loops.homes.processes.given import ESTATE, SCORE, STARS, UNIT_CODE, WORDS
from civicloop.loops.homes.processes.reading import Frame

QUARTER = Field(
    "quarter", Label("季度", "Quarter"), "text", maximum=6, hint=Label("如 2026Q4", "such as 2026Q4")
)
SIZE = Field(
    "size", Label("样本量（单元）", "Sample (units)"), "number", minimum=rules.SMALLEST_SAMPLE, maximum=2000
)
SEED = Field(
    "seed", Label("抽样种子", "Seed"), "text", maximum=60,
    hint=Label("公开约定的文字，同一种子抽出同一样本", "Words agreed in public: the same seed draws the same sample"),
)  # fmt: skip

INVITATION = Process(
    "homes_invitation",
    Label("满意度问卷", "Questionnaire"),
    seen_by="homes_officer, admin",
    fields=(UNIT_CODE, ESTATE, SCORE, WORDS),
    states=(
        State("invited", Label("已邀请", "Invited"), start=True),
        State("answered", Label("已答", "Answered"), final=True, closes=True),
        State("lapsed", Label("未答", "Not answered"), final=True, closes=True),
    ),
    actions=(
        Action("open", Label("邀请", "Invite"), "-> invited", by="children", evidence=(UNIT_CODE,), sets=("unit_code",), computes=rules.invited),
        Action("answer", Label("提交", "Answer"), "invited -> answered", by="reporter", evidence=(STARS, WORDS), sets=("words",), computes=rules.answered),
        Action("lapse", Label("截止", "Lapse"), "invited -> lapsed", by="children"),
    ),
)  # fmt: skip

SURVEY = Process(
    "homes_survey",
    Label("满意度调查", "Satisfaction survey"),
    purpose=Label(
        "按种子抽样，一户一码；结果写明样本、应答率和95%区间。",
        "Drawn by a seed, one code a unit; the result states sample, response rate and 95 % interval.",
    ),
    seen_by="evaluator, leader, admin",
    fields=(QUARTER, SIZE, SEED),
    states=(
        State("planned", Label("已计划", "Planned"), start=True),
        State("running", Label("进行中", "Running")),
        State("closed", Label("已截止", "Closed"), final=True, closes=True),
        State("withdrawn", Label("已撤销", "Withdrawn"), final=True),
    ),
    actions=(
        Action("plan", Label("计划调查", "Plan a survey"), "-> planned", by="homes_officer", evidence=(QUARTER, SIZE, SEED), sets=("quarter", "size", "seed")),
        Action("draw", Label("抽样并邀请", "Draw and invite"), "planned -> running", by="homes_officer", reads=(Frame(),), guard=rules.may_be_drawn, computes=rules.drawn, effects=("send_invitations",), key="d"),
        Action("finish", Label("截止", "Close"), "running -> closed", by="homes_officer, clock, children", key="c"),
        Action("withdraw", Label("撤销", "Withdraw"), "planned -> withdrawn", by="homes_officer", danger=True),
    ),
    limits=(Limit("field", Label("应答期", "To answer"), start="running", stop="closed", within=days(21), on_breach="finish", waits=True),),
    children=(Children("homes_invitation", after="draw", spawn=rules.invitations, on_all_closed="finish", on_parent_end="cancel", cancel="lapse"),),
)  # fmt: skip
