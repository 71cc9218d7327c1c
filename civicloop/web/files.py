"""Files of the district: photographs as the public may see them, originals with a reason, the map's layers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from civicloop.kernel.facts.evidence import Evidence
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid, Missing
from civicloop.web.visit import visit

_NO_FILE = Label("没有这个文件。", "There is no such file.")
_WHY = Label("查看原图须填写理由（why）。", "Say why you open the original (why).")
_FILES = frozenset({"basemap.geojson", "labels.geojson", "cells.geojson"})
_JPEG = "image/jpeg"
_GEOJSON = "application/geo+json"
_AN_HOUR = {"Cache-Control": "max-age=3600"}
# A browser that shows a picture alone writes styles around it; there is nothing else in such a page.
_ALONE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"}
_KEPT = {"Cache-Control": "private, max-age=86400, immutable", **_ALONE}


def public_copy(request: Request) -> Response:
    """GET /evidence/HASH: the public copy."""
    return FileResponse(
        _evidence(request).public(request.path_params["hash"]), media_type=_JPEG, headers=_KEPT
    )


def thumbnail(request: Request) -> Response:
    """GET /evidence/HASH/small: the thumbnail."""
    return FileResponse(
        _evidence(request).thumbnail(request.path_params["hash"]), media_type=_JPEG, headers=_KEPT
    )


def original(request: Request) -> Response:
    """GET /evidence/HASH/original?why=...: the original; who opened it and why is logged."""
    asking, why = visit(request), request.query_params.get("why", "").strip()
    if not why:
        raise Invalid(_WHY, fields={"why": _WHY})
    evidence = asking.district.evidence
    with asking.district.store.read() as tx:
        item = evidence.item(tx, request.path_params["hash"])
    data = evidence.original(item.hash, asking.actor.signature, why)
    return Response(data, media_type=item.media_type, headers={"Cache-Control": "no-store", **_ALONE})


def layer(request: Request) -> Response:
    """GET /map/NAME: a layer of the base map as GeoJSON."""
    name = request.path_params["name"]
    path = visit(request).district.pack.places_folder / name
    if name not in _FILES or not path.exists():
        raise Missing(_NO_FILE)
    return FileResponse(path, media_type=_GEOJSON, headers=_AN_HOUR)


def _evidence(request: Request) -> Evidence:
    return visit(request).district.evidence
