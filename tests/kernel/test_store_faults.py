"""Faults that don't kill: whoever asked hears of it, nothing is half done, the neighbours feel nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from civicloop.kernel.cases.engine import Engine, Receipt
from civicloop.kernel.outside.outbox import LEASE
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.refusal import Refusal, Unavailable
from civicloop.kernel.store import faults
from civicloop.kernel.store.database import FEW, Store, open_store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY, HOUR, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.fixtures import START
from tests.kernel.cases import DISTRICT, WORKER, engine_over
from tests.kernel.mix import Mix, assert_whole, do, dump, worker_of
from tests.processes import ROOT, end_with_parent

INSIDE = (
    Point.JUDGED, Point.HISTORY_WRITTEN, Point.CASE_WRITTEN, Point.CLOCKS_WRITTEN, Point.OUTBOX_WRITTEN
)  # fmt: skip
AROUND = (Point.TAKEN, Point.BEGUN, Point.RELEASED, Point.BEFORE_COMMIT)


class Struck(Exception):
    """The fault."""


@contextmanager
def struck(point: Point, *, at: Callable[[int], bool] = lambda n: True) -> Iterator[list[int]]:
    """Within it the fault strikes at those reaches of the point for which `at(number)` says so."""
    reached = [0]

    def strike(found: Point) -> None:
        if found is point:
            reached[0] += 1
            if at(reached[0]):
                raise Struck(point)

    faults.hook = strike
    try:
        yield reached
    finally:
        faults.hook = None


@pytest.fixture
def engine(store: Store, clock: VirtualClock, ids: SeededIds) -> Engine:
    """A district that has been at work for a while."""
    engine = engine_over(store, clock, ids)
    mix = Mix(engine, clock, "before")
    worker = worker_of(engine, clock, lambda key: None)
    for _ in range(12):
        do(engine, worker, mix.next())
    return engine


def doing(engine: Engine, count: int = 1) -> list[str]:
    """Cases that somebody works at."""
    found = [engine.open("job", "ask", {"what": "mend"}, PUBLIC).case_id for _ in range(count)]
    for case_id in found:
        engine.perform(case_id, "take", {}, WORKER)
    return found


def assert_unavailable(error: BaseException) -> None:
    """A refusal with a sentence in both languages that says that nothing was saved and what to do."""
    assert isinstance(error, Unavailable), repr(error)
    assert error.status == 503
    assert "请稍后再试" in error.reason.zh
    assert "try again" in error.reason.en


# ---- at each point ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", [*INSIDE, *AROUND])
def test_a_fault_that_stays_changes_nothing(point: Point, engine: Engine) -> None:
    (case_id,) = doing(engine)
    before = dump(engine.store)
    with struck(point) as reached, pytest.raises(Unavailable if point is Point.TAKEN else Struck):
        engine.perform(case_id, "report", {"what": "done"}, WORKER, key="k")
    assert reached[0] > 0
    assert dump(engine.store) == before
    assert not engine.perform(case_id, "report", {"what": "done"}, WORKER, key="k").repeated
    assert_whole(engine)


@pytest.mark.parametrize("point", AROUND[1:])
def test_a_fault_of_the_transaction_is_mended_by_doing_it_again(point: Point, engine: Engine) -> None:
    cases = doing(engine, 3)
    heads = history_length(engine)
    ops = [engine.performing(c, "report", {"what": "done"}, WORKER) for c in cases]
    with struck(point, at=lambda n: n == 1) as reached:
        outcomes = engine.store.write_all(ops)
    assert reached[0] > 1
    assert [o.state for o in outcomes if isinstance(o, Receipt)] == ["checking"] * 3
    assert history_length(engine) == heads + 3
    assert_whole(engine)


def test_a_fault_after_the_commit_takes_nothing_back_and_does_nothing_twice(engine: Engine) -> None:
    (case_id,) = doing(engine)
    length = history_length(engine)
    with struck(Point.AFTER_COMMIT):
        assert engine.perform(case_id, "report", {"what": "done"}, WORKER).state == "checking"
    assert history_length(engine) == length + 1


def test_a_listener_that_fails_is_nobodys_concern(engine: Engine) -> None:
    def fail(notes: list[Any]) -> None:
        raise ZeroDivisionError

    heard: list[Any] = []
    engine.store.listen(fail)
    engine.store.listen(heard.append)
    (case_id,) = doing(engine)
    length = history_length(engine)
    assert engine.perform(case_id, "report", {"what": "done"}, WORKER).state == "checking"
    assert history_length(engine) == length + 1
    assert heard, "one listener's fault must not silence the others"


@pytest.mark.parametrize("point", INSIDE)
def test_a_fault_in_one_operation_leaves_its_neighbours_alone(point: Point, engine: Engine) -> None:
    cases = doing(engine, 3)
    ops = [engine.performing(c, "report", {"what": "done"}, WORKER) for c in cases]
    with struck(point, at=lambda n: n == 2):
        first, second, third = engine.store.write_all(ops)
    assert isinstance(second, Struck)
    assert isinstance(first, Receipt)
    assert isinstance(third, Receipt)
    assert (first.state, third.state, third.seq) == ("checking", "checking", first.seq + 1)
    assert_whole(engine)
    engine.perform(cases[1], "report", {"what": "done"}, WORKER)
    assert_whole(engine)


def test_a_tick_cut_short_leaves_whole_cases_and_the_next_one_finishes(
    engine: Engine, clock: VirtualClock
) -> None:
    doing(engine, 4)
    clock.advance(5 * HOUR)
    before = dump(engine.store)
    with struck(Point.TICK), pytest.raises(Struck):
        engine.tick()
    assert dump(engine.store) == before
    with struck(Point.TICK, at=lambda n: n == 2), pytest.raises(Struck):
        engine.tick()
    assert dump(engine.store) != before
    assert_whole(engine)
    assert engine.tick() > 0
    assert engine.tick() == 0
    assert_whole(engine)


def test_a_tick_over_many_cases_leaves_room_between_its_commits(engine: Engine, clock: VirtualClock) -> None:
    doing(engine, 2 * FEW)
    clock.advance(5 * HOUR)
    seen: list[Point] = []
    faults.hook = seen.append
    try:
        assert engine.tick() >= 2 * FEW
    finally:
        faults.hook = None
    marks = ["t" if p is Point.TICK else "|" for p in seen if p in (Point.TICK, Point.AFTER_COMMIT)]
    assert max(len(commit) for commit in "".join(marks).split("|")) == FEW


@pytest.mark.parametrize("point", [Point.EFFECT_CLAIMED, Point.EFFECT_DONE])
def test_an_effect_cut_short_comes_again_after_its_lease(
    point: Point, engine: Engine, clock: VirtualClock
) -> None:
    told: list[str] = []
    worker = worker_of(engine, clock, told.append)
    worker.drain()
    told.clear()
    (case_id,) = doing(engine)
    receipt = engine.perform(case_id, "report", {"what": "done"}, WORKER)
    with struck(point), pytest.raises(Struck):
        worker.drain()
    assert worker.drain() == 0, "its lease still runs"
    clock.advance(LEASE + 1)
    worker.drain()
    # Done once, or twice under one dedupe key when the fault struck between doing and marking it.
    assert told == [f"{receipt.seq}:tell"] * (2 if point is Point.EFFECT_DONE else 1)
    clock.advance(DAY)
    assert worker.drain() == 0


def history_length(engine: Engine) -> int:
    with engine.store.read() as tx:
        row = tx.one("SELECT COUNT(*) FROM history WHERE district = ?", (DISTRICT,))
        assert row is not None
        return int(row[0])


# ---- SQLite: a full disk, a locked file, a file that may not be written --------------------------------------


@contextmanager
def small_disk(tmp_path: Path, store: Store) -> Iterator[Callable[[], None]]:
    """A database that can't grow; what is yielded gives space again."""
    limit = store.write(lambda tx: (tx.one("PRAGMA page_count", ()) or (0,))[0]) + 12
    store.write(lambda tx: tx.all(f"PRAGMA max_page_count = {limit}", ()))
    yield lambda: store.write(lambda tx: tx.all("PRAGMA max_page_count = 1000000000", ())) and None


