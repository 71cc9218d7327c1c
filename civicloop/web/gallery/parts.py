"""Every component in every state, one section a family."""

from __future__ import annotations

from civicloop.kernel.label import Label
from civicloop.web import components as ui
from civicloop.web.components import el
from civicloop.web.gallery import samples as s


def all_sections(lang: str) -> list[ui.Markup]:
    """The sections of the gallery in reading order."""
    return [
        _clocks(lang),
        _process(lang),
        _queue(lang),
        _figures(lang),
        _maps(lang),
        _fields(lang),
        _around_forms(lang),
        _basics(lang),
        _money(lang),
    ]


def _section(title: Label, *parts: ui.Markup, lang: str, flush: bool = False) -> ui.Markup:
    return ui.card(*parts, title=title, flush=flush, lang=lang)


def _clocks(lang: str) -> ui.Markup:
    each = [
        s.clock(status, used, left, lang, "medium")  # type: ignore[arg-type]
        for status, used, left in (
            ("on_time", 0.35, 78),
            ("due_soon", 0.86, 17),
            ("breached", 1.0, -35),
            ("paused", 0.5, 60),
            ("met", 0.7, 0),
            ("missed", 1.0, 0),
        )
    ]
    return _section(
        Label("时钟", "Clocks"),
        s.clock("due_soon", 0.91, 11, lang, "large"),
        el("div", {"class": "columns"}, *each),
        ui.clock_legend(lang=lang),
        lang=lang,
    )


def _process(lang: str) -> ui.Markup:
    return _section(
        Label("办理进度与佐证", "Progress and proof"),
        ui.stepper(s.STEPS, lang=lang),
        el(
            "div",
            {"class": "columns"},
            ui.timeline(s.HISTORY, lang=lang),
            ui.evidence_pair(s.BEFORE, s.AFTER, lang=lang),
            ui.evidence_pair(s.BEFORE, None, lang=lang),
        ),
        lang=lang,
    )


def _queue(lang: str) -> ui.Markup:
    empty = ui.empty_state(
        Label("队列已清空", "The queue is empty"),
        Label("新的上报会自动出现在这里。现在可以做一次抽查。", "New reports appear here by themselves. Now is a time for spot checks."),
        actions=(
            ui.Link("#", Label("抽查已结案件", "Check closed cases"), icon="eye"),
            ui.Link("#", Label("看今日数字", "See today's figures")),
        ),
        lang=lang,
    )  # fmt: skip
    return _section(
        Label("队列", "Queue"),
        ui.filter_bar(
            "/design",
            ui.filter_choice("state", Label("全部状态", "All states"), _states(), value="filed", lang=lang),
            ui.filter_choice("street", Label("全部街道", "All streets"), _streets(), lang=lang),
            query="",
            clear_href="/design",
            count=1284,
            lang=lang,
        ),
        s.queue(lang),
        ui.pager(page=3, pages=43, previous_href="?page=2", next_href="?page=4", lang=lang),
        empty,
        lang=lang,
    )


def _states() -> list[ui.Option]:
    return [
        ui.Option("filed", Label("已立案", "Filed")),
        ui.Option("handling", Label("处置中", "Being handled")),
    ]


def _streets() -> list[ui.Option]:
    return [
        ui.Option("beihu", Label("北湖街道", "Beihu")),
        ui.Option("minquan", Label("民权街道", "Minquan")),
    ]


