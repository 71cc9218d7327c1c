"""The OpenAPI part of GeoReport v2: the operations as they are served, in JSON and XML.

No schema can say that two dates lie within 90 days of one another: they carry formats of their own, `open311-start` and
`open311-end`, for which a test tool may be told how to make a pair that is accepted.
"""

from __future__ import annotations

from typing import Any, Final

from civicloop.kernel.label import Label

Document = dict[str, Any]

_TAG: Final = "open311"
_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_MAYBE_NUMBER: Final = {"type": ["number", "null"]}
_TIME: Final = {"type": "string", "format": "date-time"}
_CODE: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
_CODES: Final = {"type": "string", "pattern": "^[A-Za-z0-9_ ,-]{1,64}$"}
# Days that there are; leap days and the edges of what is taken (1970, 2199) are taken too, and left out here.
_MOMENT: Final = (
    "^(19(7[1-9]|[89][0-9])|20[0-9]{2}|21([0-8][0-9]|9[0-8]))-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    "|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])$"
)
_CLEAN: Final = "^[^\\x00-\\x1f\\x7f\\ufffd]*$"


def _said(zh: str, en: str) -> str:
    label = Label(zh, en)
    return f"{label.zh}\n\n{label.en}"


def _object(**properties: Any) -> Document:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _or_blank(schema: Document) -> Document:
    """A parameter that some clients send without a value, which is as if it was left out."""
    return {"anyOf": [schema, {"type": "string", "maxLength": 0}]}


def _list(name: str) -> Document:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


_SCHEMAS: Final[Document] = {
    "Open311Error": _object(code={"type": "integer"}, description=_TEXT),
    "Open311Errors": {**_list("Open311Error"), "minItems": 1},
    "Open311Discovery": _object(
        changeset=_TIME, contact=_TEXT, key_service=_TEXT,
        endpoints={
            "type": "array",
            "items": _object(
                specification=_TEXT, url=_TEXT, changeset=_TIME, type={"type": "string", "enum": ["production", "test"]},
                formats={"type": "array", "items": _TEXT},
            ),
        },
    ),
    "Open311Service": _object(
        service_code=_TEXT, service_name=_TEXT, description=_TEXT, metadata={"type": "boolean"},
        type={"type": "string", "enum": ["realtime", "batch", "blackbox"]}, keywords=_TEXT, group=_TEXT,
    ),
    "Open311Definition": _object(service_code=_TEXT, attributes={"type": "array", "items": {"type": "object"}}),
    "Open311Request": _object(
        service_request_id=_TEXT, status={"type": "string", "enum": ["open", "closed"]}, status_notes=_TEXT,
        service_name=_TEXT, service_code=_TEXT, description=_TEXT, agency_responsible=_TEXT, service_notice=_TEXT,
        requested_datetime=_TIME, updated_datetime=_TIME, expected_datetime={"type": ["string", "null"], "format": "date-time"},
        address=_TEXT, address_id=_TEXT, zipcode=_TEXT, lat=_MAYBE_NUMBER, long=_MAYBE_NUMBER, media_url=_MAYBE_TEXT,
    ),
    "Open311Receipt": _object(service_request_id=_TEXT, service_notice=_TEXT, account_id=_TEXT),
    "Open311Token": _object(service_request_id=_TEXT, token=_TEXT),
}  # fmt: skip


def _parameter(name: str, where: str, schema: Document, words: str, *, required: bool = False) -> Document:
    return {"name": name, "in": where, "required": required or where == "path", "schema": schema, "description": words}  # fmt: skip


_FORMAT: Final = _parameter(
    "format", "path", {"type": "string", "enum": ["json", "xml"]}, _said("格式", "The format of the answer")
)
_PLACE: Final = _parameter(
    "jurisdiction_id",
    "query",
    _or_blank(_CODE),
    _said("可省略；只有一个辖区", "May be left out: there is one jurisdiction"),
)
_LANG: Final = _parameter(
    "lang", "query", {"type": "string", "enum": ["zh", "en"]}, _said("文字的语言", "The language of texts")
)
_API_KEY: Final = _parameter("api_key", "query", _or_blank(_CODE), _said("密钥", "A key"))
_BOTH: Final = (_FORMAT, _PLACE, _API_KEY, _LANG)


def _content(schema: Document) -> Document:
    return {"application/json": {"schema": schema}, "text/xml": {}}


