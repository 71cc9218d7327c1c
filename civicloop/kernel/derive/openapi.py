"""The OpenAPI 3.1 document of a set of processes, with the operations that loops declare by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from civicloop.kernel.cases.process import Process
from civicloop.kernel.derive.answers import SCHEMAS, reference
from civicloop.kernel.derive.routes import KERNELS_OWN, RouteValue, routes
from civicloop.kernel.derive.schema import Known, body_schema, bulk_schema, opening_schema
from civicloop.kernel.facts.datum import DATUMS
from civicloop.kernel.label import Label

Document = dict[str, Any]

IDEMPOTENCY_KEY = "Idempotency-Key"
API_KEY_HEADER = "X-API-Key"
TRACKING_HEADER = "X-Tracking-Code"
SESSION_COOKIE = "__Host-session"

_PROBLEMS = {
    400: Label("请求无法读取。", "The request could not be read."),
    401: Label("请先登录或提供 API 密钥。", "Sign in or give an API key."),
    403: Label("没有权限。", "Not allowed to this person here."),
    404: Label("没有此项，或无权知道。", "There is no such thing, or not for this person."),
    409: Label("状态、修订号或规则不允许；原因见 detail。", "State, revision or a guard forbids it; `detail` says why."),
    413: Label("内容过大。", "Too much content."),
    415: Label("内容类型不受支持。", "This kind of content is not taken."),
    422: Label("有字段不正确，每个字段一句说明。", "Fields are wrong; a sentence for each."),
    429: Label("请求过于频繁，见 Retry-After。", "Too many requests; see Retry-After."),
    503: Label("暂时无法写入，没有写入任何内容。", "It can't be stored now; nothing was written."),
}  # fmt: skip
_DONE = {
    200: Label("已完成并已落盘。", "Done, and durable."),
    201: Label("已立案并已落盘。", "Opened, and durable."),
}
_ANSWERS = {
    "list": "CaseList", "show": "CaseDetail", "history": "History", "open": "Receipt", "perform": "Receipt",
    "bulk": "BulkAnswer",
}  # fmt: skip
_KEY = Label(
    "由客户端生成的请求编号；重复提交得到同一回执。",
    "Made by the client; a repetition gets the same receipt.",
)
_ID = Label("案件编号（id）", "The case's id")


class DocumentError(ValueError):
    """Two parts of the document say different things under one name."""


def said(label: Label) -> str:
    """A text in both languages, one paragraph each."""
    return f"{label.zh}\n\n{label.en}"


def document(
    processes: Iterable[Process],
    *,
    title: str,
    version: str,
    more: Sequence[Mapping[str, Any]] = (),
    known: Known | None = None,
    role_names: Mapping[str, Label] | None = None,
    session_cookie: str = SESSION_COOKIE,
    description: Label | None = None,
) -> Document:
    """The document; `more` are partial documents (`paths`, `components`, `tags`) of operations declared by hand.

    `known` lists the values of reference sets ("category", "unit" or a field's source), so that what only the
    store knows is an enumeration. DocumentError when a hand-declared operation or schema takes a derived name.
    """
    found: Document = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "tags": [],
        "paths": {},
        "components": _components(session_cookie),
    }
    if description is not None:
        found["info"]["description"] = said(description)
    for process in processes:
        tag: Document = {"name": process.name, "x-label": {"zh": process.label.zh, "en": process.label.en}}
        if process.purpose is not None:
            tag["description"] = said(process.purpose)
        found["tags"].append(tag)
        for route in routes(process):
            if not route.page:
                operations = found["paths"].setdefault(route.path, {})
                operations[route.method.lower()] = operation(route, known, role_names or {})
    for part in more:
        _add(found, part)
    return found


def operation(route: RouteValue, known: Known | None, role_names: Mapping[str, Label]) -> Document:
    """One derived operation."""
    found: Document = {
        "operationId": route.operation_id,
        "tags": [route.process.name],
        "summary": f"{route.summary.zh} · {route.summary.en}",
        "description": _about(route, role_names),
        "parameters": _parameters(route),
        "responses": _responses(route),
        "security": [{"session": []}, {"apiKey": []}, {"bearer": []}],
        "x-roles": sorted(route.by),
    }
    if "public" in route.by:
        found["security"].append({})
    if "reporter" in route.by and route.kind == "perform":
        found["security"].append({"trackingCode": []})
    body = _body(route, known)
    if body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return found


def _about(route: RouteValue, role_names: Mapping[str, Label]) -> str:
    roles = [role_names.get(role, Label(role, role)) for role in sorted(route.by)]
    who = Label("可用角色：" + "、".join(r.zh for r in roles), "For: " + ", ".join(r.en for r in roles))
    action = route.action
    if action is None:
        return said(who)
    parts = [said(who)]
    if action.hint is not None:
        parts.append(said(action.hint))
    if action.guard is not None and action.guard.__doc__:
        parts.append(action.guard.__doc__.strip())
    parts.append(f"`{action.moves}`")
    return "\n\n".join(parts)


def _body(route: RouteValue, known: Known | None) -> Document | None:
    if route.action is None:
        return None
    if route.kind == "open":
        return opening_schema(route.process, route.action, known)
    if route.kind == "bulk":
        return bulk_schema(route.action, known)
    return body_schema(route.fields, known, revision=True)


def _parameters(route: RouteValue) -> list[Document]:
    if route.kind == "list":
        return _filters(route.process)
    found: list[Document] = []
    if "{id}" in route.path:
        found.append(
            {
                "name": "id", "in": "path", "required": True, "description": said(_ID),
                "schema": {"type": "string", "minLength": 1, "maxLength": 64},
            }
        )  # fmt: skip
    if route.kind == "show":
        found.append(_query(*_DATUM))
    if route.kind in ("open", "perform"):
        found.append(
            {
                "name": IDEMPOTENCY_KEY, "in": "header", "required": False, "description": said(_KEY),
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,100}$"},
            }
        )  # fmt: skip
    return found


_DATUM: tuple[str, Document, Label] = (
    "datum",
    {"type": "string", "enum": list(DATUMS)},
    Label("位置的坐标系，缺省 wgs84", "Datum of the positions, wgs84 unless said"),
)


def _filters(process: Process) -> list[Document]:
    code = {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,64}$"}
    words = Label
    many = Label("可用逗号分隔多个。", "Several, separated by commas, mean any of them.")
    moment = {"type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T00:00:00Z$"}
    states = {"type": "string", "enum": [state.name for state in process.states]}
    rows: list[tuple[str, Document, Label]] = [
        ("state", states, many),
        ("kind", code, many),
        ("street", code, many),
        ("community", code, many),
        ("unit", code, many),
        ("holder", code, words("承办人", "Who has it")),
        ("open", {"type": "boolean"}, words("true：未办结；false：已办结", "true: not ended; false: ended")),
        ("due_before", moment, words("此时之前到期（UTC）", "Due before this moment (UTC)")),
        (
            "q",
            {"type": "string", "minLength": 1, "maxLength": 100},
            words("搜索词；也查类别名称", "Words to search for, in the names of categories too"),
        ),
        ("cursor", {"type": "string", "maxLength": 200}, words("上一页的 next", "`next` of the page before")),
        (
            "limit",
            {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
            words("条数", "How many"),
        ),
        _DATUM,
    ]
    return [_query(*row) for row in rows]


def _query(name: str, schema: Document, label: Label) -> Document:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": said(label)}


def _responses(route: RouteValue) -> Document:
    found: Document = {}
    for status in route.responses:
        if status < 400:
            content = {"application/json": {"schema": reference(_ANSWERS[route.kind])}}
            found[str(status)] = {"description": said(_DONE[status]), "content": content}
        else:
            found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    if route.kind == "open":
        links = _links(route)
        if links:
            found["201"]["links"] = links
    return found


def _links(route: RouteValue) -> Document:
    """Where the opened case can go from its start state, and where to look at it."""
    process = route.process
    ids = {"parameters": {"id": "$response.body#/case_id"}}
    names = [f"show-{process.name}", f"history-{process.name}"]
    first = process.compiled.from_state[process.compiled.start.name]
    names += [f"perform-{process.name}-{action.name}" for action in first if action.roles - KERNELS_OWN]
    return {name: {"operationId": name, **ids} for name in names}


def _components(session_cookie: str) -> Document:
    problem = {"application/problem+json": {"schema": reference("Problem")}}
    responses: Document = {}
    for status, words in _PROBLEMS.items():
        responses[f"Problem{status}"] = {"description": said(words), "content": problem}
    responses["Problem429"]["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 0}}}
    return {
        "schemas": dict(SCHEMAS),
        "responses": responses,
        "securitySchemes": {
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": session_cookie,
                "description": said(Label("登录会话", "The session of a signed-in person")),
            },
            "apiKey": {
                "type": "apiKey",
                "in": "header",
                "name": API_KEY_HEADER,
                "description": said(Label("程序用的 API 密钥", "An API key, for programs")),
            },
            "trackingCode": {
                "type": "apiKey",
                "in": "header",
                "name": TRACKING_HEADER,
                "description": said(
                    Label(
                        "上报回执中的查询码：出示者即上报人，只能对自己上报的案件评价或反馈",
                        "The tracking code of a report's receipt: who shows it is the reporter, for his own case only",
                    )
                ),
            },
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": said(Label("同一 API 密钥", "The same key as a bearer token")),
            },
        },
    }


def _add(found: Document, part: Mapping[str, Any]) -> None:
    for path, operations in part.get("paths", {}).items():
        there = found["paths"].setdefault(path, {})
        for method, declared in operations.items():
            if method in there:
                raise DocumentError(f"{method.upper()} {path} is declared twice")
            there[method] = declared
    for section, values in part.get("components", {}).items():
        there = found["components"].setdefault(section, {})
        for name, declared in values.items():
            if name in there and there[name] != declared:
                raise DocumentError(f"components/{section}/{name} is declared twice")
            there[name] = declared
    found["tags"] += [tag for tag in part.get("tags", ()) if tag not in found["tags"]]
