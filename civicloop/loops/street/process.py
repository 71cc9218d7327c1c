"""The street problem, from report to verified repair (GB/T 30428's seven stages, with the two duties apart).

Whoever handles never checks; filing is a decision with a reason; the two hours run from the first report.
"""

from __future__ import annotations

from civicloop.kernel.cases.process import (
    NOTE,
    REASON,
    Action,
    Children,
    Event,
    Field,
    FromCategory,
    Label,
    Limit,
    Option,
    Process,
    State,
    days,
    hours,
)
from civicloop.kernel.cases.reads import EarlierPictures, LastDone, Pictures
from civicloop.loops.street import rules

PLACE = Field(
    "place",
    Label("位置", "Place"),
    "point",
    hint=Label("在地图上点一下，或用我的位置", "Tap the map, or use your position"),
)
PHOTO = Field("photo", Label("照片", "Photograph"), "photo", required=False)
KIND = Field("kind", Label("类别", "Category"), "category", source="categories")
KIND_IF_KNOWN = Field("kind", Label("类别", "Category"), "category", required=False, source="categories")
UNIT = Field("unit", Label("责任单位", "Responsible unit"), "unit", source="units")
UNIT_IF_OTHER = Field(
    "unit", Label("责任单位", "Responsible unit"), "unit", required=False, source="units",
    hint=Label("不选则按派遣规则自动确定", "Left open, the rules decide"),
)  # fmt: skip
CREW = Field("holder", Label("处置人员", "Crew"), "person")
PHOTO_AFTER = Field("photo_after", Label("处置后照片", "Photograph afterwards"), "photo", maximum=3)
PHOTO_CHECK = Field(
    "photo_check", Label("核查照片", "Photograph of the check"), "photo", required=False, maximum=3
)
PARTS = Field("parts", Label("拆分为", "Parts"), "long_text", maximum=600, hint=Label("每行一个子案件，2至10行", "One part a line, two to ten lines"))  # fmt: skip
MASTER = Field("master", Label("主案件", "Master case"), "case")
WHY_DECLINED = Field(
    "reason_code",
    Label("不予立案原因", "Why it is declined"),
    "choice",
    options=(
        Option("out_of_scope", Label("不属管理范围", "Out of scope")),
        Option("not_found", Label("现场未发现", "Not found on the spot")),
        Option("already_filed", Label("已有同一案件", "Already filed")),
        Option("unclear", Label("信息不清、无法核实", "Unclear and can't be verified")),
        Option("private_land", Label("属私人区域", "On private ground")),
    ),
)
SCORE = Field(
    "score",
    Label("满意度", "Satisfaction"),
    "choice",
    options=tuple(
        Option(str(n), label)
        for n, label in (
            (5, Label("非常满意", "Very satisfied")),
            (4, Label("满意", "Satisfied")),
            (3, Label("一般", "Fair")),
            (2, Label("不满意", "Dissatisfied")),
            (1, Label("很不满意", "Very dissatisfied")),
        )
    ),
)