def fill(engine: Engine) -> tuple[list[str], BaseException]:
    """Opens cases until the store can't take one, and answers what was accepted and what was said then."""
    accepted: list[str] = []
    for number in range(100_000):
        try:
            accepted.append(
                engine.open("job", "ask", {"what": f"mend {number} " + "长" * 60}, PUBLIC).case_id
            )
        except Refusal as refusal:
            return accepted, refusal
    raise AssertionError("the disk never filled")


def assert_full_disk_does_no_harm(engine: Engine, make_space: Callable[[], None]) -> None:
    accepted, said = fill(engine)
    assert_unavailable(said)
    before = dump(engine.store)
    outcomes = engine.store.write_all(
        [engine.opening("job", "ask", {"what": "长" * 200}, PUBLIC) for _ in range(200)]
    )
    refused = [o for o in outcomes if isinstance(o, BaseException)]
    assert refused
    for error in refused:
        assert_unavailable(error)
    opened = {o.case_id for o in outcomes if isinstance(o, Receipt)}
    with engine.store.read() as tx:
        kept = {r[0] for r in tx.all("SELECT id FROM cases WHERE district = ?", (DISTRICT,))}
    assert {*accepted, *opened} <= kept
    assert len(kept) == len(before["cases"]) + len(opened)
    assert_whole(engine)
    make_space()
    engine.open("job", "ask", {"what": "mend"}, PUBLIC)
    assert_whole(engine)


def test_a_full_file_does_no_harm(sqlite_url: str, tmp_path: Path, clock: VirtualClock) -> None:
    store = open_store(sqlite_url, clock)
    engine = engine_over(store, clock, SeededIds("full"))
    with small_disk(tmp_path, store) as make_space:
        assert_full_disk_does_no_harm(engine, make_space)
    store.close()


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A disk of `size` at the folder; skips where none can be mounted (it takes root)."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_does_no_harm(sqlite_url: str, tmp_path: Path, clock: VirtualClock) -> None:
    with mounted(tmp_path / "disk", "4m") as disk:
        store = open_store(str(disk / "district.db"), clock)
        engine = engine_over(store, clock, SeededIds("full"))
        engine.open("job", "ask", {"what": "mend"}, PUBLIC)
        filler = disk / "filler"
        size = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - 200_000
        filler.write_bytes(bytes(size))
        assert_full_disk_does_no_harm(engine, filler.unlink)
        store.close()


