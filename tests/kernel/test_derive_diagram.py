"""Forms and pictures that are derived from a declaration."""

from __future__ import annotations

import re

import pytest

from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.reports import REPORT_FIELDS
from civicloop.kernel.derive.diagram import BOX_HEIGHT, BOX_WIDTH, drawing, main_path, mermaid, steps
from civicloop.kernel.derive.forms import form
from civicloop.loops.street.process import PROCESS as STREET
from tests.kernel.declared import BOSTON_LIKE, PIECE, RICH, adr_processes

ALL = [STREET, RICH, PIECE, BOSTON_LIKE, *adr_processes().values()]
each = pytest.mark.parametrize("process", ALL, ids=lambda p: p.name)


def test_a_form_asks_first_for_what_must_be_given() -> None:
    found = form(RICH, RICH.action("report_back"))
    assert [f.name for f in found.fields] == ["size", "note"]
    assert (found.submit.en, found.danger, found.files, found.key) == ("Report back", False, False, "")
    dangerous = form(RICH, RICH.action("drop"))
    assert dangerous.danger
    assert dangerous.confirm


def test_only_what_is_opened_by_reports_asks_for_one() -> None:
    assert form(STREET, STREET.action("report")).report == REPORT_FIELDS
    assert form(STREET, STREET.action("report")).files
    assert form(STREET, STREET.action("accept")).report == ()
    assert form(RICH, RICH.action("ask")).report == ()


def test_the_usual_way_is_what_no_case_goes_around() -> None:
    assert main_path(STREET) == (
        "reported", "accepted", "filed", "dispatched", "signed", "handling", "checking", "closed", "archived",
    )  # fmt: skip
    assert main_path(RICH) == ("asked", "done", "archived")
    assert main_path(BOSTON_LIKE) == ("open", "closed")


@each
def test_the_usual_way_leads_from_the_start_to_an_end(process: Process) -> None:
    path = main_path(process)
    assert path[0] == process.compiled.start.name
    assert path[-1] in process.compiled.finals
    assert len(path) == len(set(path))


def where(process: Process, visited: list[str], state: str) -> list[tuple[str, str]]:
    return [(s.state, s.where) for s in steps(process, visited, state)]


def test_the_stepper_says_where_the_case_is() -> None:
    been = ["reported", "accepted", "filed", "dispatched"]
    assert where(STREET, been[:-1], "dispatched")[2:6] == [
        ("filed", "done"), ("dispatched", "here"), ("signed", "ahead"), ("handling", "ahead"),
    ]  # fmt: skip
    assert where(STREET, been, "held")[3:6] == [("dispatched", "done"), ("held", "here"), ("signed", "ahead")]


def test_a_case_that_ended_elsewhere_has_skipped_the_rest() -> None:
    found = where(STREET, ["reported"], "declined")
    assert found[:2] == [("reported", "done"), ("declined", "here")]
    assert {w for _, w in found[2:]} == {"skipped"}


@each
def test_mermaid_names_every_state_and_every_move_of_people(process: Process) -> None:
    text = mermaid(process, "en")
    assert text.startswith("stateDiagram-v2\n")
    lines = text.splitlines()[2:]
    for line in lines:
        assert re.fullmatch(
            r'    (state "[^"]+" as \w+|(\[\*\]|\w+) --> \w+: [^":;#<>{}\[\]]+|\w+ --> \[\*\])', line
        ), line
    for state in process.states:
        assert f'state "{state.label.en}" as {state.name}' in text
    shown = {
        tuple(re.findall(r"^    (\[\*\]|\w+) --> (\[\*\]|\w+)", line)[0]) for line in lines if "-->" in line
    }
    moved = {
        (m.from_state or "[*]", m.to_state)
        for m in process.compiled.moves
        if m.from_state != m.to_state and not m.action.startswith("~")
    }
    assert shown == moved | {(name, "[*]") for name in process.compiled.finals}
    assert mermaid(process) != text


@each
def test_the_drawing_is_the_same_each_time_and_no_box_covers_another(process: Process) -> None:
    found = drawing(process)
    assert found == drawing(process)
    assert {n.state for n in found.nodes} == set(process.compiled.states)
    for i, one in enumerate(found.nodes):
        assert one.x >= 0
        assert one.x + BOX_WIDTH <= found.width
        assert one.y + BOX_HEIGHT <= found.height
        for other in found.nodes[i + 1 :]:
            assert abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT
    for edge in found.edges:
        assert len(edge.labels) == len(edge.actions) > 0
        for x, y in edge.points:
            assert 0 <= x <= found.width
            assert 0 <= y <= found.height
    path = main_path(process)
    rows = {n.state: n.y for n in found.nodes}
    assert len({rows[name] for name in path}) == 1
