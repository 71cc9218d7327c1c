"""The street loop's own pages, beside the derived ones: the public's, the crew's and the checker's."""

from __future__ import annotations

from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Page, page

_PUBLIC = "civicloop.loops.street.pages.public"
_PHONE = "civicloop.loops.street.pages.phone"

_ROUTING = "civicloop.loops.street.pages.routing"
_RULES = Label("派遣规则", "Routing rules")
_REPORT = Label("上报问题", "Report a problem")
_FOLLOW = Label("查看进度", "Follow a report")

PAGES: tuple[Page, ...] = (
    page("/street/report", f"{_PUBLIC}:report_form", "public", _REPORT, nav=True, area="public", icon="camera", hint=Label("拍照、定位、说一句，不用注册", "A photograph, a place, a sentence; no account")),
    page("/street/report", f"{_PUBLIC}:report", "public", _REPORT, methods=("POST",), area="public"),
    page("/street/near", f"{_PUBLIC}:near", "public", _REPORT, area="public"),
    page("/follow", f"{_PUBLIC}:follow", "public", _FOLLOW, nav=True, area="public", icon="search", hint=Label("凭查询码看到哪一步了", "See with your code how far it has come")),
    page("/street/reports/{code}", f"{_PUBLIC}:followed", "public", _FOLLOW, area="public"),
    page("/street/reports/{code}/{action}", f"{_PUBLIC}:answer", "public", _FOLLOW, methods=("POST",), area="public"),
    page("/street/crew", f"{_PHONE}:crew", "crew", Label("我的任务", "My tasks"), nav=True, icon="wrench"),
    page("/street/crew/{id}", f"{_PHONE}:task", "crew", Label("处置任务", "Task")),
    page("/street/crew/{id}/{action}", f"{_PHONE}:done", "crew", Label("处置任务", "Task"), methods=("POST",)),
    page("/street/check/{id}/{action}", f"{_PHONE}:checked", "checker", Label("核查", "Check"), methods=("POST",)),
    page("/street/check", f"{_PHONE}:check", "checker", Label("待核查", "To check"), nav=True, icon="eye"),
    page("/street/routing", f"{_ROUTING}:show", "admin, shift_head", _RULES, nav=True, icon="list"),
    page("/street/routing", f"{_ROUTING}:changed", "admin, shift_head", _RULES, methods=("POST",)),
    page("/street/patrol", f"{_PHONE}:patrol", "collector", Label("巡查", "Patrol"), nav=True, icon="pin"),
)  # fmt: skip
