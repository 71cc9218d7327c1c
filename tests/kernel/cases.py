"""A small process that uses the whole declaration language, and an engine over it, for tests of the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.cases.process import (
    NOTE,
    REASON,
    Action,
    Child,
    Children,
    Fact,
    Field,
    Label,
    Limit,
    Process,
    State,
    days,
    hours,
)
from civicloop.kernel.cases.reads import ChildCases
from civicloop.kernel.cases.released import release, unreleased
from civicloop.kernel.facts.reference import Reference
from civicloop.kernel.people.audit import Audit
from civicloop.kernel.people.personal import Personal
from civicloop.kernel.people.roles import Actor, Grant, Scope
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.calendar import CalendarSet
from civicloop.kernel.time.clock import Clock
from civicloop.kernel.time.ids import Ids

DISTRICT = "testland"


def label(text: str) -> Label:
    return Label(text + "字", text)


def no_empty_promises(case: Case, given: Any, facts: Any) -> Label | None:
    """Work is not done by saying nothing."""
    return Label("请写明做了什么。", "Say what was done.") if given["what"] == "nothing" else None


def parts(case: Case, given: Any, facts: Any) -> tuple[Child, ...]:
    return tuple(Child({"what": f"part {n}"}, title=f"part {n}") for n in range(given["count"]))


WHAT = Field("what", label("What"), "text")

JOB = Process(
    "job",
    label("Job"),
    states=(
        State("asked", label("Asked"), start=True),
        State("doing", label("Doing")),
        State("held", label("Held")),
        State("split", label("Split")),
        State("checking", label("Checking")),
        State("closed", label("Closed"), closes=True),
        State("merged", label("Merged")),
        State("archived", label("Archived"), final=True),
    ),
    actions=(
        Action("ask", label("Ask"), "-> asked", by="public", evidence=(WHAT,), sets=("what",)),
        Action("take", label("Take"), "asked -> doing", by="worker", emits=()),
        Action("hold", label("Hold"), "doing, asked -> held", by="boss", evidence=(REASON,)),
        Action("resume", label("Resume"), "held -> previous", by="boss"),
        Action("divide", label("Divide"), "doing -> split", by="boss", evidence=(Field("count", label("Count"), "number", minimum=1, maximum=9),)),
        Action("join", label("Join"), "split -> checking", by="children", reads=(ChildCases("part"),)),
        Action("report", label("Report"), "doing -> checking", by="worker", evidence=(WHAT,), guard=no_empty_promises, effects=("tell",)),
        Action("rework", label("Rework"), "checking -> doing", by="checker", evidence=(REASON,), counts=("reworks",)),
        Action("close", label("Close"), "checking -> closed", by="checker", not_by=("report",)),
        Action("reopen", label("Reopen"), "closed -> asked", by="boss", reopens=True),
        Action("archive", label("Archive"), "closed -> archived", by="clock"),
        Action("escalate", label("Escalate"), "* -> same", by="clock"),
        Action("comment", label("Comment"), "* -> same", by="worker, boss, checker", evidence=(NOTE,)),
        Action("merge", label("Merge"), "asked -> merged", by="boss", evidence=(Field("master", label("Master"), "case"),), merges=True),
        Action("unmerge", label("Unmerge"), "merged -> previous", by="boss", unmerges=True),
        Action("forget", label("Forget"), "merged -> archived", by="clock"),
    ),
    limits=(
        Limit("whole", label("Whole"), start="asked", stop="closed, merged", within=hours(2), pause="held", on_breach="escalate"),
        Limit("do", label("Do"), start="doing", stop="checking, split", within=hours(1), pause="held", re_entry="restart"),
        Limit("window", label("Window"), start="closed", stop="asked", within=days(7), on_breach="archive", waits=True),
        Limit("undo", label("Undo"), start="merged", stop="asked", within=days(1), on_breach="forget", waits=True),
        Limit("trip", label("Trip"), start="left", stop="came", within=hours(3)),
    ),
    facts=(Fact("left", label("Left")), Fact("came", label("Came"))),
    fields=(WHAT,),
    children=(
        Children("part", after="divide", spawn=parts, on_all_closed="join", opens_with="start", on_parent_end="cancel", cancel="drop"),
    ),
)  # fmt: skip

PART = Process(
    "part",
    label("Part"),
    states=(
        State("open", label("Open"), start=True),
        State("done", label("Done"), final=True, closes=True),
        State("dropped", label("Dropped"), final=True),
    ),
    actions=(
        Action("start", label("Start"), "-> open", by="children", evidence=(WHAT,), sets=("what",)),
        Action("finish", label("Finish"), "open -> done", by="worker"),
        Action("drop", label("Drop"), "open -> dropped", by="children"),
    ),
    fields=(WHAT,),
)


def person(name: str, *roles: str) -> Actor:
    """A signed-in person who holds the roles in the whole district."""
    grants = tuple(Grant(role, Scope("district", DISTRICT)) for role in roles)
    return Actor(name, account_id="a-" + name, name=Label(name, name), grants=grants)


def with_account(tx: Tx, district: str, *people: str) -> None:
    """Accounts in use of these people: those whom a field of the kind person takes."""
    for name in people:
        tx.run(
            "INSERT INTO persons (district, id, name_zh, name_en, made_at) VALUES (?, ?, ?, ?, 0)",
            (district, *(name,) * 3),
        )
        tx.run(
            "INSERT INTO accounts (district, id, person_id, login, password_hash, must_change, demo, made_at, made_by)"
            " VALUES (?, ?, ?, ?, '', 0, 0, 0, 'test')",
            (district, f"a-{name}", name, name),
        )


WORKER = person("wang", "worker")
OTHER_WORKER = person("wu", "worker")
BOSS = person("bo", "boss")
CHECKER = person("chen", "checker")
BOTH = person("wang", "worker", "checker")


def engine_over(
    store: Store, clock: Clock, ids: Ids, processes: Iterable[Process] = (JOB, PART), **more: Any
) -> Engine:
    """An engine of a district whose processes are released here and now, where they are not yet."""
    found = tuple(processes)
    with store.read() as tx:
        missing = [process for process in found if unreleased(tx, [process])]
    for process in missing:
        store.write(lambda tx, p=process: release(tx, p))  # type: ignore[misc]
    personal = Personal(DISTRICT, clock, ids, Audit(DISTRICT, clock, ids))
    more.setdefault("calendars", CalendarSet({}))
    return Engine(
        DISTRICT, store, clock, ids, {p.name: p for p in found},
        reference=Reference(store, DISTRICT), personal=personal, **more,
    )  # fmt: skip
