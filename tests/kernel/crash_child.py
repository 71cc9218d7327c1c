"""A process that works until it kills itself: `python -m tests.kernel.crash_child URL WORLD SEED START POINT NTH STEPS`.

Before each commit it says on stdout what it is about to do, and after it what it was answered. `WORLD` is the
file in which its effects leave their traces, `START` the clock's time. At the `NTH` reach of `POINT` it ends
by SIGKILL, as a machine that loses its power.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import msgspec

from civicloop.kernel.store import faults
from civicloop.kernel.store.database import open_store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import engine_over
from tests.kernel.mix import Mix, do, worker_of


def say(kind: str, value: Any) -> None:
    """One line, on its way to the parent before anything else happens."""
    os.write(1, msgspec.json.encode([kind, value]) + b"\n")


def tell(world: str, dedupe_key: str) -> None:
    """An effect in the outside world: a line that a killed process has left for good."""
    with open(world, "ab", buffering=0) as file:
        file.write(dedupe_key.encode() + b"\n")


def main(url: str, world: str, seed: str, start: str, point: str, nth: str, steps: str) -> None:
    clock = VirtualClock(int(start))
    store = open_store(url, clock)
    engine = engine_over(store, clock, SeededIds(seed))
    worker = worker_of(engine, clock, lambda key: tell(world, key))
    left = int(nth)
    answered = threading.Event()

    def strike(found: Point) -> None:
        nonlocal left
        if found == point:
            left -= 1
            if left == 0:
                # An answer that left too early gets the time to be seen.
                answered.wait(0.05)
                os.kill(os.getpid(), signal.SIGKILL)

    mix = Mix(engine, clock, seed)
    faults.hook = strike
    for _ in range(int(steps)):
        ops = mix.next()
        say("doing", ops)
        answered.clear()
        answers = do(engine, worker, ops)
        say("done", answers)
        answered.set()
    say("end", left)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
