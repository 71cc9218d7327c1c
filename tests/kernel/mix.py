"""A seeded mix of everything that the engine does, and what must hold after whatever struck it.

Operations are plain values, so that a child process can say what it is about to do and its parent can do it
again: openings and moves with request keys, further reports, merging and parting, children, facts, the
clock's tick and the outbox.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from civicloop.kernel.cases import history, limits, rows
from civicloop.kernel.cases.compiled import FACT
from civicloop.kernel.cases.engine import Engine, Receipt
from civicloop.kernel.cases.limits import Entry, LimitClock, Terms
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.outside.outbox import OutboxWorker
from civicloop.kernel.people.roles import CLOCK, PUBLIC, Actor
from civicloop.kernel.refusal import Refusal
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.calendar import CalendarSet
from civicloop.kernel.time.clock import HOUR, MINUTE, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import BOSS, CHECKER, DISTRICT, WORKER

ACTORS: dict[str, Actor] = {"public": PUBLIC, "worker": WORKER, "boss": BOSS, "checker": CHECKER}


class Op(msgspec.Struct, frozen=True):
    """One thing to do; `at` is the clock's time then."""

    do: str  # open, perform, attach, observe, tick, drain, poison
    at: int
    key: str = ""
    case: str = ""
    action: str = ""
    given: dict[str, Any] = {}
    actor: str = "public"


class Mix:
    """What to do next, drawn from the seed and from what the store holds."""

    def __init__(self, engine: Engine, clock: VirtualClock, seed: str) -> None:
        self.engine = engine
        self.clock = clock
        self.draw = random.Random(seed)
        self.seed = seed
        self.count = 0

    def next(self) -> list[Op]:
        """The next operations, to be done as neighbours of one commit where they are several."""
        self.clock.advance(self.draw.choice((1, 7, 40)) * MINUTE)
        chance = self.draw.random()
        if chance < 0.12:
            self.clock.advance(self.draw.choice((1, 3, 26)) * HOUR)
            return [Op("tick", self.clock.now())]
        if chance < 0.24:
            return [Op("drain", self.clock.now())]
        cases = self._cases()
        ops = [self._one(cases) for _ in range(1 if chance < 0.6 else self.draw.randint(2, 4))]
        if len(ops) > 2:
            ops.insert(1, Op("poison", self.clock.now()))
        return ops

    def _cases(self) -> list[tuple[str, str, str]]:
        with self.engine.store.read() as tx:
            return tx.all("SELECT id, process, state FROM cases WHERE ended_at IS NULL ORDER BY id", ())

    def _one(self, cases: list[tuple[str, str, str]]) -> Op:
        self.count += 1
        key, now = f"{self.seed}-{self.count}", self.clock.now()
        if not cases or self.draw.random() < 0.2:
            return Op("open", now, key, action="ask", given={"what": f"mend {key} 补"})
        case_id, process, state = self.draw.choice(cases)
        if self.draw.random() < 0.1:
            return Op("attach", now, key, case_id, given={"description": key})
        if process == "job" and self.draw.random() < 0.1:
            facts = [["left", now - HOUR], ["came", now]][: self.draw.randint(1, 2)]
            return Op("observe", now, key, case_id, given={"facts": facts})
        action, given, actor = self._move(case_id, process, state, cases)
        return Op("perform", now, key, case_id, action, given, actor)

    def _move(
        self, case_id: str, process: str, state: str, cases: list[tuple[str, str, str]]
    ) -> tuple[str, dict[str, Any], str]:
        if process == "part":
            return "finish", {}, "worker"
        masters = [i for i, p, s in cases if p == "job" and i != case_id and s in ("asked", "doing")]
        moves: dict[str, list[tuple[str, dict[str, Any], str]]] = {
            "asked": [("take", {}, "worker"), ("take", {}, "worker"), ("hold", {"reason": "wait"}, "boss")],
            "doing": [
                ("report", {"what": "done"}, "worker"),
                ("report", {"what": "nothing"}, "worker"),  # the guard refuses
                ("divide", {"count": self.draw.randint(1, 2)}, "boss"),
                ("hold", {"reason": "wait"}, "boss"),
            ],
            "held": [("resume", {}, "boss")],
            "split": [("comment", {"note": "soon"}, "boss")],
            "checking": [("close", {}, "checker"), ("rework", {"reason": "bad"}, "checker")],
            "closed": [("reopen", {}, "boss"), ("comment", {"note": "good"}, "checker")],
            "merged": [("unmerge", {}, "boss")],
        }
        if state == "asked" and masters:
            moves[state].append(("merge", {"master": self.draw.choice(masters)}, "boss"))
        return self.draw.choice(moves[state])


def operation(engine: Engine, op: Op) -> Callable[[Tx], Any]:
    """The store's operation of one that writes."""
    actor = ACTORS[op.actor]
    match op.do:
        case "open":
            report = ReportGiven("test", op.given["what"], contact="13800000000")
            return engine.opening("job", op.action, op.given, actor, key=op.key, report=report)
        case "perform":
            return engine.performing(op.case, op.action, op.given, actor, key=op.key)
        case "attach":
            return engine.attaching(op.case, ReportGiven("test", op.given["description"]), actor)
        case "observe":
            facts = [(name, at) for name, at in op.given["facts"]]
            return lambda tx: engine._observe(tx, op.case, facts, CLOCK, "")
        case _:
            return _poison