def test_one_operation_too_large_for_the_disk_leaves_its_neighbours_alone(
    sqlite_url: str, tmp_path: Path, clock: VirtualClock
) -> None:
    store = open_store(sqlite_url, clock)
    engine = engine_over(store, clock, SeededIds("large"))
    store.write(lambda tx: tx.run("CREATE TABLE heap (block BLOB)"))
    with small_disk(tmp_path, store):
        first, large, third = store.write_all(
            [
                engine.opening("job", "ask", {"what": "one"}, PUBLIC),
                lambda tx: tx.run("INSERT INTO heap VALUES (?)", (bytes(10_000_000),)),
                engine.opening("job", "ask", {"what": "three"}, PUBLIC),
            ]
        )
    assert isinstance(first, Receipt)
    assert isinstance(third, Receipt)
    assert_unavailable(large)
    assert third.seq == first.seq + 1
    assert_whole(engine)
    store.close()


LOCK = """
import sys
from civicloop.kernel.store.sqlite import sqlite
held = sqlite.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Another process holds the file's write lock meanwhile."""
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK, path],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=end_with_parent,
    )  # fmt: skip
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"locked\n"
        yield
    finally:
        holder.stdin.close()
        holder.wait(30)
        holder.stdout.close()


def test_a_locked_file_that_is_opened_is_said(sqlite_url: str, clock: VirtualClock) -> None:
    open_store(sqlite_url, clock).close()
    with locked(sqlite_url), pytest.raises(Unavailable, match="try again"):
        open_store(sqlite_url, clock, busy_seconds=0.1)


def test_a_locked_file_is_said_and_waited_for_once(sqlite_url: str, clock: VirtualClock) -> None:
    store = open_store(sqlite_url, clock, busy_seconds=0.1)
    engine = engine_over(store, clock, SeededIds("locked"))
    engine.open("job", "ask", {"what": "mend"}, PUBLIC)
    before = dump(store)
    tries: list[Point] = []
    with locked(sqlite_url):
        faults.hook = tries.append
        try:
            # Fifty that come together wait together: one after the other they would wait for minutes.
            outcomes = write_together(store, [engine.opening("job", "ask", {"what": "mend"}, PUBLIC)] * 50)
        finally:
            faults.hook = None
        for outcome in outcomes:
            assert isinstance(outcome, BaseException)
            assert_unavailable(outcome)
        assert dump(store) == before, "what is there can be read meanwhile"
    assert tries.count(Point.TAKEN) <= 3
    assert Point.BEGUN not in tries
    assert engine.open("job", "ask", {"what": "mend"}, PUBLIC).seq == 2
    store.close()


def write_together(store: Store, operations: list[Callable[[Tx], Any]]) -> list[Any]:
    """`write_all`, with the writer held back until all of them wait."""
    futures = [store.submit(operation) for operation in operations]
    return [f.exception() or f.result() for f in futures]


READ_ONLY = """
import os, sys
from civicloop.kernel.refusal import Unavailable
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import VirtualClock
os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = Store(sys.argv[1], VirtualClock(0), busy_seconds=0.1)
for attempt in (lambda: store.write(lambda tx: tx.run("DELETE FROM clocks")),) * 2:
    try:
        attempt()
    except Unavailable as refusal:
        print("unavailable", refusal.reason.en, repr(refusal.__cause__))
store.close()
"""


def test_a_file_that_may_not_be_written_is_said(sqlite_url: str, clock: VirtualClock) -> None:
    store = open_store(sqlite_url, clock)
    engine = engine_over(store, clock, SeededIds("read-only"))
    engine.open("job", "ask", {"what": "mend"}, PUBLIC)
    store.write(lambda tx: None)
    folder = Path(sqlite_url).parent
    if os.geteuid() != 0:
        pytest.skip("only root can run a process as somebody who may not write")
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, sqlite_url],
        cwd=ROOT, capture_output=True, text=True, preexec_fn=end_with_parent, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.count("unavailable") == 2, done.stdout + done.stderr
    assert "try again" in done.stdout
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM clocks", ()) == (1,)
    store.write(lambda tx: tx.all("PRAGMA query_only = 1", ()))
    with pytest.raises(Unavailable) as refused:
        engine.open("job", "ask", {"what": "mend"}, PUBLIC)
    assert_unavailable(refused.value)
    store.close()


def test_a_file_that_was_never_there_is_said(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "no folder" / "district.db"), VirtualClock(START))
    with pytest.raises(Unavailable) as written:
        store.write(lambda tx: tx.one("SELECT 1", ()))
    assert_unavailable(written.value)
    with pytest.raises(Unavailable) as read, store.read():
        pass
    assert_unavailable(read.value)
    store.close()
