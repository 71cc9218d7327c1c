"""The street loop through its pages: from a resident's report to the figure that opens down to its photograph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import playwright.sync_api as playwright
import pytest

from tests.browser.people import (
    Staff,
    attach,
    choose,
    counted,
    drawn,
    photograph,
    press,
)
from tests.processes import Served

Measured = Callable[[str, str], None]

pytestmark = pytest.mark.browser


def reported(page: Any, url: str, corner: str, words: str, *, kind: str = "") -> str:
    """A resident on the report page: photograph, place, a sentence, sent. The tracking code."""
    page.goto(f"{url}/street/report")
    drawn(page)
    attach(page, photograph(corner, problem="rubbish"), "media")
    press(page, page.locator(".map-canvas canvas"))
    page.locator("textarea[name=description]").fill(words)
    if kind:
        press(page, page.locator("details.more > summary"))
        page.locator("[data-find]").fill(kind)
        page.locator("[data-find]").press("Enter")
    press(page, page.locator("form[data-report] > button[type=submit]"))
    page.locator(".tracking strong").wait_for()
    return str(page.locator(".tracking strong").inner_text())


def test_a_resident_reports_in_four_taps_from_the_front_page(
    person: Callable[..., Any], demo: Served, record_property: Measured
) -> None:
    phone = person(phone=True)
    phone.goto(demo.url)
    with counted(phone, "a resident reports from the front page", record_property) as taken:
        press(phone, phone.locator(".doors a").first)
        drawn(phone)
        attach(phone, photograph("front page", problem="rubbish"), "media")
        press(phone, phone.locator(".map-canvas canvas"))
        phone.locator("textarea[name=description]").fill("垃圾桶旁堆了几袋垃圾")
        press(phone, phone.locator("form[data-report] > button[type=submit]"))
        phone.locator(".tracking strong").wait_for()
    assert taken.touches <= 4
    assert len(phone.locator(".tracking strong").inner_text()) == 10


def number_on(page: Any) -> str:
    """The case number among a page's facts."""
    return str(page.locator("dt:text-matches('^(案号|Case number)$') + dd").first.inner_text())


def shown_tile(page: Any, url: str, title: str) -> float:
    """The number on a tile of the figures page."""
    page.goto(f"{url}/figures")
    text = page.locator(".tile", has=page.get_by_role("heading", name=title, exact=True)).locator(
        ".tile-number"
    )
    return float(text.inner_text().replace(",", ""))


def found(page: Any, url: str, number: str) -> str:
    """Looks a case up by its number on the desk, opens it in the panel; its id."""
    page.goto(f"{url}/street")
    page.locator("[data-search]").fill(number)
    row = page.locator(".row", has_text=number)
    row.locator(".row-link").click()
    page.locator("#case-view").wait_for()
    return str(page.url.rpartition("/")[2])


def in_state(page: Any, state: str) -> None:
    """Waits until the case on the page stands in that state; AssertionError with what the page says when it does not."""
    try:
        page.locator("#case-view .page-title .tag", has_text=state).first.wait_for()
    except playwright.TimeoutError as error:
        raise AssertionError(f"not {state}: {page.locator('main').inner_text()}") from error


def gone_to(page: Any, url: str) -> None:
    """Waits until the browser stands at an address; AssertionError with what the page says when it does not."""
    try:
        page.wait_for_url(url)
    except playwright.TimeoutError as error:
        raise AssertionError(f"at {page.url}: {page.locator('main').inner_text()}") from error


