"""The staff's own sign-in through the pages: off to a provider that really runs, back, and what is refused on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from civicloop.app import build
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import CLOCK, Grant, Scope
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import SystemClock
from civicloop.web.sign_in import OIDC_COOKIE
from civicloop.web.visit import SESSION_COOKIE
from tests.kernel.oidc_provider import CLIENT, SECRET, OidcProvider

HERE = "https://testserver"
BACK = f"{HERE}/sign-in/oidc/back"


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    made = OidcProvider(SystemClock(), redirect_uri=BACK)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def district(tmp_path: Path, provider: OidcProvider) -> Iterator[District]:
    says = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "redirect_uri": BACK}
    (tmp_path / "oidc.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in says.items()))
    opened = open_district(Settings(tmp_path, demo=False))
    opened.people.create_account(
        CLOCK,
        "wang",
        Label("王芳", "Wang Fang"),
        grants=[Grant("shift_head", Scope("district", opened.code))],
    )
    yield opened
    opened.close()


@pytest.fixture
def client(district: District) -> Iterator[TestClient]:
    with TestClient(build(district, background=False), base_url=HERE, follow_redirects=False) as made:
        yield made


def gone(client: TestClient, next_page: str = "") -> str:
    """Off to the provider and as far as its answer: the address that the browser is sent back to."""
    away = client.get("/sign-in/oidc", params={"next": next_page} if next_page else {})
    assert away.status_code == 303
    answer = httpx.get(away.headers["location"])
    assert answer.headers["location"].startswith(BACK)
    return answer.headers["location"]


def is_refused(client: TestClient, answer: httpx.Response, status: int, words: str) -> None:
    """Refused in words, and nobody is signed in."""
    assert answer.status_code == status
    assert words in answer.text
    assert SESSION_COOKIE not in client.cookies
    assert client.get("/street").headers["location"].startswith("/sign-in")


def test_the_page_leads_there_and_a_known_person_comes_back_signed_in(
    client: TestClient, district: District
) -> None:
    assert 'href="/sign-in/oidc' in client.get("/sign-in").text
    back = client.get(gone(client, "/street?state=filed"))
    assert (back.status_code, back.headers["location"]) == (303, "/street?state=filed")
    cookies = {each.partition("=")[0]: each for each in back.headers.get_list("set-cookie")}
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= {
        p.strip() for p in cookies[SESSION_COOKIE].split(";")
    }
    assert "Max-Age=0" in cookies[OIDC_COOKIE], "the sign-in's own cookie is gone"
    page = client.get("/street")
    assert page.status_code == 200
    assert "王芳" in page.text
    with district.store.read() as tx:
        assert tx.all("SELECT subject FROM outside_identities", ()) == [("u-1",)]


def test_without_a_page_to_go_to_it_is_the_home_of_the_role(client: TestClient) -> None:
    assert client.get(gone(client)).headers["location"] == "/street"
    client.cookies.clear()
    assert client.get(gone(client, "//evil.example")).headers["location"] == "/street"


def test_a_state_that_is_not_ours_signs_nobody_in(client: TestClient) -> None:
    there = httpx.URL(gone(client))
    for state in ("other", ""):
        is_refused(client, client.get(there.copy_set_param("state", state)), 401, "登录请求已失效")
    is_refused(client, client.get("/sign-in/oidc/back"), 401, "登录请求已失效")


def test_an_answer_in_another_browser_signs_nobody_in_and_is_used_up(client: TestClient) -> None:
    there = gone(client)
    mine = client.cookies[OIDC_COOKIE]
    client.cookies.clear()
    is_refused(client, client.get(there), 401, "登录请求已失效")
    client.cookies.set(OIDC_COOKIE, mine)
    is_refused(client, client.get(there), 401, "登录请求已失效")


def test_a_code_is_good_once(client: TestClient, provider: OidcProvider) -> None:
    there = gone(client)
    mine = client.cookies[OIDC_COOKIE]
    assert client.get(there).status_code == 303
    client.cookies.clear()
    client.cookies.set(OIDC_COOKIE, mine)
    is_refused(client, client.get(there), 401, "登录请求已失效")
    # The same code with a state of a sign-in that is under way: now it is the provider that knows it is used.
    used = httpx.URL(there).params["code"]
    client.cookies.clear()
    again = httpx.URL(gone(client)).copy_set_param("code", used)
    assert used not in provider.codes
    is_refused(client, client.get(again), 401, "没有确认您的身份")


def test_a_person_without_an_account_is_told_so(client: TestClient, provider: OidcProvider) -> None:
    provider.person = {"sub": "u-2", "preferred_username": "nobody"}
    is_refused(client, client.get(gone(client)), 403, "尚未对应本系统的账号")


def test_somebody_who_says_no_there_is_told_here(client: TestClient) -> None:
    there = httpx.URL(gone(client))
    no = there.copy_remove_param("code").copy_set_param("error", "access_denied")
    is_refused(client, client.get(no), 401, "没有确认您的身份")


def test_a_provider_out_of_order_is_told_and_the_password_stays(
    client: TestClient, provider: OidcProvider
) -> None:
    provider.down = True
    answer = client.get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "暂时无法使用" in answer.text
