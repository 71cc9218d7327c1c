"""The derived tests of the street loop: the state machine, and the walk that strikes every action at every point."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.facts.reference import NewReference
from civicloop.kernel.store.transaction import Tx
from civicloop.loops.street.process import PROCESS
from tests.kernel.cases import with_account
from tests.kernel.derived_machine import machine
from tests.kernel.derived_walk import walker

CREWS = ("ma", "niu")
CATEGORIES = ("rubbish", "stall")
PICTURES = tuple(sha256(f"picture {n}".encode()).hexdigest() for n in range(200))


def prepare(engine: Engine) -> Mapping[str, Sequence[str]]:
    """Two categories with limits, two units, and pictures that all look different."""
    steps = {
        name: [{"amount": amount, "unit": unit}]
        for name, amount, unit in (
            ("accept", 30, "minutes"), ("dispatch", 30, "minutes"), ("sign", 1, "hours"), ("handle", 4, "hours"),
            ("check", 2, "hours"),
        )
    }  # fmt: skip
    rows = [
        NewReference(
            "categories",
            code,
            0,
            {"zh": code, "en": code, "unit": unit, "limits": steps},
            "test",
            "synthetic",
        )
        for code, unit in zip(CATEGORIES, ("sanitation", ""), strict=True)
    ]

    def fill(tx: Tx) -> None:
        engine.reference.add(tx, rows, recorded_by="test")
        for unit in ("sanitation", "watch"):
            tx.run("INSERT INTO entities VALUES (?, 'units', ?, NULL, 0)", (engine.district, unit))
        for picture in PICTURES:
            tx.run(
                "INSERT INTO evidence (district, hash, kind, media_type, bytes, original_hash, look, uploaded_by,"
                " uploaded_at, position_consent, purpose) VALUES (?, ?, 'image', 'image/jpeg', 1, ?, ?, 'p', 0, 0, 'test')",
                (engine.district, picture, picture, picture[:16]),
            )

        with_account(tx, engine.district, *CREWS)

    engine.store.write(fill)
    return {"categories": CATEGORIES, "units": ("sanitation", "watch"), "people": CREWS, "photo": PICTURES}


@pytest.mark.slow
def test_the_machine_of_the_street() -> None:
    phases = (Phase.explicit, Phase.generate, Phase.shrink) if os.environ.get("SHRINK") else (Phase.generate,)
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = settings(
        stateful_step_count=30, suppress_health_check=slow, report_multiple_bugs=False, phases=phases
    )
    run_state_machine_as_test(machine(PROCESS, prepare=prepare), settings=chosen)


@pytest.mark.slow
def test_every_action_of_every_state_is_struck_at_every_point() -> None:
    walk = walker(PROCESS, prepare=prepare)("street")
    steps = walk.walk(6000)
    walk.end()
    assert {step: points for step, points in walk.left.items() if points} == {}, f"after {steps} steps"
    assert walk.declared <= walk.succeeded
