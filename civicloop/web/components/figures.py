"""Numbers and where they come from: tiles, tables, charts, drill-down, money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from markupsafe import Markup

from civicloop.web import locale
from civicloop.web.components.clocks import clock_shape
from civicloop.web.components.icons import icon
from civicloop.web.components.markup import NOTHING, Text, Value, classes, el, join, say, void

Cell = Text | int | float


class Column(NamedTuple):
    """One column of a table; `sort_href` makes its head a link, `sorted_` says how it stands now."""

    label: Text
    numeric: bool = False
    sort_href: str = ""
    sorted_: Literal["", "ascending", "descending"] = ""
    wide: bool = False


class Series(NamedTuple):
    """One line or row of bars of a chart."""

    label: Text
    values: tuple[float | None, ...]


class Entry(NamedTuple):
    """One posting on a money statement: minor units, positive comes in, negative goes out."""

    when: Text
    what: Text
    amount_fen: int
    balance_fen: int | None = None
    href: str = ""


def spark_line(
    values: Sequence[float], *, goal: float | None = None, label: Text = "", lang: str = "zh"
) -> Markup:
    """A small line of the recent past, the goal dashed across; the last point is marked."""
    if len(values) < 2:
        return NOTHING
    shown = [*values, goal] if goal is not None else list(values)
    low, high = min(shown), max(shown)
    reach = (high - low) or 1.0

    def y(value: float) -> str:
        return f"{26 - (value - low) / reach * 22:.1f}"

    step = 116 / (len(values) - 1)
    points = " ".join(f"{2 + i * step:.1f},{y(v)}" for i, v in enumerate(values))
    line = (
        void("line", {"class": "spark-goal", "x1": 0, "x2": 120, "y1": y(goal), "y2": y(goal)})
        if goal is not None
        else NOTHING
    )
    return el(
        "svg",
        {
            "class": "spark",
            "viewBox": "0 0 120 30",
            "role": "img",
            "aria-label": say(label or locale.TREND, lang),
            "preserveAspectRatio": "none",
        },
        line,
        void("polyline", {"class": "spark-line", "points": points}),
        void("path", {"class": "spark-last", "d": f"M118 {y(values[-1])}h.01"}),
    )


def number_tile(
    title: Text,
    figure: Text,
    *,
    unit: Text = "",
    goal: Text = "",
    met: bool | None = None,
    spark: Markup = NOTHING,
    rows: int | None = None,
    href: str = "",
    note: Text = "",
    target: str = "#drawer",
    large: bool = False,
    lang: str = "zh",
) -> Markup:
    """A figure with unit, goal, spark line and the way to its rows.

    `figure` is formatted already; `met` says whether the goal holds (shape and colour). With `href` the whole
    tile opens its rows: as a page, or with htmx in the drawer.
    """
    shape = NOTHING if met is None else clock_shape("met" if met else "breached", size=14)
    goal_line = (
        el(
            "span",
            {"class": classes("tile-goal", met is True and "is-met", met is False and "is-missed")},
            shape,
            say(locale.GOAL, lang).format(goal=say(goal, lang)),
        )
        if goal
        else NOTHING
    )
    count = (
        say(locale.ROWS, lang).format(count=f"{rows:,}") if rows is not None else say(locale.SEE_ROWS, lang)
    )
    link: dict[str, Value] = {"class": "tile-link", "href": href}
    if target:
        link |= {"hx-get": href, "hx-target": target}
    way = el("a", link, count, icon("chevron-right", size=16)) if href else NOTHING
    return el(
        "article",
        {"class": classes("tile", large and "tile-large")},
        el("h2", {"class": "tile-title"}, say(title, lang)),
        el(
            "p",
            {"class": "tile-figure"},
            el("span", {"class": "tile-number"}, say(figure, lang)),
            el("span", {"class": "tile-unit"}, say(unit, lang)) if unit else NOTHING,
        ),
        spark,
        goal_line,
        el("p", {"class": "tile-note"}, say(note, lang)) if note else NOTHING,
        way,
    )


def tiles(*each: Markup) -> Markup:
    """Number tiles beside one another, as many as fit."""
    return el("div", {"class": "tiles"}, *each)


def table(
    caption: Text,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    caption_shown: bool = True,
    target: str = "",
    foot: Sequence[Cell] = (),
    lang: str = "zh",
) -> Markup:
    """A table with a caption; numbers align right, sortable heads are links; it scrolls when wide."""
    heads = [_head(column, target, lang) for column in columns]
    body = [el("tr", None, *(_cell(c, columns[i], i == 0, lang) for i, c in enumerate(row))) for row in rows]
    last = (
        el("tfoot", None, el("tr", None, *(_cell(c, columns[i], i == 0, lang) for i, c in enumerate(foot))))
        if foot
        else NOTHING
    )
    return el(
        "div",
        {"class": "table-wrap", "tabindex": 0, "role": "region", "aria-label": say(caption, lang)},
        el(
            "table",
            {"class": "table"},
            el("caption", {"class": None if caption_shown else "sr-only"}, say(caption, lang)),
            el("thead", None, el("tr", None, *heads)),
            el("tbody", None, *body),
            last,
        ),
    )


def _head(column: Column, target: str, lang: str) -> Markup:
    words: Markup | str = say(column.label, lang)
    if column.sort_href:
        link: dict[str, Value] = {"href": column.sort_href, "class": "sort"}
        if target:
            link |= {"hx-get": column.sort_href, "hx-target": target, "hx-push-url": "true"}
        arrow = {"": "↕", "ascending": "↑", "descending": "↓"}[column.sorted_]
        words = el("a", link, words, el("span", {"class": "sort-arrow", "aria-hidden": "true"}, arrow))
    return el(
        "th",
        {
            "scope": "col",
            "class": classes(column.numeric and "num", column.wide and "wide"),
            "aria-sort": column.sorted_ or None,
        },
        words,
    )


def _cell(value: Cell, column: Column, first: bool, lang: str) -> Markup:
    if isinstance(value, bool | int):
        words: str = f"{value:,}"
    elif isinstance(value, float):
        words = f"{value:,.1f}"
    else:
        words = say(value, lang)
    attributes: dict[str, Value] = {"class": classes(column.numeric and "num", column.wide and "wide")}
    if first:
        return el("th", {"scope": "row", **attributes}, words)
    return el("td", attributes, words)


def share_bar(
    fraction: float, *, label: Text, tone: Literal["teal", "good", "warn", "bad"] = "teal", lang: str = "zh"
) -> Markup:
    """A share of one as a bar; its label says the number."""
    width = f"{min(max(fraction, 0.0), 1.0) * 100:.1f}%"
    return el(
        "svg",
        {
            "class": f"bar bar-{tone}",
            "role": "img",
            "aria-label": say(label, lang),
            "height": 8,
            "width": "100%",
        },
        Markup('<rect class="bar-track" width="100%" height="8" rx="4"/>'),
        void("rect", {"class": "bar-fill", "width": width, "height": 8, "rx": 4}),
    )


def drill_drawer(
    title: Text,
    figure: Text,
    *,
    unit: Text = "",
    counted: Text,
    rows: Markup,
    row_count: int,
    seq: int,
    numerator: int | None = None,
    denominator: int | None = None,
    full_href: str = "",
    close_href: str = "",
    lang: str = "zh",
) -> Markup:
    """The rows behind a number: how it is counted, numerator and denominator, the table, as of when."""
    parts: list[Markup] = []
    for label, value in ((locale.NUMERATOR, numerator), (locale.DENOMINATOR, denominator)):
        if value is not None:
            parts.append(el("div", None, el("dt", None, say(label, lang)), el("dd", None, f"{value:,}")))
    return el(
        "section",
        {"class": "drawer", "data-drawer": True, "aria-label": say(title, lang)},
        el(
            "header",
            {"class": "drawer-head"},
            el("h2", {"tabindex": -1}, say(title, lang)),
            el(
                "a",
                {"class": "btn btn-quiet btn-icon", "href": close_href or "?", "data-close": "drawer"},
                icon("cross"),
                el("span", {"class": "sr-only"}, say(locale.CLOSE, lang)),
            ),
        ),
        el(
            "p",
            {"class": "tile-figure"},
            el("span", {"class": "tile-number"}, say(figure, lang)),
            el("span", {"class": "tile-unit"}, say(unit, lang)) if unit else NOTHING,
        ),
        el(
            "p",
            {"class": "drawer-counted"},
            el("strong", None, say(locale.HOW_COUNTED, lang)),
            " ",
            say(counted, lang),
        ),
        el("dl", {"class": "facts facts-wide"}, *parts) if parts else NOTHING,
        rows,
        el(
            "footer",
            {"class": "drawer-foot"},
            el("span", None, say(locale.ROWS, lang).format(count=f"{row_count:,}")),
            el("span", None, say(locale.AS_OF, lang).format(seq=f"{seq:,}")),
            el("a", {"href": full_href}, say(locale.SEE_ROWS, lang)) if full_href else NOTHING,
        ),
    )


def chart(
    kind: Literal["line", "bar", "stacked"],
    title: Text,
    names: Sequence[Text],
    series: Sequence[Series],
    *,
    unit: Text = "",
    goal: float | None = None,
    table_below: Markup | None = None,
    lang: str = "zh",
) -> Markup:
    """A chart with its table behind: charts.js draws it, without JavaScript the table stands open.

    `table_below` is a table of the page's own (with its ways to the rows): it stays in sight under the chart.
    """
    spoken = [say(n, lang) for n in names]
    settings = {
        "kind": kind,
        "names": spoken,
        "unit": say(unit, lang),
        "goal": goal,
        "goalLabel": say(locale.GOAL, lang).format(goal="" if goal is None else f"{goal:g}").strip(),
        "series": [{"label": say(s.label, lang), "values": list(s.values)} for s in series],
    }
    behind = table_below or table(
        title,
        [Column(""), *(Column(s.label, numeric=True) for s in series)],
        [
            [name, *("—" if s.values[i] is None else f"{s.values[i]:,g}" for s in series)]
            for i, name in enumerate(spoken)
        ],
        caption_shown=False,
        lang=lang,
    )
    heading = join(
        (say(title, lang), el("span", {"class": "chart-unit"}, say(unit, lang)) if unit else NOTHING)
    )
    return el(
        "figure",
        {"class": "chart", "data-island": "chart", "data-chart": msgspec.json.encode(settings).decode()},
        el("figcaption", None, heading),
        el("div", {"class": "chart-canvas", "aria-hidden": "true"}),
        behind
        if table_below
        else el(
            "details",
            {"class": "chart-table", "open": True},
            el("summary", None, say(locale.AS_TABLE, lang)),
            behind,
        ),
    )


def money_text(amount_fen: int, *, signed: bool = False) -> str:
    """Minor units as an amount with two decimals and a true minus sign: 1,234.50, −3.00."""
    sign = "−" if amount_fen < 0 else "+" if signed and amount_fen > 0 else ""
    return f"{sign}{abs(amount_fen) // 100:,}.{abs(amount_fen) % 100:02d}"


def money_statement(
    title: Text,
    entries: Sequence[Entry],
    *,
    closing_fen: int | None = None,
    unit: Text = locale.YUAN,
    lang: str = "zh",
) -> Markup:
    """Postings in order with the balance after each; the closing balance stands below."""
    with_balance = any(e.balance_fen is not None for e in entries)
    columns = [
        Column(locale.WHEN),
        Column(locale.WHAT, wide=True),
        Column(f"{say(locale.AMOUNT, lang)} ({say(unit, lang)})", numeric=True),
    ]
    if with_balance:
        columns.append(Column(locale.BALANCE, numeric=True))
    rows: list[list[Cell]] = []
    for entry in entries:
        what = say(entry.what, lang)
        row: list[Cell] = [
            say(entry.when, lang),
            el("a", {"href": entry.href}, what) if entry.href else what,
            el(
                "span",
                {"class": "money-in" if entry.amount_fen > 0 else "money-out"},
                money_text(entry.amount_fen, signed=True),
            ),
        ]
        if with_balance:
            row.append("" if entry.balance_fen is None else money_text(entry.balance_fen))
        rows.append(row)
    foot: list[Cell] = []
    if closing_fen is not None:
        foot = [say(locale.TOTAL, lang), "", money_text(closing_fen)]
        if with_balance:
            foot = [say(locale.BALANCE, lang), "", "", money_text(closing_fen)]
    return table(title, columns, rows, foot=foot, lang=lang)
