"""The homes loop's own pages, beside the derived ones: residents, the firm's worker, the community's checker, the office."""

from __future__ import annotations

from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Page, page

_PUBLIC = "civicloop.loops.homes.pages.public"
_HAND = "civicloop.loops.homes.pages.hand"
_OFFICE = "civicloop.loops.homes.pages.office"

_ESTATES = Label("小区物业", "Estates")
_RATE = Label("评价这次上门", "Rate this visit")
_ANSWER = Label("满意度问卷", "Questionnaire")
_TASK = Label("例行任务", "Routine task")
_LINK = Label("评价链接", "Link for ratings")
_READERS = "homes_clerk, homes_officer, evaluator, leader, admin"

PAGES: tuple[Page, ...] = (
    page("/homes", f"{_PUBLIC}:estates", "public", _ESTATES, nav=True, area="public", icon="pin", hint=Label("查小区的物业企业、服务和评价，反映小区问题", "Each estate's firm, service and ratings; report a problem")),
    page("/homes/estates/{code}", f"{_PUBLIC}:estate", "public", _ESTATES, area="public"),
    page("/homes/rate/{code}", f"{_PUBLIC}:rate_form", "public", _RATE, area="public"),
    page("/homes/rate/{code}", f"{_PUBLIC}:rate", "public", _RATE, methods=("POST",), area="public"),
    page("/homes/survey/{token}", f"{_PUBLIC}:survey_form", "public", _ANSWER, area="public"),
    page("/homes/survey/{token}", f"{_PUBLIC}:answer", "public", _ANSWER, methods=("POST",), area="public"),
    page("/homes/surveys/{id}", f"{_PUBLIC}:survey_result", "public", Label("调查结果", "Result of a survey"), area="public"),
    page("/homes/tasks", f"{_HAND}:work", "homes_worker", Label("我的例行任务", "My routine tasks"), nav=True, icon="wrench"),
    page("/homes/tasks/{id}", f"{_HAND}:task", "homes_worker", _TASK),
    page("/homes/tasks/{id}/do", f"{_HAND}:done", "homes_worker", _TASK, methods=("POST",)),
    page("/homes/check", f"{_HAND}:check", "homes_checker", Label("待核查的上门", "Visits to verify"), nav=True, icon="eye"),
    page("/homes/check/{id}/{action}", f"{_HAND}:checked", "homes_checker", Label("核查", "Verify"), methods=("POST",)),
    page("/homes/visits/{id}/link", f"{_HAND}:link_form", "homes_checker", _LINK),
    page("/homes/visits/{id}/link", f"{_HAND}:link", "homes_checker", _LINK, methods=("POST",)),
    page("/homes/statements", f"{_OFFICE}:statements", _READERS, Label("物业结算", "Settlements"), nav=True, icon="list"),
    page("/homes/statements/{id}", f"{_OFFICE}:statement", _READERS, Label("结算单", "Statement")),
    page("/homes/statements/{id}/csv", f"{_OFFICE}:statement_csv", _READERS, Label("结算单 CSV", "Statement as CSV")),
)  # fmt: skip
