"""Who asks by program and what he sends: API key or session, cross-site refused, JSON read or refused with the place.

Works on the bare ASGI scope, so that the intake's hot path pays for no request object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import cookie_parser
from starlette.types import Receive, Scope

from civicloop.kernel.cases import reports
from civicloop.kernel.derive.openapi import TRACKING_HEADER
from civicloop.kernel.label import Label
from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import PUBLIC, Actor, ApiScope, reporter
from civicloop.kernel.people.sessions import csrf_right
from civicloop.kernel.refusal import Forbidden, Invalid, Malformed, SignIn, Unsupported
from civicloop.kernel.registry.district import District
from civicloop.web.visit import SESSION_COOKIE

KEY_HEADER: Final = "Idempotency-Key"
_TRACKING: Final = TRACKING_HEADER.lower().encode()
_KEY_MOST: Final = 100
_KEY_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")

_BAD_KEY = Label(
    "API 密钥无效、已过期或已吊销，请换用有效的密钥。",
    "The API key is unknown, expired or revoked. Use a valid one.",
)
_NO_TOKEN = Label(
    "用登录会话调用接口须带 X-CSRF-Token 请求头；程序请改用 API 密钥。",
    "A call by session needs the header X-CSRF-Token. Programs use an API key instead.",
)
_BAD_CODE = Label(
    "没有此查询码对应的上报，请核对查询码。",
    "No report has this tracking code. Check the code and try again.",
)
_CROSS_SITE = Label("请求来自别的网站，已拒绝。", "The request came from another site and was refused.")
_NOT_JSON = Label(
    "内容类型应为 application/json，收到的是“{given}”。", "Send application/json; this was “{given}”."
)
_EMPTY = Label(
    "请求没有内容；请发送一个 JSON 对象，例如 {}。", "The request is empty; send a JSON object such as {}."
)
_UNREADABLE = Label(
    "JSON 无法读取：第 {line} 行第 {column} 列附近，{why}。",
    "The JSON can't be read near line {line}, column {column}: {why}.",
)
_NO_KEY = Label(
    "Idempotency-Key 须为1到100个字母、数字或 _ . : - 。",
    "Idempotency-Key has 1 to 100 letters, digits or _ . : - .",
)


class Headers(dict[bytes, bytes]):
    """A request's headers by lower-case name; of a repeated one the last counts."""

    @classmethod
    def of(cls, scope: Scope) -> Headers:
        """The headers of an ASGI scope."""
        return cls(scope["headers"])

    def text(self, name: bytes) -> str:
        """A header's value, "" without one."""
        return self.get(name, b"").decode("latin-1")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the actor, and the token of a session ("" for a key or a stranger)."""

    actor: Actor
    token: str = ""


async def caller(district: District, headers: Headers) -> Caller:
    """Who calls by these headers; SignIn when a key was given that opens nothing."""
    people = district.people
    key = _key(headers)
    if key:
        actor = people.remembered(key)
        if actor is None or actor.api_scopes is None:  # a session's token is no key
            actor = await run_in_threadpool(people.actor_of_key, key)
        if actor is None or actor.api_scopes is None:
            raise SignIn(_BAD_KEY, code="bad-key")
        return Caller(actor)
    cookies = headers.get(b"cookie")
    if not cookies:
        return Caller(PUBLIC)
    token = cookie_parser(cookies.decode("latin-1")).get(SESSION_COOKIE, "")
    if not token:
        return Caller(PUBLIC)
    found = people.remembered(token)
    if found is None:
        found = await run_in_threadpool(people.actor_of_session, token)
    # A key is no session, whatever header it comes in.
    return Caller(found, token) if found.signed_in and found.api_scopes is None else Caller(PUBLIC)


async def reporter_or_caller(district: District, headers: Headers) -> Caller:
    """Whoever shows a report's tracking code is its reporter, whatever else he shows; SignIn when it is no report's."""
    code = headers.text(_TRACKING)
    return await run_in_threadpool(_reporter, district, code) if code else await caller(district, headers)


def _reporter(district: District, code: str) -> Caller:
    with district.store.read() as tx:
        found = reports.report_of_tracking_code(tx, district.code, code)
        case_id = reports.case_of_report(tx, district.code, found.id) if found else None
    if case_id is None:
        raise SignIn(_BAD_CODE, code="bad-tracking-code")
    return Caller(reporter([case_id]))


def known(district: District, headers: Headers) -> Caller | None:
    """The caller by his API key, where it is remembered: what needs neither store nor thread."""
    key = _key(headers)
    actor = district.people.remembered(key) if key else None
    return None if actor is None or actor.api_scopes is None else Caller(actor)


def _key(headers: Headers) -> str:
    text = headers.text(b"x-api-key")
    if text:
        return text
    scheme, _, value = headers.text(b"authorization").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def admit(
    district: District,
    who: Caller,
    headers: Headers,
    by: frozenset[str],
    need: ApiScope,
    *,
    writes: bool,
) -> Actor:
    """The actor, where he may come in at all: SignIn or Forbidden otherwise; a session's write needs its token."""
    actor = who.actor
    refused = may(actor, by, None, need=need, names=district.registry.role_names)
    if refused is not None:
        raise Forbidden(refused) if actor.signed_in else SignIn(refused)
    if writes and actor.api_scopes is None:
        if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            raise Forbidden(_CROSS_SITE, code="cross-site")
        if who.token and not csrf_right(who.token, headers.text(b"x-csrf-token")):
            raise Forbidden(_NO_TOKEN, code="no-csrf-token")
    return actor


