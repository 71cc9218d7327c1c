"""Figures as pages and as JSON: every number with its definition, its groups, and the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.figures.metric import Cell, Figure, Metric, Question
from civicloop.kernel.figures.sql import FILTERS
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.time.clock import Instant, format_instant, parse_instant
from civicloop.web import case_view, components, shell
from civicloop.web.components import Column
from civicloop.web.forms import Choices
from civicloop.web.visit import Visit, visit

_TITLE = Label("数说", "The figures")
_ROWS = Label("{metric}：明细", "{metric}: the rows")
_NOT_A_DAY = Label("日期要写成 2026-03-02。", "Write the date as 2026-03-02.")
_BAD_LIMIT = Label("limit 须为1到1000的整数。", "limit must be a whole number from 1 to 1000.")
_READ_AT = Label("截至第 {seq} 号记录", "As of record {seq}")
_NONE = Label("暂无", "none yet")
_HOLDS = Label("达到", "holds")
_FAILS = Label("未达到", "does not hold")
_ALL = Label("全部", "all")
_COUNTED = Label("案件", "Cases")
CHART_BARS = 15
SHOWN_ROWS = (
    "number",
    "kind",
    "street",
    "community",
    "state",
    "first_seen_at",
    "closed_at",
    "breaches",
    "reworks",
)
BY_NAMES = {
    "kind": Label("类别", "Category"),
    "street": Label("街道", "Street"),
    "community": Label("社区", "Community"),
    "unit": Label("责任单位", "Unit"),
    "source": Label("来源", "Source"),
    "state": Label("状态", "State"),
    "month": Label("月份", "Month"),
}
ROW_NAMES = {
    "number": Label("案号", "Number"),
    "first_seen_at": Label("首次上报", "First reported"),
    "closed_at": Label("结案", "Closed"),
    "breaches": Label("超时", "Breaches"),
    "reworks": Label("返工", "Sent back"),
    **BY_NAMES,
}


def question_of(query: QueryParams) -> Question:
    """The question in a URL: by, since, until (dates or instants, UTC), and any dimension as a filter."""
    only = tuple((name, query[name]) for name in FILTERS if query.get(name))
    return Question(query.get("by", ""), only, _instant(query, "since"), _instant(query, "until"))


def _instant(query: QueryParams, name: str) -> Instant | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return parse_instant(text if "T" in text else f"{text}T00:00:00+00:00")
    except ValueError:
        raise Invalid(_NOT_A_DAY, fields={name: _NOT_A_DAY}) from None


# ---- JSON ---------------------------------------------------------------------------------------------------


def metrics_json(request: Request) -> Response:
    """GET /api/metrics: every metric with its present value."""
    asking = visit(request)
    figures = asking.district.figures
    question = question_of(request.query_params)
    answers = figures.answers(
        [(name, Question("", question.only, question.since, question.until)) for name in figures.metrics]
    )
    body = {
        "metrics": [_metric_json(figures.metric(a.metric), a) for a in answers],
        "seq": answers[0].seq if answers else 0,
    }
    return _json(body)


def metric_json(request: Request) -> Response:
    """GET /api/metrics/NAME: value, definition, groups by one dimension."""
    asking = visit(request)
    metric = asking.district.figures.metric(request.path_params["name"])
    answer = asking.district.figures.answer(metric.name, question_of(request.query_params))
    return _json(_metric_json(metric, answer))


def rows_json(request: Request) -> Response:
    """GET /api/metrics/NAME/rows: the cases that the figure counts, a page at a time."""
    asking = visit(request)
    query = request.query_params
    seq, rows, after = _rows(asking, request.path_params["name"], query, _limit(query, 100))
    return _json({"seq": seq, "rows": [_row_json(row) for row in rows], "next": after or None})


def _metric_json(metric: Metric, answer: Figure) -> dict[str, Any]:
    return {
        "name": metric.name,
        "label": {"zh": metric.label.zh, "en": metric.label.en},
        "definition": {"zh": metric.definition.zh, "en": metric.definition.en},
        "unit": {"zh": metric.unit.zh, "en": metric.unit.en},
        "aggregator": metric.aggregator,
        "direction": metric.direction,
        "goal": metric.goal,
        "dimensions": list(metric.dimensions),
        "value": answer.whole.value,
        "rows": answer.whole.rows,
        "seq": answer.seq,
        "groups": [{"key": c.key, "value": c.value, "rows": c.rows} for c in answer.groups],
    }


def _row_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: format_instant(value) if name.endswith("_at") and value is not None else value
        for name, value in row.items()
    }


def _json(body: Any) -> Response:
    return Response(
        msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-cache"}
    )


def _limit(query: QueryParams, usual: int) -> int:
    text = query.get("limit", str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise Invalid(_BAD_LIMIT, fields={"limit": _BAD_LIMIT})
    return int(text)


def _rows(asking: Visit, name: str, query: QueryParams, limit: int) -> tuple[int, list[dict[str, Any]], str]:
    holding = {"1": True, "0": False}.get(query.get("holding", ""))
    figures = asking.district.figures
    question = question_of(query)
    metric = figures.metric(name)
    return figures.rows(
        name, question, SHOWN_ROWS, after=query.get("after", ""), limit=limit,
        holding=holding if metric.aggregator == "share" else None,
    )  # fmt: skip


# ---- pages --------------------------------------------------------------------------------------------------


def page(request: Request) -> Response:
    """GET /figures: a tile a metric."""
    question = question_of(request.query_params)
    drawn, read_at = tiles(visit(request), Question("", question.only, question.since, question.until))
    return shell.page(request, "figures.html", _TITLE, {"tiles": drawn, "read_at": read_at}, area="public")


def tiles(
    asking: Visit, question: Question, names: Sequence[str] | None = None
) -> tuple[list[Markup], Label | str]:
    """A tile for each metric (or each of `names`), and the words that say as of which record."""
    figures = asking.district.figures
    answers = figures.answers([(name, question) for name in names or figures.metrics])
    drawn = [
        components.number_tile(
            metric.label, number(metric, answer.whole, asking.lang), unit=metric.unit,
            goal=_goal_words(metric, asking.lang), met=_met(metric, answer.whole), rows=answer.whole.rows,
            href=f"/figures/{metric.name}", note=metric.definition, target="", lang=asking.lang,
        )
        for metric, answer in ((figures.metric(a.metric), a) for a in answers)
    ]  # fmt: skip
    return drawn, _READ_AT.filled(seq=f"{answers[0].seq:,}") if answers else ""


def _goal_words(metric: Metric, lang: str) -> str:
    if metric.goal is None:
        return ""
    sign = {"less": "≤ ", "more": "≥ "}.get(metric.direction, "")
    return f"{sign}{metric.goal:g} {metric.unit.text(lang)}"


def metric_page(request: Request) -> Response:
    """GET /figures/NAME?by=...: one figure, its definition, its groups, the way to its rows."""
    asking = visit(request)
    figures = asking.district.figures
    metric = figures.metric(request.path_params["name"])
    question = question_of(request.query_params)
    by = question.by or metric.dimensions[0]
    answer = figures.answer(metric.name, Question(by, question.only, question.since, question.until))
    names = _namer(asking)
    groups: list[list[Any]] = [
        [
            components.link(
                rows_href(metric, question, {by: cell.key}), names(by, cell.key), lang=asking.lang
            ),
            number(metric, cell, asking.lang),
            cell.rows,
        ]
        for cell in answer.groups
    ]
    context = {
        "metric": metric,
        "figure": number(metric, answer.whole, asking.lang),
        "goal": _goal_words(metric, asking.lang),
        "rows_href": rows_href(metric, question, {}),
        "count": answer.whole.rows,
        "tabs": [
            components.Link(f"/figures/{metric.name}?by={name}", BY_NAMES[name], name == by)
            for name in metric.dimensions
        ],
        "met": _met(metric, answer.whole),
        "chart": _chart(
            metric,
            [(names(by, cell.key), cell.value) for cell in answer.groups],
            components.table(
                metric.label,
                [Column(BY_NAMES[by]), Column(metric.unit, numeric=True), Column(_COUNTED, numeric=True)],
                groups,
                caption_shown=False,
                lang=asking.lang,
            ),
            asking.lang,
        ),
        "read_at": _READ_AT.filled(seq=f"{answer.seq:,}"),
    }
    return shell.page(request, "figure.html", metric.label, context, area="public")


def _chart(
    metric: Metric, groups: Sequence[tuple[Label | str, float | int | None]], table: Markup, lang: str
) -> Markup:
    """The largest groups as bars over the table of all; one group alone needs no picture."""
    if len(groups) < 2:
        return table
    shown = groups[:CHART_BARS]
    values = tuple(None if value is None else round(float(value), metric.decimals) for _, value in shown)
    series = (components.Series(metric.label, values),)
    return components.chart(
        "bar", metric.label, [name for name, _ in shown], series,
        unit=metric.unit, goal=metric.goal, table_below=table, lang=lang,
    )  # fmt: skip


def rows_page(request: Request) -> Response:
    """GET /figures/NAME/rows: the cases behind the number, each opening to its photograph for those who may."""
    asking = visit(request)
    metric = asking.district.figures.metric(request.path_params["name"])
    query = request.query_params
    seq, rows, after = _rows(asking, metric.name, query, 50)
    names = _namer(asking)
    may_open = asking.actor.signed_in
    columns = [Column(ROW_NAMES[name]) for name in SHOWN_ROWS]
    cells = [
        [_shown(asking, names, metric, row, name, open_to=may_open) for name in SHOWN_ROWS] for row in rows
    ]
    kept = [(k, v) for k, v in query.multi_items() if k not in ("after", "holding", "lang")]
    context = {
        "metric": metric,
        "empty": not rows,
        "table": components.table(metric.label, columns, cells, caption_shown=False, lang=asking.lang),
        "next_href": "?" + urlencode([*kept, ("after", after)]) if after else "",
        "filters": [(BY_NAMES[n], names(n, v)) for n, v in question_of(query).only],
        "parts": [("?" + urlencode([*kept, *extra]), label) for extra, label in _parts(metric)],
        "read_at": _READ_AT.filled(seq=f"{seq:,}"),
    }
    return shell.page(request, "figure_rows.html", _ROWS.filled(metric=metric.label), context, area="public")


def _parts(metric: Metric) -> list[tuple[list[tuple[str, str]], Label]]:
    if metric.aggregator != "share":
        return []
    return [([], _ALL), ([("holding", "1")], _HOLDS), ([("holding", "0")], _FAILS)]


def rows_href(metric: Metric, question: Question, more: Mapping[str, str]) -> str:
    """The way from a number to its rows."""
    pairs = [*question.only, *more.items()]
    pairs += [
        (n, format_instant(v))
        for n, v in (("since", question.since), ("until", question.until))
        if v is not None
    ]
    return f"/figures/{metric.name}/rows" + (f"?{urlencode(pairs)}" if pairs else "")


def number(metric: Metric, cell: Cell, lang: str) -> str:
    """The value as people read it."""
    if cell.value is None:
        return _NONE.text(lang)
    decimals = metric.decimals
    # A value that only rounds to its goal would seem to meet it, or seem to miss it, so it is told more finely.
    while (
        metric.goal not in (None, cell.value) and decimals < 3 and round(cell.value, decimals) == metric.goal
    ):
        decimals += 1
    return f"{cell.value:,.{decimals}f}"


def _met(metric: Metric, cell: Cell) -> bool | None:
    if metric.goal is None or cell.value is None or metric.direction == "neither":
        return None
    return cell.value <= metric.goal if metric.direction == "less" else cell.value >= metric.goal


def _namer(asking: Visit) -> Any:
    """The name of a value of a dimension."""
    district = asking.district
    now = district.clock.now()
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
    known = Choices(district, snapshot, now)

    def name(dimension: str, value: str) -> Label | str:
        if dimension == "kind":
            return case_view.kind_name(known, value) if value else "—"
        if dimension in ("street", "community"):
            area = district.places.area(value)
            return area.label if area else value or "—"
        if dimension == "unit" and value:
            return known.holder_name(value)
        if dimension == "state":
            for process in district.registry.processes.values():
                if value in process.compiled.states:
                    return process.state(value).label
        return value or "—"

    return name


def _shown(
    asking: Visit, names: Any, metric: Metric, row: Mapping[str, Any], column: str, *, open_to: bool
) -> Label | str | Markup:
    value = row[column]
    if column == "number" and open_to:
        return components.link(f"/{metric.process}/{row['id']}", str(value), lang=asking.lang)
    if column.endswith("_at"):
        return case_view.local(value, asking.district.zone)
    return names(column, value) if column in BY_NAMES else str(value)