PROCESS = Process(
    "street",
    Label("街面问题", "Street problem"),
    purpose=Label(
        "把街面上的问题从发现到办结走完一圈，由另外的人核查后才算数。",
        "Takes a problem in the street from report to repair; it counts only when somebody else has checked it.",
    ),
    kinds="categories",
    located=True,
    reported=True,
    seen_by="evaluator, leader, admin",
    fields=(Field("reason_code", Label("不予立案原因", "Why it was declined"), "text", required=False), Field("score", Label("满意度", "Satisfaction"), "text", required=False)),
    states=(
        State("reported", Label("已上报", "Reported"), start=True),
        State("accepted", Label("已受理", "Accepted")),
        State("verifying", Label("核实中", "Being verified")),
        State("filed", Label("已立案", "Filed")),
        State("dispatched", Label("已派遣", "Dispatched")),
        State("signed", Label("已签收", "Signed for")),
        State("handling", Label("处置中", "Being handled")),
        State("held", Label("缓办中", "On hold")),
        State("checking", Label("核查中", "Being checked")),
        State("closed", Label("已结案", "Closed"), closes=True),
        State("archived", Label("已归档", "Archived"), final=True),
        State("declined", Label("不予立案", "Declined"), final=True, closes=True),
        State("adopted", Label("旧系统已结案", "Closed in the former system"), final=True, closes=True),
        State("parted", Label("已拆分办理", "Split into parts")),
        State("merged", Label("已并入主案件", "Merged")),
        State("merged_for_good", Label("已并案归档", "Merged and archived"), final=True),
        State("void", Label("已作废", "Void")),
        State("void_for_good", Label("作废归档", "Void and archived"), final=True),
    ),
    actions=(
        Action("report", Label("上报", "Report"), "-> reported", by="public, collector, intake", evidence=(PLACE, KIND_IF_KNOWN), sets=("kind",)),
        Action("accept", Label("受理", "Accept"), "reported -> accepted", by="intake, shift_head", evidence=(KIND_IF_KNOWN, NOTE), sets=("kind",), key="a", effects=("tell_reporters",)),
        Action("verify", Label("派员核实", "Send to verify"), "accepted -> verifying", by="intake, shift_head, dispatcher", evidence=(NOTE,), key="v"),
        Action("verified", Label("核实属实", "Verified"), "verifying -> accepted", by="collector, checker", evidence=(PHOTO, NOTE), key="y"),
        Action("file", Label("立案", "File"), "accepted, verifying -> filed", by="shift_head, intake, dispatcher", evidence=(KIND_IF_KNOWN, NOTE), sets=("kind",), guard=rules.category_is_known, key="f"),
        Action("decline", Label("不予立案", "Decline"), "reported, accepted, verifying -> declined", by="shift_head, intake", evidence=(WHY_DECLINED, REASON), sets=("reason_code",), effects=("tell_reporters",), danger=True, key="n"),
        Action("dispatch", Label("派遣", "Dispatch"), "filed -> dispatched", by="dispatcher, shift_head", evidence=(UNIT_IF_OTHER, NOTE), sets=("unit",), reads=(rules.RoutedTo(),), guard=rules.unit_is_known, computes=rules.responsible_unit, effects=("notify_unit",), key="d"),
        Action("sign", Label("签收", "Sign for it"), "dispatched -> signed", by="unit_clerk", key="s"),
        Action("return", Label("退回", "Return"), "dispatched, signed -> filed", by="unit_clerk", evidence=(REASON,), computes=rules.nobody, key="b"),
        Action("assign", Label("转派", "Hand to a crew"), "signed, handling -> handling", by="unit_clerk", evidence=(CREW,), sets=("holder",), effects=("notify_crew",), key="t"),
        Action("take", Label("我来处置", "Take it"), "signed -> handling", by="crew", computes=rules.whoever_takes_it, key="g"),
        Action("report_back", Label("反馈", "Report back"), "handling -> checking", by="crew", evidence=(PHOTO_AFTER, NOTE), reads=(Pictures("photo_after"), EarlierPictures(), LastDone("dispatch", "dispatched")), guard=rules.photo_after_is_new, key="r"),
        Action("rework", Label("返工", "Send back"), "checking -> handling", by="checker", evidence=(REASON, PHOTO_CHECK), counts=("reworks",), not_by=("report_back",), effects=("notify_crew",), key="w"),
        Action("close", Label("结案", "Close"), "checking -> closed", by="checker", evidence=(PHOTO_CHECK,), not_by=("report_back",), effects=("tell_reporters",), emits=("closed",), key="c"),
        Action("reopen", Label("重开", "Re-open"), "closed -> accepted", by="reporter, shift_head", evidence=(REASON,), computes=rules.nobody, reopens=True, key="o"),
        Action("archive", Label("归档", "Archive"), "closed -> archived", by="clock"),
        # What a former system says was closed has neither photograph nor check here, so it is kept apart from what was verified.
        Action("adopt", Label("转入旧案", "Take over as closed"), "reported, accepted, filed, dispatched, signed, handling -> adopted", by="importer", evidence=(UNIT_IF_OTHER, NOTE), sets=("unit",)),
        Action("hold", Label("缓办", "Put on hold"), "dispatched, signed, handling -> held", by="shift_head", evidence=(REASON,), key="h"),
        Action("resume", Label("恢复办理", "Resume"), "held -> previous", by="shift_head", key="h"),
        Action("review", Label("缓办到期提醒", "Hold is over"), "held -> previous", by="clock"),
        Action("merge", Label("并案", "Merge"), "reported, accepted, verifying, filed -> merged", by="intake, shift_head, dispatcher", evidence=(MASTER,), merges=True, key="m"),
        Action("unmerge", Label("撤销并案", "Undo the merge"), "merged -> previous", by="intake, shift_head, dispatcher", unmerges=True, key="u"),
        Action("forget", Label("并案归档", "Archive the merged"), "merged -> merged_for_good", by="clock"),
        Action("part", Label("拆分立项", "Open a part"), "-> reported", by="children"),
        Action("split", Label("拆分", "Split"), "accepted, verifying, filed -> parted", by="shift_head, dispatcher", evidence=(PARTS,), guard=rules.parts_are_several, key="x"),
        Action("join", Label("子案件全部办结", "All parts are closed"), "parted -> closed", by="children"),
        Action("part_again", Label("子案件重开", "A part was re-opened"), "closed -> parted", by="children"),
        Action("withdraw", Label("作废", "Void"), "reported, accepted, verifying, filed -> void", by="shift_head", evidence=(REASON,), danger=True),
        Action("restore", Label("撤销作废", "Undo the void"), "void -> previous", by="shift_head", key="u"),
        Action("discard", Label("作废归档", "Archive the void"), "void -> void_for_good", by="clock"),
        Action("escalate", Label("超时上报", "Escalate"), "* -> same", by="clock", effects=("notify_shift_head",)),
        Action("comment", Label("备注", "Comment"), "* -> same", by="collector, intake, shift_head, dispatcher, unit_clerk, crew, checker, evaluator, leader", evidence=(Field("note", Label("备注", "Comment"), "long_text"), PHOTO)),
        Action("rate", Label("评价", "Rate"), "closed, archived -> same", by="reporter", evidence=(SCORE, NOTE), sets=("score",)),
        Action("correct", Label("更正", "Correct"), "reported, accepted, verifying, filed -> same", by="intake, shift_head, dispatcher", evidence=(KIND_IF_KNOWN, Field("place", Label("位置", "Place"), "point", required=False)), sets=("kind",), key="e"),
    ),
    limits=(
        Limit("close_in_2_hours", Label("2小时闭环", "Close in 2 hours"), start="reported", stop="closed, declined, merged, void", within=hours(2), on_breach="escalate"),
        Limit("accept", Label("受理时限", "To accept"), start="reported", stop="accepted, merged, void, declined", within=FromCategory("accept")),
        Limit("dispatch", Label("派遣时限", "To dispatch"), start="filed", stop="dispatched, merged, void", within=FromCategory("dispatch"), re_entry="restart"),
        Limit("sign", Label("签收时限", "To sign"), start="dispatched", stop="signed, filed", pause="held", within=FromCategory("sign"), re_entry="restart"),
        Limit("handle", Label("处置时限", "To handle"), start="dispatched", stop="checking, filed", pause="held", within=FromCategory("handle"), on_breach="escalate"),
        Limit("check", Label("核查时限", "To check"), start="checking", stop="handling, closed", within=FromCategory("check"), re_entry="restart"),
        Limit("objection", Label("异议期", "Time to object"), start="closed", stop="accepted, parted", within=days(7), on_breach="archive", waits=True, re_entry="restart"),
        Limit("hold_review", Label("缓办复核", "Review of the hold"), start="held", stop="dispatched, signed, handling", within=days(10), on_breach="review", waits=True, re_entry="restart"),
        Limit("undo_merge", Label("并案撤销期", "Time to undo a merge"), start="merged", stop="reported, accepted, verifying, filed", within=days(7), on_breach="forget", waits=True, re_entry="restart"),
        Limit("undo_void", Label("作废撤销期", "Time to undo a void"), start="void", stop="reported, accepted, verifying, filed", within=days(7), on_breach="discard", waits=True, re_entry="restart"),
    ),
    children=(Children("street", after="split", spawn=rules.parts, on_all_closed="join", opens_with="part", on_reopened="part_again"),),
    events=(
        Event("closed", 1, Label("街面问题已结案", "A street problem was closed"), (Field("case", Label("案件", "Case"), "case"), Field("kind", Label("类别", "Category"), "text")), lambda case, given, facts: {"case": case.id, "kind": case.kind}),  # noqa: ARG005
    ),
)  # fmt: skip
