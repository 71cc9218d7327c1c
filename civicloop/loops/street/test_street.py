"""The street loop by example: who may, what is refused in which words, splitting, and the two hours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from civicloop.kernel.cases import history
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.people.roles import PUBLIC, Actor, Grant, Scope, reporter
from civicloop.kernel.refusal import Forbidden, Guarded, Invalid
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from civicloop.loops.street.fixtures.pictures import street_picture
from tests.kernel.cases import with_account

PLACE = {"lon": 114.258, "lat": 30.605}


def who(name: str, *grants: tuple[str, str, str]) -> Actor:
    return Actor(name, "a-" + name, grants=tuple(Grant(r, Scope(kind, code)) for r, kind, code in grants))  # type: ignore[arg-type]


HEAD = who("head", ("shift_head", "district", "jianghan"), ("intake", "district", "jianghan"))
DISPATCHER = who("dispatch", ("dispatcher", "district", "jianghan"))
CHECKER = who("check", ("checker", "district", "jianghan"))
CLERK = who("clerk", ("unit_clerk", "unit", "sanitation"))
CREW = who("crew", ("crew", "unit", "sanitation"), ("checker", "district", "jianghan"))


@pytest.fixture
def district(tmp_path: Path, clock: VirtualClock) -> Iterator[District]:
    opened = open_district(Settings(tmp_path, demo=False), clock=clock, ids=SeededIds("street"), inline=True)
    opened.store.write(lambda tx: with_account(tx, opened.code, "crew"))
    yield opened
    opened.close()


def photo(district: District, stream: str, problem: str = "", view: int = 0) -> str:
    data = street_picture(stream, problem=problem, view=view)
    return district.evidence.keep(data, actor_id="p", purpose="test").hash


def handled(district: District, clock: VirtualClock) -> str:
    """A case in the crew's hands."""
    engine = district.engine
    told = ReportGiven("web", "垃圾满溢", media=(photo(district, "corner", "rubbish"),))
    case_id = engine.open(
        "street", "report", {"place": PLACE, "kind": "rubbish"}, PUBLIC, report=told
    ).case_id
    clock.advance(5 * MINUTE)
    for action, given, actor in (
        ("accept", {}, HEAD), ("file", {}, HEAD), ("dispatch", {}, DISPATCHER), ("sign", {}, CLERK),
        ("assign", {"holder": "crew"}, CLERK),
    ):  # fmt: skip
        engine.perform(case_id, action, given, actor)
        clock.advance(MINUTE)
    return case_id


def state(district: District, case_id: str) -> Any:
    with district.store.read() as tx:
        return district.engine.case(tx, case_id)


def test_the_unit_follows_from_the_category(district: District, clock: VirtualClock) -> None:
    case = state(district, handled(district, clock))
    assert (case.unit, case.holder, case.state) == ("sanitation", "crew", "handling")


def test_a_crew_is_somebody_with_an_account(district: District, clock: VirtualClock) -> None:
    case_id = handled(district, clock)
    with pytest.raises(Invalid) as refused:
        district.engine.perform(case_id, "assign", {"holder": "nobody"}, CLERK)
    assert "nobody" in refused.value.fields["holder"].en


def test_the_photograph_afterwards_must_be_new(district: District, clock: VirtualClock) -> None:
    case_id = handled(district, clock)
    before = photo(district, "corner", "rubbish")
    with pytest.raises(Guarded, match="same picture"):
        district.engine.perform(case_id, "report_back", {"photo_after": [before]}, CREW)
    after = photo(district, "corner", view=1)
    assert district.engine.perform(case_id, "report_back", {"photo_after": [after]}, CREW).state == "checking"
    with pytest.raises(Forbidden, match="earlier step"):
        district.engine.perform(case_id, "close", {}, CREW)
    assert district.engine.perform(case_id, "close", {}, CHECKER).state == "closed"


def test_a_reporter_says_that_it_is_not_fixed(district: District, clock: VirtualClock) -> None:
    case_id = handled(district, clock)
    engine = district.engine
    engine.perform(case_id, "report_back", {"photo_after": [photo(district, "corner", view=1)]}, CREW)
    engine.perform(case_id, "close", {}, CHECKER)
    with pytest.raises(Forbidden):
        engine.perform(case_id, "reopen", {"reason": "还在"}, reporter(["another"]))
    clock.advance(DAY)
    assert engine.perform(case_id, "reopen", {"reason": "还在"}, reporter([case_id])).state == "accepted"
    case = state(district, case_id)
    assert (case.closed_at, case.unit, case.holder) == (None, "", "")


def test_two_hours_run_from_the_first_report(district: District, clock: VirtualClock) -> None:
    case_id = handled(district, clock)
    clock.advance(2 * HOUR)
    district.engine.tick()
    with district.store.read() as tx:
        rows = history.rows_of_case(tx, district.code, case_id)
    assert "limit:close_in_2_hours" in [r.cause for r in rows if r.action == "escalate"]


def test_a_case_is_split_and_closes_with_its_parts(district: District) -> None:
    engine = district.engine
    case_id = engine.open("street", "report", {"place": PLACE, "kind": "rubbish"}, PUBLIC).case_id
    engine.perform(case_id, "accept", {}, HEAD)
    with pytest.raises(Guarded, match="two to ten"):
        engine.perform(case_id, "split", {"parts": "only one"}, HEAD)
    engine.perform(case_id, "split", {"parts": "左边的垃圾\n右边的垃圾"}, HEAD)
    with district.store.read() as tx:
        parts = [r[0] for r in tx.all("SELECT id FROM cases WHERE parent_id = ? ORDER BY id", (case_id,))]
    assert [state(district, p).title for p in parts] == ["左边的垃圾", "右边的垃圾"]
    for number, part in enumerate(parts):
        for action, given, actor in (
            ("accept", {}, HEAD), ("file", {}, HEAD), ("dispatch", {}, DISPATCHER), ("sign", {}, CLERK), ("take", {}, CREW),
            ("report_back", {"photo_after": [photo(district, f"other {number}", view=1)]}, CREW), ("close", {}, CHECKER),
        ):  # fmt: skip
            engine.perform(part, action, given, actor)
        assert state(district, case_id).state == ("parted" if number == 0 else "closed")
    engine.perform(parts[0], "reopen", {"reason": "又有了"}, HEAD)
    assert state(district, case_id).state == "parted"


def test_who_takes_a_case_has_it_in_hand(district: District) -> None:
    engine = district.engine
    case_id = engine.open("street", "report", {"place": PLACE, "kind": "rubbish"}, PUBLIC).case_id
    for action, actor in (
        ("accept", HEAD),
        ("file", HEAD),
        ("dispatch", HEAD),
        ("sign", CLERK),
        ("take", CREW),
    ):
        engine.perform(case_id, action, {}, actor)
    with district.store.read() as tx:
        assert engine.case(tx, case_id).holder == "crew"
