"""A message that could not be delivered (投递失败), as a case with an owner: try again, or give it up with a reason."""

from __future__ import annotations

from civicloop.kernel.cases.process import REASON, Action, Field, Label, Limit, Process, State, days, hours

PROCESS = Process(
    "undeliverable",
    Label("投递失败", "Undeliverable message"),
    purpose=Label(
        "没能送达的消息不会悄悄丢掉：有人看到、重试或说明放弃的理由。",
        "A message that can't be delivered is never lost in silence: somebody sees it, tries again or says why not.",
    ),
    fields=(
        Field("message", Label("消息编号", "Message"), "text"),
        Field("topic", Label("消息种类", "Kind of message"), "text"),
        Field("why", Label("失败原因", "Why it failed"), "text", maximum=500),
        Field("about", Label("相关案件", "Case it is about"), "text", required=False),
    ),
    states=(
        State("failed", Label("投递失败", "Failed"), start=True),
        State("retried", Label("已重投", "Tried again"), closes=True),
        State("given_up", Label("已放弃", "Given up"), closes=True),
        State("settled", Label("已了结", "Settled"), final=True),
    ),
    actions=(
        Action(
            "open", Label("登记", "Record"), "-> failed", by="event",
            evidence=(
                Field("message", Label("消息编号", "Message"), "text"),
                Field("topic", Label("消息种类", "Kind of message"), "text"),
                Field("why", Label("失败原因", "Why it failed"), "text", maximum=500),
                Field("about", Label("相关案件", "Case it is about"), "text", required=False),
            ),
            sets=("message", "topic", "why", "about"),
        ),
        Action("retry", Label("重投", "Try again"), "failed -> retried", by="admin, shift_head", effects=("retry",), key="r"),
        Action("give_up", Label("放弃", "Give up"), "failed -> given_up", by="admin, shift_head", evidence=(REASON,), danger=True, key="x"),
        Action("settle", Label("了结", "Settle"), "retried, given_up -> settled", by="clock"),
    ),
    limits=(
        Limit("answer", Label("处理时限", "To answer"), start="failed", stop="retried, given_up", within=hours(4)),
        Limit("keep", Label("保留期", "Kept for"), start="retried, given_up", stop="settled", within=days(7), on_breach="settle", waits=True),
    ),
)  # fmt: skip
