"""The loop's own pages over HTTP: rating by a link, answering by a code once, a statement in fen, who sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from civicloop.app import build
from civicloop.kernel.label import Label
from civicloop.kernel.outside.ports import sandbox
from civicloop.kernel.people.identity import SignedIn
from civicloop.kernel.people.roles import PUBLIC, Grant, Scope
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import VirtualClock, parse_instant
from civicloop.kernel.time.ids import SeededIds
from civicloop.loops.homes.test_homes import ONE, approve, cases, deliver, state_month, verified
from tests.calling import Client


@pytest.fixture
def district(tmp_path: Path, clock: VirtualClock) -> Iterator[District]:
    opened = open_district(Settings(tmp_path, demo=False), clock=clock, ids=SeededIds("pages"), inline=True)
    yield opened
    opened.close()


@pytest.fixture
def call(district: District) -> Iterator[Client]:
    client = Client(build(district, background=False))
    yield client
    client.close()


def person(district: District, role: str, scope: Scope) -> SignedIn:
    account = district.people.create_account(
        PUBLIC, f"p-{role}-{scope.code}", Label(role, role), grants=(Grant(role, scope),)
    )
    token = district.store.write(lambda tx: district.people.sessions.open(tx, account))
    return district.people.signed_in(token)


def test_a_resident_rates_by_the_link_that_the_checker_made(district: District, call: Client) -> None:
    task = verified(district)
    checker = person(district, "homes_checker", Scope("street", "420103001"))
    page = call("POST", f"/homes/visits/{task.id}/link", who=checker, form={})
    found = re.search(r'href="(/homes/rate/[0-9A-Z]{12})"', page.text)
    assert found is not None
    link = found[1]
    assert "朗月名邸（合成）" in call("GET", link).text
    assert "Langyue Residence (synthetic)" in call("GET", link + "?lang=en").text
    assert "评价已收到" in call("POST", link, form={"unit_code": "E001-01-1", "stars": "4"}).text
    again = call("POST", link, form={"unit_code": "E001-01-1", "stars": "1"})
    assert (again.status, "已评价过" in again.text) == (409, True)
    assert call("POST", link, form={"unit_code": "E001-01-2"}).status == 422
    assert call("GET", "/homes/rate/000000000000").status == 404
    assert [c.data["score"] for c in cases(district, "homes_rating")] == [4]
    assert "均分 4.0（1 份评价）" in call("GET", "/homes/estates/E001").text
    worker = person(district, "homes_worker", Scope("unit", "F01"))
    assert call("POST", f"/homes/visits/{task.id}/link", who=worker, form={}).status == 403


def test_a_questionnaire_works_once_and_the_result_tells_its_interval(
    district: District, call: Client
) -> None:
    given = {"quarter": "2026Q1", "size": 5, "seed": "s"}
    survey = district.engine.open("homes_survey", "plan", given, ONE).case_id
    assert call("GET", f"/homes/surveys/{survey}").status == 404
    district.engine.perform(survey, "draw", {}, ONE)
    deliver(district)
    assert "还没有人作答" in call("GET", f"/homes/surveys/{survey}").text
    with district.store.read() as tx:
        letter = next(m for m in sandbox.sent(tx, district.code, case_id=survey) if m.port == "filedrop")
    paths = [line.split(",")[2] for line in letter.body.splitlines()[1:]]
    assert call("POST", paths[0], form={}).status == 422
    assert "问卷已收到" in call("POST", paths[0], form={"stars": "5"}).text
    assert call("POST", paths[0], form={"stars": "1"}).status == 403
    assert call("POST", paths[1], form={"stars": "2"}).status == 200
    text = call("GET", f"/homes/surveys/{survey}?lang=en").text
    assert "Of those who answered (2 units), 50.0% are satisfied (95 % interval 9.5%–90.5%)" in text
    assert "a response of 40.0%" in text
    assert "<td" not in text, "no estate has five answers, so none is told apart"


def test_a_statement_shows_its_fen_to_whom_it_concerns(
    district: District, call: Client, clock: VirtualClock
) -> None:
    verified(district)
    clock.set(parse_instant("2026-04-02T09:00:00+08:00"))
    district.engine.tick()
    march = state_month(district, "2026-03")
    approve(district, march)
    clerk = person(district, "homes_clerk", Scope("unit", "F01"))
    page = call("GET", f"/homes/statements/{march.id}", who=clerk)
    # 45.50 less six missed cleanings at 22.75 and five missed patrols at 13.38.
    assert "−157.90" in page.text
    assert "已冻结" in page.text
    rows = call("GET", f"/homes/statements/{march.id}/csv", who=clerk).text.lstrip("\ufeff").splitlines()
    assert rows[1:] == [
        "F01,2026-03,cleaning,1,0,6,4550,13650,-9100",
        "F01,2026-03,patrol,0,0,5,0,6690,-6690",
        "F01,2026-03,total,,,,,,-15790",
    ]
    other = person(district, "homes_clerk", Scope("unit", "F02"))
    assert call("GET", f"/homes/statements/{march.id}", who=other).status == 404
    assert march.id not in call("GET", "/homes/statements", who=other).text
    assert march.id in call("GET", "/homes/statements", who=clerk).text


def test_coverage_opens_to_its_estates(district: District, call: Client) -> None:
    verified(district)
    text = call("GET", "/homes").text
    assert "294 / 294 个小区" in text
    assert "10 / 294 个小区" in text
    assert "1 / 294 个小区" in text
    listed = call("GET", "/homes?show=plan").text
    assert len(re.findall(r'href="/homes/estates/E\d+"', listed)) == 10


def test_a_page_for_the_hand_shows_and_takes_its_own_process_only(district: District, call: Client) -> None:
    task = verified(district)
    before = next(c for c in cases(district, "homes_task") if c.id == task.id)
    crew = person(district, "crew", Scope("unit", task.unit))
    assert call("GET", f"/street/crew/{task.id}", who=crew).status == 404
    sent = call("POST", f"/street/crew/{task.id}/report_back", who=crew, form={})
    assert sent.status == 404
    assert next(c for c in cases(district, "homes_task") if c.id == task.id) == before
