"""The street loop: a problem in the street, from report to verified repair."""

from __future__ import annotations

from pathlib import Path

from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Loop, Role
from civicloop.loops.street.api import ENDPOINTS, OPEN311
from civicloop.loops.street.api.routing import rows_of_pack
from civicloop.loops.street.effects import effects
from civicloop.loops.street.fixtures.week import fill
from civicloop.loops.street.metrics import METRICS
from civicloop.loops.street.pages import PAGES
from civicloop.loops.street.process import PROCESS

LOOP = Loop(
    name="street",
    label=Label("街面治理", "Street problems"),
    sentence=Label(
        "占道经营、垃圾暴露等问题平均2小时内闭环处置",
        "Stall and rubbish problems closed in two hours on average",
    ),
    processes=(PROCESS,),
    roles=(
        Role("collector", Label("信息采集员", "Collector"), "/street/patrol"),
        Role("intake", Label("受理员", "Intake officer"), "/street"),
        Role("shift_head", Label("值班长", "Shift head"), "/street"),
        Role("dispatcher", Label("派遣员", "Dispatcher"), "/street"),
        Role("unit_clerk", Label("责任单位经办人", "Unit clerk"), "/street"),
        Role("crew", Label("处置人员", "Crew"), "/street/crew"),
        Role("checker", Label("核查员", "Checker"), "/street/check"),
        Role("evaluator", Label("考评员", "Evaluator"), "/figures"),
        Role("leader", Label("区领导", "District leader"), "/figures"),
        Role("admin", Label("管理员", "Administrator"), "/street"),
    ),
    folder=Path(__file__).parent,
    metrics=METRICS,
    effects=effects,
    pages=(*PAGES, *ENDPOINTS),
    openapi=lambda: OPEN311,
    fixtures=fill,
    reference=rows_of_pack,
    beside="civicloop.loops.street.pages.beside:beside",
)
