"""What the homes loop does beside the actions: plans each day's tasks, tells the firm, sends the survey's codes, marks what was settled."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec

from civicloop.kernel.cases.engine import Engine, Receipt
from civicloop.kernel.cases.events import EVENT
from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Delivery
from civicloop.kernel.outside.jobs import Run, Work
from civicloop.kernel.outside.outbox import Handler
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.people.roles import CLOCK, REPORTER
from civicloop.kernel.refusal import NotNow
from civicloop.kernel.registry.district import District
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY, HOUR, Instant, from_datetime, to_datetime
from civicloop.loops.homes.model import ESTATES, Estate, estate_of, unit_label
from civicloop.loops.homes.processes import INVITATION, PROBLEM, SETTLEMENT, SURVEY, TASK

PLANS = "homes_plans"
JOB = "homes_plan_tasks"
DAILY: Mapping[str, str] = {JOB: "05:30"}
# So many missed days are made up for, and a task that is planned late leaves so much time all the same.
MOST_DAYS = 31
LEAST_TIME = 12 * HOUR
ANSWER_WITHIN = 30 * DAY

_TO_FIRM = Label("{title}：{state}，请处理。", "{title}: {state}. Please see to it.")
_DAY = Label("{day}：{n}项任务", "{day}: {n} tasks")


def effects(district: District) -> Mapping[str, Handler]:
    """The handler of each effect of the loop's processes, by outbox topic."""
    tell = _to_firm(district)
    return {
        f"effect:{TASK.name}.tell_firm": tell,
        f"effect:{PROBLEM.name}.tell_firm": tell,
        f"effect:{SETTLEMENT.name}.settle_tasks": lambda body, delivery: _settle(district, body, delivery),
        f"effect:{SURVEY.name}.send_invitations": lambda body, delivery: _invite(district, body, delivery),
    }


def works(district: District) -> Mapping[str, Work]:
    """The daily work that makes tasks of service plans."""
    return {JOB: lambda run: _plan(district, run)}


# ---- planning -----------------------------------------------------------------------------------------------------


def _plan(district: District, run: Run) -> None:
    """Plans every day since the last one that was planned, today included; a day planned already adds nothing."""
    today = to_datetime(district.clock.now(), district.zone).date()
    with district.store.read() as tx:
        last = _last_planned(tx, district.code)
    first = max(last or today, today - timedelta(days=MOST_DAYS))
    days = [first + timedelta(days=n) for n in range((today - first).days + 1)]
    for number, day in enumerate(days, 1):
        made = plan_day(district, district.engine, day)
        run.progress(number, len(days), message=_DAY.filled(day=day.isoformat(), n=made))


def _last_planned(tx: Tx, district: str) -> date | None:
    row = tx.one(
        "SELECT data FROM cases WHERE district = ? AND process = ? ORDER BY opened_at DESC, id DESC LIMIT 1",
        (district, TASK.name),
    )
    return None if row is None else date.fromisoformat(msgspec.json.decode(row[0])["day"])


def plan_day(district: District, engine: Engine, day: date) -> int:
    """Opens the tasks of every service plan in force on the day, and returns how many there are.

    Each has a request key of plan, estate and day, so that the same day again answers with the same tasks.
    """
    noon = from_datetime(datetime.combine(day, time(12), district.zone))
    with district.store.read() as tx:
        plans = district.reference.snapshot(tx).all(PLANS, noon)
        estates = estates_now(district, tx, noon)
    operations: list[Callable[[Tx], Receipt]] = []
    for plan in plans:
        if day.isoweekday() not in plan.data["weekdays"]:
            continue
        ends = from_datetime(datetime.combine(day, time.fromisoformat(plan.data["by"]), district.zone))
        operations += [
            _planning(engine, plan.code, plan.data["work"], estates[code], day, ends)
            for code in plan.data["estates"]
            if code in estates
        ]
    for outcome in district.store.write_between(operations):
        if isinstance(outcome, BaseException):
            raise outcome
    return len(operations)


