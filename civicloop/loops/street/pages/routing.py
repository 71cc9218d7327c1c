"""The rules that say which unit a case is sent to: read, tried on the last thirty days' cases, published from a moment on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.cases.fields import Field, read_given
from civicloop.kernel.facts.reference import Snapshot
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.time.clock import to_datetime
from civicloop.loops.street import rules
from civicloop.loops.street.api import routing
from civicloop.loops.street.pages import texts
from civicloop.loops.street.routing.rules import OF_THE_STREET
from civicloop.web import case_view, forms, shell
from civicloop.web.mount import form_of
from civicloop.web.visit import Visit, visit

_TITLE = Label("派遣规则", "Routing rules")
_START = Field("start", texts.VALID_FROM, "instant")
_SHOWN = 5
_CONDITIONS = ("kinds", "groups", "places", "days", "hours", "sources")


def show(request: Request) -> Response:
    """GET /street/routing: the rules in force and every version; `version` puts an earlier one into the form."""
    asking = visit(request)
    with asking.district.store.read() as tx:
        snapshot = asking.district.reference.snapshot(tx)
    row = snapshot.row(request.query_params.get("version", "")) or snapshot.get(
        rules.ROUTING, rules.RULES, asking.district.clock.now()
    )
    data = row.data["rules"] if row is not None and row.set == rules.ROUTING else []
    return _page(request, routing.written(data), None, None)


def changed(request: Request) -> Response:
    """POST /street/routing: tries the rules of the form, or publishes them where `publish` is pressed."""
    asking, form = visit(request), form_of(request)
    district, text = asking.district, str(form.get("rules", ""))[:50_000]
    result: routing.Tried | None = None
    try:
        data = routing.read_text(text)
        with district.store.read() as tx:
            snapshot = district.reference.snapshot(tx)
        result = routing.tried(district, routing.router_of_text(district, snapshot, data))
        if "publish" in form:
            given = read_given((_START,), forms.raw_values((_START,), form, district, asking.actor.person_id))
            routing.publish(district, data, given["start"], asking.actor)
            return RedirectResponse("/street/routing?published=1", status_code=303)
    except Refusal as refused:
        return _page(request, text, result, refused)
    return _page(request, text, result, None)


def _page(request: Request, text: str, result: routing.Tried | None, refused: Refusal | None) -> Response:
    asking = visit(request)
    district, now = asking.district, asking.district.clock.now()
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
    known = case_view.choices(asking)
    units: Mapping[str, Label | str] = {o.value: o.label for o in known.units}
    row = snapshot.get(rules.ROUTING, rules.RULES, now)
    errors = refused.fields if refused else {}
    context = {
        "texts": texts,
        "text": text,
        "published": "published" in request.query_params,
        "rules": [_shown(asking, snapshot, units, rule) for rule in (row.data["rules"] if row else [])],
        "versions": [
            (each.id, case_view.local(each.valid_from, district.zone), len(each.data["rules"]), each is row)
            for each in routing.versions(snapshot)
        ],
        "tried": _moves(units, result) if result else None,
        "said": texts.TRIED.filled(cases=result.cases, n=result.count) if result else "",
        "start": forms.draw(
            (_START,),
            known,
            values={"start": to_datetime(now, district.zone).strftime("%Y-%m-%dT%H:%M")},
            errors=errors,
            lang=asking.lang,
        ),
        "refused": refused,
        "errors": errors,
    }
    return shell.page(
        request, "street/routing.html", _TITLE, context, status=refused.status if refused else 200
    )


def _moves(units: Mapping[str, Label | str], result: routing.Tried) -> list[dict[str, Any]]:
    return [
        {
            "before": units.get(each.before, each.before or texts.NOBODY),
            "after": units.get(each.after, each.after or texts.NOBODY),
            "count": len(each.cases),
            "cases": [(f"/street/{case.id}", case.number) for case in each.cases[:_SHOWN]],
        }
        for each in result.elsewhere
    ]


def _shown(
    asking: Visit, snapshot: Snapshot, units: Mapping[str, Label | str], rule: Mapping[str, Any]
) -> dict[str, Any]:
    unit = str(rule["unit"])
    return {
        "code": rule["code"],
        "unit": texts.STREETS_OWN if unit == OF_THE_STREET else units.get(unit, unit),
        "because": Label(str(rule["because"]["zh"]), str(rule["because"]["en"])),
        "conditions": [
            word for key in _CONDITIONS if rule.get(key) for word in _words(asking, snapshot, key, rule[key])
        ],
    }


def _words(asking: Visit, snapshot: Snapshot, key: str, value: str | Sequence[str]) -> list[Label | str]:
    """The values of a condition as people read them."""
    if isinstance(value, str):
        return [value]
    if key == "kinds":
        known = case_view.choices(asking)
        return [case_view.kind_name(known, code) for code in value]
    if key == "groups":
        rows = snapshot.all("categories", asking.district.clock.now())
        names = {r.data["group"]: Label(str(r.data["group_zh"]), str(r.data["group_en"])) for r in rows}
        return [names.get(code, code) for code in value]
    if key == "places":
        return [area.label if (area := asking.district.places.area(code)) else code for code in value]
    if key == "days":
        return [texts.DAYS[code] for code in value]
    return list(value)
