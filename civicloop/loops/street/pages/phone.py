"""Pages for the hand: the crew's tasks, the checker's next case, the collector's patrol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Guarded, Refusal
from civicloop.loops.street.pages import texts
from civicloop.loops.street.process import PROCESS
from civicloop.web import case_view, forms, hand, shell
from civicloop.web.forms import CATEGORIES
from civicloop.web.hand import Hand
from civicloop.web.mount import form_of
from civicloop.web.visit import Visit, visit

_TASKS = Label("我的任务", "My tasks")
_TASK = Label("处置任务", "Task")
_CHECK = Label("核查", "Check")
_PATROL = Label("巡查", "Patrol")
_NO_TASK = Label("此任务不在您手上，可能已转给他人。", "This task is not yours; it may have been passed on.")

CREW = frozenset({"crew"})
CHECKER = frozenset({"checker"})
COLLECTOR = frozenset({"collector"})
# Which actions each page offers; every other is found on the case's own page.
OF_THE_CREW = ("report_back", "take")
OF_THE_CHECKER = ("close", "rework")
_HAND = Hand(PROCESS, _NO_TASK)


def crew(request: Request) -> Response:
    """GET /street/crew: what this crew has in hand, then what its unit has signed for, by what falls due first."""
    asking = visit(request)
    mine = hand.cases(asking, Filter(PROCESS.name, states=("handling",), holder=asking.actor.person_id), CREW)
    free = hand.cases(asking, Filter(PROCESS.name, states=("signed",), open=True), CREW)
    context = {"texts": texts, "mine": _cards(asking, mine), "free": _cards(asking, free)}
    return shell.page(request, "street/crew.html", _TASKS, context)


def task(request: Request) -> Response:
    """GET /street/crew/ID: one task: what is wrong, where, and the way to say that it is done."""
    return _task(request, {}, None)


def done(request: Request) -> Response:
    """POST /street/crew/ID/ACTION: takes the task, or reports it done with a photograph."""
    asking, form = visit(request), form_of(request)
    case_id, action = request.path_params["id"], request.path_params["action"]
    refused, values = _HAND.perform(asking, form, case_id, action, OF_THE_CREW)
    if refused is not None:
        # A photograph that proves nothing is taken anew, so it does not come back with the form.
        again = {k: v for k, v in values.items() if not (isinstance(refused, Guarded) and k == "photo_after")}
        return _task(request, again, refused)
    where = "/street/crew" if action == "report_back" else f"/street/crew/{case_id}"
    return RedirectResponse(where, status_code=303)


def _task(request: Request, values: Mapping[str, Any], refused: Refusal | None) -> Response:
    asking = visit(request)
    case = _HAND.one(asking, request.path_params["id"], CREW)
    errors = refused.fields if refused else {}
    offered = {
        offer.action.name: (
            offer.action.label,
            forms.draw(
                offer.action.evidence,
                case_view.choices(asking),
                values=values,
                errors=errors,
                lang=asking.lang,
            ),
        )
        for offer in asking.district.engine.offers(case, asking.actor)
        if offer.refused is None and offer.action.name in OF_THE_CREW
    }
    context = {
        "texts": texts,
        "case": case,
        "view": hand.view(asking, case),
        "standard": _standard(asking, case),
        "offered": offered,
        "refused": refused,
        "errors": errors,
    }
    return shell.page(request, "street/task.html", _TASK, context, status=refused.status if refused else 200)


def check(request: Request) -> Response:
    """GET /street/check: the next case to be checked, before and after side by side; one key closes it."""
    return _check(request, None)


def checked(request: Request) -> Response:
    """POST /street/check/ID/ACTION: closes the case or sends it back, then shows the next."""
    asking, form = visit(request), form_of(request)
    refused, _ = _HAND.perform(
        asking, form, request.path_params["id"], request.path_params["action"], OF_THE_CHECKER
    )
    if refused is not None:
        return _check(request, refused)
    return RedirectResponse("/street/check", status_code=303)


def _check(request: Request, refused: Refusal | None) -> Response:
    asking = visit(request)
    waiting = hand.cases(asking, Filter(PROCESS.name, states=("checking",), open=True), CHECKER)
    chosen = request.path_params.get("id") or request.query_params.get("case")
    case = next((c for c in waiting if c.id == chosen), waiting[0] if waiting else None)
    errors = refused.fields if refused else {}
    rework = PROCESS.action("rework")
    context: dict[str, Any] = {
        "texts": texts,
        "case": case,
        "waiting": texts.WAITING.filled(n=len(waiting)),
        "refused": refused,
        "errors": errors,
        "close": PROCESS.action("close"),
        "rework": rework,
        "keys": (("c", PROCESS.action("close").label), ("w", rework.label)),
    }
    if case is not None:
        context["view"] = hand.view(asking, case)
        context["standard"] = _standard(asking, case)
        context["rework_fields"] = forms.draw(
            rework.evidence, case_view.choices(asking), errors=errors, lang=asking.lang
        )
        context["others"] = _cards(asking, [c for c in waiting if c.id != case.id][:12])
    return shell.page(
        request, "street/check.html", _CHECK, context, status=refused.status if refused else 200
    )


def patrol(request: Request) -> Response:
    """GET /street/patrol: the large button to report, and what is to be verified on this collector's streets."""
    asking = visit(request)
    to_verify = hand.cases(asking, Filter(PROCESS.name, states=("verifying",), open=True), COLLECTOR)
    return shell.page(
        request,
        "street/patrol.html",
        _PATROL,
        {"texts": texts, "to_verify": _cards(asking, to_verify, "/street/")},
    )


def _standard(asking: Visit, case: Case) -> Label | None:
    """What counts as put right, as the category in force when the case was opened says it; None without a category."""
    with asking.district.store.read() as tx:
        row = asking.district.reference.snapshot(tx).get(CATEGORIES, case.kind, case.opened_at)
    closing = row.data.get("closing") if row is not None else None
    return Label(closing["zh"], closing["en"]) if closing else None


def _cards(asking: Visit, cases: Sequence[Case], root: str = "/street/crew/") -> list[case_view.Card]:
    return case_view.cards(asking, cases, root)
