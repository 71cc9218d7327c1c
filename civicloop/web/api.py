"""The derived API: each route of a process as JSON under /api, for API keys and sessions.

Every refusal is problem+json; an accepted action is durable when its receipt leaves. Reads run in worker threads, writes wait
on the store's writer without one.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from civicloop.kernel.cases import history, queue, rows
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.engine import Receipt
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.reports import REPORT_FIELDS, ReportGiven
from civicloop.kernel.derive import answers
from civicloop.kernel.derive.routes import LIST_FILTERS, RouteValue
from civicloop.kernel.derive.schema import BULK_AT_MOST, CASES, REPORT, REVISION, read_json, read_revision
from civicloop.kernel.facts.datum import Datum, is_datum
from civicloop.kernel.label import Label
from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import Actor, ApiScope, Where
from civicloop.kernel.refusal import Forbidden, Invalid, Missing, Refusal
from civicloop.kernel.registry.district import District
from civicloop.web import filters
from civicloop.web.admission import (
    Caller,
    Headers,
    admit,
    body_of,
    caller,
    check_json,
    decoded,
    only_known,
    reporter_or_caller,
    request_key,
)
from civicloop.web.intake_rate import IntakeRate
from civicloop.web.problems import problem, problem_response

JSON: Final = "application/json"
NEEDS: Final[Mapping[str, ApiScope]] = {
    "list": "read", "show": "read", "history": "read", "open": "open", "perform": "perform", "bulk": "perform",
}  # fmt: skip

_CODE: Final = re.compile(r"[A-Za-z0-9_.:~-]{1,64}")
_FILTERS: Final = frozenset(LIST_FILTERS) | {"breached", "datum"}
_NO_DATUM = Label("坐标系须是 wgs84、gcj02 或 cgcs2000。", "The datum must be wgs84, gcj02 or cgcs2000.")
_LATER = frozenset({REPORT})
_WITH_REVISION = frozenset({REVISION})
_WITH_CASES = frozenset({CASES})
_NO_CASE = Label("没有编号为 {id} 的案件，请核对。", "There is no case {id}; check the number.")
_NO_CASES = Label(
    "cases 应是1到{most}个案件编号的列表。", "cases must be a list of 1 to {most} ids of cases, each once."
)


def route(value: RouteValue) -> Route:
    """The Starlette route of a derived API operation."""
    work = _READS.get(value.kind)

    async def endpoint(request: Request) -> Response:
        try:
            if work is None:
                return await _WRITES[value.kind](request, value)
            return await _read(request, value, work)
        except Refusal as refused:
            return problem_response(refused)

    return Route(value.path, endpoint, methods=[value.method], name=value.operation_id)


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that no cache keeps: what one may see depends on who asks."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(body), status, media_type=JSON, headers=kept)


# ---- reading --------------------------------------------------------------------------------------------------------

_Read = Callable[[Request, RouteValue, District, Actor], Any]


async def _read(request: Request, value: RouteValue, work: _Read) -> Response:
    district: District = request.app.state.district
    headers = Headers.of(request.scope)
    who = await caller(district, headers)
    actor = admit(district, who, headers, value.by, NEEDS[value.kind], writes=False)
    return json_response(await run_in_threadpool(work, request, value, district, actor))


def _list(request: Request, value: RouteValue, district: District, actor: Actor) -> Any:
    params = request.query_params
    only_known(params, _FILTERS)
    wanted, limit = filters.wanted(value.process, params, strict=True)
    with district.store.read() as tx:
        try:
            found = queue.page(
                tx,
                district.code,
                wanted,
                actor,
                value.by,
                after=params.get("cursor", ""),
                limit=limit,
                named=district.named(tx),
            )
        except Invalid as refused:
            # The only thing that can be wrong by now is the cursor: there is no such page.
            raise Missing(refused.reason) from refused
    body = answers.list_json(value.process, found.cases, found.after)
    datum = _datum(params)
    return (
        body if datum == "wgs84" else {**body, "cases": [answers.in_datum(c, datum) for c in body["cases"]]}
    )


def _show(request: Request, value: RouteValue, district: District, actor: Actor) -> Any:
    with district.store.read() as tx:
        case = seen(district, tx, value.process, request.path_params["id"], actor, value.by)
        clocks = rows.load_clocks(tx, district.code, case.id)
        earlier = district.engine.doers(tx, case)
    offers = district.engine.offers(case, actor, earlier)
    body = answers.detail_json(value.process, case, clocks, offers)
    datum = _datum(request.query_params)
    return body if datum == "wgs84" else {**body, "case": answers.in_datum(body["case"], datum)}


def _datum(params: QueryParams) -> Datum:
    """The datum that positions are asked for in; Invalid for one that is none."""
    datum = params.get("datum", "wgs84")
    if not is_datum(datum):
        raise Invalid(_NO_DATUM, fields={"datum": _NO_DATUM})
    return datum


def _history(request: Request, value: RouteValue, district: District, actor: Actor) -> Any:
    with district.store.read() as tx:
        case = seen(district, tx, value.process, request.path_params["id"], actor, value.by)
        return answers.history_json(case.id, history.rows_of_case(tx, district.code, case.id))


def seen(
    district: District, tx: Any, process: Process, case_id: str, actor: Actor, by: frozenset[str]
) -> Case:
    """The case of that id or number, if the actor may see it as one of `by`; Missing otherwise, as if there were none."""
    case = rows.load_case(tx, district.code, case_id)
    if case is None:
        found = queue.number_or_id(tx, district.code, case_id)
        case = rows.load_case(tx, district.code, found) if found else None
    if case is None or case.process != process.name or not district.engine.visible(case, actor, by):
        raise Missing(_NO_CASE.filled(id=case_id[:64]))
    return case


_READS: Final[Mapping[str, _Read]] = {"list": _list, "show": _show, "history": _history}


# ---- writing --------------------------------------------------------------------------------------------------------


async def _received(
    district: District, receive: Receive, value: RouteValue, headers: Headers, who: Caller
) -> tuple[Actor, Any]:
    """The actor and the decoded body of a write, after every check that needs neither thread nor store."""
    actor = admit(district, who, headers, value.by, NEEDS[value.kind], writes=True)
    check_json(headers)
    return actor, decoded(await body_of(receive))


async def opened(
    district: District, rate: IntakeRate, scope: Scope, receive: Receive, value: RouteValue
) -> Receipt:
    """Opens a case from a request: the intake's hot path, with one operation and no thread of its own."""
    headers = Headers.of(scope)
    actor, body = await _received(district, receive, value, headers, await caller(district, headers))
    assert value.action is not None
    if not actor.signed_in:
        client = scope.get("client")
        rate.count(client[0] if client else "")
    beside = _LATER if value.process.reported else frozenset[str]()
    given = read_json(value.fields, body, beside)
    told = report_given(value.process, body, given, actor)
    operation = district.engine.opening(
        value.process.name, value.action.name, given, actor,
        key=request_key(headers, actor), report=told, source=told.channel if told else actor.via,
    )  # fmt: skip
    return await district.store.awrite(operation)