def test_the_whole_loop(person: Callable[..., Any], demo: Served, record_property: Measured) -> None:
    url = demo.url
    leader = person("leader")
    closed_before = shown_tile(leader, url, "已结案件")

    resident = person(phone=True)
    resident.goto(f"{url}/street/report")
    with counted(resident, "a resident reports, with a category", record_property) as taken:
        code = reported(resident, url, "whole loop", "路口的果皮箱满了，垃圾掉了一地", kind="果皮箱")
    assert taken.touches <= 4
    number = number_on(resident)

    head = person("shift_head")
    found(head, url, number)
    in_state(head, "已上报")
    with counted(head, "accept, file and dispatch", record_property) as taken:
        for key, state in (("a", "已受理"), ("f", "已立案"), ("d", "已派遣")):
            head.keyboard.press(key)
            in_state(head, state)
    assert taken.keys == 3
    assert taken.touches == 0

    clerk = person("unit_clerk_sanitation")
    case_id = found(clerk, url, number)
    clerk.keyboard.press("s")
    in_state(clerk, "已签收")
    clerk.keyboard.press("t")
    choose(clerk, "holder", "马小军")
    clerk.locator(".case-doing button[type=submit]").click()
    in_state(clerk, "处置中")

    crew = person("crew_sanitation", phone=True)
    with counted(crew, "a crew finishes", record_property) as taken:
        press(crew, crew.locator(".row", has_text=number).locator(".row-link"))
        attach(crew, photograph("whole loop", view=1), "photo_after")
        press(crew, crew.locator("form[action$='/report_back'] button[type=submit]"))
        gone_to(crew, f"{url}/street/crew")
    assert taken.touches <= 3
    assert crew.locator(".row", has_text=number).count() == 0

    checker = person("checker")
    checker.goto(f"{url}/street/check?case={case_id}")
    assert number_on(checker) == number
    with counted(checker, "a check", record_property) as taken:
        checker.keyboard.press("c")
        checker.wait_for_function("(n) => !document.querySelector('dl')?.textContent.includes(n)", arg=number)
    assert (taken.keys, taken.touches) == (1, 0)

    resident.goto(f"{url}/follow")
    resident.locator("[name=code]").fill(code.lower())
    press(resident, resident.locator("main button[type=submit]"))
    resident.locator(".page-title .tag", has_text="已结案").wait_for()
    assert resident.locator(".pair-before img").is_visible()
    assert resident.locator(".pair-after img").is_visible()
    press(resident, resident.locator("#rate > summary"))
    press(resident, resident.locator("#rate .radio", has_text="非常满意"))
    press(resident, resident.locator("#rate button[type=submit]"))
    resident.locator(".notice", has_text="您的评价：非常满意").wait_for()

    assert shown_tile(leader, url, "已结案件") == closed_before + 1
    with counted(leader, "from a figure to the photograph", record_property) as taken:
        leader.locator(".tile", has=leader.get_by_role("heading", name="已结案件", exact=True)).locator(
            "a"
        ).click()
        leader.get_by_role("link", name="果皮箱").click()
        leader.get_by_role("link", name=number).click()
        leader.locator(".pair-after a").click()
        gone_to(leader, "**/evidence/*")
    assert taken.touches <= 4
    assert leader.evaluate("document.images[0].naturalWidth") > 0


# ---- the side ways ----------------------------------------------------------------------------------------------------


def test_a_check_that_fails_goes_back_and_then_closes(
    person: Callable[..., Any], demo: Served, staff: Staff
) -> None:
    case = staff.checking("rework")
    checker = person("checker", phone=True)
    checker.goto(f"{demo.url}/street/check?case={case['case_id']}")
    press(checker, checker.locator("details.answer > summary"))
    press(checker, checker.locator("form[action$='/rework'] button[type=submit]"))
    checker.locator(".error-summary").wait_for()  # a check that fails needs its reason
    assert number_on(checker) == case["number"]
    checker.locator("textarea[name=reason]").fill("箱体外侧仍有污渍")
    press(checker, checker.locator("form[action$='/rework'] button[type=submit]"))
    gone_to(checker, f"{demo.url}/street/check")

    crew = person("crew_sanitation", phone=True)
    press(crew, crew.locator(".row", has_text=case["number"]).locator(".row-link"))
    attach(crew, photograph("rework", view=1), "photo_after")
    press(crew, crew.locator("form[action$='/report_back'] button[type=submit]"))
    assert "同一张" in crew.locator(".error-summary").inner_text(), (
        "the picture of the first try is no new proof"
    )
    attach(crew, photograph("rework", view=2), "photo_after")
    press(crew, crew.locator("form[action$='/report_back'] button[type=submit]"))
    gone_to(crew, f"{demo.url}/street/crew")

    checker.goto(f"{demo.url}/street/check?case={case['case_id']}")
    press(checker, checker.locator("form[action$='/close'] button"))
    gone_to(checker, f"{demo.url}/street/check")
    checker.goto(f"{demo.url}/street/{case['case_id']}")
    in_state(checker, "已结案")
    assert "返工 1 次" in checker.locator(".page-title").inner_text()


