"""Made-up values for the gallery; everything here is synthetic and says so where it is a place."""

from __future__ import annotations

from typing import Final

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import MINUTE
from civicloop.web import components as ui

NOW: Final = 1_772_350_200_000_000
"""2026-03-01 15:30 in Wuhan."""

BOUNDS: Final[ui.Bounds] = (114.240, 30.570, 114.312, 30.622)
DISTRICT: Final = Label("江汉区", "Jianghan District")

BEFORE: Final = ui.Picture(
    "/static/sample/before.svg",
    Label("人行道上堆着三袋垃圾", "Three bags of rubbish on the pavement"),
    "03-01 13:42",
)
AFTER: Final = ui.Picture(
    "/static/sample/after.svg", Label("同一处人行道已清理干净", "The same pavement, cleared"), "03-01 15:05"
)

LAYERS: Final = (
    ui.MapLayer(
        "outline",
        "/static/sample/outline.geojson",
        "outline",
        Label("区界", "District border"),
        synthetic=True,
    ),
    ui.MapLayer(
        "streets", "/static/sample/streets.geojson", "areas", Label("街道", "Streets"), synthetic=True
    ),
    ui.MapLayer("cases", "/static/sample/cases.geojson", "cases", Label("案件", "Cases")),
)

STILL_AREAS: Final = (
    ui.Area(
        (
            (114.244, 30.585),
            (114.262, 30.616),
            (114.288, 30.619),
            (114.308, 30.602),
            (114.300, 30.580),
            (114.272, 30.573),
        ),
        kind="outline",
    ),
    ui.Area(
        ((114.244, 30.585), (114.262, 30.616), (114.274, 30.596), (114.272, 30.573)),
        Label("甲街道", "First Street"),
    ),
    ui.Area(
        ((114.262, 30.616), (114.288, 30.619), (114.308, 30.602), (114.274, 30.596)),
        Label("乙街道", "Second Street"),
    ),
    ui.Area(
        ((114.274, 30.596), (114.308, 30.602), (114.300, 30.580), (114.272, 30.573)),
        Label("丙街道", "Third Street"),
    ),
)

STILL_MARKS: Final = (
    ui.Mark(114.262, 30.594, Label("暴露垃圾", "Exposed rubbish"), "breached"),
    ui.Mark(114.283, 30.608, Label("占道经营", "Street vending"), "due_soon"),
    ui.Mark(114.292, 30.589, Label("井盖破损", "Broken cover"), "on_time"),
    ui.Mark(114.281, 30.585, Label("道路破损", "Road damage"), "paused"),
)

KINDS: Final = (
    ui.Branch(
        Label("市容环境", "Street cleanliness"),
        (
            ui.Option("0102", Label("暴露垃圾", "Exposed rubbish"), Label("2 小时闭环", "Closed in 2 hours")),
            ui.Option("0103", Label("积存渣土", "Construction waste")),
            ui.Option("0104", Label("道路不洁", "Dirty road")),
        ),
    ),
    ui.Branch(
        Label("街面秩序", "Street order"),
        (
            ui.Option("0502", Label("占道经营", "Street vending"), Label("2 小时闭环", "Closed in 2 hours")),
            ui.Option("0509", Label("机动车乱停放", "Badly parked cars")),
            ui.Option("0510", Label("非机动车乱停放", "Badly parked bicycles")),
        ),
    ),
    ui.Branch(
        Label("公用设施", "Public fixtures"),
        (
            ui.Option("0101", Label("上水井盖破损", "Broken water cover")),
            ui.Option("0111", Label("路灯不亮", "Street lamp out")),
        ),
    ),
)

STEPS: Final = (
    ui.Step(Label("已上报", "Reported"), "done", "13:42"),
    ui.Step(Label("已受理", "Accepted"), "done", "13:44"),
    ui.Step(Label("已立案", "Filed"), "done", "13:45"),
    ui.Step(Label("已派遣", "Dispatched"), "done", "13:46"),
    ui.Step(Label("处置中", "Being handled"), "here", "13:58"),
    ui.Step(Label("核查中", "Being checked"), "ahead"),
    ui.Step(Label("已结案", "Closed"), "ahead"),
)