def _figures(lang: str) -> ui.Markup:
    week = (96.0, 92, 104, 88, 84, 79, 72)
    tiles = ui.tiles(
        ui.number_tile(
            Label("中位闭环时长", "Median time to close"),
            "1.2",
            unit=Label("小时", "hours"),
            goal="≤ 2",
            met=True,
            spark=ui.spark_line(week, goal=120, lang=lang),
            rows=8412,
            href="/design?drill=1",
            lang=lang,
        ),
        ui.number_tile(
            Label("按期结案率", "Closed in time"),
            "87.4",
            unit="%",
            goal="≥ 90",
            met=False,
            spark=ui.spark_line((91, 90, 88, 90, 89, 88, 87.4), goal=90, lang=lang),
            rows=8412,
            href="/design?drill=2",
            lang=lang,
        ),
        ui.number_tile(
            Label("在办案件", "Open now"),
            "1,284",
            unit=Label("件", "cases"),
            note=Label("其中超时 37 件，挂账 12 件", "37 breached, 12 on the long list"),
            href="/design?drill=3",
            lang=lang,
        ),
        ui.number_tile(
            Label("返工率", "Sent back"), "—", note=Label("今日还没有核查", "No checks yet today"), lang=lang
        ),
    )
    hours = [f"{h}:00" for h in range(8, 19)]
    line = ui.chart(
        "line",
        Label("各时段上报与结案", "Reported and closed by hour"),
        hours,
        (
            ui.Series(Label("上报", "Reported"), (42, 61, 70, 66, 50, 44, 58, 72, 80, 64, 41)),
            ui.Series(Label("结案", "Closed"), (20, 48, 60, 70, 52, 46, 49, 66, 78, 75, 60)),
        ),
        unit=Label("件", "cases"),
        lang=lang,
    )
    bar = ui.chart(
        "bar",
        Label("平均处置时长", "Mean time by street"),
        [
            Label("北湖", "Beihu"),
            Label("民权", "Minquan"),
            Label("花楼", "Hualou"),
            Label("唐家墩", "Tangjiadun"),
        ],
        (ui.Series(Label("小时", "hours"), (1.4, 1.1, 2.3, 1.7)),),
        unit=Label("小时", "hours"),
        goal=2,
        lang=lang,
    )
    return _section(
        Label("数字", "Figures"),
        tiles,
        el("div", {"class": "columns"}, line, bar),
        street_table(lang),
        lang=lang,
    )


def street_table(lang: str) -> ui.Markup:
    """A table with sortable heads, bars and a foot."""
    names = (Label("北湖街道", "Beihu"), Label("民权街道", "Minquan"), Label("花楼水塔街道", "Hualou Shuita"))
    rows: list[list[ui.Cell]] = [
        [
            ui.say(name, lang),
            closed,
            hours,
            ui.share_bar(share, label=f"{share:.0%}", tone="good" if share >= 0.9 else "warn", lang=lang),
            f"{share:.1%}",
        ]
        for name, closed, hours, share in zip(
            names, (2110, 1844, 1503), (1.1, 1.4, 2.3), (0.942, 0.913, 0.774), strict=True
        )
    ]
    return ui.table(
        Label("各街道本周", "Streets this week"),
        (
            ui.Column(Label("街道", "Street"), sort_href="?sort=street"),
            ui.Column(Label("结案", "Closed"), numeric=True, sort_href="?sort=-closed", sorted_="descending"),
            ui.Column(Label("中位小时", "Median hours"), numeric=True, sort_href="?sort=hours"),
            ui.Column(Label("按期", "In time"), wide=True),
            ui.Column("%", numeric=True),
        ),
        rows,
        foot=(Label("合计", "All"), 5457, 1.5, "", "88.5%"),
        lang=lang,
    )


def drill(lang: str) -> ui.Markup:
    """The drawer behind the first tile."""
    rows = ui.table(
        Label("最近的明细", "The latest rows"),
        (ui.Column(Label("编号", "Number")), ui.Column(Label("类别", "Category")),
         ui.Column(Label("小时", "Hours"), numeric=True)),
        [[el("a", {"href": "#"}, f"JH-260301-{1040 + i}"), Label("暴露垃圾", "Exposed rubbish"), 0.6 + i * 0.2] for i in range(6)],
        caption_shown=False,
        lang=lang,
    )  # fmt: skip
    return ui.drill_drawer(
        Label("中位闭环时长", "Median time to close"),
        "1.2",
        unit=Label("小时", "hours"),
        counted=Label(
            "首次上报或首次看到至结案，含返工；缓办不计。",
            "From the first report or look to closing, re-work included; held cases are left out.",
        ),
        rows=rows,
        row_count=8412,
        seq=120_934,
        numerator=7938,
        denominator=8412,
        full_href="#",
        close_href="/design",
        lang=lang,
    )


