"""Handlers behind their access: who may open the page, is the form from this session, in which thread it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from civicloop.kernel.derive.routes import RouteValue
from civicloop.kernel.label import Label
from civicloop.kernel.people.permissions import may
from civicloop.kernel.refusal import Forbidden, SignIn
from civicloop.kernel.registry.loop import Page
from civicloop.kernel.registry.registry import load_endpoint
from civicloop.web.visit import Visit, visit

MOST_FILES = 12
MOST_FIELDS = 200

_STALE_FORM = Label(
    "此表单已过期（可能重新登录过）。请刷新页面后再提交，已填内容可先复制保存。",
    "This form is out of date, perhaps because you signed in again. Reload the page and send it once more.",
)
_CROSS_SITE = Label("请求来自别的网站，已拒绝。", "The request came from another site and was refused.")


def route(page: Page, value: RouteValue | None = None) -> Route:
    """The Starlette route of a page; a derived one's handler also takes the route's value."""
    return Route(page.path, guarded(page, value), methods=list(page.methods), name=page.endpoint)


def guarded(page: Page, value: RouteValue | None = None) -> Callable[[Request], Any]:
    """The page's handler behind its checks. A plain function runs in a worker thread, a coroutine as it is."""
    handler = load_endpoint(page.endpoint)
    if value is not None:
        handler = partial(handler, value=value)
    is_coroutine = inspect.iscoroutinefunction(handler)

    async def endpoint(request: Request) -> Response:
        asking = await run_in_threadpool(visit, request)
        refused = may(asking.actor, page.by, None, names=asking.district.registry.role_names)
        if refused is not None:
            raise Forbidden(refused) if asking.actor.signed_in else SignIn(refused)
        if request.method not in ("GET", "HEAD") and page.csrf:
            await _check_form(request, asking)
        if is_coroutine:
            response: Response = await handler(request)
            return response
        return await run_in_threadpool(handler, request)

    return endpoint


async def _check_form(request: Request, asking: Visit) -> None:
    """Refuses a form that another site sent, or that was made for another session."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none"):
        raise Forbidden(_CROSS_SITE, code="cross-site")
    form = await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)
    request.state.form = form
    given = form.get("csrf") or request.headers.get("x-csrf-token", "")
    if not asking.csrf_right(str(given)):
        raise Forbidden(_STALE_FORM, code="stale-form")


def form_of(request: Request) -> FormData:
    """The form that the checks have read."""
    form: FormData = request.state.form
    return form
