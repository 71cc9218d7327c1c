"""A district with its application in this process, people as they are needed, and what is counted before and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from civicloop.app import build
from civicloop.kernel.label import Label
from civicloop.kernel.people.identity import SignedIn
from civicloop.kernel.people.roles import PUBLIC, Grant, Scope
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.calling import Answer, Client
from tests.fixtures import START


class World:
    """A district with its application, people as they are needed, and a way to count what is stored."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.call = Client(build(district, background=False))
        self._people: dict[tuple[str, str, str], SignedIn] = {}

    def person(self, role: str, kind: Any = "district", code: str = "") -> SignedIn:
        """Somebody with the role there."""
        code = code or (self.district.code if kind == "district" else "")
        wanted = (role, kind, code)
        if wanted not in self._people:
            people = self.district.people
            name = f"{role}-{len(self._people)}"
            grants = (Grant(role, Scope(kind, code)),)
            account = people.create_account(PUBLIC, name, Label(name, name), grants=grants)
            token = self.district.store.write(lambda tx: people.sessions.open(tx, account))
            self._people[wanted] = people.signed_in(token)
        return self._people[wanted]

    def key(self, who: SignedIn, *scopes: str) -> str:
        """A key of that account."""
        keys = self.district.people.keys
        return self.district.store.write(
            lambda tx: keys.make(tx, who.actor, who.actor.account_id, "test", scopes)
        )

    def place(self, street: int = 0) -> dict[str, float]:
        """A position in a street."""
        at = self.district.places.streets[street].at
        return {"lon": at.lon, "lat": at.lat}

    def report(self, street: int = 0, *, stranger: bool = False, **more: Any) -> dict[str, Any]:
        """Opens a case as a collector, or as a stranger; its receipt."""
        body = {"place": self.place(street), "report": {"description": "垃圾没人收"}, **more}
        who = None if stranger else self.person("collector")
        answer = self.call("POST", "/api/street/report", who=who, json=body)
        assert answer.status == 201, answer.text
        found: dict[str, Any] = answer.json
        return found

    def size(self) -> tuple[int, ...]:
        """How many rows there are of everything that an action writes."""
        tables = (
            "history",
            "cases",
            "clocks",
            "reports",
            "report_links",
            "outbox",
            "observations",
            "evidence",
        )
        with self.district.store.read() as tx:
            return tuple((tx.one(f"SELECT COUNT(*) FROM {table}") or (0,))[0] for table in tables)


def opened(folder: Path) -> Iterator[World]:
    """A district of its own in a folder."""
    settings = Settings(folder, demo=False)
    district = open_district(settings, clock=VirtualClock(START), ids=SeededIds("api"), inline=True)
    made = World(district)
    yield made
    made.call.close()
    district.close()


def is_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, after the checks that every one stands."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json
    assert problem["status"] == status
    assert problem["type"] == f"urn:civicloop:{code}", problem
    assert problem["detail"]
    assert problem["detail_zh"]
    assert problem["title"]
    return problem
