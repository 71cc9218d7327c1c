"""Routing rules at work: the page tries and publishes them, the dispatch follows them, the case says why."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from civicloop.kernel.facts.pack import load_pack
from civicloop.kernel.facts.packfile import PackError
from civicloop.kernel.time.clock import HOUR, VirtualClock
from civicloop.loops.street.api.routing import read_text, rows_of_pack, written
from tests.interop.worlds import World, opened

RULE = """
[[rule]]
code = "parks_look_after_bins"
unit = "parks"
kinds = ["rubbish"]
because = { zh = "公园内的垃圾由园林清运", en = "the parks clear \\"their\\" rubbish" }
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from opened(tmp_path)


def dispatched(world: World, **given: str) -> str:
    case = str(world.report(kind="rubbish")["case_id"])
    head = world.person("shift_head")
    for action in ("accept", "file", "dispatch"):
        answer = world.call(
            "POST", f"/street/{case}/{action}", who=head, form=given if action == "dispatch" else {}
        )
        assert answer.status == 303, answer.text
    return case


def later(world: World) -> None:
    clock = world.district.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(HOUR)


def unit(world: World, case: str) -> str:
    with world.district.store.read() as tx:
        return world.district.engine.case(tx, case).unit


def test_rules_are_tried_then_published_then_followed_and_undone(world: World) -> None:
    head = world.person("shift_head")
    before = dispatched(world)
    assert unit(world, before) == "sanitation"
    page = world.call("GET", "/street/routing", who=head).text
    assert "zone_greenery" in page
    tried = world.call("POST", "/street/routing", who=head, form={"rules": RULE})
    assert tried.status == 200
    assert "1 件中有 1 件会派往别处" in tried.text
    assert f'href="/street/{before}"' in tried.text
    assert unit(world, dispatched(world)) == "sanitation", "what was tried holds for nobody"
    start = re.search(r'name="start"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="start"', tried.text)
    assert start is not None
    later(world)
    form = {"rules": RULE, "start": start[1] or start[2], "publish": "1"}
    assert world.call("POST", "/street/routing", who=head, form=form).status == 303
    later(world)
    after = dispatched(world)
    assert unit(world, after) == "parks"
    shown = world.call("GET", f"/street/{after}", who=head).text
    assert "因为公园内的垃圾由园林清运" in shown
    assert "因为此类别的责任单位就是它" in world.call("GET", f"/street/{before}", who=head).text, (
        "the past keeps its reason"
    )
    named = dispatched(world, unit="traffic")
    assert "由派遣员指定" in world.call("GET", f"/street/{named}", who=head).text
    old = re.search(
        r'href="(/street/routing\?version=[^"]+)"', world.call("GET", "/street/routing", who=head).text
    )
    assert old is not None
    again = world.call("GET", old[1], who=head).text
    text = re.search(r'<textarea[^>]*name="rules"[^>]*>(.*?)</textarea>', again, re.DOTALL)
    assert text is not None
    assert "zone_greenery" in text[1]


def test_wrong_rules_are_refused_with_every_fault_and_change_nothing(world: World) -> None:
    head = world.person("shift_head")
    bad = RULE.replace('parks"', 'dragons"') + RULE.replace("parks_look_after_bins", "second")
    answer = world.call("POST", "/street/routing", who=head, form={"rules": bad, "publish": "1", "start": ""})
    assert answer.status == 422
    assert "dragons" in answer.text
    assert world.call("POST", "/street/routing", who=head, form={"rules": "x ="}).status == 422
    assert unit(world, dispatched(world)) == "sanitation"


def test_only_who_leads_the_shift_comes_to_the_rules(world: World) -> None:
    assert world.call("GET", "/street/routing", who=world.person("dispatcher")).status == 403


def test_the_rules_are_written_as_they_are_read() -> None:
    data = read_text(RULE)
    assert read_text(written(data)) == data


def test_the_packs_rules_are_checked_on_reading(tmp_path: Path) -> None:
    pack = load_pack("jianghan")
    assert [row.code for row in rows_of_pack(pack)] == ["rules"]
    folder = tmp_path / "jianghan"
    shutil.copytree(pack.folder, folder)
    path = folder / "routing.toml"
    path.write_text(path.read_text("utf-8").replace('hours = "20:00-06:00"', 'hours = "20-6"'), "utf-8")
    with pytest.raises(PackError, match="write the hours"):
        rows_of_pack(load_pack(folder))
