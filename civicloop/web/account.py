"""One's own account: who I am, my password, where I am signed in, for whom I may act."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Refusal, SignIn
from civicloop.web import case_view, components, shell
from civicloop.web.components import Column
from civicloop.web.mount import form_of
from civicloop.web.visit import Visit, visit

_TITLE = Label("我的账号", "My account")
_SIGN_IN = Label("请先登录。", "Sign in first.")
_TEXTS = {
    "password": Label("修改密码", "Change the password"),
    "old": Label("现在的密码", "Present password"),
    "new": Label("新密码", "New password"),
    "new_hint": Label("至少10个字符", "At least ten characters"),
    "changed": Label(
        "密码已修改，其他设备上的登录已退出。", "The password was changed; other devices were signed out."
    ),
    "must": Label("这是初始密码，请先修改。", "This is a first password; change it now."),
    "sessions": Label("登录记录", "Where you are signed in"),
    "others": Label("退出其他所有设备", "Sign out everywhere else"),
    "roles": Label("角色", "Roles"),
}
_COLUMNS = (
    Column(Label("登录时间", "Signed in")),
    Column(Label("最近使用", "Last used")),
    Column(Label("地址", "Address")),
    Column(Label("浏览器", "Browser"), wide=True),
)


def show(request: Request) -> Response:
    """GET /account."""
    _signed_in(request)
    return _page(request, None)


def change_password(request: Request) -> Response:
    """POST /account/password: changes it and signs the other devices out."""
    asking, form = _signed_in(request), form_of(request)
    try:
        asking.district.people.change_password(
            asking.actor, str(form.get("old", "")), str(form.get("new", ""))
        )
    except Refusal as refused:
        return _page(request, refused)
    return RedirectResponse("/account?changed=1", status_code=303)


def sign_out_others(request: Request) -> Response:
    """POST /account/others: closes every other session of this account."""
    asking = visit(request)
    people = asking.district.people
    account, mine = asking.actor.account_id, asking.actor.session_id
    asking.district.store.write(lambda tx: people.sessions.revoke(tx, account, all_but=mine))
    return RedirectResponse("/account", status_code=303)


def _signed_in(request: Request) -> Visit:
    asking = visit(request)
    if not asking.actor.signed_in:
        raise SignIn(_SIGN_IN)
    return asking


def _page(request: Request, refused: Refusal | None) -> Response:
    asking = visit(request)
    zone = asking.district.zone
    with asking.district.store.read() as tx:
        sessions = asking.district.people.sessions.of_account(tx, asking.actor.account_id)
    rows = [
        [case_view.local(s.made_at, zone), case_view.local(s.seen_at, zone), s.address, s.agent[:80]]
        for s in sessions
    ]
    names = asking.district.registry.role_names
    context = {
        "texts": _TEXTS,
        "errors": refused.fields if refused else {},
        "refused": refused,
        "changed": "changed" in request.query_params,
        "must_change": asking.actor.must_change,
        "roles": [(names.get(g.role, Label(g.role, g.role)), g.scope.code) for g in asking.actor.grants],
        "sessions": components.table(
            _TEXTS["sessions"], _COLUMNS, rows, caption_shown=False, lang=asking.lang
        ),
    }
    return shell.page(request, "account.html", _TITLE, context, status=refused.status if refused else 200)
