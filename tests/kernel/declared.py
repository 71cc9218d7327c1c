"""Processes for tests of what is derived: the ADR's four, and a rich synthetic one with every word of the language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from civicloop.kernel.cases.process import (
    NOTE,
    REASON,
    Action,
    Child,
    Children,
    Event,
    Fact,
    Field,
    Label,
    Limit,
    Option,
    Process,
    State,
    days,
    hours,
)
from tests.fixtures import ROOT

ADR = ROOT / "docs" / "adr" / "0002-declaration-against-two-processes.md"


def adr_names() -> dict[str, Any]:
    """What the blocks of ADR 2 define, run in order."""
    names: dict[str, Any] = {}
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", ADR.read_text("utf-8"), re.M | re.S)):
        exec(compile(block, f"{ADR.name}#{number}", "exec"), names)
    return names


def adr_processes() -> dict[str, Process]:
    """The ADR's processes by name."""
    return {value.name: value for value in adr_names().values() if isinstance(value, Process)}


def not_too_loud(case: Any, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:
    """A job above 90 is refused."""
    if given.get("size", 0) > 90:
        return Label("工作量超过 90，请拆分。", "The job is above 90; split it.")
    return None


def small_or_large(case: Any, given: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Small jobs are done at once."""
    return "done" if case.data.get("size", 0) < 10 else "working"


def two_parts(case: Any, given: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Child, ...]:
    """Two parts of each job."""
    return (Child({"note": "left"}), Child({"note": "right"}))


def doubled(case: Any, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keeps twice the size."""
    return {"twice": 2 * case.data.get("size", 0)}


SIZE = Field("size", Label("工作量", "Size"), "number", minimum=0, maximum=100)
COLOUR = Field(
    "colour", Label("颜色", "Colour"), "choice", required=False,
    options=(Option("red", Label("红", "Red")), Option("blue", Label("蓝", "Blue"))),
)  # fmt: skip
WHO = Field("who", Label("姓名", "Name"), "text", required=False, personal=True)

RICH = Process(
    "job",
    Label("工单", "Job"),
    purpose=Label("测试用的完整流程。", "Every word of the language in one process."),
    seen_by="leader",
    fields=(SIZE, COLOUR, Field("twice", Label("两倍", "Twice"), "number", required=False)),
    states=(
        State("asked", Label("已提出", "Asked"), start=True),
        State("working", Label("进行中", "In work")),
        State("split", Label("已拆分", "Split")),
        State("held", Label("暂停", "On hold")),
        State("checking", Label("核查中", "Being checked")),
        State("done", Label("已完成", "Done"), closes=True),
        State("merged", Label("已合并", "Merged")),
        State("dropped", Label("已放弃", "Dropped"), final=True),
        State("archived", Label("已归档", "Archived"), final=True),
    ),
    facts=(Fact("seen", Label("已看见", "Seen")), Fact("unseen", Label("已消失", "Gone"))),
    actions=(
        Action("ask", Label("提出", "Ask"), "-> asked", "public, clerk", evidence=(SIZE, COLOUR, WHO), sets=("size", "colour"),
               guard=not_too_loud),
        Action("begin", Label("开始", "Begin"), "asked -> working | done", "clerk", choose=small_or_large,
               computes=doubled, emits=("begun",), key="b"),
        Action("divide", Label("拆分", "Divide"), "working -> split", "clerk"),
        Action("joined", Label("汇总", "Joined"), "split, held -> checking", "children"),
        Action("hold", Label("暂停", "Hold"), "working, split, checking -> held", "head", evidence=(REASON,), key="h"),
        Action("resume", Label("恢复", "Resume"), "held -> previous", "head", key="h"),
        Action("report_back", Label("反馈", "Report back"), "working -> checking", "crew", evidence=(NOTE, SIZE), sets=("size",),
               guard=not_too_loud),
        Action("rework", Label("返工", "Send back"), "checking -> working", "checker", evidence=(REASON,), counts=("reworks",),
               not_by=("report_back",)),
        Action("close", Label("完成", "Close"), "checking -> done", "checker", not_by=("report_back",), key="c"),
        Action("see", Label("看见", "See"), "working -> same", "fold", because=("seen",), inverse="unsee"),
        Action("unsee", Label("看错", "Not seen"), "working -> same", "fold", inverse="see"),
        Action("reopen", Label("重开", "Re-open"), "done -> working", "head, reporter", evidence=(REASON,), reopens=True),
        Action("merge", Label("合并", "Merge"), "asked -> merged", "clerk",
               evidence=(Field("master", Label("主工单", "Master"), "case"),), merges=True, key="m"),
        Action("unmerge", Label("撤销合并", "Undo the merge"), "merged -> previous", "clerk", unmerges=True, key="u"),
        Action("forget", Label("归档合并", "Forget"), "merged -> archived", "clock"),
        Action("drop", Label("放弃", "Drop"), "asked, working, split, held, checking -> dropped", "head", evidence=(REASON,),
               danger=True),
        Action("escalate", Label("上报", "Escalate"), "* -> same", "clock"),
        Action("archive", Label("归档", "Archive"), "done -> archived", "clock, head"),
        Action("comment", Label("备注", "Comment"), "* -> same", "clerk, crew, checker, head", evidence=(NOTE,)),
    ),
    limits=(
        Limit("finish", Label("完成时限", "To finish"), start="asked", stop="done, merged", pause="held", within=hours(8),
              on_breach="escalate"),
        Limit("check", Label("核查时限", "To check"), start="checking", stop="done, working", pause="held", within=hours(2),
              re_entry="restart"),
        Limit("watch", Label("看守时限", "To watch"), start="seen", stop="unseen", within=days(1)),
        Limit("objection", Label("异议期", "To object"), start="done", stop="working", within=days(3), on_breach="archive",
              waits=True, re_entry="restart"),
        Limit("undo", Label("撤销期", "To undo"), start="merged", stop="asked", within=days(2), on_breach="forget", waits=True,
              re_entry="restart"),
    ),
    children=(
        Children("piece", after="divide", spawn=two_parts, on_all_closed="joined", on_parent_end="cancel", cancel="cancel",
                 pause="inherit"),
    ),
    events=(Event("begun", 1, Label("已开始", "Begun"), (SIZE,), lambda case, given, facts: {"size": case.data["size"]}),),
)  # fmt: skip

PIECE = Process(
    "piece",
    Label("子工单", "Piece"),
    states=(
        State("open", Label("待办", "Open"), start=True),
        State("finished", Label("完成", "Finished"), closes=True),
        State("gone", Label("取消", "Cancelled"), final=True),
        State("kept", Label("归档", "Kept"), final=True),
    ),
    actions=(
        Action("open", Label("建立", "Open"), "-> open", "children", evidence=(NOTE,)),
        Action("finish", Label("完成", "Finish"), "open -> finished", "crew"),
        Action("again", Label("重做", "Again"), "finished -> open", "crew", reopens=True),
        Action("cancel", Label("取消", "Cancel"), "open, finished -> gone", "children"),
        Action("keep", Label("归档", "Keep"), "finished -> kept", "crew"),
    ),
    limits=(
        Limit("piece", Label("子工单时限", "To finish a piece"), start="open", stop="finished", within=hours(4)),
    ),
)  # fmt: skip

BOSTON_LIKE = Process(
    "boston_like",
    Label("服务请求", "Service request"),
    seen_by="leader",
    states=(
        State("open", Label("未结", "Open"), start=True),
        State("closed", Label("已结", "Closed"), final=True, closes=True),
    ),
    actions=(
        Action("open", Label("登记", "Open"), "-> open", "importer, clerk", evidence=(NOTE,)),
        Action("close", Label("结案", "Close"), "open -> closed", "importer, clerk", evidence=(REASON,)),
    ),
    limits=(
        Limit("target", Label("目标时限", "Target"), start="open", stop="closed", within=hours(48)),
    ),
)  # fmt: skip
