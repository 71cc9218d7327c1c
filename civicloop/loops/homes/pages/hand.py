"""Pages for the hand: the firm worker's tasks, the community's next visit to verify, the link for ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Guarded, Refusal
from civicloop.loops.homes.effects import estates_now
from civicloop.loops.homes.model import WORKS
from civicloop.loops.homes.pages import texts
from civicloop.loops.homes.processes import RATING, TASK
from civicloop.web import case_view, forms, hand, shell
from civicloop.web.hand import Hand
from civicloop.web.mount import form_of
from civicloop.web.visit import Visit, visit

_WORK = Label("我的例行任务", "My routine tasks")
_TASK = Label("例行任务", "Routine task")
_CHECK = Label("待核查的上门", "Visits to verify")
_LINK = Label("评价链接", "Link for ratings")

WORKER = frozenset({"homes_worker"})
CHECKER = frozenset({"homes_checker"})
OF_THE_CHECKER = ("verify", "send_back")
_HAND = Hand(TASK, texts.NO_TASK)


def work(request: Request) -> Response:
    """GET /homes/tasks: what this worker's firm has still to do, by what falls due first."""
    asking = visit(request)
    mine = hand.cases(asking, Filter(TASK.name, states=("planned", "redo")), WORKER)
    return shell.page(
        request, "homes/tasks.html", _WORK, {"texts": texts, "mine": _cards(asking, mine, "/homes/tasks/")}
    )


def task(request: Request) -> Response:
    """GET /homes/tasks/ID: one task: where, by when, and the photograph that says that it is done."""
    return _task(request, {}, None)


def done(request: Request) -> Response:
    """POST /homes/tasks/ID/do: says that a task is done, with a photograph."""
    asking, form = visit(request), form_of(request)
    refused, values = _HAND.perform(asking, form, request.path_params["id"], "do", ("do",))
    if refused is not None:
        # A photograph that proves nothing is taken anew, so it does not come back with the form.
        again = {k: v for k, v in values.items() if not (isinstance(refused, Guarded) and k == "photo")}
        return _task(request, again, refused)
    return RedirectResponse("/homes/tasks", status_code=303)


def _task(request: Request, values: Mapping[str, Any], refused: Refusal | None) -> Response:
    asking = visit(request)
    case = _HAND.one(asking, request.path_params["id"], WORKER)
    errors = refused.fields if refused else {}
    do = TASK.action("do")
    context = {
        "texts": texts,
        "case": case,
        "view": hand.view(asking, case),
        "name": _name(asking, [case])[case.id],
        "do": do.label if case.state in ("planned", "redo") else None,
        "fields": forms.draw(
            do.evidence, case_view.choices(asking), values=values, errors=errors, lang=asking.lang
        ),
        "refused": refused,
        "errors": errors,
    }
    return shell.page(request, "homes/task.html", _TASK, context, status=refused.status if refused else 200)


def check(request: Request) -> Response:
    """GET /homes/check: the next visit to verify with its photograph; low ratings to look into; links to give out."""
    return _check(request, None)


def checked(request: Request) -> Response:
    """POST /homes/check/ID/ACTION: verifies a visit or sends it back, then shows the next."""
    asking, form = visit(request), form_of(request)
    refused, _ = _HAND.perform(
        asking, form, request.path_params["id"], request.path_params["action"], OF_THE_CHECKER
    )
    if refused is not None:
        return _check(request, refused)
    return RedirectResponse("/homes/check", status_code=303)


def _check(request: Request, refused: Refusal | None) -> Response:
    asking = visit(request)
    waiting = hand.cases(asking, Filter(TASK.name, states=("done",), open=True), CHECKER)
    chosen = request.path_params.get("id") or request.query_params.get("case")
    case = next((c for c in waiting if c.id == chosen), waiting[0] if waiting else None)
    errors = refused.fields if refused else {}
    verify, send_back = TASK.action("verify"), TASK.action("send_back")
    rechecks = hand.cases(asking, Filter(RATING.name, states=("rechecking",), open=True), CHECKER)
    lately = hand.cases(asking, Filter(TASK.name, states=("verified",), open=False), CHECKER)[:6]
    context: dict[str, Any] = {
        "texts": texts,
        "case": case,
        "waiting": texts.WAITING.filled(n=len(waiting)),
        "refused": refused,
        "errors": errors,
        "verify": verify,
        "send_back": send_back,
        "rechecks": case_view.cards(asking, rechecks, f"/{RATING.name}/"),
        "lately": [
            replace(card, href=f"/homes/visits/{card.case.id}/link") for card in _cards(asking, lately, "/")
        ],
        "keys": (("c", verify.label), ("w", send_back.label)),
    }
    if case is not None:
        context["view"] = hand.view(asking, case)
        context["name"] = _name(asking, [case])[case.id]
        context["back_fields"] = forms.draw(
            send_back.evidence, case_view.choices(asking), errors=errors, lang=asking.lang
        )
        context["others"] = _cards(asking, [c for c in waiting if c.id != case.id][:12], "/homes/check?case=")
    return shell.page(request, "homes/check.html", _CHECK, context, status=refused.status if refused else 200)


def link_form(request: Request) -> Response:
    """GET /homes/visits/ID/link: what the link is for, and the button that makes one."""
    return _link(request, "")


def link(request: Request) -> Response:
    """POST /homes/visits/ID/link: makes a link by which the units of the estate rate the visit; shown this once."""
    asking = visit(request)
    case = _HAND.one(asking, request.path_params["id"], CHECKER)
    code = asking.district.store.write(lambda tx: asking.district.people.tracking.issue(tx, case.id))
    return _link(request, f"/homes/rate/{code}")


def _link(request: Request, path: str) -> Response:
    asking = visit(request)
    case = _HAND.one(asking, request.path_params["id"], CHECKER)
    context = {
        "texts": texts,
        "case": case,
        "name": _name(asking, [case])[case.id],
        "path": path,
        "host": str(request.base_url).rstrip("/"),
    }
    return shell.page(request, "homes/link.html", _LINK, context)


def _name(asking: Visit, cases: Sequence[Case]) -> dict[str, Label]:
    """What each task is called: estate, work, day."""
    with asking.district.store.read() as tx:
        known = estates_now(asking.district, tx)
    found: dict[str, Label] = {}
    for case in cases:
        estate, work = known.get(str(case.data["estate"])), WORKS[str(case.data["work"])]
        name = estate.label if estate else Label(case.title, case.title)
        day = case.data["day"]
        found[case.id] = Label(f"{name.zh} {work.zh} {day}", f"{name.en}, {work.en} {day}")
    return found


def _cards(asking: Visit, cases: Sequence[Case], root: str) -> list[case_view.Card]:
    names = _name(asking, cases) if cases else {}
    return [replace(card, title=names[card.case.id]) for card in case_view.cards(asking, cases, root)]
