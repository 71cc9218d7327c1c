"""What a derived machine acts on: a fresh district for every example, its dump, and faults that strike."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.released import release
from civicloop.kernel.facts.reference import Reference
from civicloop.kernel.people.audit import Audit
from civicloop.kernel.people.personal import Personal
from civicloop.kernel.people.roles import Actor, Grant, Scope
from civicloop.kernel.store import faults
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.calendar import CalendarSet
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.fixtures import START

DISTRICT = "testland"

Prepare = Callable[[Engine], Mapping[str, Sequence[str]]]


class Struck(Exception):
    """The fault that strikes at a point."""


@dataclass(slots=True)
class Modelled:
    """What the model knows of one case."""

    process: str
    state: str
    previous: str
    master: str | None
    parent: str | None
    doers: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """One example's database, engine and clock."""

    folder: Path
    store: Store
    clock: VirtualClock
    engine: Engine
    known: Mapping[str, Sequence[str]]

    def close(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


class Templates:
    """A file with the kernel's tables and the released processes, made once and copied for every example."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, ...], Path] = {}

    def of(self, processes: Sequence[Process]) -> Path:
        key = tuple(f"{p.name}.{p.version}" for p in processes)
        if key not in self._files:
            path = Path(tempfile.mkdtemp(prefix="civicloop-template-")) / "district.db"
            store = open_store(str(path), VirtualClock(START), inline=True)
            for process in processes:
                store.write(lambda tx, p=process: release(tx, p))  # type: ignore[misc]
            store.close()
            self._files[key] = path
        return self._files[key]


TEMPLATES = Templates()


def world_of(processes: Sequence[Process], prepare: Prepare | None) -> World:
    """A fresh district whose processes are released."""
    folder = Path(
        tempfile.mkdtemp(prefix="civicloop-machine-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    )
    path = folder / "district.db"
    shutil.copyfile(TEMPLATES.of(processes), path)
    clock = VirtualClock(START)
    store = open_store(str(path), clock, inline=True)
    ids = SeededIds("machine")
    engine = Engine(
        DISTRICT, store, clock, ids, {p.name: p for p in processes}, reference=Reference(store, DISTRICT),
        calendars=CalendarSet({}), personal=Personal(DISTRICT, clock, ids, Audit(DISTRICT, clock, ids)),
    )  # fmt: skip
    return World(folder, store, clock, engine, prepare(engine) if prepare else {})


def dump(store: Store) -> dict[str, list[str]]:
    """Every row of every table."""
    with store.read() as tx:
        names = [
            row[0]
            for row in tx.all(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", ()
            )
        ]
        return {name: sorted(map(repr, tx.all(f"SELECT * FROM {name}", ()))) for name in names}


@contextmanager
def striking(point: Point, after: int) -> Iterator[list[int]]:
    """Within it the fault strikes when `point` is reached for the (after + 1)th time."""
    reached = [0]

    def strike(found: Point) -> None:
        if found is point:
            reached[0] += 1
            if reached[0] == after + 1:
                raise Struck(point)

    faults.hook = strike
    try:
        yield reached
    finally:
        faults.hook = None


def person(name: str, *roles: str, district: str = DISTRICT) -> Actor:
    """Somebody with roles in a whole district."""
    return Actor(
        name, account_id=f"a-{name}", grants=tuple(Grant(role, Scope("district", district)) for role in roles)
    )
