"""Faults of PostgreSQL: gone and back, an answer that never came, deadlocks, locks, a full disk."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from civicloop.kernel.cases.engine import Receipt
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.refusal import Unavailable
from civicloop.kernel.store import faults
from civicloop.kernel.store.database import READERS, Store, open_store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import DISTRICT, engine_over
from tests.kernel.mix import assert_whole
from tests.kernel.proxy import Proxy
from tests.kernel.test_store_faults import assert_full_disk_does_no_harm, assert_unavailable, mounted
from tests.postgres import Server


@pytest.fixture
def opened(clock: VirtualClock) -> Iterator[Callable[..., Store]]:
    """`opened(url)` opens a store that the test's end closes."""
    with ExitStack() as stack:

        def start(url: str, **more: Any) -> Store:
            store = open_store(url, clock, **more)
            stack.callback(store.close)
            return store

        yield start


@pytest.fixture
def counted(postgres_url: str, opened: Callable[..., Store]) -> Store:
    """A store with a table in which every run of `add` leaves a row."""
    store = opened(postgres_url)
    store.write(lambda tx: tx.run("CREATE TABLE runs (name TEXT NOT NULL)"))
    return store


def add(name: str) -> Callable[[Tx], str]:
    def operation(tx: Tx) -> str:
        tx.run("INSERT INTO runs VALUES (?)", (name,))
        return name

    return operation


def runs(store: Store) -> list[str]:
    with store.read() as tx:
        return [row[0] for row in tx.all("SELECT name FROM runs ORDER BY name", ())]


def fill_readers(store: Store) -> None:
    """Has every reader's connection opened, so that all of them are old when the server comes back."""
    with ExitStack() as stack:
        for _ in range(READERS):
            stack.enter_context(store.read()).one("SELECT 1", ())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["closed", "crashed"])
def test_gone_and_back(how: signal.Signals, counted: Store, postgres_server: Server) -> None:
    counted.write(add("a"))
    fill_readers(counted)
    reading = counted.read()
    held = reading.__enter__()
    postgres_server.stop(how)
    try:
        with pytest.raises(psycopg.Error) as lost:
            held.one("SELECT 1", ())
        with pytest.raises(Unavailable) as told:
            reading.__exit__(type(lost.value), lost.value, lost.value.__traceback__)
        assert_unavailable(told.value)
        for outcome in counted.write_all([add("b"), add("c")]):
            assert isinstance(outcome, BaseException)
            assert_unavailable(outcome)
        with pytest.raises(Unavailable) as read:
            runs(counted)
        assert_unavailable(read.value)
    finally:
        postgres_server.start()
    assert runs(counted) == ["a"]
    assert counted.write_all([add("d"), add("e")]) == ["d", "e"]
    fill_readers(counted)
    assert runs(counted) == ["a", "d", "e"]


def test_back_before_anybody_noticed(counted: Store, postgres_server: Server) -> None:
    """A restart between two requests is nobody's concern."""
    counted.write(add("a"))
    fill_readers(counted)
    postgres_server.stop()
    postgres_server.start()
    assert counted.write(add("b")) == "b"
    assert runs(counted) == ["a", "b"]


@pytest.mark.parametrize("point", [Point.BEGUN, Point.RELEASED, Point.BEFORE_COMMIT])
def test_a_connection_lost_on_the_way_is_made_anew(point: Point, counted: Store) -> None:
    killer = psycopg.connect(counted.url, autocommit=True)
    struck: list[Point] = []

    def strike(found: Point) -> None:
        if found is point and not struck:
            struck.append(found)
            killer.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'civicloop'"
                " AND datname = current_database()"
            )

    faults.hook = strike
    try:
        assert counted.write_all([add("a"), add("b")]) == ["a", "b"]
    finally:
        faults.hook = None
        killer.close()
    assert struck
    assert runs(counted) == ["a", "b"]


# ---- the answer to COMMIT ------------------------------------------------------------------------------------


