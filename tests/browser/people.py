"""What people do in a browser test: sign in, touch, press keys, take photographs; the page itself counts the touches and keys."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx

from civicloop.kernel.people.sessions import csrf_of
from civicloop.loops.street.fixtures.pictures import street_picture
from civicloop.web.visit import SESSION_COOKIE

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"

_PASSWORD = re.compile(r'name="password" value="([^"]+)"')

# Trusted events only: what a script does is nobody's touch. A touch into a text field belongs to the typing and is
# counted apart. It lies in the session's storage, so that it outlives the pages of a journey.
_COUNTING = """
(() => {
  const add = (name) => sessionStorage.setItem(name, Number(sessionStorage.getItem(name)) + 1);
  const typed = "textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=file]):not([type=range])";
  addEventListener("pointerdown", (e) => {
    if (e.isTrusted) add(e.target.closest?.(typed) ? "typing" : "touches");
  }, true);
  addEventListener("keydown", (e) => {
    if (e.isTrusted && !e.target.closest?.(typed)) add("keys");
  }, true);
})();
"""


@dataclass
class Count:
    """What a journey took, known when its `with` block has ended."""

    touches: int = 0
    typing: int = 0
    keys: int = 0


@contextmanager
def counted(page: Any, what: str, measured: Callable[[str, str], None]) -> Iterator[Count]:
    """Counts the touches, the touches into text fields and the keys of a journey on a page that is open; tells `measured`."""
    page.evaluate("['touches', 'typing', 'keys'].forEach((name) => sessionStorage.removeItem(name))")
    found = Count()
    yield found
    page.wait_for_load_state()
    for name in ("touches", "typing", "keys"):
        setattr(found, name, int(page.evaluate("(name) => Number(sessionStorage.getItem(name))", name)))
    into_text = f" and {found.typing} into text fields" if found.typing else ""
    measured("measured", f"{what}: {found.touches} touches{into_text}, {found.keys} keys")


def count_in(page: Any) -> None:
    """Lets every page of this context count what is done to it."""
    page.context.add_init_script(_COUNTING)


def sign_in(page: Any, url: str, login: str) -> None:
    """Signs in with one of the demo's logins, as a newcomer does: one press on the sign-in page."""
    page.goto(f"{url}/sign-in")
    page.locator(".demo-logins button").filter(has=page.locator(f"code:text-is('{login}')")).click()
    page.wait_for_load_state()
    assert "/sign-in" not in page.url, page.locator("main").inner_text()


def photograph(name: str, *, problem: str = "", view: int = 0) -> dict[str, Any]:
    """A file as a camera gives it: the corner `name` with a problem, or without."""
    data = street_picture(name, problem=problem, view=view)
    return {"name": "IMG_0001.jpg", "mimeType": "image/jpeg", "buffer": data}


def attach(page: Any, file: dict[str, Any], field: str) -> None:
    """Touches the photograph field and chooses a file in the system's own window."""
    with page.expect_file_chooser() as chooser:
        press(page, page.locator(f"input[type=file][name='{field}']"))
    chooser.value.set_files(file)
    page.wait_for_function(
        "(name) => document.querySelector(`input[name='${name}']`).files.length > 0", arg=field
    )


def press(page: Any, place: Any) -> None:
    """Touches on a phone, clicks on a desk."""
    # Asked of the element, which is waited for: the page itself may be about to be another one.
    if place.evaluate("() => navigator.maxTouchPoints"):
        place.tap()
    else:
        place.click()


def choose(page: Any, field: str, label: str) -> None:
    """Chooses an option of a form that is sent, by its words, whether the field is drawn as a list or as buttons."""
    form = page.locator("form[method=post]")
    as_list = form.locator(f"select[name='{field}']")
    form.locator(f"[name='{field}']").first.wait_for(state="attached")
    if as_list.count():
        as_list.select_option(label=label)
    else:
        press(page, page.locator(".radio", has=page.locator(f"input[name='{field}']"), has_text=label).first)


def drawn(page: Any) -> None:
    """Waits until the page's map has drawn."""
    page.locator(".map.is-drawn").first.wait_for(timeout=30_000)


