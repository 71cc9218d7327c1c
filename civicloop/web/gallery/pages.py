"""Whole pages put together from the components, to judge the look as a reader meets it."""

from __future__ import annotations

from civicloop.kernel.label import Label
from civicloop.web import components as ui
from civicloop.web.components import el, join
from civicloop.web.gallery import samples as s


def front(lang: str) -> ui.Markup:
    """The public front page: three ways in, and what came of it."""
    doors = el(
        "div",
        {"class": "doors"},
        ui.door(
            "#",
            Label("报一个问题", "Report a problem"),
            Label("拍照、定位、提交，不用注册", "Photo, place, send; no account"),
            icon_name="camera",
            primary=True,
            lang=lang,
        ),
        ui.door(
            "#",
            Label("查办理进度", "Follow a report"),
            Label("输入编号，看到哪一步了", "Enter the number, see how far it is"),
            icon_name="search",
            lang=lang,
        ),
        ui.door(
            "#",
            Label("看公开看板", "The public board"),
            Label("每个数字都能点开看明细", "Every number opens to its rows"),
            icon_name="board",
            lang=lang,
        ),
    )
    tiles = ui.tiles(
        ui.number_tile(
            Label("今日已闭环", "Closed today"), "312", unit=Label("件", "cases"), href="#", rows=312, lang=lang
        ),
        ui.number_tile(
            Label("中位用时", "Median time"), "1.2", unit=Label("小时", "hours"), goal="≤ 2", met=True,
            spark=ui.spark_line((96, 92, 104, 88, 84, 79, 72), goal=120, lang=lang), href="#", lang=lang,
        ),
        ui.number_tile(
            Label("按期结案", "In time"), "87.4", unit="%", goal="≥ 90", met=False,
            spark=ui.spark_line((91, 90, 88, 90, 89, 88, 87.4), goal=90, lang=lang), href="#", lang=lang,
        ),
    )  # fmt: skip
    return join(
        (
            ui.page_title(
                Label("看见问题，看到解决", "See a problem, see it solved"),
                lead=Label(
                    "每一件上报都有人办、有人查、有结果。", "Each report is handled, checked and answered."
                ),
                lang=lang,
            ),
            doors,
            el("h2", None, ui.say(Label("今天", "Today"), lang)),
            tiles,
            el("h2", None, ui.say(Label("正在办理", "In hand"), lang)),
            ui.map_with_legend(
                s.LAYERS,
                s.BOUNDS,
                fallback=ui.still_map(s.BOUNDS, s.STILL_AREAS, s.STILL_MARKS, lang=lang),
                statuses=("on_time", "due_soon", "breached", "paused"),
                synthetic=True,
                panel="",
                lang=lang,
            ),
        )
    )


def report(lang: str) -> ui.Markup:
    """A public form page."""
    return join(
        (
            ui.page_title(
                Label("报一个问题", "Report a problem"),
                lead=Label("大约一分钟，不用注册。", "About a minute, no account."),
                lang=lang,
            ),
            ui.form(
                "/design",
                ui.photo_field("photo", Label("照片", "Photograph"), lang=lang),
                ui.point_field(
                    "place",
                    Label("在哪里", "Where"),
                    layers=s.LAYERS[:2],
                    bounds=s.BOUNDS,
                    fallback=ui.still_map(
                        s.BOUNDS, s.STILL_AREAS, label=Label("选点底图", "Base map"), lang=lang
                    ),
                    longitude="114.2740",
                    latitude="30.5990",
                    synthetic=True,
                    lang=lang,
                ),
                ui.category_field("kind", Label("是什么问题", "What is it"), s.KINDS, lang=lang),
                ui.long_text_field("words", Label("说明", "Description"), required=False, rows=3, lang=lang),
                ui.button(Label("提交上报", "Send the report"), kind="primary", large=True, lang=lang),
                csrf="sample",
                files=True,
                lang=lang,
            ),
        )
    )


def case_panel(lang: str) -> ui.Markup:
    """A case as it opens beside the queue."""
    return ui.panel(
        ui.page_title(
            Label("暴露垃圾 · 新华路 218 号门前", "Exposed rubbish · 218 Xinhua Road"),
            marks=(
                ui.tag(Label("处置中", "Being handled"), tone="teal", lang=lang),
                ui.tag(Label("督办", "Supervised"), tone="warn", lang=lang),
                ui.tag("JH-260301-1041", lang=lang),
            ),
            lang=lang,
        ),
        s.clock("breached", 1.0, -35, lang, "large"),
        ui.stepper(s.STEPS, lang=lang),
        ui.evidence_pair(s.BEFORE, s.AFTER, lang=lang),
        ui.facts(
            (
                (Label("责任单位", "Unit"), Label("环卫一队", "Sanitation team 1")),
                (Label("网格", "Cell"), "420103012006003"),
                (Label("来源", "Source"), Label("市民上报", "A resident")),
            ),
            lang=lang,
        ),
        ui.timeline(s.HISTORY, lang=lang),
        ui.action_bar(
            ui.button(Label("核查通过", "Passed"), kind="primary", key="p", lang=lang),
            ui.button(Label("返工", "Send back"), key="r", lang=lang),
            ui.button(Label("督办", "Supervise"), kind="quiet", key="s", lang=lang),
            label=Label("操作", "Actions"),
            lang=lang,
        ),
        label=Label("案件", "Case"),
        lang=lang,
    )


def desk(lang: str) -> ui.Markup:
    """The dispatcher's desk: queue, map, case."""
    left = join(
        (
            ui.filter_bar(
                "/design",
                ui.filter_choice(
                    "state",
                    Label("全部状态", "All states"),
                    [ui.Option("a", Label("已立案", "Filed"))],
                    lang=lang,
                ),
                query="",
                count=1284,
                lang=lang,
            ),
            s.queue(lang),
            ui.pager(page=1, pages=43, previous_href=None, next_href="?page=2", lang=lang),
        )
    )
    middle = ui.map_with_legend(
        s.LAYERS,
        s.BOUNDS,
        fallback=ui.still_map(s.BOUNDS, s.STILL_AREAS, s.STILL_MARKS, lang=lang),
        statuses=("on_time", "due_soon", "breached", "paused"),
        synthetic=True,
        height="fill",
        lang=lang,
    )
    return ui.split(left, middle, case_panel(lang))
