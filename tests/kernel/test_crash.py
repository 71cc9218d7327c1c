"""`kill -9` of a real process at each fault point: what was answered is there once, what is there is whole.

Each test lets a process work on one database and die at the point, three times over, and after each death
opens the database as the next process would.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from civicloop.kernel.cases import history
from civicloop.kernel.cases.engine import Engine, Receipt
from civicloop.kernel.outside.outbox import LEASE
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import MINUTE, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.fixtures import START
from tests.kernel.cases import DISTRICT, engine_over
from tests.kernel.crash_child import tell
from tests.kernel.mix import Op, assert_whole, operation, worker_of
from tests.processes import ROOT, end_with_parent

# At which reach of the point each of the three processes dies: at once, soon, and in full work.
REACHES = (1, 4, 11)
RARE = {Point.TICK: (1, 2, 4), Point.EFFECT_CLAIMED: (1, 2, 3), Point.EFFECT_DONE: (1, 2, 3)}
STEPS = 400


@dataclass(slots=True)
class Told:
    """What the processes said before they died."""

    answered: list[tuple[Op, Receipt]] = field(default_factory=list)
    refused: list[Op] = field(default_factory=list)
    unanswered: list[Op] = field(default_factory=list)
    now: int = START


def run_until_killed(url: str, world: Path, seed: str, point: Point, nth: int, told: Told) -> None:
    """Runs one process to its death at the point; fails when it was never reached."""
    arguments = [url, str(world), seed, str(told.now), point.value, str(nth), str(STEPS)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernel.crash_child", *arguments],
        cwd=ROOT, capture_output=True, timeout=300, preexec_fn=end_with_parent, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, (
        f"{point} was not reached {nth} times in {STEPS} steps: {done.stdout[-300:]!r} {done.stderr.decode()[-2000:]}"
    )
    doing: list[Op] = []
    for line in done.stdout.splitlines():
        kind, value = msgspec.json.decode(line)
        if kind == "doing":
            doing = msgspec.convert(value, list[Op])
            told.now = doing[-1].at
            continue
        answers = msgspec.convert(value, list[Receipt | str])
        for op, answer in zip(doing, answers, strict=True):
            if isinstance(answer, Receipt):
                told.answered.append((op, answer))
            elif answer not in ("tick", "drain"):
                told.refused.append(op)
        doing = []
    told.unanswered += doing


def assert_kept(store: Store, told: Told) -> None:
    """What was answered is in the history exactly as it was answered, once; what was refused is nowhere."""
    with store.read() as tx:
        found = history.rows_since(tx, DISTRICT, 0, 1_000_000)
        cases = Counter(r[0] for r in tx.all("SELECT id FROM cases WHERE district = ?", (DISTRICT,)))
        codes = Counter(
            r[0] for r in tx.all("SELECT tracking_code FROM reports WHERE district = ?", (DISTRICT,))
        )
    by_seq = {row.seq: row for row in found}
    keys = Counter(row.request_key for row in found if row.request_key)
    assert set(keys.values()) <= {1}
    for op, receipt in told.answered:
        row = by_seq[receipt.seq]
        assert (row.case_id, row.revision, row.to_state) == (receipt.case_id, receipt.revision, receipt.state)
        assert cases[receipt.case_id] == 1
        if op.do in ("open", "perform"):
            assert (row.request_key, row.action) == (op.key, op.action)
        if receipt.tracking_code:
            assert codes[receipt.tracking_code] == 1
    assert not {op.key for op in told.refused} & set(keys)


def assert_sent_again_is_done_once(engine: Engine, told: Told) -> None:
    """Everybody sends everything again with the same key: each answer is the old one, nothing is done twice."""
    rows = rows_with_keys(engine.store)
    for op, receipt in told.answered:
        if op.do in ("open", "perform"):
            again = engine.store.write(operation(engine, op))
            assert again.repeated
            assert (again.case_id, again.seq, again.revision) == (
                receipt.case_id,
                receipt.seq,
                receipt.revision,
            )
    assert rows_with_keys(engine.store) == rows
    for op in told.unanswered:
        if op.do not in ("open", "perform"):
            continue
        try:
            first = engine.store.write(operation(engine, op))
        except Refusal:
            assert op.key not in rows
            continue
        assert first.repeated == (op.key in rows)
        assert engine.store.write(operation(engine, op)).seq == first.seq
        told.answered.append((op, first))
    told.unanswered.clear()


def rows_with_keys(store: Store) -> dict[str, int]:
    with store.read() as tx:
        sql = "SELECT request_key, seq FROM history WHERE district = ? AND request_key IS NOT NULL"
        return dict(tx.all(sql, (DISTRICT,)))


def assert_effects_happened(engine: Engine, clock: VirtualClock, world: Path, deaths: int) -> None:
    """Every effect has left its trace; a second trace only where a process died between doing and marking it."""
    clock.advance(LEASE + MINUTE)
    worker_of(engine, clock, lambda key: tell(str(world), key)).drain()
    with engine.store.read() as tx:
        open_ = tx.all("SELECT dedupe_key FROM outbox WHERE done_at IS NULL", ())
        wanted = {r[0] for r in tx.all("SELECT dedupe_key FROM outbox WHERE district = ?", (DISTRICT,))}
    assert open_ == []
    seen = Counter(world.read_text().split()) if world.exists() else Counter[str]()
    assert set(seen) == wanted
    assert sum(seen.values()) - len(seen) <= deaths * 16  # at most the batches that were under way


@pytest.mark.slow
@pytest.mark.parametrize("point", Point)
def test_a_killed_process_loses_nothing_it_answered(point: Point, store_url: str, tmp_path: Path) -> None:
    world = tmp_path / "world"
    told = Told()
    for death, nth in enumerate(RARE.get(point, REACHES), 1):
        run_until_killed(store_url, world, f"{point}-{nth}", point, nth, told)
        clock = VirtualClock(told.now)
        store = open_store(store_url, clock)
        try:
            engine = engine_over(store, clock, SeededIds(f"parent-{point}-{nth}"))
            assert_kept(store, told)
            assert_whole(engine)
            assert_sent_again_is_done_once(engine, told)
            assert_effects_happened(engine, clock, world, death)
            engine.tick()
            assert_whole(engine)
            assert_kept(store, told)
        finally:
            store.close()
        told.now = clock.now()
    assert told.answered
