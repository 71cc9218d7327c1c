"""The derived machine, run on two processes: one with every word of the language, one with two actions."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.kernel.declared import BOSTON_LIKE, PIECE, RICH
from tests.kernel.derived_machine import Derived, machine

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
