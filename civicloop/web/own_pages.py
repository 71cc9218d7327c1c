"""The pages and endpoints that belong to no loop, each with who may open it; a loop's own stand in its `pages`."""

from __future__ import annotations

from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Page, page

_SIGN_IN = "civicloop.web.sign_in"
_ACCOUNT = "civicloop.web.account"
_ADMIN = "civicloop.web.administration"
_IN = Label("登录", "Sign in")
_MINE = Label("我的账号", "My account")
_CONTACT = Label("上报人联系方式", "The reporter's contact")
_ACCOUNTS = Label("账号", "Accounts")
_KEYS = Label("API 密钥", "API keys")
_FIGURES = "civicloop.web.figures"
_BOARD = Label("数说", "The figures")

OWN_PAGES: tuple[Page, ...] = (
    page("/", "civicloop.web.front:front", "public", Label("首页", "Front page"), area="public"),
    page("/sign-in", "civicloop.web.sign_in:show", "public", Label("登录", "Sign in"), area="public"),
    page(
        "/sign-in",
        "civicloop.web.sign_in:enter",
        "public",
        Label("登录", "Sign in"),
        methods=("POST",),
        area="public",
    ),
    page(
        "/sign-out",
        "civicloop.web.sign_in:leave",
        "public",
        Label("退出", "Sign out"),
        methods=("POST",),
        area="public",
    ),
    page("/live", "civicloop.web.live:stream", "public", Label("实时变化", "Live changes"), area="api"),
    page("/map/{name}", "civicloop.web.files:layer", "public", Label("地图图层", "Map layer"), area="api"),
    page(
        "/evidence/{hash}",
        "civicloop.web.files:public_copy",
        "public",
        Label("照片", "Photograph"),
        area="api",
    ),
    page(
        "/evidence/{hash}/small",
        "civicloop.web.files:thumbnail",
        "public",
        Label("缩略图", "Thumbnail"),
        area="api",
    ),
    page(
        "/evidence/{hash}/original",
        "civicloop.web.files:original",
        "signed_in",
        Label("原图", "Original"),
        area="api",
    ),
    page(
        "/figures",
        f"{_FIGURES}:page",
        "public",
        _BOARD,
        nav=True,
        area="public",
        icon="list",
        hint=Label(
            "承诺了什么，做到多少，点开到每一件", "What was promised and what came of it, down to each case"
        ),
    ),
    page("/figures/{name}", f"{_FIGURES}:metric_page", "public", _BOARD, area="public"),
    page("/figures/{name}/rows", f"{_FIGURES}:rows_page", "public", _BOARD, area="public"),
    page(
        "/api/openapi.json",
        "civicloop.web.api_document:openapi",
        "public",
        Label("接口文档", "API document"),
        area="api",
    ),
    page(
        "/api/observations",
        "civicloop.web.hot:observations",
        "signed_in",
        Label("上报观测", "Record observations"),
        methods=("POST",),
        area="api",
        csrf=False,
    ),
    page(
        "/api/evidence",
        "civicloop.web.api_files:upload",
        "public",
        Label("上传照片", "Upload a photograph"),
        methods=("POST",),
        area="api",
        csrf=False,
    ),
    page(
        "/api/evidence/{hash}",
        "civicloop.web.api_files:show",
        "public",
        Label("照片信息", "About a photograph"),
        area="api",
    ),
    page("/api/metrics", f"{_FIGURES}:metrics_json", "public", _BOARD, area="api"),
    page("/api/metrics/{name}", f"{_FIGURES}:metric_json", "public", _BOARD, area="api"),
    page("/api/metrics/{name}/rows", f"{_FIGURES}:rows_json", "public", _BOARD, area="api"),
    page(
        "/about",
        "civicloop.web.about:page",
        "public",
        Label("关于本区数据", "About the district's data"),
        area="public",
    ),
    page(
        "/design",
        "civicloop.web.gallery:page",
        "public",
        Label("组件一览", "Component gallery"),
        area="public",
    ),
    page("/sign-in/code", f"{_SIGN_IN}:code_page", "public", _IN, area="public"),
    page("/sign-in/code", f"{_SIGN_IN}:send_code", "public", _IN, methods=("POST",), area="public"),
    page("/sign-in/code/enter", f"{_SIGN_IN}:enter_by_code", "public", _IN, methods=("POST",), area="public"),
    page("/sign-in/oidc", f"{_SIGN_IN}:begin_oidc", "public", _IN, area="public"),
    page("/sign-in/oidc/back", f"{_SIGN_IN}:finish_oidc", "public", _IN, area="public"),
    # "public", since somebody with a first password may do nothing else yet; the page itself asks for a session.
    page("/account", f"{_ACCOUNT}:show", "public", _MINE),
    page("/account/password", f"{_ACCOUNT}:change_password", "public", _MINE, methods=("POST",)),
    page("/account/others", f"{_ACCOUNT}:sign_out_others", "signed_in", _MINE, methods=("POST",)),
    page("/admin/accounts", f"{_ADMIN}:accounts", "admin", _ACCOUNTS, nav=True, icon="person"),
    page("/admin/accounts", f"{_ADMIN}:create_account", "admin", _ACCOUNTS, methods=("POST",)),
    page("/admin/accounts/{id}/grant", f"{_ADMIN}:grant", "admin", _ACCOUNTS, methods=("POST",)),
    page("/admin/accounts/{id}/disable", f"{_ADMIN}:disable", "admin", _ACCOUNTS, methods=("POST",)),
    page("/admin/keys", f"{_ADMIN}:keys", "admin", _KEYS, nav=True, icon="link"),
    page("/admin/keys", f"{_ADMIN}:create_key", "admin", _KEYS, methods=("POST",)),
    page("/admin/keys/{id}/revoke", f"{_ADMIN}:revoke_key", "admin", _KEYS, methods=("POST",)),
    page("/reports/{id}/contact", "civicloop.web.contacts:ask", "signed_in", _CONTACT),
    page("/reports/{id}/contact", "civicloop.web.contacts:show", "signed_in", _CONTACT, methods=("POST",)),
)
