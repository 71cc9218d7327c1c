"""A district at work: the kernel's services over one pack, one store and one clock."""

from __future__ import annotations

import logging
import threading
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from civicloop.kernel.cases.engine import Engine, Located
from civicloop.kernel.cases.events import EVENT, deliveries
from civicloop.kernel.cases.fields import Position
from civicloop.kernel.cases.released import unreleased
from civicloop.kernel.cases.texts import texts_of
from civicloop.kernel.facts import categories, search
from civicloop.kernel.facts.evidence import Evidence
from civicloop.kernel.facts.observations import Observations
from civicloop.kernel.facts.pack import Pack, load_pack
from civicloop.kernel.facts.places import Places
from civicloop.kernel.facts.reference import Reference
from civicloop.kernel.facts.registers import EntityRow, Register, Registers
from civicloop.kernel.figures.analytics import Analytics
from civicloop.kernel.figures.service import Figures
from civicloop.kernel.label import Label
from civicloop.kernel.outside.jobs import Jobs, Work
from civicloop.kernel.outside.outbox import Handler, OnUndeliverable, OutboxWorker, Undeliverable
from civicloop.kernel.outside.ports.configured import open_ports
from civicloop.kernel.outside.ports.port import Port
from civicloop.kernel.outside.schedule import Daily
from civicloop.kernel.people.identity import People
from civicloop.kernel.people.oidc import Oidc, Provider
from civicloop.kernel.refusal import Unavailable
from civicloop.kernel.registry.registry import Registry, find
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.calendar import CalendarSet
from civicloop.kernel.time.calendar_file import load_calendars
from civicloop.kernel.time.clock import Clock, SystemClock, to_datetime
from civicloop.kernel.time.ids import Ids, SystemIds

_log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
HOUSE_SECONDS = 3600.0

