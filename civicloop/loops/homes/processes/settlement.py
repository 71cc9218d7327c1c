"""A month's settlement with a firm, computed from verified work; two persons approve it, and then it is frozen.

What changes in a settled month stands as a signed difference in the next statement. The ledger is told by the event
`approved`: the amount that it has to post, once a case.
"""

from __future__ import annotations

from civicloop.kernel.cases.process import REASON, Action, Event, Field, Label, Limit, Process, State, days
from civicloop.loops.homes import rules
from civicloop.loops.homes.processes.given import FIRM
from civicloop.loops.homes.processes.reading import MonthWork

MONTH = Field("month", Label("月份", "Month"), "text", maximum=7, hint=Label("如 2026-11", "such as 2026-11"))


def _amount(name: str, zh: str, en: str) -> Field:
    return Field(name, Label(zh, en), "amount", required=False)


AMOUNT = _amount("amount_fen", "应付金额", "To be paid")

SETTLEMENT = Process(
    "homes_settlement",
    Label("物业结算单", "Settlement"),
    purpose=Label(
        "按核查通过的任务逐月结算，两人审定后冻结；以后的变化以差额计入下月。",
        "Paid by verified tasks, month by month; frozen when two persons approve; what changes later is a difference in the next.",
    ),
    seen_by="homes_officer, homes_clerk, evaluator, leader, admin",
    fields=(
        FIRM, MONTH, AMOUNT, _amount("worth_fen", "本月金额", "The month's own"),
        _amount("delta_fen", "以前月份差额", "Differences of earlier months"),
    ),
    states=(
        State("drafted", Label("待初审", "Drafted"), start=True),
        State("reviewed", Label("待审定", "Reviewed")),
        State("approved", Label("已审定", "Approved"), closes=True),
        State("archived", Label("已归档", "Archived"), final=True),
        State("withdrawn", Label("已作废", "Withdrawn"), final=True),
    ),
    actions=(
        Action("draft", Label("生成结算单", "Draw up"), "-> drafted", by="homes_officer", evidence=(FIRM, MONTH), sets=("firm", "month"), reads=(MonthWork(),), guard=rules.may_be_stated, computes=rules.stated),
        Action("recompute", Label("重新计算", "Compute anew"), "drafted -> same", by="homes_officer", reads=(MonthWork(),), computes=rules.stated, key="e"),
        Action("review", Label("初审", "Review"), "drafted -> reviewed", by="homes_officer", key="v"),
        Action("return", Label("退回", "Return"), "reviewed -> drafted", by="homes_officer", evidence=(REASON,), key="b"),
        Action("approve", Label("审定", "Approve"), "reviewed -> approved", by="homes_officer", not_by=("review",), effects=("settle_tasks",), emits=("approved",), key="y"),
        Action("withdraw", Label("作废", "Withdraw"), "drafted, reviewed -> withdrawn", by="homes_officer", evidence=(REASON,), danger=True),
        Action("object", Label("企业异议", "The firm objects"), "drafted, reviewed -> same", by="homes_clerk", evidence=(REASON,), key="o"),
        Action("archive", Label("归档", "Archive"), "approved -> archived", by="clock"),
    ),
    limits=(
        Limit("approve", Label("审定时限", "To approve"), start="drafted", stop="approved, withdrawn", within=days(10)),
        Limit("keep", Label("保留期", "Kept for"), start="approved", stop="archived", within=days(365), on_breach="archive", waits=True),
    ),
    events=(
        Event("approved", 1, Label("结算单已审定", "A settlement was approved"), (Field("case", Label("结算单", "Settlement"), "case"), FIRM, MONTH, AMOUNT), rules.payable),
    ),
)  # fmt: skip
