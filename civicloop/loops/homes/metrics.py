"""The figures of the homes loop. Every share has its visits behind it; what is not decided yet counts in none."""

from __future__ import annotations

from civicloop.kernel.figures.metric import Column, Condition, Metric
from civicloop.kernel.label import Label
from civicloop.loops.homes.processes import PROBLEM, RATING, TASK

_PERCENT = Label("%", "%")
_BY = ("street", "community", "unit", "month")
_DUE = (
    Condition("state", "in", ("done", "redo", "verified", "settled", "missed", "archived")),
    Condition("data.outcome", "<>", "excused"),
)
_CHECKED = (Condition("data.checked", "=", 1),)

METRICS: tuple[Metric, ...] = (
    Metric(
        "homes_share_in_time",
        Label("例行任务按时完成率", "Routine tasks done in time"),
        Label("已到期或已做的任务中，首次完成不晚于应完成时间的比例；免责的不计。", "Of the tasks that were done or fell due, those first done by their time; excused ones left out."),
        TASK.name, "share", _PERCENT, None, _DUE, (Condition("data.in_time", "=", 1),), direction="more", dimensions=_BY,
    ),
    Metric(
        "homes_share_verified",
        Label("例行任务核查通过率", "Routine tasks verified"),
        Label("已到期或已做的任务中，社区核查通过的比例；待核查的算未通过。", "Of the tasks that were done or fell due, those the community verified; what waits for its check is not."),
        TASK.name, "share", _PERCENT, None, _DUE, (Condition("data.outcome", "=", "verified"),), direction="more", dimensions=_BY,
    ),
    Metric(
        "homes_share_redone",
        Label("例行任务返工率", "Routine tasks sent back"),
        Label("社区核查过的任务中，至少返工一次的比例。", "Of the tasks that the community has checked, those sent back at least once."),
        TASK.name, "share", _PERCENT, None, _CHECKED, (Condition("reworks", ">", 0),), direction="less", dimensions=_BY,
    ),
    Metric(
        "homes_mean_rating",
        Label("上门评价均分", "Mean rating of a visit"),
        Label("住户对每次上门打分（1至5）的平均；明细即每一份评价，人数见明细。", "Mean of the residents' ratings (1 to 5) of visits; each rating is a row, and the rows tell how many."),
        RATING.name, "mean", Label("分", "points"), Column("data.score"), (Condition("data.score", "known"),), direction="more", dimensions=_BY,
    ),
    Metric(
        "homes_ratings",
        Label("上门评价数", "Ratings"),
        Label("住户评价的份数。", "How many ratings residents gave."),
        RATING.name, "count", Label("份", "ratings"), None, decimals=0, dimensions=_BY,
    ),
    Metric(
        "homes_problems_open",
        Label("待办小区问题", "Open problems of estates"),
        Label("住户反映、尚未结案的小区问题。", "Problems of estates that residents reported and nobody has closed."),
        PROBLEM.name, "count", Label("件", "problems"), None, (Condition("closed_at", "unknown"), Condition("ended_at", "unknown")), decimals=0, direction="less", dimensions=_BY,
    ),
)  # fmt: skip