def _maps(lang: str) -> ui.Markup:
    return _section(
        Label("地图", "Map"),
        ui.map_with_legend(
            s.LAYERS,
            s.BOUNDS,
            fallback=ui.still_map(s.BOUNDS, s.STILL_AREAS, s.STILL_MARKS, lang=lang),
            statuses=("on_time", "due_soon", "breached", "paused"),
            synthetic=True,
            panel="",
            lang=lang,
        ),
        lang=lang,
    )


def _fields(lang: str) -> ui.Markup:
    left = ui.form(
        "/design",
        ui.category_field(
            "kind", Label("是什么问题", "What is the problem"), s.KINDS, value="0102", lang=lang
        ),
        ui.photo_field(
            "photo",
            Label("照片", "Photograph"),
            hint=Label("请拍到问题和周围参照物", "Show the problem and something around it"),
            lang=lang,
        ),
        ui.long_text_field("words", Label("说明", "Description"), required=False, lang=lang),
        ui.choice_field(
            "urgency",
            Label("是否危险", "Is it dangerous"),
            (
                ui.Option("no", Label("不危险", "No")),
                ui.Option("yes", Label("有危险", "Yes"), Label("会先派人围挡", "A crew secures it first")),
            ),
            value="no",
            lang=lang,
        ),
        ui.flag_field("consent", Label("结果用短信告诉我", "Tell me by text message"), lang=lang),
        ui.button(Label("提交上报", "Send the report"), kind="primary", large=True, lang=lang),
        csrf="sample",
        files=True,
        lang=lang,
    )
    right = ui.form(
        "/design",
        ui.error_summary(
            {
                "phone": Label("手机号应为 11 位数字", "A mobile number has 11 digits"),
                "fee": Label("金额最多两位小数，例如 120.50", "An amount has at most two decimals, like 120.50"),
            },
            lang=lang,
        ),
        ui.text_field(
            "phone",
            Label("手机号", "Mobile number"),
            value="1380013",
            kind="tel",
            error=Label("手机号应为 11 位数字", "A mobile number has 11 digits"),
            width="half",
            lang=lang,
        ),
        ui.amount_field(
            "fee",
            Label("清运费", "Removal fee"),
            value="12.345",
            error=Label("金额最多两位小数，例如 120.50", "An amount has at most two decimals, like 120.50"),
            lang=lang,
        ),
        ui.number_field("area", Label("面积", "Area"), unit=Label("平方米", "m²"), required=False, lang=lang),
        ui.instant_field("seen", Label("发现时间", "Seen at"), value="2026-03-01T13:42", lang=lang),
        ui.choice_field("unit", Label("责任单位", "Responsible unit"), [ui.Option(str(i), f"{i}") for i in range(7)],
                        style="select", lang=lang),
        ui.point_field(
            "place",
            Label("在哪里", "Where"),
            layers=s.LAYERS[:2],
            bounds=s.BOUNDS,
            fallback=ui.still_map(s.BOUNDS, s.STILL_AREAS, label=Label("选点底图", "Base map"), lang=lang),
            synthetic=True,
            lang=lang,
        ),
        csrf="sample",
        lang=lang,
    )  # fmt: skip
    return _section(Label("表单", "Forms"), el("div", {"class": "columns"}, left, right), lang=lang)