REGISTERS = (
    Register("streets", Label("街道", "Streets")),
    Register("communities", Label("社区", "Communities")),
    Register("units", Label("责任单位", "Responsible units"), names=("name", "name_en")),
)


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
    """Everything a page or an effect needs; made by `open_district`, ended by `close`.

    `handlers` are what the outbox does, by topic, `works` the long work of the loops, by job.
    """

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
    oidc: Oidc | None
    ports: dict[str, Port]
    outbox: OutboxWorker
    handlers: dict[str, Handler]
    jobs: Jobs
    works: dict[str, Work]
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def code(self) -> str:
        """The district's code, the first part of every key."""
        return self.pack.code

    @property
    def zone(self) -> ZoneInfo:
        """The district's time zone."""
        return ZoneInfo(self.pack.zone)

    def start(self) -> None:
        """Starts what works beside the requests: the clock's tick, the outbox, the loops' jobs, the search index."""
        self._threads += self.outbox.start(self._stop)
        if self.works:
            self._threads.append(self.jobs.start_thread(self._stop))
        self._threads.append(self._background("tick", self.engine.tick))
        self._threads.append(self._background("keep", self.keep_house, seconds=HOUSE_SECONDS))
        self._threads.append(self._background("index", self.index))

    def index(self) -> None:
        """Has the search index follow the history to its end."""
        texts = partial(texts_of, self.code)
        while self.store.write(lambda tx: search.follow(tx, self.code, texts)):
            pass

    def named(self, tx: Tx) -> search.Named:
        """What tells the categories whose name, as it is now, holds a word."""
        return lambda word: categories.named(self.reference.snapshot(tx), self.clock.now(), word)

    def keep_house(self) -> None:
        """Erases personal values whose time is over, and what has run out of sessions, codes and tries."""
        self.store.write(self.people.sweep)
        while self.store.write(self.people.personal.erase_due):
            pass

    def _background(
        self, name: str, work: Callable[[], Any], *, seconds: float = TICK_SECONDS
    ) -> threading.Thread:
        def loop() -> None:
            while not self._stop.wait(seconds):
                try:
                    work()
                except Unavailable:
                    continue  # whoever asks the store is told; the work waits
                except Exception:  # noqa: BLE001 - one broken round must not end the work for good
                    _log.exception("%s: a round failed", name)

        thread = threading.Thread(target=loop, name=f"civicloop-{name}", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Ends the background work and closes the store."""
        self._stop.set()
        self.outbox.wake()
        self.jobs.close()
        for thread in self._threads:
            thread.join(timeout=5)
        self.figures.close()
        self.store.close()


def open_district(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    inline: bool = False,
    busy_seconds: float = 5.0,
    pack: Pack | None = None,
) -> District:
    """Opens a district, bringing its tables and its pack's rows up to date.

    `busy_seconds` is how long a write waits for another process's. NotReady when a process was changed without a release, or an open case has no place in the present one.
    """
    pack = pack or load_pack(settings.pack)
    clock = clock or SystemClock()
    ids = ids or SystemIds(clock)
    registry = find(pack.loops)
    calendars = CalendarSet(load_calendars(pack.calendars_file))
    registry.check(calendars.names())
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.url, clock, inline=inline, busy_seconds=busy_seconds, lines=registry.lines)
    try:
        return _opened(settings, pack, clock, ids, store, registry, calendars)
    except BaseException:
        store.close()
        raise


def _opened(
    settings: Settings,
    pack: Pack,
    clock: Clock,
    ids: Ids,
    store: Store,
    registry: Registry,
    calendars: CalendarSet,
) -> District:
    with store.read() as tx:
        wrong = unreleased(tx, registry.processes.values())
    if wrong:
        raise NotReady("\n".join(wrong))
    places = pack.places()
    people = People(pack.code, store, ids, demo=settings.demo, demo_password=pack.demo_password)
    reference = Reference(store, pack.code)
    engine = Engine(
        pack.code, store, clock, ids, registry.processes,
        reference=reference, calendars=calendars, personal=people.personal, locate=_locate_in(places),
        role_names=registry.role_names,
    )  # fmt: skip
    handlers: dict[str, Handler] = {}
    works: dict[str, Work] = {}
    district = District(
        pack=pack, settings=settings, clock=clock, ids=ids, store=store, registry=registry, calendars=calendars,
        reference=reference, registers=Registers(store, pack.code, ids, REGISTERS),
        observations=Observations(store, pack.code, ids), places=places,
        evidence=Evidence(store, settings.data_dir, clock, ids, district=pack.code, zone=ZoneInfo(pack.zone)),
        people=people, engine=engine, figures=_figures(settings, pack, clock, store, registry), oidc=_oidc(settings, people, store, ids), ports=open_ports(_ports(settings), store, pack.code, clock, ids),
        outbox=OutboxWorker(store, pack.code, clock, ids, handlers, on_undeliverable=_told(engine, registry)), handlers=handlers,
        jobs=Jobs(store, pack.code, clock, ids, works), works=works,
    )  # fmt: skip
    for loop in registry.loops.values():
        if loop.effects is not None:
            handlers.update(loop.effects(district))
        if loop.works is not None:
            works.update(loop.works(district))
    handlers.update(deliveries(engine, registry.receivers()))
    _load(district)
    try:
        engine.upgrade()
        engine.settle_provisional()
    except LookupError as error:
        raise NotReady(str(error)) from error
    return district


def _oidc(settings: Settings, people: People, store: Store, ids: Ids) -> Oidc | None:
    """What `oidc.toml` in the data folder says of the staff's own sign-in; without it there is none."""
    path = settings.data_dir / "oidc.toml"
    if not path.exists():
        return None
    try:
        return Oidc(Provider(**tomllib.loads(path.read_text("utf-8"))), people, store, ids)
    except (TypeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(
            f"{path}: {error}; it takes issuer, client_id, client_secret, redirect_uri, login_claim"
        ) from error


def _ports(settings: Settings) -> dict[str, Any]:
    """What `ports.toml` in the data folder says of the ways out; a port without settings only records."""
    path = settings.data_dir / "ports.toml"
    return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}


def _told(engine: Engine, registry: Registry) -> OnUndeliverable | None:
    """Opens a case for each message given up, in the loop that declares how."""
    opening = next((loop.undeliverable for loop in registry.loops.values() if loop.undeliverable), "")
    if not opening:
        return None
    process, _, action = opening.partition(".")

    def told(tx: Tx, failed: Undeliverable) -> None:
        given = {
            "message": failed.delivery.id,
            "topic": failed.delivery.topic,
            "why": failed.reason.zh[:500],
            "about": failed.delivery.case_id,
        }
        engine.opening(
            process, action, given, EVENT, key=f"undeliverable:{failed.delivery.id}:{failed.at}", trusted=True
        )(tx)

    return told


def _figures(settings: Settings, pack: Pack, clock: Clock, store: Store, registry: Registry) -> Figures:
    # A month of a figure begins at the district's midnight; its winter offset serves the whole year.
    offset = to_datetime(clock.wall(), ZoneInfo(pack.zone)).replace(month=1, day=1).utcoffset() or timedelta()
    analytics = Analytics(settings.url, pack.code, settings.data_dir / "figures" / pack.code)
    return Figures(pack.code, store, registry.metrics, offset // timedelta(microseconds=1), analytics)


def _load(district: District) -> None:
    """Puts the pack's rows into the store; what is there already adds nothing."""
    pack = district.pack
    rows = [
        EntityRow(
            row.register, row.code, {"name": row.label.zh, "name_en": row.label.en, **row.data, "status": row.status},
            row.source, row.valid_from, row.valid_to,
        )
        for row in pack.registers
    ]  # fmt: skip
    accounts = [
        {
            "login": account.login,
            "name": {"zh": account.name.zh, "en": account.name.en},
            "person": account.person,
            "mobile": account.mobile,
            "roles": [
                {
                    "role": g.role,
                    "scope_kind": g.scope,
                    "scope_code": g.code or (pack.code if g.scope == "district" else ""),
                }
                for g in account.grants
            ],
        }
        for account in pack.accounts
    ]

    own = [row for loop in district.registry.loops.values() if loop.reference for row in loop.reference(pack)]

    def load(tx: Tx) -> None:
        district.reference.add(tx, [*pack.reference, *own], recorded_by=f"pack:{pack.code}")
        district.registers.load(tx, rows, recorded_by=f"pack:{pack.code}")
        district.people.load_accounts(tx, accounts, demo=district.settings.demo)
        for key in pack.keys:
            district.people.load_demo_key(tx, key.login, key.text, key.scopes)

        for loop in district.registry.loops.values():
            for job, at in loop.daily.items():
                district.jobs.schedule(tx, job, Daily(at, pack.zone), job, {})

    district.store.write(load)


def _locate_in(places: Places) -> Callable[[Position], Located]:
    def locate(position: Position) -> Located:
        point = places.position(position.lon, position.lat, position.datum)
        place = places.locate(point)
        if place is None:
            return Located(point.lon, point.lat, "", "", "")
        return Located(point.lon, point.lat, place.street or "", place.community or "", place.cell or "")

    return locate
