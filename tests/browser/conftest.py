"""People in browsers of their own, and their colleagues over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import browsing
from tests.browser.people import Staff, count_in, sign_in
from tests.processes import Served

PHONE: dict[str, Any] = {"viewport": browsing.PHONE, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": browsing.DESK}


@pytest.fixture
def person(demo: Served, open_page: Callable[..., Any]) -> Callable[..., Any]:
    """`person("crew", phone=True)` is somebody at work, "" a resident; each has a browser of his own that counts."""

    def arrive(login: str = "", *, phone: bool = False, **options: Any) -> Any:
        page = open_page(**(PHONE if phone else DESK), **options)
        count_in(page)
        page.set_default_timeout(30_000)
        if login:
            sign_in(page, demo.url, login)
        return page

    return arrive


@pytest.fixture(scope="session")
def staff(demo: Served) -> Staff:
    """The demo's people over the API, signed in once in a test process."""
    return Staff(demo.url)
