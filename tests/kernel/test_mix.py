"""The mix itself: with nothing striking it, it reaches every point and leaves everything whole."""

from __future__ import annotations

from civicloop.kernel.store import faults
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import engine_over
from tests.kernel.mix import Mix, assert_whole, do, worker_of


def test_the_mix_reaches_every_point(store: Store, clock: VirtualClock, ids: SeededIds) -> None:
    engine = engine_over(store, clock, ids)
    told: list[str] = []
    worker = worker_of(engine, clock, told.append)
    mix = Mix(engine, clock, "mix")
    reached: set[Point] = set()
    faults.hook = reached.add
    try:
        answers = [answer for _ in range(120) for answer in do(engine, worker, mix.next())]
    finally:
        faults.hook = None
    assert reached == set(Point)
    assert_whole(engine)
    refused = {a for a in answers if isinstance(a, str)}
    assert refused <= {"Conflict", "Guarded", "Invalid", "NotNow", "ZeroDivisionError", "tick", "drain"}
    assert len([a for a in answers if not isinstance(a, str)]) > 100
    assert told
    assert len(told) == len(set(told))