@pytest.fixture
def wire(postgres_server: Server) -> Iterator[Proxy]:
    proxy = Proxy(postgres_server.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_commit_whose_answer_is_lost_is_asked_for_and_never_done_twice(
    cut: Any, counted: Store, wire: Proxy, opened: Callable[..., Store]
) -> None:
    store = opened(wire.url(counted.url))
    store.write(add("first"))
    wire.cut = cut
    assert store.write_all([add("a"), add("b")]) == ["a", "b"]
    assert wire.cuts == 1
    assert runs(counted) == ["a", "b", "first"]
    assert store.write(add("last")) == "last"


def test_a_commit_that_nobody_can_ask_for_is_called_uncertain(
    counted: Store, wire: Proxy, opened: Callable[..., Store]
) -> None:
    store = opened(wire.url(counted.url))
    store.write(add("first"))
    wire.cut = "after, for good"
    outcomes = store.write_all([add("a"), add("b")])
    for outcome in outcomes:
        assert isinstance(outcome, Unavailable)
        assert "not known" in outcome.reason.en
        assert "不能确定" in outcome.reason.zh
        assert "nothing was saved" not in outcome.reason.en
    with psycopg.connect(counted.url) as look:
        # The server ends what it began; only then can be counted what it did.
        look.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        names = [row[0] for row in look.execute("SELECT name FROM runs ORDER BY name")]
    assert names in (["a", "b", "first"], ["first"])


# ---- locks -----------------------------------------------------------------------------------------------------


def locking(tx: Tx, mine: str, others: str, meet: Callable[[], None]) -> str:
    tx.run("UPDATE pairs SET count = count + 1 WHERE name = ?", (mine,))
    meet()
    tx.run("UPDATE pairs SET count = count + 1 WHERE name = ?", (others,))
    return mine


@pytest.mark.parametrize("times", [1, 3])
def test_two_in_each_others_way_both_succeed(
    times: int, postgres_url: str, opened: Callable[..., Store]
) -> None:
    """A deadlock ends one of two processes' transactions, which runs again by itself: once, or until it gets through."""
    first, second = opened(postgres_url), opened(postgres_url)
    first.write(
        lambda tx: tx.run("CREATE TABLE pairs (name TEXT NOT NULL PRIMARY KEY, count BIGINT NOT NULL)")
    )
    first.write(lambda tx: tx.run_many("INSERT INTO pairs VALUES (?, ?)", [("a", 0), ("b", 0), ("c", 0)]))
    tries = {"a": 0, "b": 0}
    barrier = threading.Barrier(2)

    def meet(mine: str) -> Callable[[], None]:
        def wait() -> None:
            tries[mine] += 1
            # Both hold what the other wants next; later runs meet nobody any more.
            if tries["a"] + tries["b"] <= 2:
                barrier.wait(30)

        return wait

    def again(tx: Tx) -> str:
        tries["b"] += 1
        if tries["b"] <= times:
            raise psycopg.errors.SerializationFailure("somebody was first")
        tx.run("UPDATE pairs SET count = count + 1 WHERE name = 'c'")
        return "c"

    one = first.submit(lambda tx: locking(tx, "a", "b", meet("a")))
    two = second.submit(lambda tx: locking(tx, "b", "a", meet("b")))
    assert (one.result(60), two.result(60)) == ("a", "b")
    assert tries["a"] + tries["b"] == 3, "one of them ran twice"
    tries["b"] = 0
    assert first.write_all([lambda tx: "beside", again]) == ["beside", "c"]
    with first.read() as tx:
        assert tx.all("SELECT name, count FROM pairs ORDER BY name", ()) == [("a", 2), ("b", 2), ("c", 1)]


def test_a_lock_that_is_never_given_back_is_not_waited_for_for_ever(
    postgres_url: str, opened: Callable[..., Store], clock: VirtualClock
) -> None:
    store = opened(postgres_url, busy_seconds=0.2)
    engine = engine_over(store, clock, SeededIds("locks"))
    engine.open("job", "ask", {"what": "mend"}, PUBLIC)
    with psycopg.connect(postgres_url) as holder:
        holder.execute("SELECT 1 FROM chain_heads WHERE district = %s FOR UPDATE", (DISTRICT,))
        opening, free = store.write_all(
            [engine.opening("job", "ask", {"what": "mend"}, PUBLIC), lambda tx: tx.one("SELECT 7", ())]
        )
        assert isinstance(opening, BaseException)
        assert_unavailable(opening)
        assert free == (7,)
    assert engine.open("job", "ask", {"what": "mend"}, PUBLIC).seq == 2
    assert_whole(engine)


# ---- a full disk ---------------------------------------------------------------------------------------------


def test_a_full_disk_does_no_harm(
    postgres_server: Server, tmp_path: Path, opened: Callable[..., Store], clock: VirtualClock
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give PostgreSQL a small disk")
    name = "small_disk"
    with mounted(postgres_server.folder / "disk", "16m") as disk:
        space = disk / "space"
        space.mkdir()
        shutil.chown(space, "postgres", "postgres")
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE TABLESPACE {name} LOCATION '{space}'".encode())
            admin.execute(f"CREATE DATABASE {name} TABLESPACE {name}".encode())
        try:
            store = opened(postgres_server.url(name))
            engine = engine_over(store, clock, SeededIds("full"))
            engine.open("job", "ask", {"what": "mend"}, PUBLIC)
            filler = disk / "filler"
            filler.write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - 400_000))
            assert_full_disk_does_no_harm(engine, filler.unlink)
            store.close()
        finally:
            postgres_server.drop(postgres_server.url(name))
            with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as admin:
                admin.execute(f"DROP TABLESPACE {name}".encode())


def test_a_receipt_outlives_the_servers_crash(
    postgres_url: str, postgres_server: Server, opened: Callable[..., Store], clock: VirtualClock
) -> None:
    store = opened(postgres_url)
    engine = engine_over(store, clock, SeededIds("crash"))
    receipts = store.write_all([engine.opening("job", "ask", {"what": "mend"}, PUBLIC) for _ in range(20)])
    postgres_server.stop(signal.SIGQUIT)
    postgres_server.start()
    assert_whole(engine)
    with store.read() as tx:
        kept = {r[0] for r in tx.all("SELECT id FROM cases WHERE district = ?", (DISTRICT,))}
    assert {r.case_id for r in receipts if isinstance(r, Receipt)} == kept
    assert len(kept) == 20
