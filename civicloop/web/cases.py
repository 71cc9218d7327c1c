"""The derived pages of every process: a case, its actions, its openings, an action done to many.

A loop's own page with the same method and path stands in for one of these. Everything works as plain forms; htmx gets the
case's view alone, put in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.cases.engine import Receipt
from civicloop.kernel.cases.fields import read_given
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.derive import forms as derived_forms
from civicloop.kernel.derive.routes import RouteValue, readers
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid, Missing, NotNow, Refusal
from civicloop.web import case_news, case_page, case_view, forms, shell
from civicloop.web import components as ui
from civicloop.web.api import done_to_many
from civicloop.web.case_page import Doing
from civicloop.web.components import Link
from civicloop.web.mount import form_of
from civicloop.web.templating import wants_fragment
from civicloop.web.visit import Visit, visit

MANY = 200

_NONE_CHOSEN = Label("没有选择案件，请先勾选。", "No case was chosen; tick some first.")
_MANY_DONE = Label("{action}：{done} 件完成，{refused} 件未完成", "{action}: {done} done, {refused} not done")
_MANY = Label("{action}：{n} 件", "{action}: {n} cases")
_OPENED = Label("已收到", "Received")
_CODE = Label("查询码", "Tracking code")
_NUMBER = Label("案号", "Case number")
_BACK = Label("返回列表", "Back to the list")
_CHANGED = {"HX-Trigger": '{"case": {"target": "body"}}'}


def show(request: Request, value: RouteValue) -> Response:
    """GET /PROCESS/ID."""
    asking = visit(request)
    whole = case_page.load(asking, value.process, request.path_params["id"])
    return case_page.respond(request, value, whole)


def form(request: Request, value: RouteValue) -> Response:
    """GET /PROCESS/ID/ACTION and GET /PROCESS/ACTION: the form of an action."""
    assert value.action is not None
    if "id" not in request.path_params:
        return _opening(request, value, {}, None)
    asking = visit(request)
    whole = case_page.load(
        asking, value.process, request.path_params["id"], value.by | readers(value.process)
    )
    refused = asking.district.engine.visible(whole.case, asking.actor, value.by)
    if not refused:
        raise Missing(case_page.NO_CASE.filled(id=request.path_params["id"][:64]))
    if (whole.case.state, value.action.name) not in value.process.compiled.targets:
        return case_page.respond(request, value, whole, Doing(value.action, refused=_not_now(value, whole)))
    return case_page.respond(request, value, whole, Doing(value.action))


def _not_now(value: RouteValue, whole: case_page.Whole) -> Refusal:
    assert value.action is not None
    state = value.process.state(whole.case.state)
    return NotNow(case_news.NOT_NOW.filled(state=state.label, action=value.action.label))


def performed(request: Request, value: RouteValue) -> Response:
    """POST /PROCESS/ID/ACTION: performs it; a refusal shows the form again with what was given and why."""
    assert value.action is not None
    asking, given = visit(request), form_of(request)
    district, text = asking.district, request.path_params["id"]
    with district.store.read() as tx:
        case = case_page.seen(district, tx, value.process, text, asking, value.by | readers(value.process))
    revision = _revision(given)
    values: Mapping[str, Any] = {}
    try:
        values = forms.raw_values(value.fields, given, district, asking.actor.person_id)
        district.engine.perform(
            case.id, value.action.name, values, asking.actor, revision=revision, key=_key(given)
        )
    except Refusal as refused:
        whole = case_page.load(asking, value.process, case.id, value.by | readers(value.process))
        doing = Doing(value.action, _kept(refused, values), refused, revision)
        return case_page.respond(request, value, whole, doing)
    if not wants_fragment(request):
        return RedirectResponse(_next(given) or f"/{value.process.name}/{case.id}", status_code=303)
    try:
        whole = case_page.load(asking, value.process, case.id)
    except Missing:
        # What has been passed on to others is no longer this person's to read.
        response: Response = shell.page(
            request, "case_gone.html", "", {"said": _said(asking, value), "place": "case-view"}
        )
    else:
        response = case_page.respond(request, value, whole, said=_said(asking, value))
    response.headers.update(_CHANGED)
    return response


def _said(asking: Visit, value: RouteValue) -> Markup:
    assert value.action is not None
    return case_page.done(value.action, asking.lang)


def _revision(given: FormData) -> int | None:
    text = str(given.get("revision", ""))
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _key(given: FormData) -> str | None:
    text = str(given.get("key", ""))
    return text if 0 < len(text) <= 100 else None


def _next(given: FormData) -> str:
    """Where the form asks to go on: a path of ours, or nothing."""
    path = str(given.get("next", ""))
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else ""


def _kept(refused: Refusal, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What had been given, also when a photograph among it was refused."""
    kept = refused.extra.get("values", values) if isinstance(refused, Invalid) else values
    return kept if isinstance(kept, Mapping) else {}


