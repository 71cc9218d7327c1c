"""Every check at import, with a declaration that has just this fault."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from civicloop.kernel.cases import checks
from civicloop.kernel.cases.checks import faults
from civicloop.kernel.cases.declaration import Declaration
from civicloop.kernel.cases.process import (
    REASON,
    Action,
    Children,
    Event,
    Fact,
    Field,
    Label,
    Limit,
    Option,
    State,
    Step,
    Until,
    Upgrade,
    hours,
)

L = Label("甲", "A")
MASTER = Field("master", Label("主案件", "Master"), "case")


def nothing(*_: Any) -> Mapping[str, Any]:
    """Computes nothing."""
    return {}


def to_done(*_: Any) -> str:
    """Chooses `done`."""
    return "done"


def no_reason(*_: Any) -> None:
    """A guard that agrees."""


def act(name: str, moves: str, by: str = "clerk", **more: Any) -> Action:
    """An action with a label."""
    return Action(name, L, moves, by, **more)


SOUND = Declaration(
    "road",
    L,
    states=(
        State("reported", L, start=True),
        State("filed", L),
        State("held", L),
        State("merged", L),
        State("done", L, closes=True),
        State("archived", L, final=True),
    ),
    actions=(
        act("report", "-> reported", "public"),
        act("file", "reported -> filed", key="f"),
        act("hold", "reported, filed -> held"),
        act("resume", "held -> previous"),
        act("merge", "reported -> merged", evidence=(MASTER,), merges=True),
        act("unmerge", "merged -> reported", unmerges=True),
        act("finish", "filed -> done | reported", choose=to_done, not_by=("file",)),
        act("see", "filed -> same", "fold", because=("seen",), inverse="unsee"),
        act("unsee", "filed -> same", "fold", inverse="see"),
        act("remind", "* -> same", "clock, clerk"),
        act("archive", "merged, done -> archived", "clock, clerk"),
        act("join", "reported, filed, held, merged -> done", "children"),
        act("reopen", "done -> filed", "children, clerk", reopens=True),
    ),
    limits=(
        Limit("close", L, start="reported", stop="done, merged", within=hours(2), pause="held", on_breach="remind"),
        Limit("answer", L, start="asked", stop="answered", within=hours(2), pause="seen", resume="gone"),
    ),
    facts=tuple(Fact(name, L) for name in ("seen", "gone", "asked", "answered")),
    fields=(Field("colour", L, "choice", options=(Option("red", L), Option("blue", L))),),
    children=(Children("part", after="file", spawn=lambda *_: (), on_all_closed="join", on_reopened="reopen"),),
    events=(Event("closed", 1, L, (Field("number", L, "text"),), nothing),),
    upgrades=(Upgrade(1, {"old": "filed"}),),
    version=2,
)  # fmt: skip


def test_the_sound_declaration_has_no_fault() -> None:
    assert faults(SOUND) == []


def changed(name: str, **more: Any) -> Declaration:
    """The sound declaration with one action changed."""
    return replace(SOUND, actions=tuple(replace(a, **more) if a.name == name else a for a in SOUND.actions))


def with_action(*actions: Action) -> Declaration:
    """The sound declaration with actions more."""
    return replace(SOUND, actions=(*SOUND.actions, *actions))


def with_state(*states: State) -> Declaration:
    """The sound declaration with states more."""
    return replace(SOUND, states=(*SOUND.states, *states))


def with_field(field: Field) -> Declaration:
    """The sound declaration with one field more."""
    return replace(SOUND, fields=(*SOUND.fields, field))


def with_limit(name: str = "second", **more: Any) -> Declaration:
    """The sound declaration with one limit more."""
    values = {"start": "filed", "stop": "done", "within": hours(1)} | more
    return replace(SOUND, limits=(*SOUND.limits, Limit(name, L, **values)))


def with_children(**more: Any) -> Declaration:
    """The sound declaration with its children changed."""
    return replace(SOUND, children=(replace(SOUND.children[0], **more),))


ROWS: dict[str, tuple[Callable[[], Declaration], str]] = {
    "state twice": (lambda: with_state(State("filed", L)), "state 'filed' is declared twice"),
    "action twice": (
        lambda: with_action(act("file", "reported -> filed")),
        "action 'file' is declared twice",
    ),
    "fact twice": (
        lambda: replace(SOUND, facts=(*SOUND.facts, Fact("seen", L))),
        "limit or fact 'seen' is declared twice",
    ),
    "bad name": (lambda: with_state(State("In Work", L)), "'In Work' is no name"),
    "word of the grammar": (lambda: with_state(State("same", L)), "'same' is a word of the grammar"),
    "two starts": (
        lambda: with_state(State("again", L, start=True)),
        "exactly one start state, not ['reported', 'again']",
    ),
    "no final": (
        lambda: replace(SOUND, states=tuple(replace(s, final=False) for s in SOUND.states)),
        "there is no final state",
    ),
    "no arrow": (lambda: changed("file", moves="reported filed"), "action 'file': 'reported filed' has no arrow"),
    "no target": (lambda: changed("file", moves="reported ->"), "action 'file': 'reported ->' goes nowhere"),
    "unknown state": (
        lambda: changed("file", moves="reported -> nowhere"),
        "action 'file' names the unknown state 'nowhere'",
    ),
    "any and more": (lambda: changed("remind", moves="*, filed -> same"), "action 'remind' mixes '*' with named states"),
    "same and more": (
        lambda: changed("finish", moves="filed -> same | done"),
        "action 'finish' mixes 'same' with other targets",
    ),
    "opens elsewhere": (
        lambda: with_action(act("import", "-> filed")),
        "action 'import' opens a case and must lead to the start state alone",
    ),
    "no rule": (
        lambda: changed("finish", choose=None),
        "action 'finish': several targets and a rule `choose` go together",
    ),
    "rule without choice": (
        lambda: changed("file", choose=to_done),
        "action 'file': several targets and a rule `choose` go together",
    ),
    "previous of any": (
        lambda: changed("resume", moves="* -> previous"),
        "action 'resume': 'previous' needs a named state on the left",
    ),
    "no previous": (
        lambda: replace(
            with_action(act("back", "reported -> previous")),
            actions=tuple(
                a if a.name not in ("unmerge", "finish") else replace(a, moves=m, choose=None)
                for a, m in ((a, "merged -> filed" if a.name == "unmerge" else "filed -> done") for a in
                             (*SOUND.actions, act("back", "reported -> previous")))
            ),
        ),
        "action 'back': nothing leads into 'reported', so there is no previous state",
    ),
    "leaves the end": (
        lambda: with_action(act("revive", "archived -> filed")),
        "action 'revive' leaves the final state 'archived'",
    ),
    "by nobody": (lambda: changed("file", by=" , "), "action 'file' is done by nobody"),
    "unknown duty": (lambda: changed("finish", not_by=("fix",)), "action 'finish' names the unknown action 'fix'"),
    "duty of a stranger": (
        lambda: changed("finish", not_by=("rail.file",)),
        "action 'finish' names 'rail.file', and 'rail' is no process of its children",
    ),
    "sets what is not given": (
        lambda: changed("file", sets=("title",)),
        "action 'file' sets 'title', which is not among its evidence",
    ),
    "sets what is nobody's": (
        lambda: changed("file", evidence=(REASON,), sets=("reason",)),
        "action 'file' sets 'reason', which is neither the case's nor the subject's own",
    ),
    "sets what is personal": (
        lambda: changed("file", evidence=(Field("title", L, "text", personal=True),), sets=("title",)),
        "action 'file' sets 'title', which is personal",
    ),
    "counts the unknown": (lambda: changed("file", counts=("laps",)), "action 'file' counts 'laps'"),
    "emits the unknown": (lambda: changed("file", emits=("filed",)), "action 'file' emits the unknown event 'filed'"),
    "field twice": (
        lambda: changed("file", evidence=(REASON, REASON)),
        "action 'file': field 'reason' is declared twice",
    ),
    "merges into nothing": (
        lambda: changed("merge", evidence=()),
        "action 'merge' merges and needs a field of kind 'case'",
    ),
    "merge that ends": (
        lambda: changed("merge", moves="reported -> archived"),
        "action 'merge' merges and may not end the case",
    ),
    "merge for ever": (
        lambda: changed("unmerge", unmerges=False),
        "action 'merge' merges, and no action with unmerges=True undoes it",
    ),
    "long key": (lambda: changed("file", key="ff"), "action 'file': a key is one character"),
    "no opening": (
        lambda: replace(SOUND, actions=SOUND.actions[1:]),
        "nothing opens a case: declare an action with moves '-> reported'",
    ),
    "upgrade to the unknown": (
        lambda: replace(SOUND, upgrades=(Upgrade(1, {"old": "gone_for_good"}),)),
        "an upgrade leads to the unknown state 'gone_for_good'",
    ),
    "upgrade from now": (
        lambda: replace(SOUND, upgrades=(Upgrade(2, {"old": "filed"}),)),
        "an upgrade from version 2 is not older than version 2",
    ),
    "unreachable": (
        lambda: replace(with_action(act("leave", "attic -> done")), states=(*SOUND.states, State("attic", L))),
        "state 'attic' can never be reached",
    ),
    "trap": (
        lambda: replace(with_action(act("fall", "filed -> pit")), states=(*SOUND.states, State("pit", L))),
        "from state 'pit' the loop can never finish",
    ),
    "one key, two actions": (
        lambda: changed("merge", key="f"),
        "key 'f' means both 'file' and 'merge' in state 'reported'",
    ),
    "state and fact": (
        lambda: replace(SOUND, facts=(*SOUND.facts, Fact("filed", L))),
        "'filed' names a state and a fact",
    ),
    "limit at the unknown": (
        lambda: with_limit(start="nowhere"),
        "limit 'second' names 'nowhere', which is neither a state nor a fact",
    ),
    "limit without stop": (lambda: with_limit(stop=""), "limit 'second' needs a start and a stop"),
    "limit starts where it stops": (
        lambda: with_limit(stop="filed"),
        "limit 'second': start, stop, pause and resume must differ",
    ),
    "resume at a state": (
        lambda: with_limit(pause="seen", resume="held"),
        "limit 'second' resumes at 'held', which is no fact",
    ),
    "pause for ever": (
        lambda: with_limit(pause="seen"),
        "limit 'second' pauses at a fact, and no fact in `resume` lets it run on",
    ),
    "until the unknown": (
        lambda: with_limit(within=Until("review_at")),
        "limit 'second' takes its due moment from the unknown field 'review_at'",
    ),
    "step twice": (
        lambda: with_limit(steps=(Step("cordon", "file"), Step("cordon", "remind"))),
        "limit 'second': step 'cordon' is declared twice",
    ),
    "two steps with one end": (
        lambda: with_limit(steps=(Step("cordon", "file"), Step("repair", "file"))),
        "limit 'second': the end of a step 'file' is declared twice",
    ),
    "step of a moment": (
        lambda: with_limit(within=Until("colour"), steps=(Step("cordon", "file"),)),
        "limit 'second' is due at one moment and can't have steps",
    ),
    "step without a name": (
        lambda: with_limit(steps=(Step("", "file"),)),
        "limit 'second': '' is no name of a step",
    ),
    "step to nowhere": (
        lambda: with_limit(steps=(Step("cordon", "nowhere"),)),
        "limit 'second': step 'cordon' ends at 'nowhere', which is neither an action nor a state",
    ),
    "breach by the unknown": (
        lambda: with_limit(on_breach="shout"),
        "limit 'second' performs the unknown action 'shout'",
    ),
    "breach by a person": (
        lambda: with_limit(start="reported", stop="filed, held, merged, done", on_breach="file"),
        "limit 'second' performs 'file', which the clock may not do",
    ),
    "breach that is not legal": (
        lambda: with_limit(start="merged", stop="archived", on_breach="archive"),
        "limit 'second' can fire in state 'reported', where 'archive' is not legal",
    ),
    "breach that starts at a fact": (
        lambda: with_limit(start="asked", stop="answered", on_breach="archive"),
        "limit 'second' can fire in state 'held', where 'archive' is not legal",
    ),
    "clock without evidence": (
        lambda: changed("remind", evidence=(REASON,)),
        "limit 'close' performs 'remind', which needs evidence that a clock can't give",
    ),
    "clock and a guard": (
        lambda: changed("remind", guard=no_reason),
        "limit 'close' performs 'remind', whose guard could refuse a clock",
    ),
    "child and a guard": (
        lambda: changed("join", guard=no_reason),
        "children 'part' performs 'join', whose guard could refuse a child",
    ),
    "cause is no fact": (
        lambda: changed("see", because=("filed",)),
        "action 'see' is caused by 'filed', which is no fact",
    ),
    "cause without fold": (
        lambda: changed("file", because=("seen",)),
        "action 'file' is caused by facts and must be allowed to a fold",
    ),
    "fold that ends": (
        lambda: with_action(act("drop", "filed -> archived", "fold", because=("gone",), inverse="see")),
        "action 'drop' is a fold's and may not enter a final state",
    ),
    "fold without cause": (
        lambda: with_action(act("mark", "filed -> same", "fold", inverse="see")),
        "action 'mark' is a fold's and must name its causes in `because`",
    ),
    "fold without inverse": (
        lambda: with_action(act("mark", "filed -> same", "fold", because=("gone",))),
        "action 'mark' is a fold's and must declare its inverse",
    ),
    "inverse that leads elsewhere": (
        lambda: with_action(act("mark", "reported -> filed", "fold", because=("gone",), inverse="unsee")),
        "action 'mark': 'unsee' does not lead back from 'filed' to 'reported'",
    ),
    "children of the unknown": (
        lambda: with_children(after="begin"),
        "children 'part' names the unknown action 'begin'",
    ),
    "children at the opening": (
        lambda: with_children(after="report"),
        "children 'part' open after 'report', which opens the case",
    ),
    "children and a person": (
        lambda: changed("join", by="clerk"),
        "children 'part': 'join' must be allowed to the kernel",
    ),
    "children cancelled by nothing": (
        lambda: with_children(on_parent_end="cancel"),
        "children 'part': to cancel them at the parent's end, name their action in `cancel`",
    ),
    "children that are missed": (
        lambda: changed("join", moves="reported, filed, merged -> done"),
        "children 'part' can all close in state 'held', where 'join' is not legal",
    ),
    "no label": (
        lambda: with_field(Field("size", Label("大小", " "), "number")),
        "field 'size' lacks a label in one of the languages",
    ),
    "personal event": (
        lambda: replace(SOUND, events=(replace(SOUND.events[0], fields=(Field("who", L, "text", personal=True),)),)),
        "an event carries the personal field 'who'",
    ),
    "reserved name": (
        lambda: with_field(Field("revision", L, "number")),
        "field 'revision' has a name that every request uses for itself",
    ),
    "no choice": (
        lambda: with_field(Field("size", L, "choice", options=(Option("one", L),))),
        "field 'size' is a choice with fewer than two options",
    ),
    "minimum above maximum": (
        lambda: with_field(Field("size", L, "number", minimum=3, maximum=2)),
        "field 'size' has a minimum above its maximum",
    ),
}  # fmt: skip


# These can't be had without a second sentence: the same fault seen from another place.
MORE = frozenset(
    {"no arrow", "no target", "breach that is not legal", "breach that starts at a fact", "fold that ends"}
)


@pytest.mark.parametrize("row", ROWS, ids=list(ROWS))
def test_a_declaration_with_one_fault_is_refused_in_words(row: str) -> None:
    make, sentence = ROWS[row]
    found = faults(make())
    assert any(sentence in fault for fault in found), found
    assert len(found) == 1 or row in MORE, found


def said() -> dict[str, re.Pattern[str]]:
    """Every sentence that checks.py can yield, as a pattern."""
    patterns: dict[str, re.Pattern[str]] = {}
    with open(checks.__file__, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Yield) or not isinstance(node.value, ast.Constant | ast.JoinedStr):
            continue
        parts = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
        text = "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in parts)
        patterns[f"line {node.lineno}: {text}"] = re.compile(text)
    return patterns


def test_every_sentence_of_the_checks_has_its_row() -> None:
    found = [fault for make, _ in ROWS.values() for fault in faults(make())]
    patterns = said()
    assert len(patterns) > 40
    assert [name for name, pattern in patterns.items() if not any(pattern.search(f) for f in found)] == []
