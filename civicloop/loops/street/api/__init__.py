"""What programs reach beside the derived API: open cases close by, and Open311 GeoReport v2 at /open311/v2/.

Read by everybody, written with a key. No cross-origin header is sent: a browser page of another site can't read it, a
server or an app can.
"""

from __future__ import annotations

from civicloop.kernel.derive.routes import readers
from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Page, page
from civicloop.loops.street.open311.document import OPEN311
from civicloop.loops.street.process import PROCESS

_OPEN311 = "civicloop.loops.street.api.open311"
_SERVICES = Label("Open311 服务类别", "Open311 services")
_DEFINITION = Label("Open311 类别定义", "Open311 service definition")
_REQUESTS = Label("Open311 问题列表", "Open311 requests")
_REQUEST = Label("Open311 单个问题", "Open311 request")

_NEAR = "civicloop.loops.street.api.near"
_PROPOSED = Label("附近可能相同的案件", "Open cases close by that may be the same")

ENDPOINTS: tuple[Page, ...] = (
    page("/api/street/near", f"{_NEAR}:near", "public", _PROPOSED, area="api"),
    page("/api/street/{id}/duplicates", f"{_NEAR}:duplicates", ", ".join(sorted(readers(PROCESS))), _PROPOSED, area="api"),
    *(
    page(f"/open311/v2/{path}", f"{_OPEN311}:{handler}", "public", label, methods=methods, area="api", csrf=False)
    for path, handler, label, methods in (
        ("discovery.{format}", "discovery", Label("Open311 服务说明", "Open311 discovery"), ("GET",)),
        ("services.{format}", "services", _SERVICES, ("GET",)),
        ("services/{code}.{format}", "definition", _DEFINITION, ("GET",)),
        # The PyPI client `open311` and others write it in the singular.
        ("service/{code}.{format}", "definition", _DEFINITION, ("GET",)),
        ("requests.{format}", "requests", _REQUESTS, ("GET",)),
        ("requests.{format}", "report", Label("Open311 上报", "Open311 report"), ("POST",)),
        ("requests/{id}.{format}", "request", _REQUEST, ("GET",)),
        ("tokens/{token}.{format}", "token", Label("Open311 查询号", "Open311 token"), ("GET",)),
        ("", "discovery", Label("Open311 服务说明", "Open311 discovery"), ("GET",)),
        ("{rest:path}", "nothing", Label("Open311 无此地址", "Open311: no such address"), ("GET",)),
    )
    ),
)  # fmt: skip

__all__ = ["ENDPOINTS", "OPEN311"]
