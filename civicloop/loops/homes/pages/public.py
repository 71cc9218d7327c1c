"""The residents' pages: estates, rating a visit by its code, answering the survey by a single-use code, its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.events import EVENT
from civicloop.kernel.label import Label
from civicloop.kernel.people.grants import Link
from civicloop.kernel.refusal import Missing, Refusal
from civicloop.kernel.registry.district import District
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY
from civicloop.loops.homes.counting import survey
from civicloop.loops.homes.effects import PLANS, estates_now
from civicloop.loops.homes.model import FIRMS, WORKS, Estate, unit_label
from civicloop.loops.homes.pages import texts
from civicloop.loops.homes.processes import INVITATION, RATING, SURVEY, TASK
from civicloop.loops.homes.processes.given import STARS, WORDS
from civicloop.web import case_view, components, forms, shell
from civicloop.web.components import Column, Option
from civicloop.web.mount import form_of
from civicloop.web.visit import visit

_ESTATES = Label("小区物业", "Estates")
_RATE = Label("评价这次上门", "Rate this visit")
_ANSWER = Label("满意度问卷", "Questionnaire")
_WEEK = 7 * DAY
# Fewer answers of an estate would tell what a neighbour said.
FEWEST = 5


def estates(request: Request) -> Response:
    """GET /homes?show=: how many estates are served, planned for and visited, and which."""
    asking = visit(request)
    district = asking.district
    with district.store.read() as tx:
        known = estates_now(district, tx)
        firms = _firms(district, tx)
        planned = _planned(district, tx)
        visited = _visited(district, tx)
    of = {
        "firm": {code for code, e in known.items() if e.firm in firms},
        "plan": set(planned) & set(known),
        "visited": visited & set(known),
    }
    labels = {"firm": texts.WITH_FIRM, "plan": texts.WITH_PLAN, "visited": texts.VISITED}
    show = request.query_params.get("show", "")
    listed = sorted(of[show]) if show in of else sorted(known)
    rows = [
        (
            components.link(f"/homes/estates/{code}", known[code].label, lang=asking.lang),
            _community(district, known[code]).text(asking.lang),
            firms.get(known[code].firm, texts.NO_PLAN).text(asking.lang),
            "、".join(WORKS[w].text(asking.lang) for w in planned.get(code, ()))
            or texts.NO_PLAN.text(asking.lang),
        )
        for code in listed
    ]
    context = {
        "texts": texts,
        "tiles": [
            (labels[name], _percent(len(found), len(known)), texts.OF_ALL.filled(n=len(found), all=len(known)), f"/homes?show={name}")
            for name, found in of.items()
        ],
        "caption": texts.SHOWN.filled(what=labels.get(show, texts.ALL_ESTATES), n=len(listed)),
        "columns": [Column(texts.ESTATE, wide=True), Column(texts.COMMUNITY), Column(texts.FIRM), Column(texts.PLANS)],
        "rows": rows,
    }  # fmt: skip
    return shell.page(request, "homes/estates.html", _ESTATES, context, area="public")


def estate(request: Request) -> Response:
    """GET /homes/estates/CODE: the estate's firm, buildings, ratings with their number, and latest visits."""
    asking = visit(request)
    district, lang = asking.district, asking.lang
    code = request.path_params["code"]
    with district.store.read() as tx:
        found = estates_now(district, tx).get(code)
        if found is None:
            raise Missing(texts.NO_ESTATE)
        firms = _firms(district, tx)
        tasks = [c for c in _cases(tx, district, TASK.name, found.firm) if c.data.get("estate") == code]
        scores = [
            int(c.data["score"])
            for c in _cases(tx, district, RATING.name, found.firm)
            if c.data.get("estate") == code and "score" in c.data
        ]
    facts: list[tuple[Label, Label]] = [
        (texts.FIRM, firms.get(found.firm, texts.NO_PLAN)),
        (texts.COMMUNITY, _community(district, found)),
        (texts.BUILDINGS, texts.BUILDINGS_ARE.filled(b=len(found.layout), u=len(found.units))),
        (texts.RATINGS, texts.RATINGS_ARE.filled(mean=f"{sum(scores) / len(scores):.1f}", n=len(scores)) if scores else texts.NO_RATINGS),
    ]  # fmt: skip
    rows = [
        (WORKS[str(c.data["work"])].text(lang), str(c.data["day"]), TASK.state(c.state).label.text(lang))
        for c in tasks[-12:][::-1]
    ]
    context = {
        "texts": texts,
        "facts": facts,
        "columns": [Column(texts.WORK, wide=True), Column(texts.DAY), Column(texts.STATE)],
        "rows": rows,
    }
    return shell.page(request, "homes/estate.html", found.label, context, area="public")


