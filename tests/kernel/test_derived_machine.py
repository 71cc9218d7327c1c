"""The derived machine, run on two processes: one with every word of the language, one with two actions."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from civicloop.kernel.cases.process import Process
from tests.kernel.declared import BOSTON_LIKE, PIECE, RICH
from tests.kernel.derived_machine import Derived, machine
from tests.kernel.derived_walk import walker

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def run(found: type[Derived], steps: int = 30) -> None:
    """Runs the machine by the profile's number of examples."""
    # One fault at a time, and without making it small for minutes: the printed steps are enough to run it again.
    chosen = settings(
        stateful_step_count=steps,
        suppress_health_check=SLOW,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.generate, Phase.shrink)
        if os.environ.get("SHRINK")
        else (Phase.generate,),
    )
    run_state_machine_as_test(found, settings=chosen)


@pytest.mark.slow
def test_the_machine_of_a_rich_process() -> None:
    run(machine(RICH, PIECE))


def test_the_machine_of_two_actions() -> None:
    run(machine(BOSTON_LIKE), 15)


@pytest.mark.parametrize(
    "processes",
    [pytest.param((RICH, PIECE), marks=pytest.mark.slow), (BOSTON_LIKE,)],
    ids=lambda p: p[0].name,
)
def test_every_action_of_every_state_is_struck_at_every_point(processes: tuple[Process, ...]) -> None:
    walk = walker(*processes)("walk")
    steps = walk.walk(3000)
    walk.end()
    assert {step: points for step, points in walk.left.items() if points} == {}, f"after {steps} steps"
    assert walk.declared <= walk.succeeded
