"""The homes loop (物业城市): what a property firm does in an estate, verified, rated and paid by the visit."""

from __future__ import annotations

from pathlib import Path

from civicloop.kernel.cases.process import On
from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Loop, Role
from civicloop.loops.homes.effects import DAILY, effects, works
from civicloop.loops.homes.fixtures.week import fill
from civicloop.loops.homes.metrics import METRICS
from civicloop.loops.homes.model import ESTATES, FIRMS
from civicloop.loops.homes.pages import PAGES
from civicloop.loops.homes.processes import PROCESSES

LOOP = Loop(
    name="homes",
    label=Label("物业城市", "Homes"),
    sentence=Label(
        "全区小区物业服务覆盖、上门可评、按核查结算",
        "Property service in every estate, rated by the visit, paid by what was verified",
    ),
    processes=PROCESSES,
    roles=(
        Role("homes_worker", Label("物业人员", "Property worker"), "/homes/tasks"),
        Role("homes_clerk", Label("物业经办人", "Property firm's clerk"), "/homes/statements"),
        Role("homes_checker", Label("社区核查员", "Community checker"), "/homes/check"),
        Role("homes_officer", Label("物业管理科经办人", "Housing officer"), "/homes/statements"),
        Role("evaluator", Label("考评员", "Evaluator"), "/figures"),
        Role("leader", Label("区领导", "District leader"), "/figures"),
        Role("admin", Label("管理员", "Administrator"), "/homes/statements"),
    ),
    folder=Path(__file__).parent,
    metrics=METRICS,
    effects=effects,
    on=(On("homes_rating.upheld", lambda _: {}, performs="homes_task.doubt", find="task"),),
    pages=PAGES,
    fixtures=fill,
    registers=(ESTATES, FIRMS),
    works=works,
    daily=DAILY,
)
