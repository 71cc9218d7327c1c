"""A small bundled approval (集成办): departments in parallel, a pause for what is missing, a fee, one answer."""

from __future__ import annotations

from civicloop.loops.approval import rules

from civicloop.kernel.cases.process import (
    NOTE,
    REASON,
    Action,
    Children,
    Field,
    Label,
    Limit,
    Option,
    Process,
    State,
    days,
    work_days,
)
from civicloop.kernel.cases.reads import ChildCases, LastDone

SUBJECT = Field("subject", Label("事项", "Matter"), "text")
DEPARTMENT = Field("department", Label("部门", "Department"), "text")
ANSWER = Field(
    "answer",
    Label("意见", "Answer"),
    "choice",
    options=(Option("yes", Label("同意", "Agrees")), Option("no", Label("不同意", "Objects"))),
)
ASKED = tuple(
    Field(name, label, "flag", required=False)
    for name, label in zip(
        rules.DEPARTMENTS,
        (Label("市场监管", "Market supervision"), Label("消防", "Fire safety"), Label("卫生健康", "Health")),
        strict=True,
    )
)

REVIEW = Process(
    "approval_review",
    Label("部门会审", "Department's review"),
    fields=(DEPARTMENT, Field("answer", Label("意见", "Answer"), "text", required=False)),
    states=(
        State("asked", Label("待会审", "Asked"), start=True),
        State("answered", Label("已答复", "Answered"), final=True, closes=True),
        State("cancelled", Label("已取消", "Cancelled"), final=True),
    ),
    actions=(
        Action("open", Label("征求意见", "Ask"), "-> asked", by="children", evidence=(DEPARTMENT,), sets=("department",)),
        Action("answer", Label("答复", "Answer"), "asked -> answered", by="intake, dispatcher", evidence=(ANSWER,), sets=("answer",), key="y"),
        Action("cancel", Label("取消", "Cancel"), "asked -> cancelled", by="children"),
    ),
    limits=(Limit("review", Label("会审时限", "To answer"), start="asked", stop="answered, cancelled", within=work_days(3), calendar="work_hours"),),
)  # fmt: skip

PROCESS = Process(
    "approval",
    Label("集成办", "Bundled approval"),
    purpose=Label("一件事、一张表、各部门同时办。", "One matter, one form, all departments at once."),
    fields=(SUBJECT,),
    states=(
        State("received", Label("已收件", "Received"), start=True),
        State("missing", Label("待补正", "Waiting for papers")),
        State("reviewing", Label("会审中", "In review")),
        State("agreed", Label("会审通过", "Agreed")),
        State("objected", Label("有异议", "Objected to")),
        State("issued", Label("已发证", "Issued"), closes=True),
        State("refused", Label("不予许可", "Refused"), closes=True),
        State("archived", Label("已归档", "Archived"), final=True),
    ),
    actions=(
        Action("open", Label("收件", "Receive"), "-> received", by="intake", evidence=(SUBJECT,), sets=("subject",)),
        Action("ask", Label("通知补正", "Ask for papers"), "received -> missing", by="intake", evidence=(REASON,), key="m"),
        Action("supplement", Label("补正", "Papers are in"), "missing -> received", by="intake", evidence=(NOTE,), key="p"),
        Action("review", Label("并联会审", "Send to departments"), "received -> reviewing", by="intake", evidence=ASKED, guard=rules.somebody_is_asked, key="r"),
        Action("conclude", Label("汇总意见", "Conclude"), "reviewing -> agreed | objected", by="children", reads=(ChildCases("approval_review"),), choose=rules.outcome),
        Action("pay", Label("缴费", "Pay the fee"), "agreed -> same", by="intake", evidence=(Field("fee", Label("费用", "Fee"), "amount", minimum=1),), key="f"),
        Action("issue", Label("发证", "Issue"), "agreed -> issued", by="shift_head", reads=(LastDone("pay", "paid"),), guard=rules.fee_is_paid, not_by=("pay",), key="i"),
        Action("refuse", Label("不予许可", "Refuse"), "received, missing, reviewing, objected -> refused", by="shift_head", evidence=(REASON,), danger=True),
        Action("archive", Label("归档", "Archive"), "issued, refused -> archived", by="clock"),
    ),
    limits=(
        Limit("answer", Label("承诺时限", "Promised answer"), start="received", pause="missing", stop="issued, refused", within=work_days(5), calendar="work_hours"),
        Limit("keep", Label("保留期", "Kept for"), start="issued, refused", stop="archived", within=days(365), on_breach="archive", waits=True),
    ),
    children=(Children("approval_review", after="review", spawn=rules.reviews, on_all_closed="conclude", on_parent_end="cancel", cancel="cancel"),),
)  # fmt: skip
