"""The BPMN export runs in an engine that others wrote: SpiffWorkflow parses it and follows the declared paths.

In every state that a random walk comes to, the actions that SpiffWorkflow takes are exactly the declared ones.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from lxml import etree
from SpiffWorkflow import TaskState
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine, TaskDataEnvironment
from SpiffWorkflow.exceptions import WorkflowException

from civicloop.kernel.cases.process import Process
from civicloop.kernel.derive.bpmn import OPEN_TASK, bpmn
from civicloop.loops.street.process import PROCESS as STREET
from tests.kernel.declared import BOSTON_LIKE, PIECE, RICH, adr_processes

ALL = [STREET, RICH, PIECE, BOSTON_LIKE, *adr_processes().values()]
each = pytest.mark.parametrize("process", ALL, ids=lambda p: p.name)
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"


def started(process: Process) -> BpmnWorkflow:
    """A workflow of the exported process that waits for its first choice."""
    parser = BpmnParser()
    parser.add_bpmn_xml(etree.fromstring(bpmn(process).encode()), filename=f"{process.name}.bpmn")
    # SpiffWorkflow evaluates a duration as an expression; the standard writes it plain.
    durations = {f"P{n}D": f"P{n}D" for n in range(400)} | {f"PT{n}H": f"PT{n}H" for n in range(400)}
    engine = PythonScriptEngine(environment=TaskDataEnvironment(durations))
    workflow = BpmnWorkflow(parser.get_spec(process.name), script_engine=engine)
    workflow.do_engine_steps()
    return workflow


def waiting(workflow: BpmnWorkflow) -> Any:
    """The one task that waits for a person."""
    ready = workflow.get_tasks(state=TaskState.READY, manual=True)
    assert len(ready) == 1, [t.task_spec.name for t in ready]
    return ready[0]


def do(workflow: BpmnWorkflow, **data: Any) -> None:
    """Completes the waiting task with data."""
    task = waiting(workflow)
    task.data.update(data)
    task.run()
    workflow.do_engine_steps()
    # What only the kernel performs is a service task: the engine hands it out and is told when it is done.
    for service in workflow.get_tasks(state=TaskState.STARTED):
        service.complete()
        workflow.do_engine_steps()


def perform(workflow: BpmnWorkflow, action: str, to: str) -> None:
    """Chooses an action and does it; WorkflowException when the state does not have it."""
    state = waiting(workflow).task_spec.name
    do(workflow, action=action, to=to)
    ready = workflow.get_tasks(state=TaskState.READY, manual=True)
    if ready and ready[0].task_spec.name == f"{state}__{action}":
        do(workflow)


def taken(workflow: BpmnWorkflow, process: Process) -> set[str]:
    """The actions that the workflow takes where it stands, each tried on a copy."""
    found = set()
    for action in process.actions:
        trial = copy.deepcopy(workflow, {id(workflow.spec): workflow.spec})  # the spec itself never changes
        try:
            do(trial, action=action.name, to=process.states[0].name)
        except WorkflowException:
            continue
        found.add(action.name)
    return found


def now(workflow: BpmnWorkflow) -> str:
    """The state that the workflow is in, "" before the case is opened, "end" when it has ended."""
    if workflow.is_completed():
        return "end"
    name: str = waiting(workflow).task_spec.name
    return "" if name == OPEN_TASK else name.removeprefix("state_")


@pytest.mark.slow
@each
def test_spiffworkflow_enables_what_is_declared_along_random_paths(process: Process) -> None:
    chance = random.Random(process.name)
    seen: dict[str, set[str]] = {}
    for _ in range(12):
        workflow, state, before = started(process), "", ""
        for _ in range(25):
            if state not in seen:
                seen[state] = taken(workflow, process)
            # Each action's edges from here; `previous` leads only to where the case came from.
            moves = [
                m
                for m in process.compiled.moves
                if m.from_state == state
                and not m.action.startswith("~")
                and (not m.remembered or m.to_state == before)
            ]
            move = chance.choice(moves)
            perform(workflow, move.action, move.to_state)
            if move.to_state in process.compiled.finals:
                assert now(workflow) == "end"
                break
            assert now(workflow) == move.to_state, move
            if move.to_state != state:
                state, before = move.to_state, state
    declared = {name: {a.name for a in found} for name, found in process.compiled.from_state.items()}
    declared[""] = {a.name for a in process.compiled.openings}
    assert seen == {name: declared[name] for name in seen}
    assert set(seen) >= {"", process.compiled.start.name}


@pytest.mark.slow
def test_the_walk_comes_to_every_state_of_the_street() -> None:
    """Driven straight to each state once, so that none is left to chance."""
    ways: dict[str, list[tuple[str, str]]] = {"": []}
    queue = [("", "")]
    while queue:
        state, before = queue.pop(0)
        for m in STREET.compiled.moves:
            if m.from_state != state or m.action.startswith("~") or m.to_state in ways:
                continue
            if m.remembered and m.to_state != before:
                continue
            ways[m.to_state] = [*ways[state], (m.action, m.to_state)]
            queue.append((m.to_state, state))
    assert set(ways) == {"", *STREET.compiled.states}
    for state, way in ways.items():
        workflow = started(STREET)
        for action, to in way:
            perform(workflow, action, to)
        if state in STREET.compiled.finals:
            assert now(workflow) == "end"
        elif state:
            assert now(workflow) == state
            assert taken(workflow, STREET) == {a.name for a in STREET.compiled.from_state[state]}


def test_a_limit_of_one_state_is_a_timer_and_others_are_notes() -> None:
    root = etree.fromstring(bpmn(STREET).encode())
    timers = {
        t.getparent().getparent().get("attachedToRef"): t.text for t in root.iter(f"{BPMN}timeDuration")
    }
    assert timers["state_closed"] == "P7D"
    assert timers["state_held"] == "P10D"
    notes = " ".join(t.text for t in root.iter(f"{BPMN}text"))
    assert "close_in_2_hours" in notes


@each
def test_every_reference_of_the_file_leads_somewhere_and_is_drawn(process: Process) -> None:
    text = bpmn(process)
    assert text == bpmn(process)
    root = etree.fromstring(text.encode())
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    drawn = {e.get("bpmnElement") for e in root.iter() if e.get("bpmnElement")}
    for flow in root.iter(f"{BPMN}sequenceFlow"):
        assert {flow.get("sourceRef"), flow.get("targetRef"), flow.get("id")} <= set(ids)
        assert {flow.get("sourceRef"), flow.get("targetRef"), flow.get("id")} <= drawn


def test_a_small_process_runs_from_opening_to_end() -> None:
    workflow = started(PIECE)
    for action, to, then in (
        ("open", "open", "open"),
        ("finish", "finished", "finished"),
        ("keep", "kept", "end"),
    ):
        perform(workflow, action, to)
        assert now(workflow) == then