def _around_forms(lang: str) -> ui.Markup:
    ask = ui.confirm(
        Label("作废这个案件？", "Void this case?"),
        Label("作废后 24 小时内可以恢复，之后不能。", "It can be restored for 24 hours, not afterwards."),
        "/design",
        csrf="sample",
        label=Label("作废", "Void"),
        cancel_href="/design",
        danger=True,
        lang=lang,
    )
    login = ui.login_form("/design", csrf="sample", lang=lang)
    return _section(
        Label("确认与登录", "Confirming and signing in"),
        el("div", {"class": "columns"}, ask, login),
        lang=lang,
    )


def _basics(lang: str) -> ui.Markup:
    tones: tuple[ui.Tone, ...] = ("plain", "good", "warn", "bad", "cool", "teal")
    return _section(
        Label("小件", "Small pieces"),
        ui.breadcrumbs(
            (
                ui.Link("/", Label("首页", "Home")),
                ui.Link("/design", Label("案件", "Cases")),
                ui.Link("#", "JH-260301-1041"),
            ),
            lang=lang,
        ),
        ui.tabs(
            (
                ui.Link("#", Label("待办", "To do"), active=True, count=37),
                ui.Link("#", Label("处置中", "In hand"), count=112),
                ui.Link("#", Label("已结", "Closed")),
            ),
            label=Label("队列", "Queues"),
            lang=lang,
        ),
        ui.button_row(
            ui.button(Label("受理", "Accept"), kind="primary", key="a", lang=lang),
            ui.button(Label("派遣", "Dispatch"), key="d", icon_name="send", lang=lang),
            ui.button(Label("退回", "Send back"), kind="quiet", icon_name="undo", lang=lang),
            ui.button(Label("作废", "Void"), kind="danger", lang=lang),
            ui.button(Label("不可用", "Off"), disabled=True, lang=lang),
        ),
        el(
            "div", {"class": "chips"}, *(ui.tag(Label("标签", "Tag"), tone=tone, lang=lang) for tone in tones)
        ),
        el(
            "div",
            {"class": "chips"},
            *(ui.badge(37, tone=tone, label=Label("件", "cases"), lang=lang) for tone in tones),
            ui.synthetic_mark(lang=lang),
        ),
        ui.notice(Label("地图数据更新于 2 月 28 日。", "Map data of 28 February."), lang=lang),
        ui.notice(
            Label(
                "编号 JH-260301-1041，保存它就能查进度。",
                "Number JH-260301-1041: keep it to follow the case.",
            ),
            tone="success",
            title=Label("已收到您的上报", "Your report has arrived"),
            action=ui.Link("#", Label("查看进度", "Follow it")),
            lang=lang,
        ),
        ui.notice(
            Label("50 米内已有 2 起同类案件。", "Two similar cases within 50 metres."),
            tone="warning",
            lang=lang,
        ),
        ui.notice(
            Label(
                "另一位派遣员刚刚改过，请重新打开。",
                "Another dispatcher has just changed it; please re-open.",
            ),
            tone="error",
            lang=lang,
        ),
        ui.facts(
            (
                (Label("来源", "Source"), Label("市民上报", "A resident")),
                (Label("网格", "Cell"), "420103012006003"),
                (Label("责任单位", "Unit"), Label("环卫一队", "Sanitation team 1")),
                (Label("文号", "Document"), ""),
            ),
            lang=lang,
        ),
        lang=lang,
    )


def _money(lang: str) -> ui.Markup:
    return _section(
        Label("账目", "Money"),
        ui.money_statement(
            Label("环卫一队 2 月结算", "Sanitation team 1, February"),
            (
                ui.Entry("02-01", Label("期初", "Opening"), 0, 1_250_000),
                ui.Entry("02-14", Label("核实清运 214 处", "214 verified removals"), 642_000, 1_892_000, "#"),
                ui.Entry("02-20", Label("返工扣减 3 处", "3 sent back"), -9_000, 1_883_000, "#"),
            ),
            closing_fen=1_883_000,
            lang=lang,
        ),
        lang=lang,
    )
