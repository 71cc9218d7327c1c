"""Who may not send: foreign hosts, other sites, wrong tokens of forms, unknown keys; nothing is half done."""

from __future__ import annotations

import pytest

from tests.interop.served import FORM, REPORT, Visitor, assert_page_says, assert_problem, described

HOSTS = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1", "[::2]", "")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "/healthz", "/api/street", REPORT, "/static/css/tokens.css", "/live"])
def test_a_foreign_host_is_not_served(host: str, path: str, collector: Visitor, unchanged: None) -> None:
    """Another site's name that points here (DNS rebinding) reaches nothing, whoever is signed in."""
    answer = collector.http.request("POST" if path == REPORT else "GET", path, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert "localhost" in answer.json()["detail_zh"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_sends_is_refused(site: str, collector: Visitor, unchanged: None) -> None:
    page = collector.form("/street/report", FORM, **{"Sec-Fetch-Site": site})
    assert_page_says(page, 403, "别的网站")
    call = collector.api("POST", REPORT, described(), **{"Sec-Fetch-Site": site})
    assert_problem(call, 403, "cross-site")


@pytest.mark.parametrize("token", ["", "0" * 64, "é", "a" * 10_000])
def test_a_wrong_token_of_a_form_is_refused(token: str, collector: Visitor, unchanged: None) -> None:
    page = collector.http.post(
        "/street/report", files=[("csrf", (None, token)), *((k, (None, v)) for k, v in FORM.items())]
    )
    assert_page_says(page, 403, "刷新")
    headers = [(b"X-CSRF-Token", token.encode("utf-8")[:5000])]
    assert_problem(collector.http.post(REPORT, json=described(), headers=headers), 403, "no-csrf-token")


@pytest.mark.parametrize("key", ["wrong", "cl000000_" + "0" * 32, "é", "demo2", "x" * 5000])
def test_an_unknown_key_opens_nothing(key: str, stranger: Visitor, unchanged: None) -> None:
    for headers in ([(b"X-API-Key", key.encode())], [(b"Authorization", b"Bearer " + key.encode())]):
        for method, path, body in (("GET", "/api/street", None), ("POST", REPORT, described())):
            answer = stranger.http.request(method, path, json=body, headers=headers)
            assert_problem(answer, 401, "bad-key")
            assert answer.headers["www-authenticate"].startswith("Bearer")
