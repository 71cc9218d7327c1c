"""The OpenAPI document as it is served: derived operations, and the few that are written by hand."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.derive.openapi import Document, document, said
from civicloop.kernel.label import Label
from civicloop.kernel.registry.district import District
from civicloop.web.forms import CATEGORIES

VERSION: Final = "1"

_ABOUT = Label(
    "一个区的闭环业务接口。每个操作由流程声明派生；被拒绝的操作不留下任何改动。",
    "The loops of a district. Each operation is derived from a declaration; what is refused changes nothing at all.",
)
_SECURED: Final[list[dict[str, list[str]]]] = [{"session": []}, {"apiKey": []}, {"bearer": []}]
_HASH: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def openapi(request: Request) -> Response:
    """GET /api/openapi.json: the document; its bytes are kept until the reference data change."""
    district: District = request.app.state.district
    with district.store.read() as tx:
        version = district.reference.snapshot(tx).version
    kept: tuple[int, bytes] | None = getattr(request.app.state, "openapi", None)
    if kept is None or kept[0] != version:
        kept = (version, msgspec.json.encode(built(district)))
        request.app.state.openapi = kept
    return Response(kept[1], media_type="application/json", headers={"Cache-Control": "no-cache"})


def built(district: District) -> Document:
    """The document of a district's loops."""
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
        registers = {
            field.source: [entry.id for entry in district.registers.all(tx, field.source)]
            for process in district.registry.processes.values()
            for action in process.actions
            for field in action.evidence
            if field.kind == "unit" and field.source
        }
    codes = [row.code for row in snapshot.all(CATEGORIES, district.clock.now())]
    loops = [loop.openapi() for loop in district.registry.loops.values() if loop.openapi is not None]
    return document(
        district.registry.processes.values(),
        title=f"{district.pack.label.zh} · {district.pack.label.en}",
        version=VERSION,
        more=[_files(), _observations(), *loops],
        known={CATEGORIES: codes, **registers},
        role_names=district.registry.role_names,
        description=_ABOUT,
    )


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}


def _answer(words: Label, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": said(words), "content": {"application/json": {"schema": schema}}}


def _closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _files() -> Document:
    maybe = {"type": ["string", "null"]}
    size = {"type": ["integer", "null"]}
    item = {"$ref": "#/components/schemas/Evidence"}
    image = {"schema": {"type": "string", "contentMediaType": "image/jpeg", "minLength": 1}}
    form = {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "required": ["file"],
        "additionalProperties": False,
    }
    return {
        "paths": {
            "/api/evidence": {
                "post": {
                    "operationId": "upload-evidence",
                    "tags": ["evidence"],
                    "summary": "上传照片 · Upload a photograph",
                    "description": said(Label("返回的 hash 用于各操作的照片字段。", "Its hash goes into the photograph fields of actions.")),
                    "parameters": [{
                        "name": "consent", "in": "query", "required": False, "schema": {"type": "boolean"},
                        "description": said(Label("是否保留照片位置", "Whether the position in it may be kept")),
                    }],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "image/jpeg": image, "image/png": image, "image/webp": image,
                            "multipart/form-data": {"schema": form},
                        },
                    },
                    "responses": {
                        "201": _answer(Label("已保存。", "Kept."), item),
                        **_problems(400, 401, 403, 413, 415, 422, 429, 503),
                    },
                    "security": [*_SECURED, {}],
                }
            },
            "/api/evidence/{hash}": {
                "get": {
                    "operationId": "show-evidence",
                    "tags": ["evidence"],
                    "summary": "照片信息 · About a photograph",
                    "parameters": [{"name": "hash", "in": "path", "required": True, "schema": _HASH}],
                    "responses": {"200": _answer(Label("照片信息。", "What is known of it."), item), **_problems(404)},
                    "security": [*_SECURED, {}],
                }
            },
        },
        "components": {
            "schemas": {
                "Evidence": _closed(
                    hash=_HASH, kind={"type": "string"}, media_type={"type": "string"}, bytes={"type": "integer"},
                    width=size, height=size, public=maybe, small=maybe,
                )
            }
        },
        "tags": [{"name": "evidence"}],
    }  # fmt: skip


def _observations() -> Document:
    name = {"type": "string", "pattern": "^[A-Za-z0-9_.:/@#~-]{1,64}$"}
    told = {
        "type": "object",
        "properties": {
            "source": name,
            "kind": name,
            "key": {"type": "string", "pattern": "^[A-Za-z0-9_.:/@#~-]{1,200}$"},
            "happened_at": {"type": "string", "pattern": "^20[01][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z$"},
            "payload": {"type": ["object", "array", "string", "number", "boolean", "null"]},
            "subject": {"type": "string", "pattern": "^[A-Za-z0-9_.:/@#~-]{0,200}$"},
            "retracts": {"type": "string", "pattern": "^[A-Za-z0-9_.:/@#~-]{0,200}$"},
        },
        "required": ["source", "kind", "key", "happened_at"],
        "additionalProperties": False,
    }  # fmt: skip
    count = {"type": "integer", "minimum": 0}
    answer = _closed(received=count, new=count)
    return {
        "paths": {
            "/api/observations": {
                "post": {
                    "operationId": "record-observations",
                    "tags": ["observations"],
                    "summary": "上报观测 · Record observations",
                    "description": said(
                        Label(
                            "同一 source 与 key 重复上报不增加任何内容；也可每行一条（application/x-ndjson）。",
                            "The same source and key again add nothing. One a line is taken too (application/x-ndjson).",
                        )
                    ),
                    "requestBody": {"required": True, "content": {"application/json": {"schema": told}}},
                    "responses": {
                        "201": _answer(Label("已落盘。", "Recorded, and durable."), answer),
                        "200": _answer(Label("早已收到。", "It was known already."), answer),
                        **_problems(400, 401, 403, 413, 415, 422, 503),
                    },
                    "security": _SECURED,
                }
            }
        },
        "tags": [{"name": "observations"}],
    }
