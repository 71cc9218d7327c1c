"""Open cases close by: proposed on the public form before sending, at the desk, and over the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from civicloop.loops.street.api.near import close_by
from tests.interop.worlds import World, is_problem, opened


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from opened(tmp_path)


def form(world: World, **more: Any) -> dict[str, Any]:
    """A resident's form at one place."""
    at = world.place()
    return {
        "key": "k1", "place.longitude": at["lon"], "place.latitude": at["lat"], "kind": "rubbish",
        "description": "垃圾桶旁堆了几袋垃圾", **more,
    }  # fmt: skip


def cases(world: World) -> int:
    return world.size()[1]


def test_a_second_report_of_one_thing_is_asked_first_and_added(world: World) -> None:
    first = world.call("POST", "/street/report", form=form(world))
    assert first.status == 303
    asked = world.call("POST", "/street/report", form=form(world, key="k2"))
    assert asked.status == 200
    assert "同类问题，相距0米，几乎同时" in asked.text
    assert "垃圾桶旁堆了几袋垃圾" in asked.text, "what was given stays"
    assert cases(world) == 1
    found = re.search(r'name="same" value="([^"]+)"', asked.text)
    assert found is not None
    added = world.call("POST", "/street/report", form=form(world, key="k2", looked="1", same=found[1]))
    assert added.status == 303
    followed = world.call("GET", added.headers["location"])
    assert followed.status == 200
    assert cases(world) == 1
    with world.district.store.read() as tx:
        assert world.district.engine.case(tx, found[1]).reports == 2


def test_what_another_wrote_is_not_shown(world: World) -> None:
    told = form(world, description="三单元的老王家乱堆")
    told.pop("kind")
    world.call("POST", "/street/report", form=told)
    asked = world.call("POST", "/street/report", form=form(world, key="k2"))
    assert 'name="same"' in asked.text
    assert "老王" not in asked.text


def test_who_has_looked_may_still_send_it_as_new(world: World) -> None:
    world.call("POST", "/street/report", form=form(world))
    assert world.call("POST", "/street/report", form=form(world, key="k2", looked="1")).status == 303
    assert cases(world) == 2


def test_nobody_adds_a_report_to_a_case_that_is_not_close_by(world: World) -> None:
    far = world.report(5, kind="rubbish")["case_id"]
    answer = world.call("POST", "/street/report", form=form(world, same=far))
    assert answer.status == 404
    with world.district.store.read() as tx:
        assert world.district.engine.case(tx, far).reports == 1


def test_the_form_looks_while_it_is_filled_in(world: World) -> None:
    world.report(kind="rubbish")
    at = world.place()
    path = f"/street/near?place.longitude={at['lon']}&place.latitude={at['lat']}&kind=rubbish"
    shown = world.call("GET", path, headers={"hx-request": "true"}).text
    assert 'name="looked"' in shown
    assert 'name="same"' in shown
    half = world.call("GET", "/street/near?place.longitude=abc", headers={"hx-request": "true"})
    assert (half.status, 'name="same"' in half.text) == (200, False)
    alone = world.call("GET", path)
    assert (alone.status, alone.headers["location"]) == (303, "/street/report")


def test_the_desk_merges_with_one_key(world: World) -> None:
    master, case = (world.report(kind="rubbish")["case_id"] for _ in range(2))
    who = world.person("intake")
    page = world.call("GET", f"/street/{case}", who=who).text
    found = re.search(rf'<form[^>]+action="/street/{case}/merge".*?</form>', page, re.DOTALL)
    assert found is not None
    assert 'data-key="1"' in found[0]
    assert "同类问题，相距0米" in page
    given = dict(re.findall(r'type="hidden" name="([\w.]+)" value="([^"]*)"', found[0]))
    assert given["master.near"] == master
    assert world.call("POST", f"/street/{case}/merge", who=who, form=given).status == 303
    with world.district.store.read() as tx:
        assert world.district.engine.case(tx, case).master_id == master
    assert (
        f"/street/{case}/merge" not in world.call("GET", f"/street/{case}", who=world.person("leader")).text
    )


def test_programs_ask_too(world: World) -> None:
    case = world.report(kind="rubbish")["case_id"]
    at = world.place()
    answer = world.call("GET", f"/api/street/near?lat={at['lat']}&lon={at['lon']}&kind=rubbish")
    [proposal] = answer.json["proposals"]
    assert proposal["id"] == case
    assert proposal["why"].startswith("same kind, 0 m away")
    assert "title" not in proposal, "what somebody wrote is not told to everybody"
    is_problem(world.call("GET", "/api/street/near"), 422, "invalid")
    is_problem(world.call("GET", "/api/street/near?lat=1&lon=1"), 422, "invalid")
    assert world.call("GET", f"/api/street/{case}/duplicates").status == 401
    who = world.person("intake")
    assert world.call("GET", f"/api/street/{case}/duplicates", who=who).json == {"proposals": []}
    elsewhere = world.person("collector", "street", world.district.places.streets[5].code)
    assert world.call("GET", f"/api/street/{case}/duplicates", who=elsewhere).status == 404


def test_the_lookup_goes_by_the_index_of_places(world: World) -> None:
    sql, params = close_by("jianghan", 114.2, 30.6)
    with world.district.store.read() as tx:
        plan = tx.all(f"EXPLAIN QUERY PLAN {sql}", params)
    assert "cases_near (district=? AND process=? AND <expr>=? AND <expr>=?" in str(plan)