def report_given(
    process: Process, body: Mapping[str, Any], given: Mapping[str, Any], actor: Actor
) -> ReportGiven | None:
    """The report that opens a case, where the process is opened by reports; Invalid names its fields "report.NAME"."""
    if not process.reported:
        return None
    clean: Mapping[str, Any] = {}
    if REPORT in body:
        try:
            clean = read_json(REPORT_FIELDS, body[REPORT])
        except Invalid as refused:
            wrong = {f"{REPORT}.{name}": words for name, words in refused.fields.items()}
            raise Invalid(refused.reason, fields=wrong or {REPORT: refused.reason}) from refused
    return ReportGiven(
        actor.via,
        description=clean.get("description", ""),
        kind=str(given.get("kind", "")),
        address=clean.get("address", ""),
        position=next((given[f.name] for f in process_points(process, given)), None),
        media=tuple(clean.get("media", ())),
        name=clean.get("name", ""),
        contact=clean.get("contact", ""),
        consent=bool(clean.get("consent", False)),
    )


def process_points(process: Process, given: Mapping[str, Any]) -> list[Any]:
    """The fields of kind point among what was given with an opening."""
    return [
        field
        for action in process.compiled.openings
        for field in action.evidence
        if field.kind == "point" and field.name in given
    ]


async def _open(request: Request, value: RouteValue) -> Response:
    receipt = await opened(
        request.app.state.district, request.app.state.intake_rate, request.scope, request.receive, value
    )
    return json_response(receipt, 201, {"Location": f"/api/{value.process.name}/{receipt.case_id}"})