def _poison(tx: Tx) -> None:
    """An operation that writes and then fails: its neighbours must not feel it."""
    history.append(
        tx, DISTRICT, case_id="poison", process="job", version=1, revision=1, action="ask", from_state="",
        to_state="asked", actor="", role="", via="", happened_at=0, recorded_at=0, given="{}",
    )  # fmt: skip
    tx.run("UPDATE chain_heads SET seq = seq + 1000 WHERE district = ?", (DISTRICT,))
    raise ZeroDivisionError("poison")


def do(engine: Engine, worker: OutboxWorker, ops: list[Op]) -> list[Receipt | str]:
    """Does them, and answers a receipt or the name of the refusal for each; everything else is raised."""
    if ops[0].do == "tick":
        engine.tick()
        return ["tick"]
    if ops[0].do == "drain":
        worker.drain()
        return ["drain"]
    prepared: list[Callable[[Tx], Any]] = [operation(engine, op) for op in ops]
    answers: list[Receipt | str] = []
    for outcome in engine.store.write_all(prepared):
        if isinstance(outcome, Refusal | ZeroDivisionError):
            answers.append(type(outcome).__name__)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            answers.append(outcome)
    return answers


def worker_of(engine: Engine, clock: VirtualClock, told: Callable[[str], None]) -> OutboxWorker:
    """An outbox worker whose outside world is `told(dedupe_key)`."""
    return OutboxWorker(
        engine.store, DISTRICT, clock, SeededIds("worker"), {"effect:job.tell": lambda payload, d: told(d.dedupe_key)}
    )  # fmt: skip


def tables(tx: Tx) -> list[str]:
    """The names of all tables that hold what somebody did."""
    if tx.dialect == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    else:
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return sorted(row[0] for row in tx.all(sql, ()) if not row[0].startswith("search_"))


def dump(store: Store) -> dict[str, list[str]]:
    """Every row of every table."""
    with store.read() as tx:
        return {name: sorted(map(repr, tx.all(f"SELECT * FROM {name}", ()))) for name in tables(tx)}


def assert_whole(engine: Engine) -> None:
    """The chain is whole and gapless, and what is kept of every case is what its history says."""
    with engine.store.read() as tx:
        verdict = history.verify(tx, DISTRICT)
        assert verdict.broken is None, verdict.broken
        by_case: dict[str, list[history.HistoryRow]] = {}
        for row in history.rows_since(tx, DISTRICT, 0, 1_000_000):
            by_case.setdefault(row.case_id, []).append(row)
        cases = {r[0] for r in tx.all("SELECT id FROM cases WHERE district = ?", (DISTRICT,))}
        assert cases == set(by_case)
        for case_id, found in by_case.items():
            _assert_case(engine, tx, case_id, found)
        expected = [
            f"{row.seq}:{effect}"
            for row in (r for found in by_case.values() for r in found)
            if (action := engine.processes[row.process].compiled.actions.get(row.action)) is not None
            for effect in action.effects
        ]
        sent = [r[0] for r in tx.all("SELECT dedupe_key FROM outbox WHERE district = ?", (DISTRICT,))]
        assert sorted(sent) == sorted(expected)
        _assert_reports(tx)


def _assert_case(engine: Engine, tx: Tx, case_id: str, found: list[history.HistoryRow]) -> None:
    case = engine.case(tx, case_id)
    process = engine.processes[case.process]
    edges = {(m.from_state, m.action, m.to_state) for m in process.compiled.moves}
    at = ""
    for number, row in enumerate(found, 1):
        assert (row.revision, row.from_state) == (number, at)
        assert (row.from_state, row.action, row.to_state) in edges
        at = row.to_state
    assert (case.state, case.revision, case.seq) == (at, len(found), found[-1].seq)
    clocks = rows.load_clocks(tx, DISTRICT, case_id)
    assert case.due_at == limits.next_due(clocks)
    told = [msgspec.json.decode(row.given)["facts"] for row in found if row.action == FACT]
    log = [Entry(row.happened_at, row.to_state) for row in found if row.from_state != row.to_state]
    log += [Entry(moment, name, True) for name, moment in (told[-1] if told else [])]
    allowed: dict[str, Terms | None] = {x.name: limits.terms(x, None, "", case.data) for x in process.limits}
    replayed = limits.replay(process, sorted(log, key=lambda e: e.at), allowed, CalendarSet({}))
    for a, b in zip(_without_breaches(clocks), _without_breaches(replayed), strict=True):
        assert a == b, f"{a}\n{b}\n{[(r.action, r.to_state, r.happened_at) for r in found]}"


def _without_breaches(clocks: Iterable[LimitClock]) -> list[LimitClock]:
    return sorted(
        (msgspec.structs.replace(c, breached_at=None) for c in clocks), key=lambda c: (c.name, c.step, c.run)
    )


def _assert_reports(tx: Tx) -> None:
    """Each report hangs on one case, and each case counts the reports that hang on it."""
    links = tx.all(
        "SELECT report_id, case_id, linked FROM report_links WHERE district = ? ORDER BY seq", (DISTRICT,)
    )
    now: dict[str, set[str]] = {}
    for report_id, case_id, linked in links:
        held = now.setdefault(report_id, set())
        held.add(case_id) if linked else held.discard(case_id)
    assert set(now) == {r[0] for r in tx.all("SELECT id FROM reports WHERE district = ?", (DISTRICT,))}
    assert all(len(held) == 1 for held in now.values())
    counted = Counter(next(iter(held)) for held in now.values())
    kept = dict(tx.all("SELECT id, reports FROM cases WHERE district = ? AND reports > 0", (DISTRICT,)))
    assert kept == dict(counted)
