"""Evidence by program: a photograph goes up as it is or in a form, and its hash comes back."""

from __future__ import annotations

from typing import Any, Final

from python_multipart.exceptions import FormParserError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.facts.evidence import EvidenceItem
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import ANYBODY, Actor
from civicloop.kernel.refusal import Invalid, Malformed, Refusal, Unsupported
from civicloop.kernel.registry.district import District
from civicloop.web.admission import Headers, admit, caller
from civicloop.web.api import json_response
from civicloop.web.problems import problem_response

BY: Final = frozenset({ANYBODY})
FILE: Final = "file"
CONSENT: Final = "consent"
PURPOSE: Final = "upload"

_NOT_A_FILE = Label(
    "请以 image/jpeg、image/png、image/webp 直接发送照片，或用 multipart/form-data 的 file 字段。",
    "Send the photograph itself as image/jpeg, image/png or image/webp, or as the field file of a multipart form.",
)
_NO_FILE = Label("表单里没有名为 file 的文件。", "The form has no file under the name file.")
_NO_FIELD = Label("表单里没有名为“{name}”的字段，请去掉。", "The form has no field “{name}”; leave it out.")
_NO_CONSENT = Label("consent 应为 true 或 false。", "consent must be true or false.")
_BROKEN_FORM = Label("表单无法读取，请重新上传。", "The form can't be read; please upload again.")


async def upload(request: Request) -> Response:
    """POST /api/evidence: keeps a photograph; 201 with its hash, and the addresses of its public copies."""
    district: District = request.app.state.district
    headers = Headers.of(request.scope)
    try:
        actor = admit(district, await caller(district, headers), headers, BY, "open", writes=True)
        if not actor.signed_in:
            request.app.state.intake_rate.count(request.client.host if request.client else "")
        data, consent = await _received(request, headers)
        item = await run_in_threadpool(_keep, district, actor, data, consent)
    except Refusal as refused:
        return problem_response(refused)
    return json_response(_told(item), 201, {"Location": f"/api/evidence/{item.hash}"})


def show(request: Request) -> Response:
    """GET /api/evidence/HASH: what is known of a file, without who brought it or where it was taken."""
    district: District = request.app.state.district
    with district.store.read() as tx:
        item = district.evidence.item(tx, request.path_params["hash"])
    return json_response(_told(item))


def _keep(district: District, actor: Actor, data: bytes, consent: bool) -> EvidenceItem:
    return district.evidence.keep(data, actor_id=actor.signature, purpose=PURPOSE, consent=consent)


async def _received(request: Request, headers: Headers) -> tuple[bytes, bool]:
    """The file's bytes, and whether its position may be kept."""
    consent = request.query_params.get(CONSENT, "false")
    if consent not in ("true", "false"):
        raise Invalid(_NO_CONSENT, fields={CONSENT: _NO_CONSENT})
    kind = headers.text(b"content-type").partition(";")[0].strip().lower()
    if kind.startswith("image/") or kind == "application/octet-stream":
        return await request.body(), consent == "true"
    if kind != "multipart/form-data":
        raise Unsupported(_NOT_A_FILE)
    try:
        form = await request.form(max_files=1, max_fields=5)
    except (HTTPException, FormParserError) as error:
        raise Malformed(_BROKEN_FORM) from error
    wrong = {name[:60]: _NO_FIELD.filled(name=name[:60]) for name in form if name != FILE}
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    found = form.get(FILE)
    if not isinstance(found, UploadFile):
        raise Invalid(_NO_FILE, fields={FILE: _NO_FILE})
    return await found.read(), consent == "true"


def _told(item: EvidenceItem) -> dict[str, Any]:
    picture = item.public_hash is not None
    return {
        "hash": item.hash,
        "kind": item.kind,
        "media_type": item.media_type,
        "bytes": item.bytes,
        "width": item.width,
        "height": item.height,
        "public": f"/evidence/{item.hash}" if picture else None,
        "small": f"/evidence/{item.hash}/small" if picture else None,
    }
