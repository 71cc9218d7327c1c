"""Fields that several processes of the loop share."""

from __future__ import annotations

from civicloop.kernel.cases.process import Field, Label, Option
from civicloop.loops.homes.model import ESTATES, FIRMS, WORKS

ESTATE = Field("estate", Label("小区", "Estate"), "unit", source=ESTATES)
FIRM = Field("firm", Label("物业企业", "Property firm"), "unit", source=FIRMS)
PLACE = Field("place", Label("位置", "Place"), "point")
WORK = Field(
    "work",
    Label("服务内容", "Service"),
    "choice",
    options=tuple(Option(code, label) for code, label in WORKS.items()),
)
UNIT_CODE = Field("unit_code", Label("单元", "Unit"), "text", maximum=20)
STARS = Field(
    "stars",
    Label("满意度", "Satisfaction"),
    "choice",
    options=(
        Option("5", Label("非常满意", "Very satisfied")),
        Option("4", Label("满意", "Satisfied")),
        Option("3", Label("一般", "Fair")),
        Option("2", Label("不满意", "Dissatisfied")),
        Option("1", Label("很不满意", "Very dissatisfied")),
    ),
)
WORDS = Field("words", Label("说说原因", "Why"), "long_text", required=False, maximum=300)
SCORE = Field("score", Label("得分", "Score"), "number", required=False)