def rate_form(request: Request) -> Response:
    """GET /homes/rate/CODE: the visit that the code stands for, and the form to rate it."""
    return _rate(request, {}, None)


def rate(request: Request) -> Response:
    """POST /homes/rate/CODE: takes a unit's rating, once a unit and visit."""
    asking, form = visit(request), form_of(request)
    district = asking.district
    values: dict[str, Any] = {}
    try:
        request.app.state.intake_rate.count(request.client.host if request.client else "")
        case = _rated_case(district, request.path_params["code"])
        values = {
            **forms.raw_values((STARS, WORDS), form, district, "@public"),
            "unit_code": str(form.get("unit_code", "")),
        }
        given = {**values, "task": case.id}
        district.engine.open(RATING.name, "rate", given, EVENT, source="link", trusted=True)
    except Refusal as refused:
        return _rate(request, values, refused)
    return _rate(request, {}, None, done=True)


def _rated_case(district: District, code: str) -> Case:
    with district.store.read() as tx:
        grants = district.people.tracking.actor(tx, code).grants
        case = district.engine.case(tx, grants[0].scope.code)
    if case.process != TASK.name:
        raise Missing(texts.NO_CODE)
    return case


def _rate(
    request: Request, values: Mapping[str, Any], refused: Refusal | None, *, done: bool = False
) -> Response:
    asking = visit(request)
    district = asking.district
    case = _rated_case(district, request.path_params["code"])
    with district.store.read() as tx:
        estate = estates_now(district, tx)[str(case.data["estate"])]
    errors = refused.fields if refused else {}
    units = [Option(unit, unit_label(unit)) for unit in estate.units]
    context = {
        "texts": texts,
        "done": texts.RATED if done else "",
        "facts": [(texts.ESTATE, estate.label), (texts.WORK, WORKS[str(case.data["work"])]), (texts.DAY, str(case.data["day"]))],
        "fields": components.choice_field("unit_code", texts.UNIT, units, value=str(values.get("unit_code", "")), error=errors.get("unit_code", ""), style="select", lang=asking.lang)
        + forms.draw((STARS, WORDS), case_view.choices(asking), values=values, errors=errors, lang=asking.lang),
        "send": texts.RATE_SEND,
        "lead": texts.RATE_LEAD,
        "refused": refused,
        "errors": errors,
    }  # fmt: skip
    return shell.page(
        request, "homes/answer.html", _RATE, context, area="public", status=refused.status if refused else 200
    )


def survey_form(request: Request) -> Response:
    """GET /homes/survey/TOKEN: the one question, for the unit that the code was drawn for."""
    return _survey(request, {}, None)


def answer(request: Request) -> Response:
    """POST /homes/survey/TOKEN: takes the answer and uses the code up, both or neither."""
    asking, form = visit(request), form_of(request)
    district, token = asking.district, request.path_params["token"]
    values: dict[str, Any] = {}
    try:
        request.app.state.intake_rate.count(request.client.host if request.client else "")
        link = _link(district, token)
        values = forms.raw_values((STARS, WORDS), form, district, "@public")
        operation = district.engine.performing(link.case_id, "answer", values, link.actor)

        def answering(tx: Tx) -> None:
            district.people.links.use(tx, token)
            operation(tx)

        district.store.write(answering)
    except Refusal as refused:
        return _survey(request, values, refused)
    context = {
        "texts": texts,
        "done": texts.ANSWERED,
        "facts": [],
        "fields": Markup(""),
        "send": "",
        "lead": "",
        "refused": None,
        "errors": {},
    }
    return shell.page(request, "homes/answer.html", _ANSWER, context, area="public")


def _link(district: District, token: str) -> Link:
    with district.store.read() as tx:
        link = district.people.links.look(tx, token)
        case = district.engine.case(tx, link.case_id)
    if case.process != INVITATION.name:
        raise Missing(texts.NO_CODE)
    return link


