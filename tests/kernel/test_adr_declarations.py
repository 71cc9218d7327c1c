"""The two processes of ADR 2 are real declarations: every block runs, and they do what the text says."""

from __future__ import annotations

import re
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest

from civicloop.kernel.cases.limits import Entry, terms
from civicloop.kernel.cases.limits import replay as replay_clocks
from civicloop.kernel.cases.process import Process
from civicloop.kernel.facts.observations import Observation, identity, standing
from civicloop.kernel.time.clock import DAY, HOUR, Instant
from tests.fixtures import ROOT, START

ADR = ROOT / "docs" / "adr" / "0002-declaration-against-two-processes.md"


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    """The names that the ADR's blocks define, run in order."""
    blocks = re.findall(r"^```python\n(.*?)^```", ADR.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{ADR.name}#{number}", "exec"), names)
    return names


class RoundTheClock:
    """Every microsecond counts."""

    def due(self, calendar: str, start: Instant, amount: int, unit: str) -> tuple[Instant, bool]:
        return start + amount * {"hours": HOUR, "days": DAY}[unit], False

    def counted(self, calendar: str, unit: str, start: Instant, end: Instant) -> int:
        return end - start

    def resumed(self, calendar: str, unit: str, start: Instant, counted: int) -> tuple[Instant, bool]:
        return start + counted, False


def told(
    kind: str, at: Instant, key: str = "", *, retracts: str = "", recorded_at: Instant | None = None
) -> Observation:
    """An observation of the terminal."""
    name = identity("terminal", key or f"{kind}@{at}")
    taken = identity("terminal", retracts) if retracts else ""
    return Observation(name[:8], "terminal", kind, name, at, recorded_at or at, "{}", taken)


def facts(process: Process, observations: list[Observation]) -> list[tuple[str, Instant]]:
    """The facts that hold by what stands."""
    stand = standing(observations)
    found = [(fact.name, fact.holds(stand)) for fact in process.facts if fact.holds is not None]
    return [(name, at) for name, at in found if at is not None]


def clock_of(process: Process, limit: str, observations: list[Observation]) -> Any:
    """The limit's clock by a case that was booked at START and what the terminal told."""
    log = [Entry(START, "booked"), *(Entry(at, name, True) for name, at in facts(process, observations))]
    log.sort(key=lambda entry: (entry.at, entry.fact, entry.name))
    allowed = {x.name: terms(x, None, "", {}) for x in process.limits}
    clocks = [c for c in replay_clocks(process, log, allowed, RoundTheClock()) if c.name == limit]
    return clocks[-1] if clocks else None


def test_the_processes_stand(declared: dict[str, Any]) -> None:
    found = {value.name for value in declared.values() if isinstance(value, Process)}
    assert found == {"bundle", "matter", "inspection", "consignment"}


def test_matters_follow_from_the_answers(declared: dict[str, Any]) -> None:
    asked = SimpleNamespace(data={"area_m2": 80, "sells_tobacco": True})
    assert [c.given["matter"] for c in declared["matters"](asked, {}, {})] == [
        "licence",
        "food",
        "fire",
        "tobacco",
    ]


def test_a_hold_pauses_the_promise_and_any_order_gives_the_same(declared: dict[str, Any]) -> None:
    process = declared["CONSIGNMENT"]
    ready, held, released = START + HOUR, START + 10 * HOUR, START + 30 * HOUR
    inbox = [told("RDY", ready), told("CHLD", held), told("CREL", released), told("RDY", ready)]
    clocks = {clock_of(process, "promise", list(order)) for order in permutations(inbox)}
    assert len({(c.status, c.due_at) for c in clocks}) == 1
    assert clocks.pop().due_at == ready + 48 * HOUR + (released - held)


def test_a_release_alone_starts_no_clock(declared: dict[str, Any]) -> None:
    assert clock_of(declared["CONSIGNMENT"], "promise", [told("CREL", START + HOUR)]) is None


def test_a_retracted_departure_lets_the_promise_run_on(declared: dict[str, Any]) -> None:
    process = declared["CONSIGNMENT"]
    inbox = [told("RDY", START), told("DEPA", START + 20 * HOUR, "departure")]
    assert clock_of(process, "promise", inbox).status == "stopped"
    inbox.append(told("", START + 21 * HOUR, "correction", retracts="departure"))
    clock = clock_of(process, "promise", inbox)
    assert (clock.status, clock.due_at) == ("running", START + 48 * HOUR)


def test_every_new_event_moves_the_silence(declared: dict[str, Any]) -> None:
    process = declared["CONSIGNMENT"]
    inbox = [told("GTIN", START + HOUR), told("LOAD", START + 5 * HOUR)]
    assert clock_of(process, "silence", inbox).due_at == START + 5 * HOUR + 3 * DAY


def test_an_estimate_is_no_fact(declared: dict[str, Any]) -> None:
    estimate = told("DEPA", START)
    estimate = Observation(
        *[*(getattr(estimate, n) for n in estimate.__struct_fields__[:6]), '{"classifier": "EST"}']
    )
    names = dict(facts(declared["CONSIGNMENT"], [estimate]))
    assert "departed" not in names