async def _perform(request: Request, value: RouteValue) -> Response:
    district: District = request.app.state.district
    headers = Headers.of(request.scope)
    who = await reporter_or_caller(district, headers)
    actor, body = await _received(district, request.receive, value, headers, who)
    assert value.action is not None
    # Who may not act on this case is told so before anything is said of its fields.
    case_id = await run_in_threadpool(_acted_on, district, value, request.path_params["id"], actor)
    given = read_json(value.fields, body, _WITH_REVISION)
    operation = district.engine.performing(
        case_id, value.action.name, given, actor,
        revision=read_revision(body), key=request_key(headers, actor),
    )  # fmt: skip
    return json_response(await district.store.awrite(operation))


def _acted_on(district: District, value: RouteValue, text: str, actor: Actor) -> str:
    """The id of the case with this id or number, where the actor may act; Missing or Forbidden otherwise."""
    with district.store.read() as tx:
        found = queue.number_or_id(tx, district.code, text)
        case = rows.load_case(tx, district.code, found) if found else None
    if case is None or case.process != value.process.name:
        raise Missing(_NO_CASE.filled(id=text[:64]))
    where = Where(district.code, case.street, case.community, case.unit, case.holder, case.id)
    refused = may(actor, value.by, where, names=district.registry.role_names)
    if refused is not None:
        raise Forbidden(refused)
    return case.id


async def _bulk(request: Request, value: RouteValue) -> Response:
    district: District = request.app.state.district
    headers = Headers.of(request.scope)
    actor, body = await _received(district, request.receive, value, headers, await caller(district, headers))
    assert value.action is not None
    given = read_json(value.fields, body, _WITH_CASES)
    cases = body.get(CASES)
    if (
        not isinstance(cases, list)
        or not 1 <= len(cases) <= BULK_AT_MOST
        or not all(isinstance(case, str) and _CODE.fullmatch(case) for case in cases)
    ):
        reason = _NO_CASES.filled(most=BULK_AT_MOST)
        raise Invalid(reason, fields={CASES: reason})
    wanted = list(dict.fromkeys(cases))
    results = await run_in_threadpool(done_to_many, district, value, wanted, given, actor)
    return json_response(answers.bulk_json(results))


def done_to_many(
    district: District, value: RouteValue, cases: list[str], given: Mapping[str, Any], actor: Actor
) -> list[tuple[str, Receipt | dict[str, Any]]]:
    """Performs the action on each case, each for itself: its receipt, or the problem why not.

    Invalid, and nothing is done, when what is given is wrong for every case.
    """
    assert value.action is not None
    with district.store.read() as tx:
        district.engine.check_given(tx, value.action, given)
        known = {row[0] for row in _of_process(tx, district.code, value.process.name, cases)}
    done = district.engine.perform_many([(c, value.action.name, given) for c in cases if c in known], actor)
    by_id = dict(zip((c for c in cases if c in known), done, strict=True))
    found: list[tuple[str, Receipt | dict[str, Any]]] = []
    for case_id in cases:
        what = by_id.get(case_id, Missing(_NO_CASE.filled(id=case_id[:64])))
        if isinstance(what, Refusal):
            found.append((case_id, problem(what)))
        elif isinstance(what, Receipt):
            found.append((case_id, what))
        else:
            raise what
    return found


def _of_process(tx: Any, district: str, process: str, cases: list[str]) -> list[Any]:
    marks = ", ".join("?" * len(cases))
    found: list[Any] = tx.all(
        f"SELECT id FROM cases WHERE district = ? AND process = ? AND id IN ({marks})",
        (district, process, *cases),
    )
    return found


_WRITES: Final[Mapping[str, Callable[[Request, RouteValue], Awaitable[Response]]]] = {
    "open": _open, "perform": _perform, "bulk": _bulk,
}  # fmt: skip
