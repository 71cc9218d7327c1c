"""Who may come in where: every route, every role, in the own place and in a foreign one, against a checked-in matrix.

The matrix is tests/golden/permissions.txt, a line a route. "public" lets everybody in; a bare role comes in wherever the
route leads; "own" comes in only to cases of its own street or unit. A route that is not in it fails the test.
To change it on purpose: CIVICLOOP_GOLDEN=write, and read the difference before it is committed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from civicloop.app import build, pages_of
from civicloop.kernel.cases.fields import Field
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.label import Label
from civicloop.kernel.people.identity import SignedIn
from civicloop.kernel.people.roles import PUBLIC, Grant, Scope, importer
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.registry.loop import Page
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from civicloop.loops.homes.fixtures.pictures import courtyard
from civicloop.loops.homes.processes import TASK
from tests.calling import Answer, Client
from tests.fixtures import START

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "permissions.txt"
# Whose cases a loop's own pages show, where their path does not say it.
OF_PAGES = {
    "/homes/tasks": "homes_task", "/homes/check": "homes_task", "/homes/visits": "homes_task",
    "/homes/statements": "homes_settlement",
}  # fmt: skip
# What an opening action is given, by the kind of its field, where any text will not do.
GIVEN = {"unit": "E001", "date": "2026-03-02", "instant": "2026-03-02T18:00:00+08:00", "number": 5}
NOBODYS_REVISION = 10**6  # what nobody has seen: an action that is allowed still changes nothing

# What stands for a placeholder where any text will not do, by route or by name.
SAMPLES = {
    ("/street/crew/{id}/{action}", "action"): "report_back",
    ("/street/check/{id}/{action}", "action"): "close",
    ("/street/reports/{code}/{action}", "action"): "rate",
    ("/homes/check/{id}/{action}", "action"): "verify",
    ("/map/{name}", "name"): "outline.geojson",
    ("/evidence/{hash}/original", "hash"): "0" * 64,
}


def first(field: Field) -> Any:
    """Something that a required field takes."""
    if field.options:
        return field.options[0].value
    return "sanitation" if field.source == "units" else GIVEN.get(field.kind, "x")


class World:
    """A district with a case in each place, and a session for each role that holds there."""

    def __init__(self, district: District) -> None:
        self.district = district
        street, other = (district.places.streets[i] for i in (0, 3))
        self.street, self.unit = street.code, "sanitation"
        # In the own street, in the own unit elsewhere, and in neither; by process.
        self.cases: dict[str, tuple[str, str, str]] = {}
        for process in district.registry.processes.values():
            opening = next(a for a in process.compiled.openings if a.roles)
            ids = []
            for where, unit in ((street, ""), (other, self.unit), (other, "")):
                given = {}
                for field in opening.evidence:
                    if field.kind == "point":
                        given[field.name] = {"lon": where.at.lon, "lat": where.at.lat}
                    elif field.required:
                        given[field.name] = self.given(field, len(ids))
                told = ReportGiven("web", "x") if process.reported else None
                actor = importer("test") if not process.located else PUBLIC
                receipt = district.engine.open(
                    process.name, opening.name, given, actor, report=told, trusted=True
                )
                district.store.write(
                    lambda tx, i=receipt.case_id, u=unit, s=where.code: tx.run(
                        "UPDATE cases SET unit = ?, street = ? WHERE district = ? AND id = ?",
                        (u, s, district.code, i),
                    )
                )
                ids.append(receipt.case_id)
            self.cases[process.name] = (ids[0], ids[1], ids[2])

    def given(self, field: Field, number: int) -> Any:
        """What a required field of an opening action is given; a rating is about a visit that was done,
        by another unit each, and a statement another firm's."""
        if field.name == "task":
            return self.done_visit()
        own = {"unit_code": f"E001-0{number + 2}-1", "firm": f"F0{number + 1}", "month": "2026-02"}
        return own.get(field.name) or first(field)

    def done_visit(self) -> str:
        """A routine task that was done."""
        engine, told = self.district.engine, importer("test")
        at = self.district.places.streets[0].at
        given = {f.name: first(f) for f in TASK.action("plan").evidence if f.kind != "point"}
        case = engine.open(
            TASK.name, "plan", {**given, "place": {"lon": at.lon, "lat": at.lat}}, told
        ).case_id
        photo = self.district.evidence.keep(courtyard("matrix"), actor_id="test", purpose="photo").hash
        engine.perform(case, "do", {"photo": [photo]}, told)
        return case

    def person(self, role: str) -> SignedIn:
        """Somebody with the role in one street and in one unit."""
        people = self.district.people
        grants = (Grant(role, Scope("street", self.street)), Grant(role, Scope("unit", self.unit)))
        account = people.create_account(PUBLIC, f"matrix-{role}", Label(role, role), grants=grants)
        token = self.district.store.write(lambda tx: people.sessions.open(tx, account))
        return people.signed_in(token)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    settings = Settings(tmp_path, demo=False)
    district = open_district(settings, clock=VirtualClock(START), ids=SeededIds("matrix"), inline=True)
    yield World(district)
    district.close()


