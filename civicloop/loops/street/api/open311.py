"""GeoReport v2 at /open311/v2/: each endpoint in JSON and XML, each error in the format that was asked for.

Protocol as real clients speak it: `services/` and `service/`, the key in the form, the address or a header, one request
as a list of one, an empty page past the end, and 400 for a window beyond 90 days instead of a silent cut. The language of
the texts is Chinese, or English with `lang=en`; errors say both unless `lang` is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from python_multipart.exceptions import FormParserError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.facts.reference import ReferenceRow
from civicloop.kernel.label import Label
from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import ANYBODY, PUBLIC, Actor, ApiScope
from civicloop.kernel.refusal import (
    Conflict,
    Forbidden,
    Invalid,
    Malformed,
    Missing,
    Refusal,
    SignIn,
    TooMany,
)
from civicloop.kernel.registry.district import District
from civicloop.loops.street.api import requests as selection
from civicloop.loops.street.api import submission
from civicloop.loops.street.api.filters import wanted_of
from civicloop.loops.street.api.requests import CATEGORIES, Wanted
from civicloop.loops.street.open311.sent import Sent, sent
from civicloop.loops.street.open311.wire import MEDIA_TYPES, Format, encoded, is_format
from civicloop.web.admission import Headers, request_key

# From one address with a key: a city's own server passes many people's reports on.
REPORTS_AN_HOUR: Final = 600
MOST_FIELDS: Final = 200
MOST_FILES: Final = 12
MOST_FIELD_BYTES: Final = 28 << 20  # a data: picture of 20 MB in base64
SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"

_BY = frozenset({ANYBODY})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_KEPT_STATUSES = frozenset({403, 404, 413, 429, 503})

_NO_KEY = Label(
    "上报须有密钥：请在 api_key 中填写；密钥向区管理员申请。",
    "Reporting needs a key: give it as api_key; the district's administrator hands them out.",
)
_BAD_KEY = Label(
    "api_key 无效、已过期或已吊销，请换用有效的密钥。",
    "This api_key is unknown, expired or revoked; use a valid one.",
)
_NOWHERE = Label(
    "没有这个地址。可用：discovery、services、services/编码、requests、requests/编号、tokens/编号，以 .json 或 .xml 结尾。",
    "There is nothing here. There are discovery, services, services/CODE, requests, requests/ID and tokens/ID, each with .json or .xml.",
)
_NO_REQUEST = Label("没有编号为 {id} 的问题，请核对。", "There is no service request {id}; check the id.")
_NO_TOKEN = Label("没有查询号 {id}，请核对。", "There is no token {id}; check it.")
_OTHER_PLACE = Label(
    "jurisdiction_id“{given}”不在本服务范围；请省略，或填 {ours}。",
    "jurisdiction_id “{given}” is not served here; leave it out, or give {ours}.",
)
_NO_LANGUAGE = Label("lang 只能是 zh 或 en。", "lang is zh or en.")
_NOT_A_FORM = Label(
    "请以 application/x-www-form-urlencoded 或 multipart/form-data 发送，收到的是“{given}”。",
    "Send application/x-www-form-urlencoded or multipart/form-data; this was “{given}”.",
)
_BROKEN_FORM = Label("表单无法读取：{why}", "The form can't be read: {why}")
_NOTICE = Label(
    "已收到。查询码 {code}：可在 {address}/follow 查看进度、评价或反馈未解决。办结标准：{closing}。描述与位置将公开显示。",
    "Received. With code {code} you can follow it at {address}/follow, rate it, or say that it is not fixed. Done means: {closing}. Description and place are shown publicly.",
)
_LAST_CHANGE = "2026-03-01"
_KEY_SERVICE = Label(
    "密钥由区管理员发放，上报时填入 api_key。",
    "The district's administrator hands out keys; give one as api_key when you report.",
)


# ---- endpoints ------------------------------------------------------------------------------------------------------


def discovery(request: Request) -> Response:
    """GET discovery: where this server stands and what it speaks."""

    def work(asking: _Asking) -> tuple[str, Any]:
        changed = f"{_LAST_CHANGE}T00:00:00Z"
        endpoint = {
            "specification": SPECIFICATION,
            "url": f"{asking.address}/open311/v2",
            "changeset": changed,
            "type": "test" if asking.district.settings.demo else "production",
            "formats": [kind.partition(";")[0] for kind in MEDIA_TYPES.values()],
        }
        phones = ", ".join(
            f"{phone.label.text(asking.lang)} {phone.number}" for phone in asking.district.pack.phones[:2]
        )
        return "discovery", {
            "changeset": changed,
            "contact": f"{asking.district.pack.label.text(asking.lang)} {phones}".strip(),
            "key_service": _KEY_SERVICE.text(asking.lang),
            "endpoints": [endpoint],
        }

    return _answer(request, work)


def services(request: Request) -> Response:
    """GET services: the categories that hold now."""

    def work(asking: _Asking) -> tuple[str, Any]:
        with asking.district.store.read() as tx:
            rows = asking.district.reference.snapshot(tx).all(CATEGORIES, asking.district.clock.now())
        return "services", [_service(row, asking.lang) for row in rows]

    return _answer(request, work)


def definition(request: Request) -> Response:
    """GET services/CODE: the category's further questions, of which there are none yet."""

    def work(asking: _Asking) -> tuple[str, Any]:
        code = request.path_params["code"]
        selection.require_service(asking.district, code)
        return "service_definition", {"service_code": code, "attributes": []}

    return _answer(request, work)


