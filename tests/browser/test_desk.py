"""The desk in a browser: live, by keyboard alone, on the map, and when two act on one case."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import browsing
from tests.browser.people import Staff, drawn, faults, sign_in
from tests.processes import Served

pytestmark = pytest.mark.browser

Person = Callable[..., Any]


@pytest.fixture
def browser_without_webgl(browser: Any) -> Iterator[Any]:
    """Another Chromium, on a machine without 3D."""
    flags = [flag for flag in browsing.FLAGS if "angle" not in flag and "swiftshader" not in flag]
    path = browsing.executable()
    launched = browser.browser_type.launch(executable_path=path, args=[*flags, "--disable-3d-apis"])
    yield launched
    launched.close()


def on_canvas(page: Any, lon: float, lat: float) -> dict[str, float]:
    """Where a place lies on a map that shows the whole district: Mercator, fitted into the canvas less its margin."""
    west, south, east, north = json.loads(page.locator("[data-map]").get_attribute("data-map"))["bounds"]
    box = page.locator(".map-canvas canvas").bounding_box()

    def y_of(degrees: float) -> float:
        return math.degrees(math.log(math.tan(math.pi / 4 + math.radians(degrees) / 2)))

    top, bottom = y_of(north), y_of(south)
    scale = min((box["width"] - 48) / (east - west), (box["height"] - 48) / (top - bottom))
    return {
        "x": box["width"] / 2 + (lon - (west + east) / 2) * scale,
        "y": box["height"] / 2 - (y_of(lat) - (top + bottom) / 2) * scale,
    }


def test_a_report_appears_on_a_colleagues_desk(person: Person, demo: Served, staff: Staff) -> None:
    head = person("shift_head")
    head.goto(f"{demo.url}/street?state=reported")
    head.locator(".live[data-live=on]").wait_for()
    before = head.evaluate("performance.timeOrigin")
    case = staff.reported("live")
    head.locator(f"#row-{case['case_id']}").wait_for(timeout=10_000)
    staff.do("intake", case["case_id"], "accept")
    head.locator(f"#row-{case['case_id']}").wait_for(state="detached", timeout=10_000)
    assert head.evaluate("performance.timeOrigin") == before, "the page was not loaded again"


def test_the_slower_of_two_is_told_and_keeps_what_he_wrote(
    person: Person, demo: Served, staff: Staff
) -> None:
    case = staff.filed("two dispatchers")
    slow = person("dispatcher")
    slow.goto(f"{demo.url}/street/{case['case_id']}/dispatch")
    slow.locator("textarea[name=note]").fill("请今天下午处理，靠近学校")
    staff.do("shift_head", case["case_id"], "correct", kind="public_toilet")
    slow.locator(".case-doing button[type=submit]").click()
    summary = slow.locator(".error-summary")
    summary.wait_for()
    assert slow.locator("textarea[name=note]").input_value() == "请今天下午处理，靠近学校"
    told = slow.locator(".case-since").inner_text()
    assert "更正" in told
    assert "陈国梁" in told
    slow.locator(".case-doing button[type=submit]").click()
    slow.locator("#case-view .page-title .tag", has_text="已派遣").wait_for()


def test_the_slower_of_two_who_did_the_same_is_told(person: Person, demo: Served, staff: Staff) -> None:
    case = staff.filed("done already")
    slow = person("dispatcher")
    slow.route("**/live?*", lambda route: route.fulfill(status=204))
    slow.goto(f"{demo.url}/street/{case['case_id']}")
    staff.do("shift_head", case["case_id"], "dispatch")
    slow.keyboard.press("d")
    assert "已派遣" in slow.locator(".error-summary").inner_text()


@pytest.mark.parametrize("place", ["page", "panel"])
def test_an_open_case_follows_what_others_do(person: Person, demo: Served, staff: Staff, place: str) -> None:
    case = staff.reported(f"followed on a {place}")
    intake = person("intake")
    if place == "page":
        intake.goto(f"{demo.url}/street/{case['case_id']}")
    else:
        intake.goto(f"{demo.url}/street?state=reported")
        intake.locator(f"#row-{case['case_id']} .row-link").click()
    intake.locator("#case-view form[action$='/accept'] button").focus()
    intake.locator(".live[data-live=on]").wait_for()
    begun = intake.evaluate("performance.timeOrigin")
    staff.do("shift_head", case["case_id"], "accept")
    intake.locator("#case-view .page-title .tag", has_text="已受理").wait_for()
    assert "陈国梁" in intake.locator(".case-news").inner_text()
    assert intake.locator("#case-view form[action$='/accept']").count() == 0
    assert intake.locator("[data-hears]").count() == 0
    staff.do("shift_head", case["case_id"], "comment", note="第二次")
    intake.locator(".case-news", has_text="第二次").wait_for()
    assert intake.locator(".case-news .moment, .case-news li").count() == 1, "only what is new since"
    assert intake.evaluate("performance.timeOrigin") == begun
    assert faults(intake) == []


def test_news_of_others_come_beside_what_is_typed(person: Person, demo: Served, staff: Staff) -> None:
    case = staff.filed("typed meanwhile")
    slow = person("dispatcher")
    slow.goto(f"{demo.url}/street/{case['case_id']}/dispatch")
    slow.locator(".live[data-live=on]").wait_for()
    note = slow.locator("textarea[name=note]")
    note.fill("请今天下午处理")
    staff.do("shift_head", case["case_id"], "comment", note="居民又来电")
    news = slow.locator("[data-hears] .case-news", has_text="居民又来电")
    news.wait_for()
    note.press_sequentially("，靠近学校")
    before = slow.locator(".case-story li").count()
    staff.do("shift_head", case["case_id"], "comment", note="还有一次")
    slow.locator("[data-hears] .case-news", has_text="还有一次").wait_for()
    assert note.input_value() == "请今天下午处理，靠近学校"
    assert slow.locator(".case-story li").count() == before
    assert faults(slow) == []
    news.get_by_role("link", name="显示最新内容").click()
    slow.locator(".case-story", has_text="还有一次").wait_for()
    assert news.count() == 0
    assert note.input_value() == "请今天下午处理，靠近学校"
    slow.locator(".case-doing button[type=submit]").click()
    slow.locator("#case-view .page-title .tag", has_text="已派遣").wait_for()
    assert slow.locator("#case-view .case-news").count() == 0, "what one does oneself is no news"
    assert "请今天下午处理，靠近学校" in slow.locator(".case-story").inner_text()


def test_news_say_when_the_action_is_no_longer_possible(person: Person, demo: Served, staff: Staff) -> None:
    case = staff.filed("too late")
    slow = person("dispatcher")
    slow.goto(f"{demo.url}/street/{case['case_id']}/dispatch")
    slow.locator(".live[data-live=on]").wait_for()
    slow.locator("textarea[name=note]").fill("不要丢失")
    staff.do("shift_head", case["case_id"], "dispatch")
    slow.locator(".case-news", has_text="不能再“派遣”").wait_for()
    assert slow.locator("textarea[name=note]").input_value() == "不要丢失"


def test_the_desk_by_keyboard_alone(person: Person, demo: Served, staff: Staff) -> None:
    for name in ("first by keys", "second by keys"):
        staff.reported(name)
    head = person("shift_head")
    head.goto(f"{demo.url}/street?state=reported")
    focused = "document.activeElement.closest('[data-row]')?.id"
    rows = head.locator("[data-queue] > [data-row]").evaluate_all("rows => rows.map((row) => row.id)")
    for key, row in (("j", rows[0]), ("j", rows[1]), ("k", rows[0]), ("j", rows[1])):
        head.keyboard.press(key)
        assert head.evaluate(focused) == row
    ring = head.evaluate(
        "(() => { const s = getComputedStyle(document.activeElement.closest('[data-row]'));"
        " const l = getComputedStyle(document.activeElement); const a = getComputedStyle(document.activeElement, '::after');"
        " return [s, l, a].some((x) => x.outlineStyle !== 'none' && parseFloat(x.outlineWidth) >= 2"
        " || x.boxShadow !== 'none'); })()"
    )
    assert ring, "the focus is seen"
    head.keyboard.press("Enter")
    head.locator("#case-view").wait_for()
    assert head.url.endswith(rows[1].removeprefix("row-"))
    head.keyboard.press("?")
    help_ = head.locator("#key-help")
    assert help_.is_visible()
    assert "受理" in help_.inner_text()
    assert faults(head) == []
    head.keyboard.press("Escape")
    assert help_.is_hidden()
    head.keyboard.press("a")
    head.locator("#case-view .page-title .tag", has_text="已受理").wait_for()
    head.keyboard.press("/")
    assert head.evaluate("document.activeElement.matches('[data-search]')")
    head.keyboard.type("kk")
    assert head.locator("[data-search]").input_value() == "kk"


def test_every_control_of_the_desk_is_reached_by_tab(person: Person, demo: Served) -> None:
    head = person("shift_head")
    head.goto(f"{demo.url}/street?state=held")
    drawn(head)
    reached = set()
    for _ in range(60):
        head.keyboard.press("Tab")
        name, seen = head.evaluate(
            "(() => { const e = document.activeElement; const b = e.getBoundingClientRect();"
            " return [e.outerHTML.slice(0, 90), b.width > 0 && b.height > 0]; })()"
        )
        assert seen, f"the focus went where nothing is seen: {name}"
        reached.add(name)
    assert any("skip" in name for name in reached)
    assert any("row-link" in name for name in reached)
    assert any("data-search" in name for name in reached)


def test_the_open_menus_of_the_desk_have_no_fault(person: Person, demo: Served) -> None:
    for phone in (False, True):
        head = person("shift_head", phone=phone)
        head.goto(f"{demo.url}/street?lang=en")
        drawn(head)
        head.locator("details.menu > summary").click()
        assert head.locator(".menu-box").is_visible()
        assert faults(head) == []
        head.keyboard.press("Escape")
        head.locator("details.filters-more > summary").click()
        head.locator("details.bulk > summary").click()
        assert faults(head) == []
        assert head.evaluate("document.documentElement.scrollWidth") <= head.viewport_size["width"]


def test_the_map_draws_and_a_click_on_a_case_opens_it(person: Person, demo: Served, staff: Staff) -> None:
    head = person("shift_head")
    case = staff.reported("on the map")
    head.goto(f"{demo.url}/street?q={case['number']}")
    drawn(head)
    features = head.evaluate(
        "() => fetch(document.querySelector('#case-rows').dataset.url).then((a) => a.json())"
    )
    assert len(features["features"]) == 1
    assert head.locator(".map-synthetic").is_visible()
    assert head.locator(".map-still svg").is_hidden()
    place = on_canvas(head, Staff.PLACE["lon"], Staff.PLACE["lat"])
    head.locator(".map-canvas canvas").click(position=place)
    head.locator("#panel #case-view").wait_for()
    assert head.url.endswith(case["case_id"])


def test_the_pin_sets_the_position(person: Person, demo: Served) -> None:
    phone = person(phone=True)
    phone.goto(f"{demo.url}/street/report")
    drawn(phone)
    canvas = phone.locator(".map-canvas canvas")
    box = canvas.bounding_box()
    positions = []
    for x in (0.45, 0.55):
        canvas.tap(position={"x": box["width"] * x, "y": box["height"] * 0.5})
        phone.locator(".map-pin").wait_for()
        positions.append(
            tuple(float(phone.locator(f"#place-{part}").input_value()) for part in ("longitude", "latitude"))
        )
    assert positions[0][0] < positions[1][0]
    assert all(114.1 < lon < 114.4 and 30.5 < lat < 30.7 for lon, lat in positions)


def test_without_webgl_the_still_map_stands(demo: Served, browser_without_webgl: Any) -> None:
    with browsing.opened(browser_without_webgl, viewport=browsing.DESK) as page:
        sign_in(page, demo.url, "shift_head")
        page.goto(f"{demo.url}/street")
        page.locator(".map-message").wait_for()
        assert page.locator(".map-still svg polygon").count() > 10
        assert page.locator(".map-still svg").is_visible()
        assert page.locator(".map-still a").count() > 3
        assert page.locator(".map-synthetic").is_visible()
        page.goto(f"{demo.url}/street/report")
        page.locator(".map-message").wait_for()
        assert page.locator("#place-longitude").is_visible(), "the place can be typed"
