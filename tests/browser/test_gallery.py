"""The gallery in a real browser: nothing is refused by the page's own policy, axe finds nothing, islands run.

Screenshots of the last run lie in the folder named by CIVICLOOP_SHOTS, when it is set, for a person to look at.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from civicloop.web.assets import Assets
from civicloop.web.gallery import show as show_gallery

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; worker-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
VIEWS = [
    ("parts", "public", "light", "zh", 390),
    ("parts", "public", "light", "en", 1440),
    ("parts", "desk", "light", "zh", 1440),
    ("parts", "desk", "dark", "en", 390),
    ("front", "public", "light", "zh", 390),
    ("front", "public", "light", "en", 1440),
    ("report", "public", "light", "zh", 1440),
    ("report", "public", "light", "en", 390),
    ("desk", "desk", "light", "zh", 390),
    ("desk", "desk", "light", "en", 1440),
    ("desk", "desk", "dark", "zh", 1920),
    ("drawer", "public", "light", "en", 390),
    ("drawer", "public", "light", "zh", 1440),
]

pytestmark = pytest.mark.browser


def design(request: Request) -> Response:
    response = show_gallery(request)
    response.headers["Content-Security-Policy"] = POLICY
    return response


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/design", design), Mount("/static", Assets())])
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def show(address: str, open_page: Callable[..., Any]) -> Callable[..., Any]:
    """`show("view=desk", 390)` opens a view of the gallery at that width and waits for its map."""

    def shown(query: str, width: int = 1440, **options: Any) -> Any:
        phone = {"is_mobile": True, "has_touch": True} if width < 500 else {}
        page = open_page(viewport={"width": width, "height": 900}, **phone, **options)
        page.goto(f"{address}/design?{query}")
        if options.get("java_script_enabled", True) and page.locator("[data-island=map]").count():
            page.wait_for_selector(".map.is-drawn", timeout=30_000)
        return page

    return shown


def axe(page: Any) -> list[str]:
    """What axe finds, a line a node; it is loaded past the policy by the debugger, not by the page."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def keep(page: Any, name: str) -> None:
    folder = os.environ.get("CIVICLOOP_SHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize(("view", "shell", "theme", "language", "width"), VIEWS)
def test_every_view_is_whole(
    show: Callable[..., Any], view: str, shell: str, theme: str, language: str, width: int
) -> None:
    page = show(f"view={view}&shell={shell}&theme={theme}&lang={language}", width)
    keep(page, f"{view}-{shell}-{theme}-{language}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe(page) == []


def test_the_still_map_and_both_pictures_stand_without_scripts(show: Callable[..., Any]) -> None:
    page = show("lang=zh", java_script_enabled=False)
    assert page.locator(".map-still svg polygon").first.is_visible()
    assert page.locator(".pair-before img").first.is_visible()
    assert page.locator(".pair-after img").first.is_visible()
    assert page.locator(".pair-slider").first.is_hidden()
    assert page.locator(".chart-table table").first.is_visible()
    assert page.locator("input[name='place.longitude']").is_visible()
    assert page.locator("[data-locate]").is_hidden()


def test_keys_move_in_the_queue_and_stay_out_of_fields(show: Callable[..., Any]) -> None:
    page = show("view=desk&lang=zh")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]').id") == "row-1"
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]').id") == "row-2"
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    assert page.locator("[data-search]").input_value() == "jk?"
    page.locator("[data-search]").blur()
    page.keyboard.press("?")
    dialog = page.locator("#key-help")
    assert dialog.is_visible()
    assert "核查通过" in dialog.inner_text()
    assert axe(page) == []
    page.keyboard.press("Escape")
    assert dialog.is_hidden()


def test_keys_can_be_switched_off(show: Callable[..., Any]) -> None:
    page = show("view=desk&lang=zh")
    page.keyboard.press("?")
    page.locator("[data-keys-on]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]')") is None


def test_the_slider_cuts_between_before_and_after(show: Callable[..., Any]) -> None:
    page = show("view=parts&lang=zh")
    slider = page.locator(".pair-slider input").first
    slider.focus()
    page.keyboard.press("End")
    assert page.locator(".pair-stage").first.evaluate("e => e.style.getPropertyValue('--cut')") == "100%"


def test_a_running_clock_runs_and_breaks(show: Callable[..., Any]) -> None:
    page = show("view=drawer&lang=zh")
    page.clock.install()
    page.reload()
    page.evaluate(
        """() => { document.querySelector('main').insertAdjacentHTML('beforeend',
        `<span class="clock clock-on_time" data-clock="on_time" data-now="1000000" data-due="1003000" data-used="0.5">
        <svg class="ring"><circle class="ring-used"></circle><g class="shape"></g></svg>
        <span class="clock-left"></span></span>`); }"""
    )
    page.clock.run_for(1100)
    first = page.locator(".clock-left").inner_text()
    assert first.startswith("剩 ")
    page.clock.run_for(5000)
    assert page.locator(".clock-left").inner_text().startswith("超 ")
    assert page.locator(".clock").get_attribute("class") == "clock clock-breached"


def test_a_picked_place_lands_in_the_fields(show: Callable[..., Any]) -> None:
    page = show("view=report&lang=zh")
    canvas = page.locator(".map-canvas canvas")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] / 2 + 40, "y": box["height"] / 2})
    longitude = float(page.locator("input[name='place.longitude']").input_value())
    assert longitude != 114.274
    assert abs(longitude - 114.274) < 0.02


def test_a_category_is_found_by_typing(show: Callable[..., Any]) -> None:
    page = show("view=report&lang=zh")
    page.locator("[data-find]").fill("占道")
    assert page.locator(".branch:visible").count() == 1
    assert page.locator(".branch .radio:visible").count() == 1
    page.locator("[data-find]").press("Enter")
    assert page.locator("input[name=kind]:checked").get_attribute("value") == "0502"