def settled(page: Any) -> None:
    """Waits until the page has loaded and its maps, charts and live stream stand."""
    page.wait_for_load_state("load")
    if page.locator("[data-island=map]").count():
        page.locator(".map.is-drawn, .map:has(.map-message:not([hidden]))").first.wait_for(timeout=30_000)


def faults(page: Any) -> list[str]:
    """What axe finds, a line a node; it is loaded past the page's policy by the debugger, not by the page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def keep(page: Any, name: str) -> None:
    """Leaves a picture of the whole page in the folder CIVICLOOP_SHOTS, when it is set, for a person to look at."""
    folder = os.environ.get("CIVICLOOP_SHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


class Api:
    """The JSON API as one of the demo's people uses it, "" a resident; a refusal is an AssertionError with what it said."""

    def __init__(self, url: str, login: str = "") -> None:
        self.url = url
        self.headers: dict[str, str] = {}
        if login:
            password = _PASSWORD.search(httpx.get(f"{url}/sign-in").text)
            assert password is not None
            given = {"account": login, "password": password[1], "csrf": ""}
            token = httpx.post(f"{url}/sign-in", data=given).cookies[SESSION_COOKIE]
            # The cookie is for HTTPS and loopback; what speaks HTTP here knows no such exception, so it is sent by hand.
            self.headers = {"Cookie": f"{SESSION_COOKIE}={token}", "X-CSRF-Token": csrf_of(token)}

    def get(self, path: str) -> Any:
        return self._answer(httpx.get(self.url + path, headers=self.headers, timeout=60))

    def post(self, path: str, body: Any) -> Any:
        return self._answer(httpx.post(self.url + path, json=body, headers=self.headers, timeout=60))

    def upload(self, picture: bytes) -> str:
        """Keeps a photograph as evidence; its hash."""
        headers = {**self.headers, "Content-Type": "image/jpeg"}
        answer = httpx.post(f"{self.url}/api/evidence", content=picture, headers=headers, timeout=60)
        return str(self._answer(answer)["hash"])

    def _answer(self, answer: httpx.Response) -> Any:
        assert answer.status_code < 300, f"{answer.request.url}: {answer.status_code} {answer.text}"
        return answer.json()


class Staff:
    """The people of the demo over the API: they bring a case where a test's page takes it up."""

    KIND = "litter_bin"
    PLACE: ClassVar[dict[str, float]] = {"lon": 114.2831, "lat": 30.5755}

    def __init__(self, url: str) -> None:
        self.url = url
        self._apis: dict[str, Api] = {}

    def by(self, login: str) -> Api:
        """The API in that person's hands, "" a resident."""
        if login not in self._apis:
            self._apis[login] = Api(self.url, login)
        return self._apis[login]

    def do(self, login: str, case: str, action: str, **given: Any) -> None:
        """Performs an action on a case."""
        self.by(login).post(f"/api/street/{case}/{action}", given)

    def reported(self, corner: str) -> dict[str, Any]:
        """A new case with its photograph and category, brought by a collector: strangers are limited; the receipt."""
        photo = self.by("collector").upload(street_picture(corner, problem="rubbish"))
        report = {"description": f"果皮箱满了，{corner}", "media": [photo]}
        body = {"place": self.PLACE, "kind": self.KIND, "report": report}
        receipt: dict[str, Any] = self.by("collector").post("/api/street/report", body)
        return receipt

    def filed(self, corner: str) -> dict[str, Any]:
        """A case that waits to be sent out."""
        receipt = self.reported(corner)
        self.do("shift_head", receipt["case_id"], "accept")
        self.do("shift_head", receipt["case_id"], "file")
        return receipt

    def handling(self, corner: str) -> dict[str, Any]:
        """A case in the hands of the sanitation's crew."""
        receipt = self.filed(corner)
        self.do("shift_head", receipt["case_id"], "dispatch")
        self.do("unit_clerk_sanitation", receipt["case_id"], "sign")
        self.do("crew_sanitation", receipt["case_id"], "take")
        return receipt

    def checking(self, corner: str) -> dict[str, Any]:
        """A case that the crew says is done."""
        receipt = self.handling(corner)
        after = self.by("crew_sanitation").upload(street_picture(corner, view=1))
        self.do("crew_sanitation", receipt["case_id"], "report_back", photo_after=[after])
        return receipt
