"""A district at work: the kernel's services over one pack, one store and one clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from civicloop.kernel.cases.engine import Engine, Located
from civicloop.kernel.cases.events import deliveries
from civicloop.kernel.cases.fields import Position
from civicloop.kernel.cases.indexing import CaseIndexer
from civicloop.kernel.cases.released import unreleased
from civicloop.kernel.facts.evidence import Evidence
from civicloop.kernel.facts.observations import Observations
from civicloop.kernel.facts.pack import Pack
from civicloop.kernel.facts.places import Places
from civicloop.kernel.facts.reference import Reference
from civicloop.kernel.facts.registers import Registers
from civicloop.kernel.figures.desk import Figures
from civicloop.kernel.outside.outbox import Handler, OutboxWorker
from civicloop.kernel.people.identity import People
from civicloop.kernel.registry.registry import Registry, find
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.time.calendar import CalendarSet
from civicloop.kernel.time.clock import SECOND, Clock, Instant, SystemClock
from civicloop.kernel.time.ids import Ids, SystemIds

TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says: where to keep things and where to listen.

    `database` is empty for the SQLite file in `data_dir`, else a PostgreSQL URL. `demo` adds a week of cases, logins
    and a key, and binds the server to loopback.
    """

    data_dir: Path
    database: str = ""
    host: str = "127.0.0.1"
    port: int = 8420
    demo: bool = True
    pack: str = "jianghan"
    tls_cert: str = ""
    tls_key: str = ""

    @property
    def url(self) -> str:
        """Where the store is."""
        return self.database or str(self.data_dir / f"{self.pack}.db")


class NotReady(Exception):
    """The database does not fit this code; the text says what to do."""


@dataclass(slots=True)
class District:
    """Everything a handler needs; made by `open_district`, ended by `close`."""

    pack: Pack
    settings: Settings
    clock: Clock
    ids: Ids
    store: Store
    registry: Registry
    calendars: CalendarSet
    reference: Reference
    registers: Registers
    observations: Observations
    places: Places
    evidence: Evidence
    people: People
    engine: Engine
    figures: Figures
    indexer: CaseIndexer
    outbox: OutboxWorker
    handlers: dict[str, Handler] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def code(self) -> str:
        """The district's code, the first part of every key."""
        return self.pack.code

    def start(self) -> None:
        """Starts what works beside the requests: the clock's tick, the outbox, the search index."""
        self._threads += self.outbox.start(self._stop)
        self._threads.append(self._background("tick", self.engine.tick))
        self._threads.append(self._background("index", self.indexer.catch_up))

    def _background(self, name: str, work: Callable[[], Any]) -> threading.Thread:
        def loop() -> None:
            while not self._stop.wait(TICK_SECONDS):
                work()

        thread = threading.Thread(target=loop, name=f"civicloop-{name}", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Ends the background work and closes the store."""
        self._stop.set()
        self.outbox.wake()
        for thread in self._threads:
            thread.join(timeout=5)
        self.figures.close()
        self.store.close()
