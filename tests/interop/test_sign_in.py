"""Signing in through the pages: password, mobile code, the staff's own sign-in; what holds and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from civicloop.app import build
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.label import Label
from civicloop.kernel.outside.ports.sandbox import sent
from civicloop.kernel.people.roles import CLOCK, PUBLIC, Grant, Scope
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.web.visit import SESSION_COOKIE

PASSWORD = "four plain words here"


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    opened = open_district(Settings(tmp_path, demo=False))
    opened.people.create_account(
        CLOCK, "wang", Label("王芳", "Wang Fang"), password=PASSWORD, must_change=False, mobile="13800138000",
        grants=[Grant("shift_head", Scope("district", opened.code))],
    )  # fmt: skip
    yield opened
    opened.close()


@pytest.fixture
def client(district: District) -> Iterator[TestClient]:
    with TestClient(
        build(district, background=False), base_url="https://testserver", follow_redirects=False
    ) as made:
        yield made


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]*)"', page.text)
    assert found is not None
    return found[1]


def sign_in(client: TestClient, password: str = PASSWORD, **more: str) -> httpx.Response:
    return client.post("/sign-in", data={"account": "wang", "password": password, "csrf": "", **more})


def test_a_password_opens_the_home_of_the_role(client: TestClient) -> None:
    entered = sign_in(client)
    assert (entered.status_code, entered.headers["location"]) == (303, "/street")
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert client.get("/street").status_code == 200


def test_a_wrong_password_is_told_and_kept_nothing(client: TestClient) -> None:
    refused = sign_in(client, "wrong wrong wrong")
    assert refused.status_code == 401
    assert SESSION_COOKIE not in refused.cookies
    assert "错误" in refused.text or "不正确" in refused.text or "不对" in refused.text


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_no_redirect_leads_away(client: TestClient, elsewhere: str) -> None:
    assert sign_in(client, next=elsewhere).headers["location"] == "/"


def test_a_page_sends_a_stranger_to_sign_in_and_back(client: TestClient) -> None:
    away = client.get("/street?state=filed")
    assert away.headers["location"] == "/sign-in?next=%2Fstreet%3Fstate%3Dfiled"
    assert sign_in(client, next="/street?state=filed").headers["location"] == "/street?state=filed"


def test_a_code_by_sms_signs_in_once(client: TestClient, district: District) -> None:
    asked = client.post("/sign-in/code", data={"mobile": "138 0013 8000", "csrf": ""})
    assert asked.status_code == 200
    with district.store.read() as tx:
        (message,) = sent(tx, district.code)
    code = re.search(r"\d{6}", message.body)
    assert code is not None
    form = {"mobile": "13800138000", "code": code[0], "csrf": ""}
    assert client.post("/sign-in/code/enter", data=form).headers["location"] == "/street"
    client.cookies.clear()
    assert client.post("/sign-in/code/enter", data=form).status_code == 401


def test_an_unknown_number_gets_the_same_page_and_no_message(client: TestClient, district: District) -> None:
    known = client.post("/sign-in/code", data={"mobile": "13800138000", "csrf": ""})
    unknown = client.post("/sign-in/code", data={"mobile": "13900139000", "csrf": ""})
    assert known.text.replace("13800138000", "X") == unknown.text.replace("13900139000", "X")
    with district.store.read() as tx:
        assert len(sent(tx, district.code)) == 1


def test_a_form_of_another_session_or_site_is_refused(client: TestClient) -> None:
    sign_in(client)
    stale = client.post("/account/others", data={"csrf": "not mine"})
    assert stale.status_code == 403
    page = client.get("/account")
    cross = client.post(
        "/account/others", data={"csrf": csrf(page)}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert cross.status_code == 403
    assert client.post("/account/others", data={"csrf": csrf(page)}).status_code == 303


def test_signing_out_ends_the_session(client: TestClient) -> None:
    sign_in(client)
    page = client.get("/account")
    token = client.cookies[SESSION_COOKIE]
    client.post("/sign-out", data={"csrf": csrf(page)})
    client.cookies.set(SESSION_COOKIE, token)
    assert client.get("/street").status_code == 303


def test_a_first_password_has_to_be_changed(client: TestClient, district: District) -> None:
    sign_in(client)
    with district.store.read() as tx:
        account = district.people.accounts.id_of(tx, "wang")
    first = district.people.reset_password(account or "")
    entered = sign_in(client, first)
    assert entered.headers["location"] == "/account"
    assert client.get("/street").status_code == 403
    form = {"csrf": csrf(client.get("/account")), "old": first, "new": "another plain sentence"}
    assert client.post("/account/password", data=form).headers["location"] == "/account?changed=1"
    assert client.get("/street").status_code == 200


def test_without_a_provider_staff_sign_in_says_so(client: TestClient) -> None:
    assert client.get("/sign-in/oidc").status_code == 404


def test_an_administrator_makes_accounts_and_keys(client: TestClient, district: District) -> None:
    sign_in(client)
    assert client.get("/admin/accounts").status_code == 403
    with district.store.read() as tx:
        account = district.people.accounts.id_of(tx, "wang") or ""
    grant = Grant("admin", Scope("district", district.code))
    district.store.write(lambda tx: district.people.grant(tx, CLOCK, account, grant))
    page = client.get("/admin/accounts")
    form = {
        "csrf": csrf(page),
        "login": "li",
        "zh": "李雷",
        "role": "crew",
        "scope": "unit",
        "code": "sanitation",
    }
    made = client.post("/admin/accounts", data=form)
    assert made.status_code == 200
    assert "li" in made.text
    wrong = client.post("/admin/accounts", data={**form, "login": "li"})
    assert wrong.status_code == 422
    key = client.post(
        "/admin/keys", data={"csrf": csrf(page), "name": "desk", "account": account, "scopes": "read"}
    )
    text = re.search(r"cl\w+_\w+", key.text)
    assert text is not None
    client.cookies.clear()
    assert client.get("/api/street", headers={"X-API-Key": text[0]}).status_code == 200
    assert client.get("/api/street", headers={"X-API-Key": "wrong"}).status_code == 401


def test_a_reporters_contact_opens_with_a_reason_that_is_kept(client: TestClient, district: District) -> None:
    told = ReportGiven("web", "占道经营", name="赵六", contact="13700137000")
    given = {"place": {"lon": 114.258, "lat": 30.605}}
    report = district.engine.open("street", "report", given, PUBLIC, report=told).report_id
    path = f"/reports/{report}/contact"
    sign_in(client)
    page = client.get(path)
    assert page.status_code == 200, page.text
    assert "13700137000" not in page.text
    assert client.post(path, data={"csrf": csrf(page), "why": ""}).status_code == 422
    opened = client.post(path, data={"csrf": csrf(page), "why": "核实位置"})
    assert "13700137000" in opened.text
    with district.store.read() as tx:
        kept = tx.all("SELECT purpose, why FROM audit_reads ORDER BY purpose", ())
    assert kept == [("contact", "核实位置"), ("name", "核实位置")]
    client.cookies.clear()
    assert client.get(path).status_code == 303
