"""The administrator's pages: accounts with their roles, and API keys."""

from __future__ import annotations

from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import API_SCOPES, Grant, Scope, ScopeKind
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.time.clock import DAY
from civicloop.web import case_view, components, shell
from civicloop.web.components import Column, Option
from civicloop.web.mount import form_of
from civicloop.web.visit import Visit, visit

_ACCOUNTS = Label("账号", "Accounts")
_KEYS = Label("API 密钥", "API keys")
KEY_LASTS = 365 * DAY
_SCOPES: dict[str, Label] = {
    "district": Label("全区", "The district"),
    "street": Label("街道", "A street"),
    "community": Label("社区", "A community"),
    "unit": Label("责任单位", "A unit"),
}
_TEXTS = {
    "new": Label("新建账号", "New account"),
    "login": Label("登录名", "Login"),
    "zh": Label("姓名", "Name"),
    "en": Label("英文名", "Name in English"),
    "mobile": Label("手机号", "Mobile number"),
    "role": Label("角色", "Role"),
    "scope": Label("管辖范围", "Where it holds"),
    "code": Label("街道、社区或单位编码", "Code of the street, community or unit"),
    "code_hint": Label("全区不用填", "Leave it open for the district"),
    "create": Label("建立账号并生成初始密码", "Create it with a first password"),
    "created": Label(
        "账号已建立。初始密码（只显示这一次）：", "The account was created. First password, shown this once:"
    ),
    "disable": Label("停用", "Disable"),
    "grant": Label("授予角色", "Grant a role"),
    "account": Label("账号", "Account"),
    "key_name": Label("用途", "What it is for"),
    "key_scopes": Label("权限", "Scopes"),
    "key_scopes_hint": Label(
        "用逗号隔开：read, open, perform, personal, admin",
        "Comma separated: read, open, perform, personal, admin",
    ),
    "key_create": Label("生成密钥（一年有效）", "Make a key for one year"),
    "key_created": Label("密钥已生成（只显示这一次）：", "The key was made, shown this once:"),
    "revoke": Label("吊销“{name}”", "Revoke “{name}”"),
}


def accounts(request: Request) -> Response:
    """GET /admin/accounts."""
    return _accounts(request)


def create_account(request: Request) -> Response:
    """POST /admin/accounts: an account with one role and a first password that must be changed."""
    asking, form = visit(request), form_of(request)
    people = asking.district.people
    try:
        account = people.create_account(
            asking.actor,
            str(form.get("login", "")),
            Label(str(form.get("zh", "")), str(form.get("en", "")) or str(form.get("zh", ""))),
            grants=[_grant(asking, form)],
            mobile=str(form.get("mobile", "")) or None,
        )
        password = people.reset_password(account)
    except Refusal as refused:
        return _accounts(request, refused=refused)
    return _accounts(request, shown=password)


def grant(request: Request) -> Response:
    """POST /admin/accounts/ID/grant: a further role."""
    asking, form = visit(request), form_of(request)
    account = request.path_params["id"]
    try:
        given = _grant(asking, form)
        asking.district.store.write(lambda tx: asking.district.people.grant(tx, asking.actor, account, given))
    except Refusal as refused:
        return _accounts(request, refused=refused)
    return RedirectResponse("/admin/accounts", status_code=303)


def disable(request: Request) -> Response:
    """POST /admin/accounts/ID/disable: closes the account and its sessions at once."""
    asking = visit(request)
    account = request.path_params["id"]
    try:
        asking.district.store.write(
            lambda tx: asking.district.people.disable_account(tx, asking.actor, account)
        )
    except Refusal as refused:
        return _accounts(request, refused=refused)
    return RedirectResponse("/admin/accounts", status_code=303)


def _grant(asking: Visit, form: Any) -> Grant:
    kind = str(form.get("scope", "district"))
    known: ScopeKind = kind if kind in get_args(ScopeKind) else "district"  # type: ignore[assignment]
    code = asking.district.code if known == "district" else str(form.get("code", ""))
    return Grant(str(form.get("role", "")), Scope(known, code))


def _accounts(request: Request, *, shown: str = "", refused: Refusal | None = None) -> Response:
    asking = visit(request)
    names = asking.district.registry.role_names
    with asking.district.store.read() as tx:
        found = asking.district.people.accounts.all(tx)
    context = {
        "texts": _TEXTS,
        "accounts": found,
        "role_names": names,
        "roles": [Option(name, label) for name, label in names.items()],
        "scopes": [Option(name, label) for name, label in _SCOPES.items()],
        "shown": shown,
        "refused": refused,
        "errors": refused.fields if refused else {},
    }
    return shell.page(request, "accounts.html", _ACCOUNTS, context, status=refused.status if refused else 200)


def keys(request: Request) -> Response:
    """GET /admin/keys."""
    return _keys(request)


def create_key(request: Request) -> Response:
    """POST /admin/keys: a key that acts for an account within scopes; its text is shown this once."""
    asking, form = visit(request), form_of(request)
    district = asking.district
    scopes = [part.strip() for part in str(form.get("scopes", "")).split(",") if part.strip()]
    name, account = str(form.get("name", "")), str(form.get("account", ""))
    try:
        text = district.store.write(
            lambda tx: district.people.keys.make(
                tx,
                asking.actor,
                account or asking.actor.account_id,
                name,
                scopes,
                expires_at=district.clock.wall() + KEY_LASTS,
            )
        )
    except Refusal as refused:
        return _keys(request, refused=refused)
    return _keys(request, shown=text)


def revoke_key(request: Request) -> Response:
    """POST /admin/keys/ID/revoke."""
    asking = visit(request)
    key = request.path_params["id"]
    try:
        asking.district.store.write(lambda tx: asking.district.people.keys.revoke(tx, key))
    except Refusal as refused:
        return _keys(request, refused=refused)
    return RedirectResponse("/admin/keys", status_code=303)


def _keys(request: Request, *, shown: str = "", refused: Refusal | None = None) -> Response:
    asking = visit(request)
    zone = asking.district.zone
    with asking.district.store.read() as tx:
        found = asking.district.people.keys.all(tx)
        owners = asking.district.people.accounts.all(tx)
    login = {a.id: a.login for a in owners}
    columns = [
        Column(x)
        for x in (
            _TEXTS["key_name"],
            _TEXTS["account"],
            _TEXTS["key_scopes"],
            Label("到期", "Until"),
            Label("状态", "State"),
        )
    ]
    rows: list[list[Any]] = [
        [
            k.name, login.get(k.account_id, k.account_id), ", ".join(sorted(k.scopes)), case_view.local(k.expires_at, zone),
            Label("已吊销", "Revoked") if k.revoked_at else Label("有效", "In force"),
        ]
        for k in found
    ]  # fmt: skip
    context = {
        "texts": _TEXTS,
        "table": components.table(_KEYS, columns, rows, caption_shown=False, lang=asking.lang),
        "live": False,
        "open_keys": [k for k in found if k.revoked_at is None],
        "owners": [Option(a.id, a.name) for a in owners if a.disabled_at is None],
        "known_scopes": ", ".join(API_SCOPES),
        "shown": shown,
        "refused": refused,
        "errors": refused.fields if refused else {},
    }
    return shell.page(request, "keys.html", _KEYS, context, status=refused.status if refused else 200)
