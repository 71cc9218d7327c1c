"""What the tests of people share: the room over a store, a person named Wang, a watched password check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from civicloop.kernel.label import Label
from civicloop.kernel.people.identity import People
from civicloop.kernel.people.passwords import Hashing
from civicloop.kernel.people.roles import CLOCK, Actor, Grant, Scope, Where
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds

CHEAP = Hashing(passes=1, memory_kib=64, lanes=1)
PASSWORD = "four plain words here"
WANG = Label("王芳", "Wang Fang")
DISPATCHER = Grant("dispatcher", Scope("street", "420103001"))
HERE = Where("jianghan", street="420103001")
BY_DISPATCHER = frozenset({"dispatcher"})


# What does not touch the store's dialect runs on SQLite only.
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def make_people(store: Store, ids: SeededIds, **options: Any) -> People:
    return People("jianghan", store, ids, hashing=CHEAP, **options)


@pytest.fixture
def people(store: Store, ids: SeededIds) -> People:
    return make_people(store, ids)


@pytest.fixture
def wang(people: People) -> str:
    """An account with a password and one role."""
    return people.create_account(
        CLOCK, "Wang", WANG, password=PASSWORD, grants=[DISPATCHER], must_change=False, mobile="138 0013 8000"
    )


@pytest.fixture
def sqlite_store(sqlite_url: str, clock: VirtualClock) -> Iterator[Store]:
    opened = open_store(sqlite_url, clock)
    yield opened
    opened.close()


def enter(people: People, login: str = "wang", password: str = PASSWORD, address: str = "10.0.0.1") -> Actor:
    return people.login(login, password, address=address).actor


class Watched:
    """A password hasher that keeps the costs of every hash it was asked to check."""

    def __init__(self, hasher: Any) -> None:
        self.hasher = hasher
        self.costs: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.hasher, name)

    def verify(self, stored: str, password: bytes) -> bool:
        self.costs.append(stored.rsplit("$", 2)[0])
        return bool(self.hasher.verify(stored, password))


def refusal(error: type[Refusal], call: Any, *args: Any, **kwargs: Any) -> Refusal:
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    return caught.value
