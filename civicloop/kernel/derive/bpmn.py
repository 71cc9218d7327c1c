"""BPMN 2.0 of a process, for the tools and engines of others.

A state is a user task that waits; completing it with the variable `action` chooses, at the exclusive gateway
behind it, what is done next. An action of people is a user task, one that only the kernel performs a service
task. Where an action leads to one of several states a gateway reads `to`; a return reads `previous`, which a
script sets on the way in. A limit that runs in one state alone and acts at its end is a timer on that state;
every other limit, guard and child process is written as an annotation, since it belongs to the engine that
keeps it. What moves nothing in a final state is left out: there the token has ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree import ElementTree

from civicloop.kernel.cases.compiled import OPENING, UPGRADE, running_states
from civicloop.kernel.cases.process import Action, Limit, Process, Span
from civicloop.kernel.derive.routes import people_of
from civicloop.kernel.label import Label

_BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
_BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
_DC = "http://www.omg.org/spec/DD/20100524/DC"
_DI = "http://www.omg.org/spec/DD/20100524/DI"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_PREFIXES = {"bpmn": _BPMN, "bpmndi": _BPMNDI, "dc": _DC, "di": _DI, "xsi": _XSI}

OPEN_TASK = "opening"
_UNITS = {"minutes": ("PT", "M"), "hours": ("PT", "H"), "days": ("P", "D")}
_COLUMN, _ROW = 190, 90
_SIZES = {
    "userTask": (120, 60),
    "serviceTask": (120, 60),
    "scriptTask": (120, 60),
    "exclusiveGateway": (50, 50),
}


@dataclass(slots=True)
class _Sheet:
    """The process element, and where each thing has been put."""

    process: ElementTree.Element
    plane: ElementTree.Element
    places: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    flows: list[tuple[str, str, str]] = field(default_factory=list)
    annotations: list[tuple[str, str]] = field(default_factory=list)


def bpmn(process: Process) -> str:
    """The process as BPMN 2.0 XML with its diagram; the same declaration gives the same text."""
    for prefix, uri in _PREFIXES.items():
        ElementTree.register_namespace(prefix, uri)
    root = ElementTree.Element(
        f"{{{_BPMN}}}definitions",
        {"id": f"definitions_{process.name}", "targetNamespace": "urn:civicloop:process"},
    )
    element = ElementTree.SubElement(
        root, f"{{{_BPMN}}}process",
        {"id": process.name, "name": _both(process.label), "isExecutable": "true"},
    )  # fmt: skip
    diagram = ElementTree.SubElement(root, f"{{{_BPMNDI}}}BPMNDiagram", {"id": f"diagram_{process.name}"})
    plane = ElementTree.SubElement(
        diagram, f"{{{_BPMNDI}}}BPMNPlane", {"id": f"plane_{process.name}", "bpmnElement": process.name}
    )
    sheet = _Sheet(element, plane)
    if process.purpose is not None:
        _document(element, _both(process.purpose))
    _node(sheet, "startEvent", "start", Label("开始", "Start"), 0, 0)
    _flow(sheet, "start", OPEN_TASK)
    row = _state(sheet, process, OPENING, OPEN_TASK, Label("立案", "Open a case"), 0)
    for state in process.states:
        if state.final:
            _node(sheet, "endEvent", f"state_{state.name}", state.label, 1, row)
            row += 1
        else:
            row = _state(sheet, process, state.name, f"state_{state.name}", state.label, row)
    _finish(sheet)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _state(sheet: _Sheet, process: Process, state: str, node: str, label: Label, row: int) -> int:
    """A waiting task, its gateway, and a task for each action; returns the next free row."""
    _node(sheet, "userTask", node, label, 1, row)
    for limit in process.limits:
        if state in limit.start:
            _limit(sheet, process, limit, state, node)
    _node(sheet, "exclusiveGateway", f"choose_{node}", Label("做什么", "What next"), 2, row)
    _flow(sheet, node, f"choose_{node}")
    actions = process.compiled.openings if state == OPENING else process.compiled.from_state[state]
    for action in actions:
        done = f"{node}__{action.name}"
        _action(sheet, process, action, done, row)
        _flow(sheet, f"choose_{node}", done, f'action == "{action.name}"')
        _targets(sheet, process, action, state, done, row)
        row += 1
    return row + 1


def _action(sheet: _Sheet, process: Process, action: Action, node: str, row: int) -> None:
    people = people_of(action)
    task = _node(sheet, "userTask" if people else "serviceTask", node, action.label, 3, row)
    lines = [action.moves]
    if action.guard is not None and action.guard.__doc__:
        lines.append("guard: " + " ".join(action.guard.__doc__.split()))
    lines += [
        f"{f.name} ({f.kind}{'' if f.required else ', optional'}): {_both(f.label)}" for f in action.evidence
    ]
    _document(task, "\n".join(lines))
    for role in sorted(people):
        owner = ElementTree.SubElement(task, f"{{{_BPMN}}}potentialOwner", {"id": f"{node}__by_{role}"})
        assigned = ElementTree.SubElement(owner, f"{{{_BPMN}}}resourceAssignmentExpression")
        ElementTree.SubElement(assigned, f"{{{_BPMN}}}formalExpression").text = role
    for children in process.children:
        if children.after == action.name:
            sheet.annotations.append(
                (node, f"children: {children.process}; all closed: {children.on_all_closed}")
            )


def _targets(sheet: _Sheet, process: Process, action: Action, state: str, done: str, row: int) -> None:
    """Where the action leads: straight on, or by a gateway on `to` or `previous`."""
    moves = [
        m for m in process.compiled.moves
        if m.action == action.name and m.from_state == state and m.action != UPGRADE
    ]  # fmt: skip
    if len(moves) == 1 and not moves[0].remembered:
        _enter(sheet, process, state, done, moves[0].to_state, "", row)
        return
    word = "previous" if moves[0].remembered else "to"
    _node(sheet, "exclusiveGateway", f"{done}__where", Label("去哪里", "Where to"), 4, row)
    _flow(sheet, done, f"{done}__where")
    for move in moves:
        _enter(sheet, process, state, f"{done}__where", move.to_state, f'{word} == "{move.to_state}"', row)


def _enter(
    sheet: _Sheet, process: Process, state: str, source: str, target: str, when: str, row: int
) -> None:
    """The flow into a state, over a script where that state must remember where the case came from."""
    remembers = any(m.remembered and m.from_state == target for m in process.compiled.moves)
    if not remembers or target == state:
        _flow(sheet, source, f"state_{target}", when)
        return
    node = f"{source}__remember_{target}"
    task = _node(sheet, "scriptTask", node, Label("记住来处", "Remember"), 5, row)
    task.set("scriptFormat", "python")
    ElementTree.SubElement(task, f"{{{_BPMN}}}script").text = f'previous = "{state}"'
    _flow(sheet, source, node, when)
    _flow(sheet, node, f"state_{target}")


def _limit(sheet: _Sheet, process: Process, limit: Limit, state: str, node: str) -> None:
    """A timer where the limit belongs to this state alone, else a note."""
    within = limit.within
    running = running_states(limit, process.compiled.moves) - process.compiled.finals
    alone = running == {state} and isinstance(within, Span) and within.unit in _UNITS
    if not alone or not limit.on_breach or limit.calendar != "round_the_clock":
        sheet.annotations.append((node, f"limit {limit.name}: {_both(limit.label)}; {_within(limit)}"))
        return
    assert isinstance(within, Span)
    action = process.action(limit.on_breach)
    timer = ElementTree.SubElement(
        sheet.process, f"{{{_BPMN}}}boundaryEvent",
        {"id": f"{node}__limit_{limit.name}", "name": _both(limit.label), "attachedToRef": node, "cancelActivity": "true"},
    )  # fmt: skip
    definition = ElementTree.SubElement(
        timer, f"{{{_BPMN}}}timerEventDefinition", {"id": f"{node}__timer_{limit.name}"}
    )
    before, after = _UNITS[within.unit]
    duration = ElementTree.SubElement(
        definition, f"{{{_BPMN}}}timeDuration", {f"{{{_XSI}}}type": "bpmn:tFormalExpression"}
    )
    duration.text = f"{before}{within.amount}{after}"
    x, y, width, height = sheet.places[node]
    sheet.places[f"{node}__limit_{limit.name}"] = (x + width - 24, y + height - 18, 36, 36)
    _flow(sheet, f"{node}__limit_{limit.name}", f"{node}__{action.name}")


def _within(limit: Limit) -> str:
    if isinstance(limit.within, Span):
        return f"{limit.within.amount} {limit.within.unit}, {limit.calendar}"
    return f"{type(limit.within).__name__}({limit.within.name})"


def _node(sheet: _Sheet, kind: str, name: str, label: Label, column: int, row: int) -> ElementTree.Element:
    width, height = _SIZES.get(kind, (36, 36))
    middle = (column * _COLUMN + 60, row * _ROW + 40)
    sheet.places[name] = (middle[0] - width // 2, middle[1] - height // 2, width, height)
    return ElementTree.SubElement(sheet.process, f"{{{_BPMN}}}{kind}", {"id": name, "name": _both(label)})


def _flow(sheet: _Sheet, source: str, target: str, when: str = "") -> None:
    sheet.flows.append((source, target, when))


def _finish(sheet: _Sheet) -> None:
    """Flows, annotations and the drawing, when everything has its place."""
    for number, (source, target, when) in enumerate(sheet.flows):
        flow = ElementTree.SubElement(
            sheet.process, f"{{{_BPMN}}}sequenceFlow",
            {"id": f"flow_{number}", "sourceRef": source, "targetRef": target},
        )  # fmt: skip
        if when:
            kind = {f"{{{_XSI}}}type": "bpmn:tFormalExpression"}
            ElementTree.SubElement(flow, f"{{{_BPMN}}}conditionExpression", kind).text = when
    for number, (node, text) in enumerate(sheet.annotations):
        note = ElementTree.SubElement(sheet.process, f"{{{_BPMN}}}textAnnotation", {"id": f"note_{number}"})
        ElementTree.SubElement(note, f"{{{_BPMN}}}text").text = text
        ElementTree.SubElement(
            sheet.process, f"{{{_BPMN}}}association",
            {"id": f"association_{number}", "sourceRef": node, "targetRef": f"note_{number}"},
        )  # fmt: skip
        x, y, _, height = sheet.places[node]
        sheet.places[f"note_{number}"] = (x - 150, y + height // 2, 140, 40)
    for name, bounds in sheet.places.items():
        _shape(sheet, name, bounds)
    for number, (source, target, _) in enumerate(sheet.flows):
        _line(sheet, f"flow_{number}", source, target)
    for number, (node, _) in enumerate(sheet.annotations):
        _line(sheet, f"association_{number}", node, f"note_{number}")


def _shape(sheet: _Sheet, name: str, bounds: tuple[int, int, int, int]) -> None:
    shape = ElementTree.SubElement(
        sheet.plane, f"{{{_BPMNDI}}}BPMNShape", {"id": f"shape_{name}", "bpmnElement": name}
    )
    keys = ("x", "y", "width", "height")
    ElementTree.SubElement(shape, f"{{{_DC}}}Bounds", {k: str(v) for k, v in zip(keys, bounds, strict=True)})


def _line(sheet: _Sheet, name: str, source: str, target: str) -> None:
    edge = ElementTree.SubElement(
        sheet.plane, f"{{{_BPMNDI}}}BPMNEdge", {"id": f"edge_{name}", "bpmnElement": name}
    )
    (x, y, width, height), (u, v, _, tall) = sheet.places[source], sheet.places[target]
    ends: Iterable[tuple[int, int]] = ((x + width, y + height // 2), (u, v + tall // 2))
    for right, down in ends:
        ElementTree.SubElement(edge, f"{{{_DI}}}waypoint", {"x": str(right), "y": str(down)})


def _document(element: ElementTree.Element, text: str) -> None:
    ElementTree.SubElement(element, f"{{{_BPMN}}}documentation").text = text


def _both(label: Label) -> str:
    return f"{label.zh} · {label.en}"