def filled(page: Page, case_id: str) -> str:
    """The page's address with something in place of each placeholder."""

    def value(match: re.Match[str]) -> str:
        name = match[1].partition(":")[0]
        return case_id if name == "id" else SAMPLES.get((page.path, name), "x")

    return re.sub(r"\{([^}]+)\}", value, page.path)


def come_in(answer: Answer) -> bool:
    """Whether a visitor was let in; a case of others is not there for him."""
    if answer.status in (401, 403):
        return False
    if answer.status == 404 and b"urn:civicloop:missing" not in answer.body:
        return "没有编号为" not in answer.text and "不在您手上" not in answer.text
    if answer.status == 404:
        return False
    return not (answer.status == 303 and answer.headers.get("location", "").startswith("/sign-in"))


def ask(call: Client, page: Page, case_id: str, who: SignedIn | None) -> Answer:
    """The request that tells: it is refused by right, or by its content, and changes nothing."""
    method, path = page.methods[0], filled(page, case_id)
    if method == "GET":
        return call(method, path, who=who)
    if page.csrf:
        return call(method, path, who=who, form={"revision": str(NOBODYS_REVISION)})
    bulk = "/bulk/" in path
    return call(
        method, path, who=who, json={} if bulk or "{id}" not in page.path else {"revision": NOBODYS_REVISION}
    )


def found(world: World, call: Client) -> list[str]:
    """The matrix as it is."""
    roles = sorted(world.district.registry.roles)
    people = {role: world.person(role) for role in roles}
    nobody = world.person("nobody-at-all")
    lines = []
    for page in pages_of(world.district):
        who = [one(world, call, page, role, people[role]) for role in roles]
        if "public" in page.by:
            line = "public"
        else:
            assert not come_in(ask(call, page, "x", None)), f"{page.path} lets a stranger in"
            signed = "signed_in" if come_in(ask(call, page, "x", nobody)) else ""
            line = signed or " ".join(w for w in who if w) or "nobody"
        lines.append(f"{page.methods[0]} {page.path}: {line}")
    return sorted(set(lines), key=lambda line: (line.split()[1], line))


def one(world: World, call: Client, page: Page, role: str, who: SignedIn) -> str:
    """How far a role comes in: its name, its name with "own", or "" for not at all."""
    if "public" in page.by:
        return ""
    parts = page.path.removeprefix("/api").split("/")
    process = OF_PAGES.get("/".join(parts[:3]), parts[1])
    if "{id}" not in page.path or process not in world.cases:
        return role if come_in(ask(call, page, "x", who)) else ""
    street, unit, foreign = (come_in(ask(call, page, c, who)) for c in world.cases[process])
    if foreign:
        return role
    return (
        f"{role}:own" if street and unit else f"{role}:street" if street else f"{role}:unit" if unit else ""
    )


def named() -> dict[str, str]:
    """The checked-in matrix: who comes in, by method and path."""
    lines = GOLDEN.read_text("utf-8").splitlines()
    return dict(line.split(": ") for line in lines)


def test_every_route_is_in_the_matrix(world: World) -> None:
    """Quick: no route without its line, no line without its route, and the public ones are those named so."""
    pages = {f"{method} {page.path}": page for page in pages_of(world.district) for method in page.methods}
    assert sorted(pages) == sorted(named())
    for route, who in named().items():
        assert ("public" in pages[route].by) == (who == "public"), route
        assert {w.partition(":")[0] for w in who.split()} <= pages[route].by | {"nobody"}, route


@pytest.mark.slow
def test_every_route_lets_in_whom_the_matrix_names(world: World) -> None:
    call = Client(build(world.district, background=False))
    lines = found(world, call)
    call.close()
    text = "\n".join(lines) + "\n"
    if os.environ.get("CIVICLOOP_GOLDEN") == "write":
        GOLDEN.write_text(text, "utf-8")
    assert text.splitlines() == GOLDEN.read_text("utf-8").splitlines()