def _survey(request: Request, values: Mapping[str, Any], refused: Refusal | None) -> Response:
    asking = visit(request)
    link = _link(asking.district, request.path_params["token"])
    with asking.district.store.read() as tx:
        case = asking.district.engine.case(tx, link.case_id)
        estate = estates_now(asking.district, tx).get(str(case.data["estate"]))
    errors = refused.fields if refused else {}
    context = {
        "texts": texts,
        "done": "",
        "facts": [
            (texts.ESTATE, estate.label if estate else str(case.data["estate"])),
            (texts.FOR_UNIT, unit_label(str(case.data["unit_code"]))),
        ],
        "fields": Markup('<p class="standard">{}</p>').format(texts.QUESTION.text(asking.lang))
        + forms.draw(
            (STARS, WORDS), case_view.choices(asking), values=values, errors=errors, lang=asking.lang
        ),
        "send": texts.ANSWER_SEND,
        "lead": texts.ANSWER_LEAD,
        "refused": refused,
        "errors": errors,
    }
    return shell.page(
        request,
        "homes/answer.html",
        _ANSWER,
        context,
        area="public",
        status=refused.status if refused else 200,
    )


def survey_result(request: Request) -> Response:
    """GET /homes/surveys/ID: the share of those who answered, with n, response rate and interval; by estate too."""
    asking = visit(request)
    district, lang = asking.district, asking.lang
    with district.store.read() as tx:
        case = district.engine.case(tx, request.path_params["id"])
        if case.process != SURVEY.name or case.state not in ("running", "closed"):
            raise Missing(texts.NO_CODE)
        asked = [
            case_of_row(row)
            for row in tx.all(SELECT_CASE + " WHERE district = ? AND process = ? AND parent_id = ? ORDER BY id", (district.code, INVITATION.name, case.id))
        ]  # fmt: skip
        known = estates_now(district, tx)
    sizes: dict[str, int] = msgspec.json.decode(str(case.data["frame"]))
    whole = survey.share(_scores(asked), len(asked), sum(sizes.values()))
    rows = []
    for code in sorted({str(c.data["estate"]) for c in asked}):
        own = [c for c in asked if c.data["estate"] == code]
        found = survey.share(_scores(own), len(own), sizes[code])
        if found.answered >= FEWEST:
            name = known[code].label.text(lang) if code in known else code
            rows.append((name, str(found.asked), str(found.answered), str(found.satisfied), f"{_share(found.low)}–{_share(found.high)}"))  # fmt: skip
    sentence = (
        texts.OF_THOSE.filled(n=whole.answered, share=_share(whole.share), low=_share(whole.low), high=_share(whole.high))
        if whole.share is not None
        else texts.NOBODY
    )  # fmt: skip
    context = {
        "texts": texts,
        "sentence": sentence,
        "caption": texts.BY_ESTATE.filled(n=FEWEST),
        "running": case.state == "running",
        "how": texts.HOW.filled(frame=whole.frame, seed=case.data["seed"], asked=whole.asked, n=whole.answered, response=_share(whole.response or 0.0)),
        "columns": [Column(texts.ESTATE, wide=True), *(Column(c, numeric=True) for c in (texts.ASKED, texts.ANSWERS, texts.SATISFIED, texts.INTERVAL))],
        "rows": rows,
    }  # fmt: skip
    title = texts.RESULT_OF.filled(quarter=case.data["quarter"])
    return shell.page(request, "homes/survey.html", title, context, area="public")


def _scores(asked: list[Case]) -> list[int]:
    return [int(c.data["score"]) for c in asked if c.state == "answered"]


def _share(value: float) -> str:
    return f"{value * 100:.1f}%"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "—"


def _cases(tx: Tx, district: District, process: str, unit: str) -> list[Case]:
    rows = tx.all(
        SELECT_CASE + " WHERE district = ? AND process = ? AND unit = ? ORDER BY opened_at, id",
        (district.code, process, unit),
    )
    return [case_of_row(row) for row in rows]


def _firms(district: District, tx: Tx) -> dict[str, Label]:
    return {
        f.id: Label(str(f.attributes["name"]), str(f.attributes["name_en"]))
        for f in district.registers.all(tx, FIRMS)
    }


def _planned(district: District, tx: Tx) -> dict[str, list[str]]:
    """The works of the plans in force, by estate."""
    found: dict[str, list[str]] = {}
    for plan in district.reference.snapshot(tx).all(PLANS, district.clock.now()):
        for code in plan.data["estates"]:
            found.setdefault(code, []).append(plan.data["work"])
    return found


def _visited(district: District, tx: Tx) -> set[str]:
    """The estates with a visit of the last seven days that was verified."""
    rows = tx.all(
        SELECT_CASE + " WHERE district = ? AND process = ? AND opened_at >= ?",
        (district.code, TASK.name, district.clock.now() - _WEEK),
    )
    tasks = map(case_of_row, rows)
    return {str(c.data["estate"]) for c in tasks if c.data.get("outcome") == "verified"}


def _community(district: District, estate: Estate) -> Label:
    area = district.places.area(estate.community)
    return area.label if area is not None else Label(estate.community, estate.community)
