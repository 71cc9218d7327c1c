"""People and programs in front of a served demo: they come by a socket, and the database is counted from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from civicloop.kernel.store.sqlite import SqliteConnection
from civicloop.web.visit import SESSION_COOKIE
from tests.processes import Served

PASSWORD = "civicloop-demo-2026"
INSIDE = {"lon": 114.258, "lat": 30.605}
REPORT = "/api/street/report"
FORM = {
    "place.longitude": str(INSIDE["lon"]),
    "place.latitude": str(INSIDE["lat"]),
    "description": "垃圾没人收",
    "looked": "1",  # the open cases close by have been seen
}

# What a request could leave behind; what the clock does meanwhile is its own.
_COUNTED = (
    "cases", "reports", "report_links", "evidence", "observations", "personal", "accounts", "api_keys",
)  # fmt: skip


class Visitor:
    """Somebody with a browser, or a program with a key; `role` is the demo login, "" for a stranger."""

    def __init__(self, served: Served, role: str = "") -> None:
        self.http = httpx.Client(base_url=served.url, timeout=120, follow_redirects=False)
        self.role = role
        self.csrf = ""
        if role:
            answer = self.http.post("/sign-in", data={"account": role, "password": PASSWORD, "csrf": ""})
            assert answer.status_code == 303, answer.text[:500]
            # A cookie for HTTPS, which browsers take on loopback too; httpx's jar does not.
            found = re.search(rf"{SESSION_COOKIE}=([^;]+)", answer.headers["set-cookie"])
            assert found is not None
            self.http.headers["Cookie"] = f"{SESSION_COOKIE}={found[1]}"
            self.csrf = self._csrf()

    def _csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.http.get("/street/report").text)
        assert found is not None
        return found[1]

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A call of the API by this session."""
        sent = {"X-CSRF-Token": self.csrf, **headers} if self.csrf else headers
        return self.http.request(method, path, json=body, headers=sent)

    def form(self, path: str, given: Mapping[str, Any], files: Any = None, **headers: str) -> httpx.Response:
        """A form, as a browser sends it: in parts, with the session's token."""
        parts = [
            *(files or ()),
            *((name, (None, value)) for name, value in {"csrf": self.csrf, **given}.items()),
        ]
        return self.http.post(path, files=parts, headers=headers)

    def key(self, scopes: str, account: str) -> str:
        """A new API key of an account; only an administrator makes one."""
        answer = self.form("/admin/keys", {"name": "test", "scopes": scopes, "account": account})
        found = re.search(r"cl\w+_\w+", answer.text)
        assert found is not None, answer.text[:500]
        return found[0]

    def close(self) -> None:
        self.http.close()


@contextmanager
def database(folder: Path) -> Iterator[SqliteConnection]:
    """The served district's file, read from outside."""
    (path,) = folder.glob("*.db")
    connection = SqliteConnection(path, writes=False)
    try:
        yield connection
    finally:
        connection.close()


def kept(folder: Path) -> dict[str, int]:
    """How many rows there are of everything that a request could leave, and of what people did."""
    with database(folder) as connection:
        found = {name: connection.one(f"SELECT COUNT(*) FROM {name}") for name in _COUNTED}
        found["history"] = connection.one("SELECT COUNT(*) FROM history WHERE via <> 'clock'")
    return {name: row[0] for name, row in found.items() if row is not None}


def assert_problem(answer: httpx.Response, status: int, code: str = "") -> dict[str, Any]:
    """problem+json (RFC 9457) with a sentence in both languages; the body."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:civicloop:")
    if code:
        assert body["type"] == f"urn:civicloop:{code}"
    sentences = [body, *body.get("errors", ())]
    for each in sentences:
        assert len(each["detail"]) > 10
        assert re.search(r"[\u4e00-\u9fff]", each["detail_zh"]), each
    return body


def assert_page_says(answer: httpx.Response, status: int, *words: str) -> None:
    """A page in Chinese that holds the words."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"].startswith("text/html")
    for word in words:
        assert word in answer.text, word


def described(**more: Any) -> dict[str, Any]:
    return {"place": INSIDE, "report": {"description": "垃圾没人收"}, **more}