def _responses(good: int, schema: Document, *bad: int) -> Document:
    errors = {"$ref": "#/components/schemas/Open311Errors"}
    sentences = {
        400: _said("有参数不正确，每个一句说明。", "A parameter is wrong; a sentence for each."),
        403: _said("密钥缺失、无效或权限不足。", "The key is missing, unknown or has not the scope."),
        404: _said("没有此项。", "There is no such thing."),
        409: _said("请求编号已用于别的内容。", "The request key was used for something else."),
        413: _said("内容过大。", "Too much content."),
        429: _said("上报过于频繁，见 Retry-After。", "Too many reports; see Retry-After."),
        503: _said("暂时无法写入，没有写入任何内容。", "It can't be stored now; nothing was written."),
    }
    found: Document = {str(good): {"description": _said("成功。", "Done."), "content": _content(schema)}}
    for status in bad:
        found[str(status)] = {"description": sentences[status], "content": _content(errors)}
    if 413 in bad:
        # What stands before every request answers a body beyond its limit, in its own form.
        found["413"]["content"] = {
            **_content(errors), "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }  # fmt: skip
    return found


def _get(name: str, zh: str, en: str, schema: Document, *more: Document, about: str = "") -> Document:
    found: Document = {
        "operationId": f"open311-{name}",
        "tags": [_TAG],
        "summary": f"{zh} · {en}",
        "parameters": [*_BOTH, *more],
        "responses": _responses(200, schema, 400, 403, 404),
        "security": [{}, {"apiKey": []}, {"bearer": []}],
    }
    if about:
        found["description"] = about
    return {"get": found}


def _post() -> Document:
    text = {"type": "string", "maxLength": 200, "pattern": _CLEAN}
    known: Document = {
        "service_code": _CODE,
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
        "long": {"type": "number", "minimum": -180, "maximum": 180},
        "datum": {"type": "string", "enum": ["wgs84", "gcj02", "cgcs2000"], "default": "wgs84", "description": _said("本服务的扩展：lat 与 long 的坐标系", "An extension: the datum of lat and long")},
        "description": {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": "^[^\\s\\x00-\\x1f\\x7f\\ufffd][^\\x00-\\x1f\\x7f\\ufffd]*$"},
        "address_string": text,
        "first_name": {"type": "string", "pattern": "^[A-Za-z]{0,25}$"},
        "last_name": {"type": "string", "pattern": "^[A-Za-z]{0,25}$"},
        "email": _or_blank({"type": "string", "pattern": "^[a-z]{1,20}@[a-z]{1,20}\\.org$"}),
        "phone": _or_blank({"type": "string", "pattern": "^[0-9]{5,20}$"}),
        "media_url": {"type": "string", "pattern": "^https?://[a-z0-9/.-]{1,200}$", "description": _said("网址只记录、不抓取；也可为 data: 图片", "An address is noted and never fetched; a data: picture is kept")},
        "api_key": _or_blank(_CODE),
        "jurisdiction_id": _or_blank(_CODE),
    }  # fmt: skip
    required = ["service_code", "lat", "long", "description"]
    form = {"type": "object", "properties": known, "required": required}
    picture = {"type": "string", "format": "binary"}
    parts = {"type": "object", "properties": {**known, "media": picture}, "required": required}
    return {
        "post": {
            "operationId": "open311-report",
            "tags": [_TAG],
            "summary": "上报问题 · Report a problem",
            "description": _said(
                "须有密钥（表单或网址中的 api_key，或请求头）。描述与位置将公开；姓名、邮箱、电话另行保管。attribute[编码] 照原样保存。",
                "Needs a key: api_key in form or address, or a header. Description and place become public; name, email and"
                " phone are kept apart. attribute[CODE] is kept as it is.",
            ),
            "parameters": [_FORMAT, _LANG],
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {"schema": form},
                    "multipart/form-data": {"schema": parts},
                },
            },
            "responses": _responses(201, _list("Open311Receipt"), 400, 403, 404, 409, 413, 429, 503),
            "security": [{"apiKey": []}, {"bearer": []}, {}],
        }
    }


def _requests() -> Document:
    def ask(name: str, schema: Document, zh: str, en: str) -> Document:
        return _parameter(name, "query", _or_blank(schema), _said(zh, en))

    return _get(
        "requests", "问题列表", "List of requests", _list("Open311Request"),
        ask("service_request_id", _CODES, "编号，可用逗号分隔；给出时忽略其他条件", "Ids with commas; the rest is ignored then"),
        ask("service_code", _CODES, "类别，可用逗号分隔", "Services, with commas"),
        ask("status", {"type": "string", "enum": ["open", "closed", "open,closed"]}, "状态", "The status"),
        ask("start_date", {"type": "string", "format": "open311-start", "pattern": _MOMENT}, "此时起；到 end_date 最多90天", "From then; at most 90 days up to end_date"),
        ask("end_date", {"type": "string", "format": "open311-end", "pattern": _MOMENT}, "到此时止；缺省为现在", "Up to then; now, when not given"),
        ask("page", {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1}, "第几页", "Which page"),
        ask("page_size", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}, "每页条数", "How many a page"),
        about=_said(
            "最新的在前；缺省为最近90天。经其他渠道上报的问题不公开描述文字。",
            "Newest first; the last 90 days when no date is given. The words of reports from other channels are not public.",
        ),
    )  # fmt: skip


OPEN311: Final[Document] = {
    "paths": {
        "/open311/v2/discovery.{format}": _get(
            "discovery", "服务说明", "Discovery", {"$ref": "#/components/schemas/Open311Discovery"}
        ),
        "/open311/v2/services.{format}": _get("services", "服务类别", "Services", _list("Open311Service")),
        "/open311/v2/services/{code}.{format}": _get(
            "definition", "类别定义", "Service definition", {"$ref": "#/components/schemas/Open311Definition"},
            _parameter("code", "path", _CODE, _said("类别编码", "The service's code")),
        ),
        "/open311/v2/requests.{format}": {**_requests(), **_post()},
        "/open311/v2/requests/{id}.{format}": _get(
            "request", "单个问题", "One request", _list("Open311Request"),
            _parameter("id", "path", _CODE, _said("编号", "The request's id")),
        ),
        "/open311/v2/tokens/{token}.{format}": _get(
            "token", "由查询号得编号", "The request behind a token", _list("Open311Token"),
            _parameter("token", "path", _CODE, _said("查询码", "The tracking code")),
        ),
    },
    "components": {"schemas": _SCHEMAS},
    "tags": [{"name": _TAG}],
}  # fmt: skip
