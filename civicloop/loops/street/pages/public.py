"""The public's pages: report a problem without an account, follow it by its code, rate it, say "not fixed"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.cases import history, reports, rows
from civicloop.kernel.cases.fields import Field, read_given
from civicloop.kernel.cases.reports import REPORT_FIELDS, Report, ReportGiven
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import reporter
from civicloop.kernel.refusal import Invalid, Missing, Refusal
from civicloop.loops.street.api.near import for_report
from civicloop.loops.street.pages import texts
from civicloop.loops.street.process import KIND_IF_KNOWN, PLACE, PROCESS, SCORE
from civicloop.web import case_view, forms, shell
from civicloop.web.case_view import Card
from civicloop.web.mount import form_of
from civicloop.web.templating import wants_fragment
from civicloop.web.visit import Visit, visit

CHANNEL = "web"
FIELDS: tuple[Field, ...] = (PLACE, KIND_IF_KNOWN, *REPORT_FIELDS)
# What a reporter may answer, in his own words.
ANSWERS = {
    "rate": Label("评价这次办理", "Rate the result"),
    "reopen": Label("问题没有解决", "It is not put right"),
}

_REPORT = Label("上报街面问题", "Report a street problem")
_FOLLOW = Label("查看进度", "Follow a report")
_NO_CODE = Label(
    "没有找到这个查询码。请核对10位字母数字，或重新上报。",
    "No report has this code. Check its ten letters and digits, or report anew.",
)


_NOT_NEAR = Label(
    "这个案件已办结或不在附近，请重新提交。",
    "This case is closed by now or is not close by; send your report anew.",
)


def report_form(request: Request) -> Response:
    """GET /street/report."""
    return _report_page(request, {}, None)


def near(request: Request) -> Response:
    """GET /street/near: the open cases that a report at this place may be about, for the form they stand in.

    They are a part of that form; whoever opens the address by itself gets the form.
    """
    if not wants_fragment(request):
        return RedirectResponse("/street/report", 303)
    asking, asked = visit(request), request.query_params
    values = {
        "place": {"lon": asked.get("place.longitude", ""), "lat": asked.get("place.latitude", "")},
        "kind": asked.get("kind", ""),
        "description": asked.get("description", ""),
    }
    try:
        clean = read_given(
            (PLACE, KIND_IF_KNOWN), {k: v for k, v in values.items() if v and k != "description"}
        )
        found = _proposed(asking, {**clean, "description": values["description"]})
    except Refusal:
        found = []  # a place half typed proposes nothing; the form itself says what is wrong when it is sent
    return shell.page(request, "street/near.html", "", {"texts": texts, "near": found}, area="public")


def _proposed(asking: Visit, clean: Mapping[str, Any]) -> list[tuple[Card, Label]]:
    """The cards of what the report may be about, each with its reason; none for a place that sending it refuses."""
    if clean.get("place") is None:
        return []
    kind, words = str(clean.get("kind", "")), str(clean.get("description", ""))
    try:
        found = for_report(asking.district, clean["place"], kind, words)
    except Refusal:
        return []
    cards = case_view.cards(asking, [p.case for p in found], "")
    # What somebody wrote is not told to others.
    shown = [card if card.case.kind else replace(card, title=texts.UNSORTED) for card in cards]
    return [(card, p.likeness.sentence()) for card, p in zip(shown, found, strict=True)]


def report(request: Request) -> Response:
    """POST /street/report: opens a case, or adds to one that is open; then shows the page that follows it.

    Who has not yet seen which open cases lie close by is shown them first, with everything kept that was given.
    """
    asking, form = visit(request), form_of(request)
    district = asking.district
    values: dict[str, Any] = {}
    try:
        request.app.state.intake_rate.count(request.client.host if request.client else "")
        values = forms.raw_values(FIELDS, form, district, asking.actor.person_id)
        clean = read_given(FIELDS, values)
        same, found = str(form.get("same", "")), _proposed(asking, clean)
        if found and not same and not form.get("looked"):
            return _report_page(request, values, None, found)
        if same:
            if same not in {card.case.id for card, _ in found}:
                raise Missing(_NOT_NEAR)
            added = district.engine.attach(same, report_given(clean, CHANNEL), asking.actor)
            return RedirectResponse(f"/street/reports/{added.tracking_code}?new=1", status_code=303)
        given: dict[str, Any] = {name: values[name] for name in ("place", "kind") if name in values}
        key = str(form.get("key", "")) or None
        receipt = district.engine.open(
            PROCESS.name,
            "report",
            given,
            asking.actor,
            key=key,
            report=report_given(clean, CHANNEL),
            source=CHANNEL,
        )
    except Refusal as refused:
        kept = refused.extra.get("values", values) if isinstance(refused, Invalid) else values
        return _report_page(request, kept if isinstance(kept, Mapping) else {}, refused)
    return RedirectResponse(f"/street/reports/{receipt.tracking_code}?new=1", status_code=303)


def report_given(clean: Mapping[str, Any], channel: str) -> ReportGiven:
    """The report in clean values of REPORT_FIELDS."""
    return ReportGiven(
        channel,
        description=clean.get("description", ""),
        kind=clean.get("kind", ""),
        address=clean.get("address", ""),
        position=clean.get("place"),
        media=tuple(clean.get("media", ())),
        name=clean.get("name", ""),
        contact=clean.get("contact", ""),
        consent=bool(clean.get("consent", False)),
    )


def _report_page(
    request: Request,
    values: Mapping[str, Any],
    refused: Refusal | None,
    near: list[tuple[Card, Label]] | None = None,
) -> Response:
    asking = visit(request)
    errors = refused.fields if refused else {}
    choices = case_view.choices(asking)
    first = [f for f in FIELDS if f.name in ("media", "place", "description")]
    context = {
        "texts": texts,
        "near": near,
        "key": asking.district.ids.new("web"),
        "main_fields": forms.draw(_ordered(first), choices, values=values, errors=errors, lang=asking.lang),
        "more_fields": forms.draw(
            [f for f in FIELDS if f not in first], choices, values=values, errors=errors, lang=asking.lang
        ),
        "more_open": any(f.name in errors for f in FIELDS if f not in first),
        "refused": refused,
        "errors": errors,
    }
    return shell.page(
        request,
        "street/report.html",
        _REPORT,
        context,
        area="public",
        status=refused.status if refused else 200,
    )


def _ordered(fields: list[Field]) -> list[Field]:
    """What is quickest first: the photograph, the place, the sentence."""
    order = {"media": 0, "place": 1, "description": 2}
    return sorted(fields, key=lambda f: order[f.name])


def follow(request: Request) -> Response:
    """GET /follow?code=...: the way to a report by its code."""
    asking = visit(request)
    code = request.query_params.get("code", "").strip().upper()
    if code:
        with asking.district.store.read() as tx:
            found = reports.report_of_tracking_code(tx, asking.district.code, code)
        if found is not None:
            return RedirectResponse(f"/street/reports/{found.tracking_code}", status_code=303)
    context = {"texts": texts, "code": code, "error": _NO_CODE if code else ""}
    return shell.page(
        request, "street/follow.html", _FOLLOW, context, area="public", status=404 if code else 200
    )


def followed(request: Request) -> Response:
    """GET /street/reports/CODE: where the report stands, without a name or an account."""
    return _followed(request, None)


def answer(request: Request) -> Response:
    """POST /street/reports/CODE/rate or reopen: the reporter's rating, or his "not fixed"."""
    asking, form = visit(request), form_of(request)
    action = request.path_params["action"]
    if action not in ANSWERS:
        raise Missing(_NO_CODE)
    found, case_id = _report_of(asking, request.path_params["code"])
    declared = PROCESS.action(action)
    try:
        values = forms.raw_values(declared.evidence, form, asking.district, found.id)
        asking.district.engine.perform(case_id, action, values, reporter([case_id]))
    except Refusal as refused:
        return _followed(request, refused)
    return RedirectResponse(f"/street/reports/{found.tracking_code}", status_code=303)