def check_json(headers: Headers) -> None:
    """Unsupported unless the content says that it is JSON."""
    given = headers.get(b"content-type", b"")
    if given == b"application/json":
        return
    name = given.partition(b";")[0].strip().lower()
    if name != b"application/json" and not (name.startswith(b"application/") and name.endswith(b"+json")):
        raise Unsupported(_NOT_JSON.filled(given=name.decode("latin-1")[:60] or "-"))


async def body_of(receive: Receive) -> bytes:
    """The whole body; the shield before us keeps it within its limit."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body
    parts = [body]
    while message.get("more_body", False):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def decoded(body: bytes) -> Any:
    """The JSON value of a body; Malformed says what is wrong and where."""
    if not body.strip():
        raise Malformed(_EMPTY)
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(body, error) from error


def unreadable(body: bytes, error: Exception) -> Malformed:
    """The refusal of a body that is no JSON, with line and column of the fault."""
    if not body.strip():
        return Malformed(_EMPTY)
    why, _, place = str(error).rpartition(" (byte ")
    if not why:
        why, place = str(error), ""
    at = int(place.rstrip(")")) if place.rstrip(")").isdecimal() else len(body)
    before = body[:at]
    line = before.count(b"\n") + 1
    column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
    why = why.removeprefix("JSON is malformed: ")[:200]
    return Malformed(
        _UNREADABLE.filled(line=line, column=column, why=why),
        code="bad-json",
        extra={"line": line, "column": column},
    )


def request_key(headers: Headers, actor: Actor) -> str | None:
    """The engine's key of a request's Idempotency-Key: apart for each account, and for each case's reporter; Invalid when it is none."""
    given = headers.get(b"idempotency-key")
    if given is None:
        return None
    text = given.decode("latin-1")
    if not text or len(text) > _KEY_MOST or not _KEY_LETTERS.issuperset(text):
        raise Invalid(_NO_KEY, fields={KEY_HEADER: _NO_KEY})
    cases = [grant.scope.code for grant in actor.grants if grant.scope.kind == "case"]
    return ":".join((actor.account_id or actor.person_id, *cases, text))


def only_known(params: Mapping[str, Any], known: frozenset[str]) -> None:
    """Invalid for a query parameter that means nothing here, so that a misspelt filter is not lost in silence."""
    wrong = {
        name[:60]: _UNKNOWN.filled(name=name[:60], known=", ".join(sorted(known)))
        for name in params
        if name not in known
    }
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)


_UNKNOWN = Label("没有名为“{name}”的参数。可用：{known}。", "There is no parameter “{name}”. Known: {known}.")