# ---- opening --------------------------------------------------------------------------------------------------------


def opened(request: Request, value: RouteValue) -> Response:
    """POST /PROCESS/ACTION: opens a case; its reader goes to it, a stranger gets a receipt."""
    assert value.action is not None
    asking, given = visit(request), form_of(request)
    district, process = asking.district, value.process
    values: Mapping[str, Any] = {}
    try:
        if not asking.actor.signed_in:
            request.app.state.intake_rate.count(request.client.host if request.client else "")
        asked = derived_forms.form(process, value.action)
        values = forms.raw_values((*asked.fields, *asked.report), given, district, asking.actor.person_id)
        own = {f.name: values[f.name] for f in asked.fields if f.name in values}
        receipt = district.engine.open(
            process.name, value.action.name, own, asking.actor,
            key=_key(given), report=_report(asked, values, asking), source=asking.actor.via,
        )  # fmt: skip
    except Refusal as refused:
        return _opening(request, value, _kept(refused, values), refused)
    with district.store.read() as tx:
        readable = district.engine.visible(
            district.engine.case(tx, receipt.case_id), asking.actor, readers(process)
        )
    if readable:
        return RedirectResponse(f"/{process.name}/{receipt.case_id}", status_code=303)
    return _receipt(request, receipt)


def _report(asked: derived_forms.FormValue, values: Mapping[str, Any], asking: Visit) -> ReportGiven | None:
    if not asked.report:
        return None
    clean = read_given((*asked.fields, *asked.report), values)
    return ReportGiven(
        asking.actor.via,
        description=clean.get("description", ""),
        kind=str(clean.get("kind", "")),
        address=clean.get("address", ""),
        position=next((clean[f.name] for f in asked.fields if f.kind == "point" and f.name in clean), None),
        media=tuple(clean.get("media", ())),
        name=clean.get("name", ""),
        contact=clean.get("contact", ""),
        consent=bool(clean.get("consent", False)),
    )


def _opening(
    request: Request, value: RouteValue, values: Mapping[str, Any], refused: Refusal | None
) -> Response:
    assert value.action is not None
    asking = visit(request)
    asked = derived_forms.form(value.process, value.action)
    errors = refused.fields if refused else {}
    path = f"/{value.process.name}/{value.action.name}"
    inside = Markup("").join(
        (
            Markup('<input type="hidden" name="key" value="{}">').format(asking.district.ids.new("web")),
            forms.draw(
                (*asked.fields, *asked.report),
                case_view.choices(asking),
                values=values,
                errors=errors,
                lang=asking.lang,
            ),
            ui.button(asked.submit, kind="primary", large=True, lang=asking.lang),
        )
    )
    context = {
        "base": "desk.html" if asking.actor.signed_in else "public.html",
        "process": value.process,
        "asked": asked,
        "errors": errors,
        "reason": refused.reason if refused else None,
        "form": ui.form(path, inside, csrf=asking.csrf, files=asked.files, lang=asking.lang),
    }
    status = refused.status if refused else 200
    area = "desk" if asking.actor.signed_in else "public"
    return shell.page(request, "case_open.html", value.summary, context, area=area, status=status)


