"""The homes loop by example: plans that run twice, duties apart, ratings once a unit, settlements that freeze, a survey's codes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.events import EVENT
from civicloop.kernel.facts.datum import Point
from civicloop.kernel.facts.reference import NewReference
from civicloop.kernel.outside.ports import sandbox
from civicloop.kernel.people.roles import PUBLIC, Actor, Grant, Scope, reporter
from civicloop.kernel.refusal import Forbidden, Guarded, Invalid, NotNow
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, VirtualClock, parse_instant
from civicloop.kernel.time.ids import SeededIds
from civicloop.loops.homes.counting import survey
from civicloop.loops.homes.effects import JOB, estates_now, plan_day
from civicloop.loops.homes.fixtures.estates import files
from civicloop.loops.homes.fixtures.pictures import courtyard
from civicloop.loops.homes.processes.reading import DEDUCTIONS

MONDAY = date(2026, 3, 2)  # a day of both plans: ten cleanings and seven patrols
A_DAY = 17


def who(name: str, *grants: tuple[str, str, str]) -> Actor:
    return Actor(name, "a-" + name, grants=tuple(Grant(r, Scope(kind, code)) for r, kind, code in grants))  # type: ignore[arg-type]


WORKER = who("worker", ("homes_worker", "unit", "F01"))
OTHER_FIRMS = who("other", ("homes_worker", "unit", "F02"))
CHECKER = who("checker", ("homes_checker", "community", "420103001002"))
BOTH = who("worker", ("homes_worker", "unit", "F01"), ("homes_checker", "street", "420103001"))
ONE, TWO = (who(name, ("homes_officer", "district", "jianghan")) for name in ("one", "two"))


@pytest.fixture
def district(tmp_path: Path, clock: VirtualClock) -> Iterator[District]:
    opened = open_district(Settings(tmp_path, demo=False), clock=clock, ids=SeededIds("homes"), inline=True)
    yield opened
    opened.close()


def cases(district: District, process: str, **data: Any) -> list[Case]:
    with district.store.read() as tx:
        rows = tx.all(
            SELECT_CASE + " WHERE district = ? AND process = ? ORDER BY id", (district.code, process)
        )
    return [c for c in map(case_of_row, rows) if all(c.data.get(k) == v for k, v in data.items())]


def case(district: District, case_id: str) -> Case:
    with district.store.read() as tx:
        return district.engine.case(tx, case_id)


def photo(district: District, stream: str) -> str:
    return district.evidence.keep(courtyard(stream), actor_id="p", purpose="photo").hash


def planned(district: District, work: str = "cleaning", day: date = MONDAY) -> Case:
    plan_day(district, district.engine, day)
    return cases(district, "homes_task", work=work, estate="E001", day=day.isoformat())[0]


def done(district: District, task: Case, stream: str = "yard") -> None:
    district.engine.perform(task.id, "do", {"photo": [photo(district, stream)]}, WORKER)


def verified(district: District, **more: Any) -> Case:
    task = planned(district, **more)
    done(district, task)
    district.engine.perform(task.id, "verify", {}, CHECKER)
    return task


def deliver(district: District) -> None:
    district.outbox.drain()


# ---- the registers ------------------------------------------------------------------------------------------------------


def test_the_packs_files_are_what_the_script_makes() -> None:
    assert [path.name for path, text in files().items() if path.read_text("utf-8") != text] == []


def test_every_estate_is_marked_lies_in_its_community_and_has_a_firm(district: District) -> None:
    with district.store.read() as tx:
        estates = estates_now(district, tx)
        firms = {f.id: f for f in district.registers.all(tx, "firms")}
    assert len(estates) == 294
    assert all("（合成）" in e.label.zh and "synthetic" in e.label.en for e in estates.values())
    assert all("（合成）" in f.name for f in firms.values())
    for estate in estates.values():
        place = district.places.locate(Point(estate.lon, estate.lat))
        assert place is not None
        assert (place.community, place.street) == (estate.community, estate.street)
        assert estate.firm in firms
        assert len(set(estate.units)) == len(estate.units) > 0


# ---- plans -----------------------------------------------------------------------------------------------------------------


def test_a_day_is_planned_once(district: District) -> None:
    assert plan_day(district, district.engine, MONDAY) == A_DAY
    first = cases(district, "homes_task")
    assert plan_day(district, district.engine, MONDAY) == A_DAY
    assert [c.id for c in cases(district, "homes_task")] == [c.id for c in first]
    assert {(c.unit, c.community) for c in first if c.data["estate"] == "E001"} == {("F01", "420103001002")}


def test_the_daily_job_makes_up_for_missed_days(district: District, clock: VirtualClock) -> None:
    def work() -> None:
        district.store.write(district.jobs.start_due)
        job = district.jobs.run_next()
        assert job is not None
        assert (job.name, job.status) == (JOB, "done"), job.error

    clock.set(parse_instant("2026-03-03T05:31:00+08:00"))
    work()
    assert {c.data["day"] for c in cases(district, "homes_task")} == {"2026-03-03"}
    clock.set(parse_instant("2026-03-06T23:00:00+08:00"))
    work()
    found = cases(district, "homes_task")
    assert {c.data["day"] for c in found} == {f"2026-03-0{n}" for n in (3, 4, 5, 6)}
    assert len(found) == 10 + A_DAY + 10 + A_DAY
    # Late as they are, the firm still has its time.
    assert min(c.data["due"] for c in found if c.data["day"] > "2026-03-03") == clock.now() + 12 * HOUR
    district.store.write(lambda tx: district.jobs.start(tx, JOB, {}, "test"))
    clock.advance(MINUTE)
    assert district.jobs.run_next() is not None
    assert len(cases(district, "homes_task")) == len(found)


# ---- a task ----------------------------------------------------------------------------------------------------------------


def test_whoever_did_it_does_not_verify_it(district: District) -> None:
    task = planned(district)
    with pytest.raises(Forbidden):
        district.engine.perform(task.id, "do", {"photo": [photo(district, "x")]}, OTHER_FIRMS)
    with pytest.raises(Invalid):
        district.engine.perform(task.id, "do", {}, WORKER)
    district.engine.perform(task.id, "do", {"photo": [photo(district, "x")]}, BOTH)
    with pytest.raises(Forbidden, match="earlier step"):
        district.engine.perform(task.id, "verify", {}, BOTH)
    assert district.engine.perform(task.id, "verify", {}, CHECKER).state == "verified"
    found = case(district, task.id)
    assert (found.data["in_time"], found.data["outcome"]) == (1, "verified")


def test_redone_work_needs_a_new_photograph(district: District) -> None:
    task = planned(district)
    done(district, task)
    district.engine.perform(task.id, "send_back", {"reason": "楼道没扫"}, CHECKER)
    with pytest.raises(Guarded, match="same picture"):
        done(district, task)
    done(district, task, "another yard")
    district.engine.perform(task.id, "verify", {}, CHECKER)
    assert case(district, task.id).reworks == 1


def test_what_is_not_done_by_its_time_is_missed(district: District, clock: VirtualClock) -> None:
    task = planned(district)
    clock.set(task.data["due"])
    district.engine.tick()
    assert case(district, task.id).state == "planned"
    clock.advance(1)
    district.engine.tick()
    found = case(district, task.id)
    assert (found.state, found.data["outcome"], found.breaches) == ("missed", "missed", 1)
    with pytest.raises(NotNow):
        done(district, task)
    district.engine.perform(task.id, "excuse", {"reason": "暴雨红色预警"}, CHECKER)
    assert case(district, task.id).data["outcome"] == "excused"


# ---- ratings ---------------------------------------------------------------------------------------------------------------


def rate(district: District, task: Case, unit: str, stars: str, **more: str) -> str:
    given = {"task": task.id, "unit_code": unit, "stars": stars, **more}
    return district.engine.open("homes_rating", "rate", given, EVENT, trusted=True).case_id


def test_a_unit_rates_a_visit_once(district: District) -> None:
    task = planned(district)
    with pytest.raises(Guarded, match="not been done"):
        rate(district, task, "E001-01-1", "5")
    done(district, task)
    rate(district, task, "E001-01-1", "5")
    with pytest.raises(Guarded, match="already"):
        rate(district, task, "E001-01-1", "1")
    rate(district, task, "E001-02-1", "4")
    with pytest.raises(Guarded, match="not in the estate"):
        rate(district, task, "E002-01-1", "4")
    with pytest.raises(Forbidden):
        district.engine.open(
            "homes_rating", "rate", {"task": task.id, "unit_code": "E001-03-1", "stars": "5"}, WORKER
        )


@pytest.mark.parametrize(
    ("stars", "words", "state"), [("1", "没来", "rechecking"), ("1", "", "counted"), ("3", "一般", "counted")]
)
def test_a_low_rating_with_a_reason_is_looked_into(
    district: District, clock: VirtualClock, stars: str, words: str, state: str
) -> None:
    task = verified(district)
    rating = rate(district, task, "E001-01-1", stars, **({"words": words} if words else {}))
    clock.advance(MINUTE)
    district.engine.tick()
    assert case(district, rating).state == state


def test_an_upheld_rating_sends_the_task_back(district: District, clock: VirtualClock) -> None:
    task = verified(district)
    rating = rate(district, task, "E001-01-1", "1", words="没来")
    clock.advance(MINUTE)
    district.engine.perform(rating, "uphold", {"reason": "到场查看属实"}, CHECKER)
    deliver(district)
    found = case(district, task.id)
    assert (found.state, found.data["outcome"], found.reworks) == ("redo", "open", 1)


# ---- money -----------------------------------------------------------------------------------------------------------------


def state_month(district: District, month: str) -> Case:
    return case(
        district,
        district.engine.open("homes_settlement", "draft", {"firm": "F01", "month": month}, ONE).case_id,
    )


def approve(district: District, settlement: Case) -> None:
    district.engine.perform(settlement.id, "review", {}, ONE)
    with pytest.raises(Forbidden, match="earlier step"):
        district.engine.perform(settlement.id, "approve", {}, ONE)
    district.engine.perform(settlement.id, "approve", {}, TWO)
    deliver(district)


def test_a_month_is_settled_from_verified_work_and_frozen(district: District, clock: VirtualClock) -> None:
    task = verified(district)
    patrol = planned(district, "patrol")
    clock.advance(DAY)
    district.engine.tick()
    assert case(district, patrol.id).state == "missed"
    with pytest.raises(Guarded, match="not over"):
        state_month(district, "2026-03")
    clock.set(parse_instant("2026-04-02T09:00:00+08:00"))
    march = state_month(district, "2026-03")
    # One cleaning at 45.50; six cleanings and five patrols of the firm missed at half of 45.50 and of 26.75 (1337.5 fen, up).
    assert march.data["amount_fen"] == 4550 - 6 * 2275 - 5 * 1338
    approve(district, march)
    assert case(district, task.id).state == "settled"
    for action in ("recompute", "withdraw", "review"):
        with pytest.raises(NotNow):
            district.engine.perform(march.id, action, {"reason": "x"} if action == "withdraw" else {}, TWO)
    with pytest.raises(Guarded, match="already"):
        state_month(district, "2026-03")
    # A missed visit is excused afterwards, and the rate for missed ones is corrected for all of March.
    district.engine.perform(patrol.id, "excuse", {"reason": "停电"}, CHECKER)
    clock.set(parse_instant("2026-05-02T09:00:00+08:00"))
    april = state_month(district, "2026-04")
    assert april.data["amount_fen"] == 1338
    assert msgspec.json.decode(april.data["differences"])[0]["month"] == "2026-03"
    clock.set(parse_instant("2026-06-02T09:00:00+08:00"))
    with pytest.raises(Guarded, match="not decided"):
        state_month(district, "2026-05")
    approve(district, april)
    assert case(district, march.id).data == march.data
    row = NewReference(
        DEDUCTIONS,
        "missed",
        parse_instant("2026-03-01T00:00:00+08:00"),
        {"basis_points": 0},
        "test",
        "synthetic",
    )
    district.store.write(lambda tx: district.reference.add(tx, [row], recorded_by="test"))
    may = state_month(district, "2026-05")
    assert may.data["amount_fen"] == 6 * 2275 + 4 * 1338


def test_the_ledger_would_be_told_once(district: District, clock: VirtualClock) -> None:
    verified(district)
    clock.set(parse_instant("2026-04-02T09:00:00+08:00"))
    march = state_month(district, "2026-03")
    approve(district, march)
    with district.store.read() as tx:
        told = tx.all("SELECT payload FROM outbox WHERE topic = 'event:homes_settlement.approved'")
    assert [msgspec.json.decode(row[0])["payload"] for row in told] == [
        {"case": march.id, "firm": "F01", "month": "2026-03", "amount_fen": march.data["amount_fen"]}
    ]


# ---- the survey ------------------------------------------------------------------------------------------------------------


def test_a_survey_invites_what_its_seed_draws_and_a_code_works_once(
    district: District, clock: VirtualClock
) -> None:
    survey_id = district.engine.open(
        "homes_survey", "plan", {"quarter": "2026Q1", "size": 12, "seed": "s"}, ONE
    ).case_id
    district.engine.perform(survey_id, "draw", {}, ONE)
    invited = cases(district, "homes_invitation")
    with district.store.read() as tx:
        frame = [unit for e in estates_now(district, tx).values() for unit in e.units]
    assert [c.data["unit_code"] for c in invited] == list(survey.draw(frame, 12, "s"))
    deliver(district)
    with district.store.read() as tx:
        letter = next(m for m in sandbox.sent(tx, district.code, case_id=survey_id) if m.port == "filedrop")
    letters = [line.split(",") for line in letter.body.splitlines()[1:]]
    assert [letter[0] for letter in letters] == [c.data["unit_code"] for c in invited]
    token = letters[0][2].rpartition("/")[2]
    link = district.store.write(lambda tx: district.people.links.use(tx, token))
    district.engine.perform(link.case_id, "answer", {"stars": "4"}, link.actor)
    with pytest.raises(Forbidden, match="once"):
        district.store.write(lambda tx: district.people.links.use(tx, token))
    with pytest.raises(Forbidden):
        district.engine.perform(invited[1].id, "answer", {"stars": "4"}, reporter([invited[0].id]))
    clock.advance(21 * DAY)
    district.engine.tick()
    assert case(district, survey_id).state == "closed"
    assert [c.state for c in cases(district, "homes_invitation")] == ["answered"] + ["lapsed"] * 11


def test_a_problem_of_an_estate_goes_to_its_firm(district: District) -> None:
    problem = district.engine.open(
        "homes_problem", "report", {"estate": "E008", "words": "门禁坏了"}, PUBLIC
    ).case_id
    found = case(district, problem)
    assert (found.unit, found.community) == ("F02", "420103001006")
    with pytest.raises(Invalid):
        district.engine.open("homes_problem", "report", {"estate": "E999", "words": "x"}, PUBLIC)