def requests(request: Request) -> Response:
    """GET requests: by id, which overrides the rest, or by service, time and status."""

    def work(asking: _Asking) -> tuple[str, Any]:
        district = asking.district
        wanted = wanted_of(district, asking.sent)
        with district.store.read() as tx:
            if isinstance(wanted, Wanted):
                found = selection.listed(tx, district.code, wanted)
            else:
                found = selection.by_ids(tx, district.code, wanted)
            shown = selection.shown(tx, district, found, lang=asking.lang, address=asking.address)
        return "service_requests", shown

    return _answer(request, work)


def request(request: Request) -> Response:
    """GET requests/ID: one request, as a list of one."""

    def work(asking: _Asking) -> tuple[str, Any]:
        wanted = request.path_params["id"]
        with asking.district.store.read() as tx:
            found = selection.by_ids(tx, asking.district.code, [wanted])
            if not found:
                raise Missing(_NO_REQUEST.filled(id=wanted[:60]))
            shown = selection.shown(tx, asking.district, found, lang=asking.lang, address=asking.address)
        return "service_requests", shown

    return _answer(request, work)


def token(request: Request) -> Response:
    """GET tokens/TOKEN: the request behind a tracking code. Reports are taken at once, so no other token is given out."""

    def work(asking: _Asking) -> tuple[str, Any]:
        wanted = request.path_params["token"]
        with asking.district.store.read() as tx:
            found = selection.id_of_token(tx, asking.district.code, wanted)
        if found is None:
            raise Missing(_NO_TOKEN.filled(id=wanted[:60]))
        return "service_requests", [{"service_request_id": found, "token": wanted}]

    return _answer(request, work)


def nothing(request: Request) -> Response:
    """Any other address under /open311/v2/."""
    ending = request.path_params["rest"].rpartition(".")[2]
    return _refused(
        Missing(_NOWHERE), ending if is_format(ending) else "xml", request.query_params.get("lang")
    )


async def report(request: Request) -> Response:
    """POST requests: a report, answered with its id when it is durable."""
    try:
        form = await _form(request)
    except Refusal as refused:
        form_of = request.path_params["format"]
        return _refused(refused, form_of if is_format(form_of) else "xml", request.query_params.get("lang"))
    files = [await part.read() for _, part in form.multi_items() if isinstance(part, UploadFile)]
    texts = [(name, part) for name, part in form.multi_items() if isinstance(part, str)]
    await form.close()

    def work(asking: _Asking) -> tuple[str, Any]:
        district = asking.district
        client = request.client.host if request.client else ""
        request.app.state.intake_rate.count(f"open311 {client}", most=REPORTS_AN_HOUR)
        key = request_key(Headers.of(request.scope), asking.actor)
        receipt = submission.take(district, asking.sent, [data for data in files if data], asking.actor, key)
        with district.store.read() as tx:
            row = district.reference.snapshot(tx).get(
                CATEGORIES, asking.sent.one("service_code"), district.clock.now()
            )
        closing = str(row.data["closing"][asking.lang]) if row is not None else ""
        notice = _NOTICE.filled(
            code=receipt.tracking_code, address=asking.address, closing=closing.rstrip("。.")
        )
        return "service_requests", [
            {
                "service_request_id": receipt.report_id,
                "service_notice": notice.text(asking.lang),
                "account_id": asking.actor.account_id,
            }
        ]

    return await run_in_threadpool(_answer, request, work, texts, "open", 201)


