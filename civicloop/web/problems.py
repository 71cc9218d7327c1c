"""A refusal as an answer: problem+json (RFC 9457) for programs, a page that says what to do for people."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Forbidden, Malformed, Missing, Refusal, SignIn, TooMany
from civicloop.web import shell
from civicloop.web.visit import visit

_log = logging.getLogger(__name__)

_NO_PAGE = Label("没有这个页面，地址可能写错了。", "There is no such page; the address may be mistyped.")
_NO_METHOD = Label("这个地址不接受此种请求。", "This address does not take that kind of request.")
_BROKEN = Label(
    "程序出错，本次没有保存任何内容。请重试；若仍不行，请把时间告诉管理员。",
    "Something went wrong on our side and nothing was saved. Try again; if it persists, tell an administrator the time.",
)


def problem(refusal: Refusal, lang: str = "zh") -> dict[str, Any]:
    """The refusal as RFC 9457 has it; `errors` holds a sentence for each wrong field."""
    body: dict[str, Any] = {
        "type": f"urn:civicloop:{refusal.code}",
        "title": refusal.reason.text(lang),
        "status": refusal.status,
        "detail": refusal.reason.text("en"),
        "detail_zh": refusal.reason.text("zh"),
    }
    if refusal.fields:
        body["errors"] = [
            {"field": name, "detail": label.text("en"), "detail_zh": label.text("zh")}
            for name, label in refusal.fields.items()
        ]
    return body | {k: v for k, v in refusal.extra.items() if k not in body}


def problem_response(refusal: Refusal, lang: str = "zh") -> Response:
    """The problem+json answer."""
    headers = {}
    if isinstance(refusal, TooMany) and "retry_after_seconds" in refusal.extra:
        headers["Retry-After"] = str(refusal.extra["retry_after_seconds"])
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="civicloop"'
    return Response(
        msgspec.json.encode(problem(refusal, lang)),
        status_code=refusal.status,
        media_type="application/problem+json",
        headers=headers,
    )


def wants_json(request: Request) -> bool:
    """Whether a program asks."""
    if request.url.path.startswith("/api/"):
        return True
    accept = request.headers.get("accept", "")
    return "json" in accept and "html" not in accept


async def on_refusal(request: Request, error: Exception) -> Response:
    """A refusal that no form took up."""
    assert isinstance(error, Refusal)
    asking = visit(request)
    if wants_json(request):
        return problem_response(error, asking.lang)
    if isinstance(error, SignIn | Forbidden) and not asking.actor.signed_in and request.method == "GET":
        return RedirectResponse(f"/sign-in?next={_quoted(request)}", status_code=303)
    return refusal_page(request, error)


def refusal_page(request: Request, error: Refusal) -> HTMLResponse:
    """The page of a refusal, whole or as a fragment for htmx."""
    return shell.page(
        request, "refusal.html", error.reason, {"refusal": error}, area="public", status=error.status
    )


async def on_http(request: Request, error: Exception) -> Response:
    """Starlette's own errors in the same form."""
    assert isinstance(error, HTTPException)
    kinds: dict[int, Refusal] = {404: Missing(_NO_PAGE), 405: Malformed(_NO_METHOD, code="no-method")}
    refusal = kinds.get(error.status_code) or Malformed(Label(str(error.detail), str(error.detail)))
    refusal.status = error.status_code
    if wants_json(request):
        response: Response = problem_response(refusal)
    else:
        response = refusal_page(request, refusal)
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        response.headers["Allow"] = ", ".join(_allowed(request))
    return response


def _allowed(request: Request) -> list[str]:
    """The methods that are taken at this path; Starlette names those of the first route only.

    Where a route has the path itself, one with a placeholder that would match it too does not count.
    """
    found = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    exact = [route for route in found if route.path == request.url.path]
    return sorted({method for route in exact or found for method in route.methods or ()})


def crashed(method: str, path: str, error: Exception) -> Refusal:
    """A fault of ours: logged whole, told without its insides."""
    _log.error("%s %s failed", method, path, exc_info=error)
    refusal = Refusal(_BROKEN, code="broken")
    refusal.status = 500
    return refusal


async def on_crash(request: Request, error: Exception) -> Response:
    """The answer to a fault of ours."""
    refusal = crashed(request.method, request.url.path, error)
    if wants_json(request):
        return problem_response(refusal)
    return HTMLResponse(f"<!doctype html><title>500</title><p>{_BROKEN.zh}<p>{_BROKEN.en}", status_code=500)


def _quoted(request: Request) -> str:
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return quote(path, safe="")
