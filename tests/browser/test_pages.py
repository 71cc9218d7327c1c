"""Every page of the district, in both languages, as wide as a phone and as a desk: whole, within its width, without a fault.

The list is the registry's own, so that a page without a visit here fails the test. CIVICLOOP_SHOTS names a folder
that gets a picture of each, for a person to look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from civicloop.app import pages_of
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.registry.district import Settings, open_district
from civicloop.kernel.registry.loop import Page
from tests.browser.people import Staff, faults, keep, settled
from tests.processes import Served

pytestmark = pytest.mark.browser

# Who opens a page: the first of these whose role may.
LOGINS = {
    "collector": "collector",
    "checker": "checker",
    "crew": "crew_sanitation",
    "unit_clerk": "unit_clerk_sanitation",
    "shift_head": "shift_head",
    "dispatcher": "dispatcher",
    "homes_worker": "homes_worker",
    "homes_checker": "homes_checker",
    "homes_officer": "homes_officer",
    "homes_clerk": "homes_clerk",
    "admin": "admin",
}
# Whose cases the homes loop's own pages show, and in which state.
OF_HOMES = {
    "/homes/tasks/{id}": ("homes_task", "planned"),
    "/homes/visits/{id}/link": ("homes_task", "verified"),
    "/homes/surveys/{id}": ("homes_survey", "running"),
    "/homes/statements/{id}": ("homes_settlement", "approved"),
}
# Pages that refuse here, in words: the staff's own sign-in is not configured in the demo, and its way back leads nowhere.
REFUSED = {"/sign-in/oidc", "/sign-in/oidc/back"}
# What everybody may ask for, but only those who are signed in get anything of.
SIGNED_IN = {"/account": "shift_head"}
# What differs between languages and widths is words and room; the forms of actions are of one make, so each of them
# is looked at in two of the four.
THOROUGH = {("zh", 390), ("en", 1440)}


@dataclass(frozen=True)
class Stop:
    """One page to look at: its declared path, the address that is opened, and by whom."""

    path: str
    address: str
    login: str

    @property
    def is_form(self) -> bool:
        """Whether it is the derived form of an action."""
        return "/{id}/" in self.path

    @property
    def name(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.path.lower()).strip("-") or "front"


@pytest.fixture(scope="module")
def stops(demo: Served, staff: Staff, tmp_path_factory: pytest.TempPathFactory) -> list[Stop]:
    """A stop for every page that a person reads."""
    with closing(
        open_district(Settings(tmp_path_factory.mktemp("pages"), demo=False), inline=True)
    ) as district:
        pages = [p for p in pages_of(district) if "GET" in p.methods and p.area in ("public", "desk")]
        froms = {
            (process.name, action): state
            for process in district.registry.processes.values()
            for state, action in reversed(process.compiled.targets)
        }
    _prepare_homes(staff)
    cases = _cases(staff) | {"failed": _undeliverable(demo.folder)}
    code = staff.reported("pages")["tracking_code"]
    found = []
    for page in pages:
        login = _login(page)
        if login is None:
            continue
        process, action = page.path.split("/")[1], page.path.rpartition("/")[2]
        state = froms.get((process, action), "failed" if process == "undeliverable" else "handling")
        if process.startswith("homes"):
            found += _of_homes(staff, page, login, froms)
            continue
        address = page.path.replace("{code}", code).replace("{name}", "street_share_2_hours")
        if "{id}" in address:
            address = address.replace("{id}", cases[state])
        found.append(Stop(page.path, address, login))
    assert len(found) > 40
    return found


def _of_homes(staff: Staff, page: Page, login: str, froms: dict[tuple[str, str], str]) -> list[Stop]:
    """The stop of a page of the homes loop; none for what a resident's own link opens, and for a file."""
    # The firm of the demo's clerk has no statement that is still open to objections.
    if "/rate/" in page.path or "/survey/" in page.path or page.path.endswith(("/csv", "/object")):
        return []
    if "{id}" not in page.path:
        return [Stop(page.path, page.path.replace("{code}", "E001"), login)]
    process, action = page.path.split("/")[1], page.path.rpartition("/")[2]
    process, state = OF_HOMES.get(page.path, (process, froms.get((process, action), "")))
    query = f"?state={state}" if state else ""
    asker = "admin" if login == "" else login
    cases = staff.by(asker).get(f"/api/{process}{query}")["cases"]
    assert cases, f"the demo has no {process} in the state {state!r} for {asker}"
    return [Stop(page.path, page.path.replace("{id}", cases[0]["id"]), login)]


