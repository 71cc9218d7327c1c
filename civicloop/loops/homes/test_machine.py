"""The derived tests of the homes loop's processes: the state machine, and the walk that strikes every action at every point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.store.transaction import Tx
from civicloop.loops.homes.processes import PROBLEM, TASK
from tests.kernel.derived_machine import machine
from tests.kernel.derived_walk import walker

ESTATES = ("E001", "E002")
PICTURES = tuple(sha256(f"picture {n}".encode()).hexdigest() for n in range(200))


def prepare(engine: Engine) -> Mapping[str, Sequence[str]]:
    """Two estates of two firms, and pictures that all look different."""

    def fill(tx: Tx) -> None:
        for number, code in enumerate(ESTATES, 1):
            tx.run("INSERT INTO entities VALUES (?, 'estates', ?, NULL, 0)", (engine.district, code))
            facts = {
                "name": code, "name_en": code, "firm": f"F{number}", "street": "s", "community": "c", "lon": 114.27,
                "lat": 30.6, "layout": [2, 1],
            }  # fmt: skip
            for attribute, value in facts.items():
                tx.run(
                    "INSERT INTO entity_facts (district, register, entity_id, attribute, source, valid_from, known_from,"
                    " valid_to, value, recorded_by) VALUES (?, 'estates', ?, ?, 'test', 0, 0, NULL, ?, 'test')",
                    (engine.district, code, attribute, msgspec.json.encode(value).decode()),
                )
        for picture in PICTURES:
            tx.run(
                "INSERT INTO evidence (district, hash, kind, media_type, bytes, original_hash, look, uploaded_by,"
                " uploaded_at, position_consent, purpose) VALUES (?, ?, 'image', 'image/jpeg', 1, ?, ?, 'p', 0, 0, 'test')",
                (engine.district, picture, picture, picture[:16]),
            )

    engine.store.write(fill)
    return {"estates": ESTATES, "photo": PICTURES}


@pytest.mark.slow
@pytest.mark.parametrize("process", [TASK, PROBLEM], ids=lambda p: p.name)
def test_the_machine(process: object) -> None:
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    chosen = settings(
        stateful_step_count=30,
        suppress_health_check=slow,
        report_multiple_bugs=False,
        phases=(Phase.generate,),
    )
    run_state_machine_as_test(machine(process, prepare=prepare), settings=chosen)  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_action_of_every_state_of_a_task_is_struck_at_every_point() -> None:
    walk = walker(TASK, prepare=prepare)("homes")
    steps = walk.walk(6000)
    walk.end()
    # What an event performs is no actor's: an approved statement settles a task, an upheld rating doubts it (test_homes.py).
    events = {action.name for action in TASK.actions if action.roles == {"event"}}
    left = {step for step, points in walk.left.items() if points}
    assert {s for s in left if s[1] != "settled" and s[2] not in events} == set(), f"after {steps} steps"
    assert {s for s in walk.declared - walk.succeeded if s[1] not in events} == set()
