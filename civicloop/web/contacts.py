"""A reporter's contact, opened by somebody who works on the case, with a reason that is kept."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.cases import reports
from civicloop.kernel.derive.routes import readers
from civicloop.kernel.label import Label
from civicloop.kernel.people.personal import mask_name, mask_phone
from civicloop.kernel.refusal import Invalid, Missing, Refusal
from civicloop.web import shell
from civicloop.web.mount import form_of
from civicloop.web.visit import Visit, visit

_TITLE = Label("上报人联系方式", "The reporter's contact")
_NO_REPORT = Label("没有这条上报，或您无权查看。", "There is no such report, or it is not yours to see.")
_WHY = Label("请写明为什么要联系上报人。", "Say why you need to reach the reporter.")
_TEXTS = {
    "lead": Label("查看会被记录：谁、何时、为何。", "Opening it is recorded: who, when and why."),
    "why": Label("查看理由", "Reason"),
    "show": Label("查看", "Show"),
    "name": Label("姓名", "Name"),
    "contact": Label("联系方式", "Contact"),
    "none": Label("未留或已删除", "Not given, or erased"),
    "back": Label("返回案件", "Back to the case"),
}


def ask(request: Request) -> Response:
    """GET /reports/ID/contact: what was left, masked, and the form that asks for the reason."""
    return _page(request, {}, None)


def show(request: Request) -> Response:
    """POST /reports/ID/contact: the values, with a row in the audit for each in the same transaction."""
    asking = visit(request)
    why = str(form_of(request).get("why", "")).strip()
    if len(why) < 2:
        return _page(request, {}, Invalid(_WHY, fields={"why": _WHY}))
    subject, _ = _report(asking, request.path_params["id"])
    personal = asking.district.people.personal
    with asking.district.store.read() as tx:
        left = personal.purposes(tx, subject)
    values = asking.district.store.write(
        lambda tx: {purpose: personal.read(tx, asking.actor, subject, purpose, why) for purpose in left}
    )
    return _page(request, values, None)


def _page(request: Request, values: dict[str, str], refused: Refusal | None) -> Response:
    asking = visit(request)
    subject, case_href = _report(asking, request.path_params["id"])
    with asking.district.store.read() as tx:
        left = asking.district.people.personal.purposes(tx, subject)
    hidden = {"name": mask_name("某某某"), "contact": mask_phone("00000000000")}
    context = {
        "texts": _TEXTS,
        "pairs": [
            (_TEXTS[p], values.get(p) or (hidden[p] if p in left else _TEXTS["none"]))
            for p in ("name", "contact")
        ],
        "opened": bool(values),
        "refused": refused,
        "errors": refused.fields if refused else {},
        "case_href": case_href,
    }
    return shell.page(request, "contact.html", _TITLE, context, status=refused.status if refused else 200)


def _report(asking: Visit, report_id: str) -> tuple[str, str]:
    """The subject behind a report and the way to its case, for who may see that case."""
    district = asking.district
    with district.store.read() as tx:
        case_id = reports.case_of_report(tx, district.code, report_id)
        if case_id is None:
            raise Missing(_NO_REPORT)
        case = district.engine.case(tx, case_id)
        found = next(
            (r for r in reports.reports_of_case(tx, district.code, case_id) if r.id == report_id), None
        )
    by = readers(district.registry.processes[case.process]) - {"reporter"}
    if found is None or not found.subject or not district.engine.visible(case, asking.actor, by):
        raise Missing(_NO_REPORT)
    return found.subject, f"/{case.process}/{case.id}"