def _receipt(request: Request, receipt: Receipt) -> Response:
    asking = visit(request)
    pairs: list[tuple[Label | str, Label | str]] = [(_NUMBER, receipt.number)]
    if receipt.tracking_code:
        pairs.append((_CODE, receipt.tracking_code))
    context = {"base": "public.html", "body": ui.facts(pairs, lang=asking.lang), "heading": True}
    return shell.page(request, "case_received.html", _OPENED, context, area="public", status=201)


# ---- many at once ---------------------------------------------------------------------------------------------------


def bulk(request: Request, value: RouteValue) -> Response:
    """POST /PROCESS/bulk/ACTION: does it to each chosen case for itself, and says what became of each."""
    assert value.action is not None
    asking, given = visit(request), form_of(request)
    chosen = [text for text in given.getlist("cases") if isinstance(text, str)][:MANY]
    values: Mapping[str, Any] = {}
    try:
        if not chosen:
            raise Invalid(_NONE_CHOSEN)
        if value.action.evidence and "given" not in given and not case_page.one_press(value.action):
            return _bulk_form(request, value, chosen, {}, None)
        values = forms.raw_values(value.fields, given, asking.district, asking.actor.person_id)
        clean = read_given(value.fields, values)
        results = done_to_many(asking.district, value, list(dict.fromkeys(chosen)), clean, asking.actor)
    except Refusal as refused:
        return _bulk_form(request, value, chosen, _kept(refused, values), refused)
    return _bulk_results(request, value, results, _next(given) or f"/{value.process.name}")


def _bulk_form(
    request: Request, value: RouteValue, chosen: list[str], values: Mapping[str, Any], refused: Refusal | None
) -> Response:
    assert value.action is not None
    asking = visit(request)
    errors = refused.fields if refused else {}
    back = _next(form_of(request)) or f"/{value.process.name}"
    kept = Markup("").join(Markup('<input type="hidden" name="cases" value="{}">').format(c) for c in chosen)
    inside = Markup("").join(
        (
            kept,
            Markup(
                '<input type="hidden" name="given" value="1"><input type="hidden" name="next" value="{}">'
            ).format(back),
            forms.draw(
                value.fields, case_view.choices(asking), values=values, errors=errors, lang=asking.lang
            ),
            ui.button_row(
                ui.button(
                    value.action.label, kind="danger" if value.action.danger else "primary", lang=asking.lang
                ),
                ui.button(_BACK, href=back, kind="quiet", lang=asking.lang),
            ),
        )
    )
    context = {
        "base": "desk.html",
        "asked": derived_forms.form(value.process, value.action),
        "errors": errors,
        "reason": refused.reason if refused else None,
        "form": ui.form(f"/{value.process.name}/bulk/{value.action.name}", inside, csrf=asking.csrf)
        if chosen
        else "",
    }
    title = _MANY.filled(action=value.action.label, n=len(chosen))
    return shell.page(request, "case_open.html", title, context, status=refused.status if refused else 200)


def _bulk_results(request: Request, value: RouteValue, results: list[Any], back: str) -> Response:
    assert value.action is not None
    asking = visit(request)
    with asking.district.store.read() as tx:
        numbers = {
            case_id: case.number
            for case_id, _ in results
            if (case := case_page.one(asking.district, tx, case_id)) is not None
        }
    rows = [
        {
            "href": f"/{value.process.name}/{case_id}",
            "number": numbers.get(case_id, case_id),
            "state": value.process.state(what.state).label if isinstance(what, Receipt) else None,
            "reason": None if isinstance(what, Receipt) else Label(what["detail_zh"], what["detail"]),
        }
        for case_id, what in results
    ]
    good = sum(row["reason"] is None for row in rows)
    title = _MANY_DONE.filled(action=value.action.label, done=good, refused=len(rows) - good)
    context = {"rows": rows, "back": Link(back, _BACK)}
    return shell.page(request, "case_many.html", title, context)
