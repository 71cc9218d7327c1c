"""Signing in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Refusal
from civicloop.web import shell
from civicloop.web.mount import form_of
from civicloop.web.visit import SESSION_COOKIE, Visit, visit

_TITLE = Label("登录", "Sign in")


def show(request: Request) -> Response:
    """The page to sign in on; in the demo it lists a login a role."""
    return _page(request)


def enter(request: Request) -> Response:
    """Signs in and goes to where the visitor wanted, or to the home of his role."""
    asking, form = visit(request), form_of(request)
    account, password = str(form.get("account", "")), str(form.get("password", ""))
    address = request.client.host if request.client else ""
    try:
        entered = asking.district.people.login(
            account, password, address=address, agent=request.headers.get("user-agent", "")[:200]
        )
    except Refusal as refused:
        return _page(request, account, refused)
    asking = Visit(asking.district, asking.templates, entered.actor, entered.token, asking.lang, asking.pages)
    response = RedirectResponse(_inside(str(form.get("next", ""))) or shell.home_of(asking), status_code=303)
    response.set_cookie(SESSION_COOKIE, entered.token, path="/", secure=True, httponly=True, samesite="lax")
    return response


def leave(request: Request) -> Response:
    """Signs out."""
    asking = visit(request)
    if asking.token:
        asking.district.people.logout(asking.token)
    response = RedirectResponse("/", status_code=303)
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _page(request: Request, account: str = "", refused: Refusal | None = None) -> Response:
    asking = visit(request)
    given = (
        request.query_params.get("next", "")
        if request.method == "GET"
        else str(form_of(request).get("next", ""))
    )
    logins = [
        (login, asking.district.registry.role_names.get(role, Label(role, role)))
        for account_row in (asking.district.pack.accounts if asking.district.settings.demo else ())
        for login, role in [(account_row, account_row.grants[0].role if account_row.grants else "")]
    ]
    context = {
        "account": account,
        "error": refused.reason if refused else "",
        "next_href": _inside(given),
        "logins": logins,
        "demo_password": asking.district.people.demo_password,
    }
    return shell.page(
        request, "sign_in.html", _TITLE, context, area="public", status=refused.status if refused else 200
    )


def _inside(href: str) -> str:
    """The address if it lies on this site, else nothing: no open redirect."""
    return href if href.startswith("/") and not href.startswith(("//", "/\\")) else ""
