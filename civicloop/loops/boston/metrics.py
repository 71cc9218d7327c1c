"""Boston's figures: how many, how long, and how much in time, by the city's own times and targets."""

from __future__ import annotations

from civicloop.kernel.figures.metric import Condition, Elapsed, Metric
from civicloop.kernel.label import Label
from civicloop.loops.boston.process import PROCESS

_TO_CLOSE = Elapsed("opened_at", "closed_at")
_PAST_TARGET = Elapsed("data.target_at", "closed_at")
_HOURS = Label("小时", "hours")
_PERCENT = Label("%", "%")
_CASES = Label("件", "cases")
_CLOSED = (Condition("closed_at", "known"),)
_PROMISED = (*_CLOSED, Condition("data.target_at", "known"))
_DIMENSIONS = ("kind", "street", "unit", "source", "month")

METRICS: tuple[Metric, ...] = (
    Metric(
        "boston_count",
        Label("诉求总数", "Requests"),
        Label(
            "文件中的全部诉求，不含结案早于受理的行。",
            "Every request of the file but those that close before they open.",
        ),
        PROCESS.name, "count", _CASES, dimensions=(*_DIMENSIONS, "state"), decimals=0,
    ),
    Metric(
        "boston_closed",
        Label("已结诉求", "Closed requests"),
        Label("有结案时间的诉求。", "Requests that have a closing time."),
        PROCESS.name, "count", _CASES, None, _CLOSED, dimensions=_DIMENSIONS, decimals=0,
    ),
    Metric(
        "boston_median_hours",
        Label("结案时长中位数", "Median time to close"),
        Label(
            "从受理到结案的自然小时数（按UTC），一半的诉求不超过此值（最近秩）。",
            "Elapsed hours (UTC) from opening to closing that half of the closed requests stayed within (nearest rank).",
        ),
        PROCESS.name, "median", _HOURS, _TO_CLOSE, _CLOSED, dimensions=_DIMENSIONS, direction="less",
    ),
    Metric(
        "boston_p90_hours",
        Label("结案时长九分位数", "90th percentile of the time to close"),
        Label(
            "从受理到结案的自然小时数（按UTC），九成的诉求不超过此值（最近秩）。",
            "Elapsed hours (UTC) from opening to closing that nine of ten closed requests stayed within (nearest rank).",
        ),
        PROCESS.name, "p90", _HOURS, _TO_CLOSE, _CLOSED, dimensions=_DIMENSIONS, direction="less",
    ),
    Metric(
        "boston_mean_hours",
        Label("平均结案时长", "Mean time to close"),
        Label(
            "从受理到结案的平均自然小时数（按UTC）。",
            "Mean elapsed hours (UTC) from opening to closing of the closed requests.",
        ),
        PROCESS.name, "mean", _HOURS, _TO_CLOSE, _CLOSED, dimensions=_DIMENSIONS, direction="less",
    ),
    Metric(
        "boston_on_time",
        Label("按期结案率", "Closed on time"),
        Label(
            "有目标时间的已结诉求中，在目标时间当时或之前结案的比例；没有目标时间的不计。",
            "Of the closed requests that have a target, those closed at or before it; requests without a target don't count.",
        ),
        PROCESS.name, "share", _PERCENT, None, _PROMISED, (Condition(_PAST_TARGET, "<=", 0.0),),
        dimensions=_DIMENSIONS, direction="more",
    ),
)  # fmt: skip