def _prepare_homes(staff: Staff) -> None:
    """Statements and a survey in the states that the demo's week leaves none in."""
    officer = staff.by("homes_officer")
    month = officer.get("/api/homes_settlement?state=approved")["cases"][0]["data"]["month"]
    reviewed = officer.post("/api/homes_settlement/draft", {"firm": "F05", "month": month})["case_id"]
    officer.post(f"/api/homes_settlement/{reviewed}/review", {})
    officer.post("/api/homes_settlement/draft", {"firm": "F06", "month": month})
    officer.post("/api/homes_survey/plan", {"quarter": "2031Q1", "size": 5, "seed": "pages"})


def _login(page: Page) -> str | None:
    """The demo's login for a page, "" for the public; None for what only a report's own link opens."""
    if page.path in SIGNED_IN:
        return SIGNED_IN[page.path]
    if "public" in page.by:
        return ""
    return next((login for role, login in LOGINS.items() if role in page.by), None)


def _cases(staff: Staff) -> dict[str, str]:
    """A case in every state that an action starts from."""
    found = {
        "reported": staff.reported("state reported")["case_id"],
        "filed": staff.filed("state filed")["case_id"],
        "handling": staff.handling("state handling")["case_id"],
        "checking": staff.checking("state checking")["case_id"],
    }
    for state, action, given in (
        ("merged", "merge", {"master": found["reported"]}),
        ("void", "withdraw", {"reason": "重复录入"}),
        ("accepted", "accept", {}),
    ):
        found[state] = staff.reported(f"state {state}")["case_id"]
        staff.do("shift_head", found[state], action, **given)
    for state, before, login, action, given in (
        ("verifying", staff.reported, "shift_head", "accept", {}),
        ("dispatched", staff.filed, "shift_head", "dispatch", {}),
        ("signed", staff.filed, "shift_head", "dispatch", {}),
        ("held", staff.handling, "shift_head", "hold", {"reason": "等待产权单位到场"}),
        ("closed", staff.checking, "checker", "close", {}),
    ):  # fmt: skip
        found[state] = before(f"state {state}")["case_id"]
        staff.do(login, found[state], action, **given)
    staff.do("shift_head", found["verifying"], "verify")
    staff.do("unit_clerk_sanitation", found["signed"], "sign")
    return found


def _undeliverable(folder: Path) -> str:
    """A message that did not arrive, recorded as the outbox would, from another process on the same file."""
    given = {"message": "m1", "topic": "effect:street.notify_unit", "why": "对方服务器 3 次无应答"}
    with closing(open_district(Settings(folder, demo=False), inline=True)) as district:
        receipt = district.engine.open("undeliverable", "open", given, PUBLIC, trusted=True)
    return receipt.case_id


def walked(
    stops: list[Stop], open_as: Callable[[str], Any], url: str, lang: str, width: int
) -> Iterator[str]:
    """Opens every stop and tells what is wrong with it, a line a fault."""
    for stop in stops:
        page, said = open_as(stop.login)
        said.clear()
        answer = page.goto(f"{url}{stop.address}?lang={lang}")
        settled(page)
        keep(page, f"{stop.name}-{lang}-{width}")
        where = f"{stop.path} ({stop.login or 'public'}, {lang}, {width})"
        if stop.path in REFUSED:
            said = [line for line in said if "Failed to load resource" not in line]
        elif answer.status >= 400:
            yield f"{where}: {answer.status} {page.locator('main').inner_text()[:200]}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{where}: {wide} px wide"
        if page.locator("h1").count() != 1:
            yield f"{where}: {page.locator('h1').count()} first headings"
        if page.evaluate("document.documentElement.lang") != {"zh": "zh-CN", "en": "en"}[lang]:
            yield f"{where}: not in that language"
        yield from (f"{where}: {line}" for line in [*faults(page), *said])


@pytest.mark.parametrize(
    ("lang", "width", "forms"),
    [
        pytest.param(lang, width, forms, id=f"{lang}-{width}-{'forms' if forms else 'pages'}")
        for lang, width, forms in product(("zh", "en"), (390, 1440), (False, True))
        if not forms or (lang, width) in THOROUGH
    ],
)
def test_every_page_is_whole(
    person: Callable[..., Any], demo: Served, stops: list[Stop], lang: str, width: int, forms: bool
) -> None:
    at_work: dict[str, Any] = {}

    def open_as(login: str) -> Any:
        if login not in at_work:
            page = person(login, phone=width < 500)
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: said.append(str(error)))
            at_work[login] = page, said
        return at_work[login]

    part = [stop for stop in stops if stop.is_form == forms]
    assert "\n".join(walked(part, open_as, demo.url, lang, width)) == ""
