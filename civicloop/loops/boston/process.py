"""A request of Boston's 311 desk: it opens and it closes, since that is all the city's file says.

No dispatch, check or photograph is declared: none would have evidence. Only an import acts on these cases.
"""

from __future__ import annotations

from civicloop.kernel.cases.process import Action, Field, Label, Limit, Process, State, Until

EXTERNAL_ID = Field("external_id", Label("原编号", "The city's number"), "text")
# A category is a code, kept as the file writes it, double spaces too.
KIND = Field("kind", Label("类别", "Type"), "category")
TITLE = Field("title", Label("标题", "Title"), "text", required=False)
PLACE = Field("place", Label("位置", "Position"), "point", required=False)
STREET = Field("street", Label("街区", "Neighbourhood"), "text", required=False)
UNIT = Field("unit", Label("部门", "Department"), "text", required=False)
SOURCE = Field("source", Label("来源", "Channel"), "text", required=False)
TARGET_AT = Field("target_at", Label("目标时间", "Target"), "instant", required=False)
REASON = Field("reason", Label("事由", "Reason"), "text", required=False)
SUBJECT = Field("subject", Label("主管机构", "Subject"), "text", required=False)
QUEUE = Field("queue", Label("队列", "Queue"), "text", required=False)
ADDRESS = Field("address", Label("地址", "Address"), "text", required=False)
WARD = Field("ward", Label("选区", "Ward"), "text", required=False)
CITY_SAYS = Field("on_time", Label("市方按期标记", "The city's own mark"), "text", required=False)
CLOSING_TEXT = Field(
    "closing_text", Label("结案说明", "Closing text"), "long_text", required=False, maximum=4000
)

_OPENS = (
    EXTERNAL_ID, KIND, TITLE, PLACE, STREET, UNIT, SOURCE, TARGET_AT, REASON, SUBJECT, QUEUE, ADDRESS, WARD,
)  # fmt: skip
_CLOSES = (CLOSING_TEXT, CITY_SAYS)
# What a case has of its own; these the kernel keeps for every case.
_THE_CASES = {"kind", "title", "place", "street", "unit", "source"}

PROCESS = Process(
    "boston",
    Label("波士顿市民诉求", "Boston service request"),
    purpose=Label(
        "波士顿市2015年的市民诉求：何时受理、何时结案，以及市方自己的目标时间。",
        "Boston's service requests of 2015: when each opened and closed, and the city's own target.",
    ),
    seen_by="leader, admin",
    fields=tuple(f for f in (*_OPENS, *_CLOSES) if f.name not in _THE_CASES),
    states=(
        State("open", Label("未结", "Open"), start=True),
        State("closed", Label("已结", "Closed"), final=True, closes=True),
    ),
    actions=(
        Action(
            "open", Label("受理", "Open"), "-> open", by="importer", evidence=_OPENS,
            sets=tuple(f.name for f in _OPENS if f is not PLACE),
        ),
        Action(
            "close", Label("结案", "Close"), "open -> closed", by="importer", evidence=_CLOSES,
            sets=tuple(f.name for f in _CLOSES),
        ),
    ),
    limits=(
        Limit("target", Label("目标时间", "Target"), start="open", stop="closed", within=Until("target_at")),
    ),
)  # fmt: skip
