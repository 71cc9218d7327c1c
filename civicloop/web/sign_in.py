"""Signing in and out."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.label import Label
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.people.identity import SignedIn
from civicloop.kernel.people.oidc import Oidc, local_page
from civicloop.kernel.refusal import Missing, Refusal
from civicloop.web import shell
from civicloop.web.mount import form_of
from civicloop.web.visit import SESSION_COOKIE, Visit, visit

OIDC_COOKIE = "__Host-oidc"

_TITLE = Label("登录", "Sign in")
_BY_CODE = Label("短信验证码登录", "Sign in by a code")
_NO_OIDC = Label(
    "本区未开通单位统一登录，请用账号密码或短信验证码登录。",
    "Staff sign-in is not set up here; use your account or a code on your mobile.",
)
_TEXTS = {
    "by_code": _BY_CODE,
    "by_oidc": Label("单位统一身份登录", "Staff sign-in of your organisation"),
    "mobile": Label("手机号", "Mobile number"),
    "code": Label("验证码", "Code"),
    "send": Label("发送验证码", "Send the code"),
    "sent": Label(
        "如果该号码有账号，验证码已发出，5分钟内有效。",
        "If the number has an account, a code is on its way; it holds for five minutes.",
    ),
    "enter": Label("登录", "Sign in"),
}


def show(request: Request) -> Response:
    """The page to sign in on; in the demo it lists a login a role."""
    return _page(request)


def enter(request: Request) -> Response:
    """Signs in and goes to where the visitor wanted, or to the home of his role."""
    asking, form = visit(request), form_of(request)
    account, password = str(form.get("account", "")), str(form.get("password", ""))
    try:
        entered = asking.district.people.login(
            account, password, address=_address(request), agent=request.headers.get("user-agent", "")[:200]
        )
    except Refusal as refused:
        return _page(request, account, refused)
    return _welcome(asking, entered, str(form.get("next", "")))


def _welcome(asking: Visit, entered: SignedIn, wanted: str) -> Response:
    """To where the visitor wanted, to the home of his role, or first to a new password."""
    now = Visit(asking.district, asking.templates, entered.actor, entered.token, asking.lang, asking.pages)
    where = "/account" if entered.actor.must_change else local_page(wanted) if wanted else shell.home_of(now)
    response = RedirectResponse(where, status_code=303)
    response.set_cookie(SESSION_COOKIE, entered.token, path="/", secure=True, httponly=True, samesite="lax")
    return response


def code_page(request: Request) -> Response:
    """GET /sign-in/code: the page to sign in by a code on one's mobile."""
    return _code_page(request, "", sent=False)


def send_code(request: Request) -> Response:
    """POST /sign-in/code: sends the code, whether or not the number has an account; the answer tells neither."""
    asking, mobile = visit(request), str(form_of(request).get("mobile", ""))
    try:
        asking.district.people.request_code(mobile, partial(_send, asking), address=_address(request))
    except Refusal as refused:
        return _code_page(request, mobile, sent=False, refused=refused)
    return _code_page(request, mobile, sent=True)


def enter_by_code(request: Request) -> Response:
    """POST /sign-in/code/enter: signs in with the code that came."""
    asking, form = visit(request), form_of(request)
    mobile, code = str(form.get("mobile", "")), str(form.get("code", ""))
    try:
        entered = asking.district.people.login_by_code(
            mobile, code, address=_address(request), agent=request.headers.get("user-agent", "")[:200]
        )
    except Refusal as refused:
        return _code_page(request, mobile, sent=True, refused=refused)
    return _welcome(asking, entered, str(form.get("next", "")))


def _send(asking: Visit, mobile: str, text: Label) -> None:
    """The code goes straight through the SMS port: in the outbox it would lie readable."""
    asking.district.ports["sms"].send(Outgoing(mobile, text.zh, dedupe_key=asking.district.ids.new("code")))


def _code_page(request: Request, mobile: str, *, sent: bool, refused: Refusal | None = None) -> Response:
    context = {
        "mobile": mobile,
        "sent": sent,
        "errors": {"code" if sent else "mobile": refused.reason} if refused else {},
        "texts": _TEXTS,
    }
    return shell.page(
        request,
        "sign_in_code.html",
        _BY_CODE,
        context,
        area="public",
        status=refused.status if refused else 200,
    )


def begin_oidc(request: Request) -> Response:
    """GET /sign-in/oidc: off to the staff's own sign-in; where that can't be reached, the password is still there."""
    oidc = _oidc(request)
    try:
        begun = oidc.begin(local_page(request.query_params.get("next", "/")))
    except Refusal as refused:
        return _page(request, refused=refused)
    response = RedirectResponse(begun.url, status_code=303)
    response.set_cookie(
        OIDC_COOKIE, begun.binding, path="/", max_age=600, secure=True, httponly=True, samesite="lax"
    )
    return response


def finish_oidc(request: Request) -> Response:
    """GET /sign-in/oidc/back: the provider's answer; a refusal stands on the page to sign in anew."""
    asking, oidc = visit(request), _oidc(request)
    try:
        entered, page = oidc.finish(
            dict(request.query_params), request.cookies.get(OIDC_COOKIE, ""), address=_address(request),
            agent=request.headers.get("user-agent", "")[:200],
        )  # fmt: skip
    except Refusal as refused:
        response = _page(request, refused=refused)
    else:
        response = _welcome(asking, entered, "" if page == "/" else page)
    response.delete_cookie(OIDC_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _oidc(request: Request) -> Oidc:
    found = visit(request).district.oidc
    if found is None:
        raise Missing(_NO_OIDC)
    return found


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


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
        "next_href": local_page(given) if given else "",
        "logins": logins,
        "oidc": asking.district.oidc is not None,
        "texts": _TEXTS,
        "demo_password": asking.district.people.demo_password,
    }
    return shell.page(
        request, "sign_in.html", _TITLE, context, area="public", status=refused.status if refused else 200
    )