HISTORY: Final = (
    ui.Moment(
        Label("处置人员 李工", "Crew Li"),
        Label("反馈完成", "Reported back"),
        "15:05",
        Label("三袋垃圾清运，路面冲洗。", "Three bags removed, the pavement washed."),
        (BEFORE, AFTER),
        Label("照片与位置已核对", "Photograph and position checked"),
        tone="teal",
    ),
    ui.Moment(
        Label("系统时钟", "The clock"),
        Label("签收时限超时，已升级值班长", "Sign-off limit breached, escalated to the shift leader"),
        "14:16",
        tone="bad",
    ),
    ui.Moment(
        Label("派遣员 周颖", "Dispatcher Zhou"),
        Label("派遣至环卫一队", "Sent to sanitation team 1"),
        "13:46",
        Label("按责任区规则：北湖片区 × 暴露垃圾", "By rule: Beihu area × exposed rubbish"),
    ),
    ui.Moment(
        Label("市民", "A resident"),
        Label("上报", "Reported"),
        "13:42",
        proof=Label("1 张照片", "1 photograph"),
    ),
)


def clock(status: ui.Status, used: float, left_minutes: int, lang: str, size: str = "small") -> ui.Markup:
    """A ring for the gallery: `left_minutes` from the gallery's now."""
    label: ui.Text = "" if size == "small" else Label("2小时闭环", "Close in 2 hours")
    due: ui.Text = "" if size == "small" else Label("今日 16:30 到期", "due today 16:30")
    return ui.clock_ring(
        status,
        used,
        label,
        due,
        now_at=NOW,
        due_at=NOW + left_minutes * MINUTE,
        size="large" if size == "large" else "medium" if size == "medium" else "small",
        lang=lang,
    )


def queue(lang: str) -> ui.Markup:
    """Rows in every state."""
    picture = BEFORE
    rows = (
        ("1", "breached", 1.0, -35, Label("暴露垃圾 · 新华路 218 号门前", "Exposed rubbish · 218 Xinhua Road"),
         Label("处置中", "Being handled"), "teal", True, False),
        ("2", "due_soon", 0.86, 17, Label("占道经营 · 江汉路步行街北口", "Street vending · Jianghan Road north gate"),
         Label("已派遣", "Dispatched"), "teal", False, True),
        ("3", "on_time", 0.42, 70, Label("非机动车乱停放 · 地铁循礼门站 B 口", "Bicycles · Xunlimen metro, exit B"),
         Label("已立案", "Filed"), "plain", False, False),
        ("4", "on_time", 0.08, 110, Label("上水井盖破损 · 青年路与建设大道交叉口东南角",
                                        "Broken water cover · Qingnian Road and Jianshe Avenue, south-east corner"),
         Label("已上报", "Reported"), "plain", False, False),
        ("5", "paused", 0.5, 60, Label("道路破损 · 唐家墩路 66 号", "Road damage · 66 Tangjiadun Road"),
         Label("缓办", "Held"), "cool", False, False),
        ("6", "met", 0.7, 0, Label("非法小广告 · 万松园路", "Illegal posters · Wansongyuan Road"),
         Label("已结案", "Closed"), "good", False, False),
    )  # fmt: skip
    drawn = [
        ui.queue_row(
            f"/design?case={number}",
            title,
            clock=clock(status, used, left, lang),  # type: ignore[arg-type]
            state=state,
            state_tone=tone,  # type: ignore[arg-type]
            meta=(f"JH-260301-{1040 + int(number)}", Label("北湖街道", "Beihu"), "13:42"),
            marks=(ui.tag(Label("督办", "Supervised"), tone="warn", lang=lang),) if number == "1" else (),
            picture=picture if number in "124" else None,
            select_name="case" if number != "6" else "",
            select_value=number,
            active=active,
            changed=changed,
            row_id=f"row-{number}",
            lang=lang,
        )
        for number, status, used, left, title, state, tone, active, changed in rows
    ]
    return ui.queue(*drawn, label=Label("待办案件", "Open cases"), lang=lang)
