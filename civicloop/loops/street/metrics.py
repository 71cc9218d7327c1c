"""The first figures of the street loop. The two hours run from the first report, through every re-work, to the close."""

from __future__ import annotations

from civicloop.kernel.figures.metric import Condition, Elapsed, Metric
from civicloop.kernel.label import Label
from civicloop.loops.street.process import PROCESS

_TO_CLOSE = Elapsed("first_seen_at", "closed_at")
_HOURS = Label("小时", "hours")
_PERCENT = Label("%", "%")
_CASES = Label("件", "cases")
# A case counts as dealt with when its result stands: what was declined, merged or voided is not a repair.
_REPAIRED = (Condition("state", "in", ("closed", "archived")), Condition("closed_at", "known"))

METRICS: tuple[Metric, ...] = (
    Metric(
        "street_mean_hours",
        Label("平均闭环时间", "Mean time to close"),
        Label(
            "从首次上报到核查结案的平均时间（小时），含返工，不扣缓办。",
            "Mean hours from the first report to the verified close, re-work and time on hold included.",
        ),
        PROCESS.name, "mean", _HOURS, _TO_CLOSE, _REPAIRED, period="closed_at", direction="less", goal=2.0,
    ),
    Metric(
        "street_median_hours",
        Label("闭环时间中位数", "Median time to close"),
        Label("一半的案件在此时间内结案（最近秩）。", "Half of the cases were closed within this time (nearest rank)."),
        PROCESS.name, "median", _HOURS, _TO_CLOSE, _REPAIRED, period="closed_at", direction="less",
    ),
    Metric(
        "street_share_2_hours",
        Label("2小时内闭环率", "Closed within 2 hours"),
        Label("已结案件中，首次上报后2小时内结案的比例。", "Of the closed cases, those closed within two hours of the first report."),
        PROCESS.name, "share", _PERCENT, None, _REPAIRED, (Condition(_TO_CLOSE, "<=", 2.0),), period="closed_at", direction="more",
    ),
    Metric(
        "street_share_in_time",
        Label("按期结案率", "Closed in time"),
        Label("已结案件中，各环节时限均未超时的比例。", "Of the closed cases, those in which no limit was breached."),
        PROCESS.name, "share", _PERCENT, None, _REPAIRED, (Condition("breaches", "=", 0),), period="closed_at", direction="more",
    ),
    Metric(
        "street_closed",
        Label("已结案件", "Closed cases"),
        Label("核查结案的案件数。", "Cases closed after a check."),
        PROCESS.name, "count", _CASES, None, _REPAIRED, period="closed_at", decimals=0,
    ),
    Metric(
        "street_open",
        Label("在办案件", "Open cases"),
        Label("尚未结案也未归档的案件数。", "Cases neither closed nor archived."),
        PROCESS.name, "count", _CASES, None, (Condition("closed_at", "unknown"), Condition("ended_at", "unknown")),
        decimals=0, direction="less", dimensions=("kind", "street", "community", "unit", "source", "state", "month"),
    ),
    Metric(
        "street_rework_share",
        Label("返工率", "Sent back"),
        Label("已结案件中至少返工一次的比例。", "Of the closed cases, those sent back at least once."),
        PROCESS.name, "share", _PERCENT, None, _REPAIRED, (Condition("reworks", ">", 0),), period="closed_at", direction="less",
    ),
)  # fmt: skip