def _report_of(asking: Visit, code: str) -> tuple[Report, str]:
    district = asking.district
    with district.store.read() as tx:
        found = reports.report_of_tracking_code(tx, district.code, code)
        case_id = reports.case_of_report(tx, district.code, found.id) if found else None
    if found is None or case_id is None:
        raise Missing(_NO_CODE)
    return found, case_id


def _followed(request: Request, refused: Refusal | None) -> Response:
    asking = visit(request)
    district = asking.district
    found, case_id = _report_of(asking, request.path_params["code"])
    with district.store.read() as tx:
        case = district.engine.case(tx, case_id)
        clocks = rows.load_clocks(tx, district.code, case_id)
        told = reports.reports_of_case(tx, district.code, case_id)
        moves = history.rows_of_case(tx, district.code, case_id)
    view = case_view.view(asking, case, clocks, told, moves, public=True)
    possible = {o.action.name for o in district.engine.offers(case, reporter([case_id])) if o.refused is None}
    offered = {
        name: forms.draw(
            PROCESS.action(name).evidence,
            case_view.choices(asking),
            errors=refused.fields if refused else {},
            lang=asking.lang,
        )
        for name in ANSWERS
        if name in possible
    }
    score = next((o.label for o in SCORE.options if o.value == case.data.get("score")), None)
    context = {
        "texts": texts,
        "code": found.tracking_code,
        "new": "new" in request.query_params,
        "report": found,
        "case": case,
        "view": view,
        "offered": offered,
        "labels": ANSWERS,
        "rated": texts.RATED.filled(score=score) if score else "",
        "refused": refused,
    }
    return shell.page(
        request,
        "street/followed.html",
        _FOLLOW,
        context,
        area="public",
        status=refused.status if refused else 200,
    )
