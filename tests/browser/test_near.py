"""A second resident finds that the problem is known already, with scripts and without; the desk merges by one key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.processes import Served

pytestmark = pytest.mark.browser

# A corner that no other journey reports at.
PLACE = {"place.longitude": "114.2431", "place.latitude": "30.6187"}


def filled(page: Any, url: str, words: str) -> None:
    """The report form with a place, by its numbers, and a sentence."""
    page.goto(f"{url}/street/report")
    for name, value in PLACE.items():
        page.locator(f"[name='{name}']").evaluate(
            "(field, value) => { field.value = value; field.dispatchEvent(new Event('change', { bubbles: true })); }",
            value,
        )
    page.locator("textarea[name=description]").fill(words)


def sent(page: Any) -> str:
    """Presses the form's own button; the tracking code."""
    page.locator("form[data-report] > button[type=submit]").click()
    page.locator(".tracking strong").wait_for()
    return str(page.locator(".tracking strong").inner_text())


def test_a_second_resident_adds_to_what_is_known(person: Callable[..., Any], demo: Served) -> None:
    first = person(phone=True)
    filled(first, demo.url, "路口的果皮箱满了，垃圾掉了一地")
    sent(first)
    second = person(phone=True)
    filled(second, demo.url, "路口的果皮箱满了，垃圾掉一地")
    card = second.locator(".near-case").first
    card.wait_for()
    assert "相距0米" in card.inner_text()
    assert "果皮箱" not in card.inner_text(), "what another wrote is not told"
    card.locator("button").click()
    second.locator(".tracking strong").wait_for()
    assert second.locator("dt:text-is('上报次数') + dd").inner_text() == "2"

    plain = person(phone=True, java_script_enabled=False)
    plain.goto(f"{demo.url}/street/report?lang=en")
    for name, value in PLACE.items():
        plain.locator(f"[name='{name}']").fill(value)
    plain.locator("textarea[name=description]").fill("路口的果皮箱满了，垃圾掉了一地")
    plain.locator("form[data-report] > button[type=submit]").click()
    assert "This is it" in plain.locator(".near-case button").first.inner_text()
    sent(plain)

    head = person("shift_head")
    head.goto(f"{demo.url}/street")
    newest = plain.locator("dt:text-is('Case number') + dd").inner_text()
    head.locator("[data-search]").fill(newest)
    head.locator(".row", has_text=newest).locator(".row-link").click()
    head.locator(".alike li").first.wait_for()
    head.keyboard.press("1")
    head.locator("#case-view .page-title .tag", has_text="已并入主案件").first.wait_for()
