"""The documentation page that is derived from a declaration."""

from __future__ import annotations

import pytest

from civicloop.kernel.cases.process import Label, Process
from civicloop.kernel.derive.page import HandMade, loop_page, reasons, table
from civicloop.kernel.figures.metric import Metric
from civicloop.loops.street import rules
from civicloop.loops.street.process import PROCESS as STREET
from tests.kernel.declared import BOSTON_LIKE, PIECE, RICH, adr_processes

ALL = [STREET, RICH, PIECE, BOSTON_LIKE, *adr_processes().values()]
ROLES = {name: Label(f"角色{name}", f"The {name}") for name in ("clerk", "crew", "checker", "head")}


def page(process: Process) -> str:
    metric = Metric(
        "jobs",
        Label("工单数", "Jobs"),
        Label("全部工单", "All jobs"),
        process.name,
        "count",
        Label("件", "cases"),
    )
    beside = [HandMade(("GET",), "/jobs/board", frozenset({"head"}), Label("看板", "Board"))]
    return loop_page("jobs", Label("工单", "Jobs"), Label("一句话", "One sentence"), [process], roles=ROLES,
                     metrics=[metric], beside=beside)  # fmt: skip


@pytest.mark.parametrize("process", ALL, ids=lambda p: p.name)
def test_the_page_names_everything_declared_in_both_languages(process: Process) -> None:
    text = page(process)
    assert text == page(process)
    for thing in (*process.states, *process.actions, *process.limits, *process.facts, *process.events):
        assert thing.label.zh in text, thing.name
        assert thing.label.en in text, thing.name
    for action in process.actions:
        assert f"`{action.name}`" in text
    for name in ("jobs", "/jobs/board", f"/api/{process.name}/{{id}}"):
        assert name in text


@pytest.mark.parametrize("process", ALL, ids=lambda p: p.name)
def test_every_row_of_a_table_has_as_many_cells_as_its_head(process: Process) -> None:
    width = 0
    for line in page(process).splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = line.replace("\\|", "").count("|")
        width = width or cells
        assert cells == width, line


def test_a_guard_is_documented_with_what_it_may_say() -> None:
    assert [r.en for r in reasons(rules.photo_after_is_new)] == [
        rules._SAME_PICTURE.en, rules._TAKEN_BEFORE.en,
    ]  # fmt: skip
    text = page(STREET)
    assert rules._SAME_PICTURE.zh in text
    assert "neither one of the earlier pictures" in text


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    assert table(("a",), [("x | y",)])[2] == "| x \\| y |"
