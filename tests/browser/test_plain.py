"""The whole loop without JavaScript: every form is a form, every page a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.people import Staff, photograph, sign_in
from tests.processes import Served

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(person: Callable[..., Any], demo: Served) -> Callable[..., Any]:
    """`plain("crew")` is somebody at work, "" a resident, in a browser that runs no script."""

    def arrive(login: str = "", *, phone: bool = False) -> Any:
        page = person(phone=phone, java_script_enabled=False)
        if login:
            sign_in(page, demo.url, login)
        return page

    return arrive


def stands(page: Any, state: str) -> None:
    """Waits until the page's title names that state."""
    page.locator(".page-title .tag", has_text=state).first.wait_for()


def send(page: Any) -> None:
    """Sends a report; where open cases close by are shown first, it is none of them."""
    page.locator("form[data-report] > button[type=submit]").click()
    page.wait_for_load_state()
    if page.locator(".near-case").count():
        page.locator("form[data-report] > button[type=submit]").click()


def test_a_wrong_report_comes_back_with_what_was_written(plain: Callable[..., Any], demo: Served) -> None:
    resident = plain(phone=True)
    resident.goto(f"{demo.url}/street/report")
    resident.locator("input[name=media]").set_input_files(photograph("plain wrong", problem="rubbish"))
    resident.locator("textarea[name=description]").fill("路口有垃圾")
    resident.locator("form[data-report] > button[type=submit]").click()
    resident.locator(".error-summary").wait_for()
    assert resident.locator("textarea[name=description]").input_value() == "路口有垃圾"
    assert resident.locator(".photo-kept img").is_visible(), "the photograph need not be taken again"
    resident.locator("#place-longitude").fill("114.2831")
    resident.locator("#place-latitude").fill("30.5755")
    send(resident)
    resident.locator(".tracking strong").wait_for()
    assert resident.locator(".pair-before img").is_visible()


def test_the_whole_loop_without_javascript(plain: Callable[..., Any], demo: Served) -> None:
    url = demo.url
    resident = plain(phone=True)
    resident.goto(url)
    assert resident.locator(".doors a").count() >= 3
    resident.locator(".doors a").first.click()
    resident.locator("input[name=media]").set_input_files(photograph("plain", problem="rubbish"))
    resident.locator("#place-longitude").fill("114.2831")
    resident.locator("#place-latitude").fill("30.5755")
    resident.locator("textarea[name=description]").fill("果皮箱满了")
    resident.locator("details.more > summary").click()
    resident.locator(".branch", has_text="果皮箱").locator("> summary").click()
    resident.locator(".radio", has_text="果皮箱").first.click()
    send(resident)
    code = resident.locator(".tracking strong").inner_text()
    number = resident.locator("dt:text-is('案号') + dd").inner_text()

    head = plain("shift_head")
    head.locator("[data-search]").fill(number)
    head.locator("form.filters button[type=submit]").click()
    head.locator(".row", has_text=number).locator(".row-link").click()
    address = head.url
    for action, state in (("accept", "已受理"), ("file", "已立案"), ("dispatch", "已派遣")):
        head.locator(f"form[action$='/{action}'] button[type=submit]").click()
        stands(head, state)

    clerk = plain("unit_clerk_sanitation")
    clerk.goto(address)
    clerk.locator("form[action$='/sign'] button[type=submit]").click()
    stands(clerk, "已签收")

    crew = plain("crew_sanitation", phone=True)
    crew.locator(".row", has_text=number).locator(".row-link").click()
    crew.locator("form[action$='/take'] button[type=submit]").click()
    crew.locator("input[name=photo_after]").set_input_files(photograph("plain", view=1))
    crew.locator("form[action$='/report_back'] button[type=submit]").click()
    crew.wait_for_url(f"{url}/street/crew")

    checker = plain("checker")
    checker.goto(f"{url}/street/check?case={address.rpartition('/')[2]}")
    assert checker.locator(".pair-before img").is_visible()
    assert checker.locator(".pair-after img").is_visible()
    checker.locator("form[action$='/close'] button[type=submit]").click()
    checker.wait_for_url(f"{url}/street/check")

    resident.goto(f"{url}/follow")
    resident.locator("[name=code]").fill(code)
    resident.locator("main button[type=submit]").click()
    stands(resident, "已结案")
    resident.locator("#rate > summary").click()
    resident.locator("#rate .radio", has_text="非常满意").click()
    resident.locator("#rate button[type=submit]").click()
    resident.locator(".notice", has_text="非常满意").wait_for()


def test_many_at_once_and_signing_out_without_javascript(
    plain: Callable[..., Any], demo: Served, staff: Staff
) -> None:
    cases = [staff.reported(f"plain many {n}") for n in range(2)]
    head = plain("shift_head")
    head.goto(f"{demo.url}/street?state=reported")
    for case in cases:
        head.locator(f"#row-{case['case_id']} input[type=checkbox]").check()
    head.locator("details.bulk > summary").click()
    head.locator("button[formaction$='/bulk/accept']").click()
    assert head.locator(".many > li").count() == 2
    assert head.locator(".many .tag", has_text="已受理").count() == 2
    head.locator("details.menu > summary").click()
    head.locator(".menu-box form[action='/sign-out'] button").click()
    head.goto(f"{demo.url}/street")
    assert "/sign-in" in head.url