def test_a_unit_returns_what_is_not_its_own(person: Callable[..., Any], demo: Served, staff: Staff) -> None:
    case = staff.filed("return")
    staff.do("dispatcher", case["case_id"], "dispatch")
    clerk = person("unit_clerk_sanitation")
    found(clerk, demo.url, case["number"])
    clerk.keyboard.press("b")
    clerk.locator("textarea[name=reason]").fill("此处属园林部门管养")
    clerk.locator(".case-doing button[type=submit]").click()
    clerk.locator("#case-view .page-title").wait_for(state="detached")
    assert clerk.locator(".toast").inner_text().strip() == "已退回"

    dispatcher = person("dispatcher")
    found(dispatcher, demo.url, case["number"])
    in_state(dispatcher, "已立案")
    assert "此处属园林部门管养" in dispatcher.locator(".timeline").inner_text()
    dispatcher.get_by_role("link", name="派遣：填写更多").click()
    choose(dispatcher, "unit", "区园林绿化中心")
    dispatcher.locator(".case-doing button[type=submit]").click()
    in_state(dispatcher, "已派遣")


def test_a_report_is_declined_with_its_reason(person: Callable[..., Any], demo: Served, staff: Staff) -> None:
    case = staff.reported("decline")
    head = person("shift_head")
    found(head, demo.url, case["number"])
    head.keyboard.press("n")
    choose(head, "reason_code", "现场未发现")
    head.locator("textarea[name=reason]").fill("到场查看，箱体完好")
    head.locator(".case-doing button[type=submit]").click()
    in_state(head, "不予立案")
    resident = person(phone=True)
    resident.goto(f"{demo.url}/street/reports/{case['tracking_code']}")
    assert "不予立案" in resident.locator(".page-title").inner_text()


def test_a_case_is_held_and_goes_on_where_it_was(
    person: Callable[..., Any], demo: Served, staff: Staff
) -> None:
    case = staff.handling("hold")
    head = person("shift_head")
    found(head, demo.url, case["number"])
    head.keyboard.press("h")
    head.locator("textarea[name=reason]").fill("等待产权单位到场")
    head.locator(".case-doing button[type=submit]").click()
    in_state(head, "缓办中")
    head.keyboard.press("h")
    in_state(head, "处置中")


def test_a_duplicate_is_merged_and_the_merge_undone(
    person: Callable[..., Any], demo: Served, staff: Staff
) -> None:
    master, double = staff.reported("master"), staff.reported("double")
    head = person("shift_head")
    found(head, demo.url, double["number"])
    head.keyboard.press("m")
    head.locator("form[method=post] input[name=master]").fill(master["number"])
    head.locator(".case-doing button[type=submit]").click()
    in_state(head, "已并入主案件")
    head.locator("#case-view a", has_text=master["number"]).first.click()
    gone_to(head, f"**/{master['case_id']}")
    in_state(head, "已上报")
    assert head.locator(".told > li").count() == 2
    found(head, demo.url, double["number"])
    head.keyboard.press("u")
    in_state(head, "已上报")
    head.goto(f"{demo.url}/street/{master['case_id']}")
    assert head.locator(".told > li").count() == 1