async def _form(request: Request) -> FormData:
    """The form of a POST; Malformed says why it can't be read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _FORMS:
        if not kind and not await request.body():
            return FormData()
        raise Malformed(_NOT_A_FORM.filled(given=kind[:60] or "-"))
    try:
        return await request.form(
            max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES
        )
    except HTTPException as error:
        raise Malformed(_BROKEN_FORM.filled(why=error.detail)) from error
    except FormParserError as error:
        raise Malformed(_BROKEN_FORM.filled(why=error)) from error


# ---- asking and answering -------------------------------------------------------------------------------------------


class _Asking:
    """One request: its parameters, who asks, in which language, and where this server stands for him."""

    def __init__(self, request: Request, form: list[tuple[str, str]], need: ApiScope) -> None:
        self.district: District = request.app.state.district
        self.sent: Sent = sent(request.query_params.multi_items(), form)
        if any(name == "lang" and value not in ("zh", "en") for name, value in self.sent.pairs):
            raise Invalid(_NO_LANGUAGE, fields={"lang": _NO_LANGUAGE})
        self.lang = "en" if self.sent.one("lang") == "en" else "zh"
        self.address = str(request.base_url).rstrip("/")
        ours = (self.district.code, self.district.pack.district)
        asked = self.sent.one("jurisdiction_id")
        if asked and asked not in ours:
            reason = _OTHER_PLACE.filled(given=asked[:60], ours=ours[0])
            raise Missing(reason, fields={"jurisdiction_id": reason})
        self.actor = self._admitted(request, need)

    def _admitted(self, request: Request, need: ApiScope) -> Actor:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        text = (
            self.sent.one("api_key")
            or request.headers.get("x-api-key", "")
            or (bearer.strip() if scheme.lower() == "bearer" else "")
        )
        if not text:
            if need == "read":
                return PUBLIC
            raise Forbidden(_NO_KEY, fields={"api_key": _NO_KEY})
        actor = self.district.people.actor_of_key(text)
        if actor is None or actor.api_scopes is None:
            raise Forbidden(_BAD_KEY, fields={"api_key": _BAD_KEY})
        refused = may(actor, _BY, None, need=need)
        if refused is not None:
            raise Forbidden(refused, fields={"api_key": refused})
        return actor


def _answer(
    request: Request,
    work: Callable[[_Asking], tuple[str, Any]],
    form: list[tuple[str, str]] | None = None,
    need: ApiScope = "read",
    status: int = 200,
) -> Response:
    """What `work` gives, or its refusal, in the format of the address."""
    asked = request.path_params.get("format", "xml")
    if not is_format(asked):
        return _refused(Missing(_NOWHERE), "xml", request.query_params.get("lang"))
    try:
        root, value = work(_Asking(request, form or [], need))
    except Refusal as refused:
        return _refused(refused, asked, request.query_params.get("lang"))
    return _response(root, value, asked, status)


def _response(root: str, value: Any, form: Format, status: int) -> Response:
    headers = {"Content-Type": MEDIA_TYPES[form], "Cache-Control": "no-store"}
    return Response(encoded(root, value, form), status, headers=headers)


def _refused(refused: Refusal, form: Format, lang: str | None) -> Response:
    status = _status(refused)
    errors = [
        {"code": status, "description": f"{name}: {_said(words, lang)}" if name else _said(words, lang)}
        for name, words in submission.named(refused)
    ]
    response = _response("errors", errors, form, status)
    if isinstance(refused, TooMany) and "retry_after_seconds" in refused.extra:
        response.headers["Retry-After"] = str(refused.extra["retry_after_seconds"])
    return response


def _status(refused: Refusal) -> int:
    """GeoReport knows 400, 403 and 404; what only HTTP can say stays."""
    if isinstance(refused, SignIn):
        return 403
    if isinstance(refused, Conflict):
        return 409
    return refused.status if refused.status in _KEPT_STATUSES else 400


def _said(words: Label, lang: str | None) -> str:
    return f"{words.zh} {words.en}" if lang is None else words.text(lang)


# ---- reading and showing --------------------------------------------------------------------------------------------


def _service(row: ReferenceRow, lang: str) -> dict[str, Any]:
    data = row.data
    words = dict.fromkeys([*data["keywords"], data["zh"], data["en"]])
    return {
        "service_code": row.code,
        "service_name": data[lang],
        "description": data["filing"][lang],
        "metadata": False,
        "type": "realtime",
        "keywords": ",".join(word.replace(",", " ") for word in words),
        "group": data[f"group_{lang}"],
    }