def _planning(
    engine: Engine, plan: str, work: str, estate: Estate, day: date, ends: Instant
) -> Callable[[Tx], Receipt]:
    """The operation of one task. What is given must be the same when it is asked for again, so the time that a late
    one has is decided by the transaction that opens it."""
    key = f"homes:{plan}:{estate.code}:{day.isoformat()}"

    def operation(tx: Tx) -> Receipt:
        row = tx.one(
            "SELECT given FROM history WHERE district = ? AND request_key = ?", (engine.district, key)
        )
        late = max(ends, engine.clock.now() + LEAST_TIME)
        given = {
            "estate": estate.code,
            "work": work,
            "plan": plan,
            "day": day.isoformat(),
            "due": late if row is None else msgspec.json.decode(row[0])["due"],
            "place": {"lon": estate.lon, "lat": estate.lat},
        }
        return engine.opening(TASK.name, "plan", given, CLOCK, key=key, source="plan")(tx)

    return operation


def estates_now(district: District, tx: Tx, at: Instant | None = None) -> dict[str, Estate]:
    """Every estate of the register, by code, as it is now or at a moment."""
    found: dict[str, Estate] = {}
    after = ""
    while page := district.registers.all(tx, ESTATES, at=at, after=after, limit=500):
        after = page[-1].id
        found |= {e.id: estate_of(e.id, e.attributes) for e in page if "layout" in e.attributes}
    return found


# ---- telling ------------------------------------------------------------------------------------------------------


def _to_firm(district: District) -> Handler:
    def handle(body: dict[str, Any], delivery: Delivery) -> None:
        with district.store.read() as tx:
            case = district.engine.case(tx, str(body["case"]))
        state = district.registry.processes[case.process].state(str(body["state"])).label
        message = _TO_FIRM.filled(title=case.title, state=state)
        district.ports["wecom"].send(
            Outgoing(case.unit, message.zh, dedupe_key=delivery.dedupe_key, case_id=case.id)
        )

    return handle


def _settle(district: District, body: dict[str, Any], delivery: Delivery) -> None:  # noqa: ARG001
    """Marks the visits of an approved statement; one that has moved on since is left to the next statement."""
    with district.store.read() as tx:
        case = district.engine.case(tx, str(body["case"]))
    visits: list[str] = msgspec.json.decode(str(case.data["visits"]))
    operations = [
        district.engine.performing(visit, "settle", {}, EVENT, key=f"settle:{case.id}:{visit}", trusted=True)
        for visit in visits
    ]
    for outcome in district.store.write_between(operations):
        if isinstance(outcome, BaseException) and not isinstance(outcome, NotNow):
            raise outcome


def _invite(district: District, body: dict[str, Any], delivery: Delivery) -> None:
    """Gives each drawn unit a single-use link and hands the letters over as one file for printing, paper or SMS.

    Done again, the earlier codes end and the file is written anew: a code is known to the letter alone.
    """
    with district.store.read() as tx:
        survey = district.engine.case(tx, str(body["case"]))
        rows = tx.all(
            "SELECT id, data FROM cases WHERE district = ? AND process = ? AND parent_id = ? AND state = 'invited' ORDER BY id",
            (district.code, INVITATION.name, survey.id),
        )
    letters = io.StringIO()
    out = csv.writer(letters)
    out.writerow(("unit_code", "unit", "path"))
    links = district.people.links

    def issue(tx: Tx) -> None:
        for case_id, data in rows:
            unit = msgspec.json.decode(data)["unit_code"]
            links.revoke_for(tx, case_id)
            token = links.issue(
                tx,
                EVENT,
                purpose="homes survey",
                case_id=case_id,
                action="answer",
                role=REPORTER,
                lasts=ANSWER_WITHIN,
            )
            out.writerow((unit, unit_label(unit).zh, f"/homes/survey/{token}"))

    district.store.write(issue)
    district.ports["filedrop"].send(
        Outgoing(
            "survey",
            letters.getvalue(),
            subject=str(survey.data["quarter"]),
            dedupe_key=delivery.dedupe_key,
            case_id=survey.id,
        )
    )
