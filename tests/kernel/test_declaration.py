"""The declaration language: its grammar, and the tables that a process is compiled into."""

from __future__ import annotations

from dataclasses import replace

import pytest

from civicloop.kernel.cases.checks import faults
from civicloop.kernel.cases.compiled import BREACH, OPENING, UPGRADE, Move, Parsed, parse_moves
from civicloop.kernel.cases.process import DeclarationError, Limit, Process, State, hours
from tests.kernel.test_declaration_checks import SOUND, L, act, with_action


def test_the_error_names_all_faults_at_once() -> None:
    with pytest.raises(DeclarationError) as raised:
        Process("road", L, states=(State("open", L), State("open", L)), actions=())
    text = str(raised.value)
    assert "process 'road'" in text
    assert "declared twice" in text and "exactly one start" in text and "no final state" in text  # noqa: PT018


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("-> a", Parsed((), ("a",))),
        ("a -> b", Parsed(("a",), ("b",))),
        (" a ,b->c ", Parsed(("a", "b"), ("c",))),
        ("* -> same", Parsed(("*",), ("same",))),
        ("a -> b | c", Parsed(("a",), ("b", "c"))),
    ],
)
def test_the_grammar(text: str, parsed: Parsed) -> None:
    assert parse_moves(text) == parsed


@pytest.fixture(scope="module")
def road() -> Process:
    """The sound process, compiled."""
    return Process(**{name: getattr(SOUND, name) for name in SOUND.__dataclass_fields__})


def moves_of(process: Process, action: str) -> set[Move]:
    """The edges of one action."""
    return {move for move in process.compiled.moves if move.action == action}


def test_opening_comes_from_nowhere(road: Process) -> None:
    assert moves_of(road, "report") == {Move(OPENING, "report", "reported")}
    assert [a.name for a in road.compiled.openings] == ["report"]


def test_several_sources_make_several_edges(road: Process) -> None:
    assert moves_of(road, "hold") == {Move("reported", "hold", "held"), Move("filed", "hold", "held")}


def test_previous_leads_only_where_the_state_was_entered_from(road: Process) -> None:
    assert moves_of(road, "resume") == {
        Move("held", "resume", "reported", remembered=True),
        Move("held", "resume", "filed", remembered=True),
    }


def test_same_moves_nothing_and_is_legal_in_final_states_too(road: Process) -> None:
    assert moves_of(road, "remind") == {Move(s.name, "remind", s.name) for s in road.states}


def test_any_to_a_state_leaves_out_final_states_and_the_state_itself() -> None:
    process = Process(
        "small",
        L,
        states=(State("a", L, start=True), State("b", L), State("c", L, final=True)),
        actions=(act("open", "-> a"), act("go", "a -> b"), act("end", "* -> c"), act("back", "* -> a")),
    )
    assert moves_of(process, "end") == {Move("a", "end", "c"), Move("b", "end", "c")}
    assert moves_of(process, "back") == {Move("b", "back", "a")}


def test_a_choice_makes_one_edge_a_target(road: Process) -> None:
    assert road.compiled.targets[("filed", "finish")] == ("done", "reported")


def test_the_kernels_own_moves_are_legal_everywhere(road: Process) -> None:
    assert moves_of(road, BREACH) == {Move(s.name, BREACH, s.name) for s in road.states}
    assert moves_of(road, UPGRADE) == {Move("old", UPGRADE, "filed")}


def test_actions_of_a_state_come_in_declared_order(road: Process) -> None:
    assert [a.name for a in road.compiled.from_state["filed"]] == [
        "hold", "finish", "see", "unsee", "remind", "join",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "does"),
    [
        ("", "reported", "start"),
        ("reported", "held", "pause"),
        ("held", "reported", "start"),
        ("held", "filed", "resume"),
        ("filed", "done", "stop"),
        ("merged", "reported", "start"),
        ("done", "filed", "reenter"),
        ("reported", "filed", None),
    ],
)
def test_what_a_move_does_to_a_limit(road: Process, before: str, after: str, does: str | None) -> None:
    found = [t.does for t in road.compiled.transitions[(before, after)] if t.limit.name == "close"]
    assert found == ([does] if does else [])


def test_a_pause_leads_back_only_where_it_came_from() -> None:
    """A limit that starts late is not thought to run in the states that only other cases return to."""
    limit = Limit(
        "late", L, start="filed", stop="done, reported", within=hours(1), pause="held", on_breach="nudge"
    )
    nudge = act("nudge", "filed -> same", "clock")
    process = replace(with_action(nudge), limits=(limit,), facts=SOUND.facts)
    assert [f for f in faults(process) if "late" in f] == []
