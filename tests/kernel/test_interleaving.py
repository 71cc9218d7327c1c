"""Two writers of one database, the first cut at every fault point while the second runs.

Each stands for a process: a store, a connection and an engine of its own. SQLite lets the second wait for the
first's transaction; on PostgreSQL they meet at the rows that both want.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from civicloop.kernel.cases import history
from civicloop.kernel.cases.engine import Engine, Receipt
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.outside.outbox import OutboxWorker
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.refusal import Conflict, Guarded, Invalid, NotNow, Refusal
from civicloop.kernel.store import faults
from civicloop.kernel.store.database import open_store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.time.clock import HOUR, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.cases import BOSS, DISTRICT, OTHER_WORKER, WORKER, engine_over
from tests.kernel.mix import assert_whole, worker_of

WRITING = [p for p in Point if p not in (Point.TICK, Point.EFFECT_CLAIMED, Point.EFFECT_DONE)]
# How long the second may run while the first is held: it is through by then, or waits for the first.
WHILE_HELD = 0.05

Start = Callable[[], "Future[Any]"]


class Two:
    """Two processes' engines over one database."""

    def __init__(self, url: str, clock: VirtualClock) -> None:
        self.stores = [open_store(url, clock), open_store(url, clock)]
        self.clock = clock
        self.a, self.b = (engine_over(s, clock, SeededIds(f"process-{n}")) for n, s in enumerate(self.stores))
        self.threads = [s.write(lambda tx: threading.get_ident()) for s in self.stores]
        self.reached: set[Point] = set()

    def cut(self, point: Point, first: Start, second: Start, then: Point | None = None) -> list[Any]:
        """Holds the first at `point` while the second runs, up to its own point `then` where one is given."""
        held, let_go = threading.Event(), threading.Event()
        second_let_go = threading.Event()
        once: set[str] = set()

        def hook(found: Point) -> None:
            me = threading.get_ident()
            if found is point and me != self.threads[1] and "first" not in once:
                once.add("first")
                self.reached.add(point)
                held.set()
                let_go.wait(30)
            elif found is then and me == self.threads[1] and "second" not in once:
                once.add("second")
                second_let_go.wait(30)

        faults.hook = hook
        try:
            one = first()
            one.add_done_callback(lambda _: held.set())
            held.wait(60)
            two = second()
            finished(two, WHILE_HELD)
            let_go.set()
            if then is not None:
                finished(one, WHILE_HELD)
            second_let_go.set()
            return [future.exception(60) or future.result() for future in (one, two)]
        finally:
            let_go.set()
            second_let_go.set()
            faults.hook = None

    def case(self) -> str:
        return self.a.open("job", "ask", {"what": "mend"}, PUBLIC).case_id

    def close(self) -> None:
        for store in self.stores:
            store.close()


def finished(future: Future[Any], seconds: float) -> bool:
    """Whether the future is done within the seconds."""
    try:
        future.exception(seconds)
    except TimeoutError:
        return False
    return True


def in_thread(call: Callable[[], Any]) -> Future[Any]:
    """The call's future, for what is more than one operation of the store."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the future is asked
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


@pytest.fixture
def two(store_url: str, clock: VirtualClock) -> Iterator[Two]:
    both = Two(store_url, clock)
    yield both
    both.close()


@contextmanager
def whole_at_the_end(two: Two, points: list[Point]) -> Iterator[None]:
    """Afterwards every point was cut at and the whole district is right, in both processes' eyes."""
    yield
    assert two.reached == set(points)
    assert_whole(two.a)
    assert_whole(two.b)


def actions(engine: Engine, case_id: str) -> list[str]:
    with engine.store.read() as tx:
        return [row.action for row in history.rows_of_case(tx, DISTRICT, case_id)]


def state(engine: Engine, case_id: str) -> str:
    with engine.store.read() as tx:
        return engine.case(tx, case_id).state


def performing(engine: Engine, case_id: str, action: str, given: Any, actor: Any, **more: Any) -> Start:
    return lambda: engine.store.submit(engine.performing(case_id, action, given, actor, **more))


def opening(engine: Engine, key: str) -> Start:
    report = ReportGiven("test", "a hole", contact="13800000000", name="王")
    return lambda: engine.store.submit(
        engine.opening("job", "ask", {"what": "mend"}, PUBLIC, key=key, report=report)
    )


def assert_one_wins(outcomes: list[Any], *refusals: type[Refusal]) -> Receipt:
    """One was accepted; the other was told why not, in both languages."""
    accepted = [o for o in outcomes if isinstance(o, Receipt)]
    refused = [o for o in outcomes if isinstance(o, Refusal)]
    assert (len(accepted), len(refused)) == (1, 1), outcomes
    assert isinstance(refused[0], refusals), refused
    assert refused[0].reason.zh
    assert refused[0].reason.en
    return accepted[0]


# ---- the scenarios -----------------------------------------------------------------------------------------


def test_two_dispatchers_at_once(two: Two) -> None:
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN]
    with whole_at_the_end(two, points):
        for point in points:
            for seen in (1, None):
                case_id = two.case()
                outcomes = two.cut(
                    point,
                    performing(two.a, case_id, "take", {}, WORKER, revision=seen),
                    performing(two.b, case_id, "take", {}, OTHER_WORKER, revision=seen),
                )
                assert assert_one_wins(outcomes, Conflict, NotNow).revision == 2
                assert actions(two.a, case_id) == ["ask", "take"]


def test_the_same_opening_sent_twice_at_once_is_one_case(two: Two) -> None:
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN]
    with whole_at_the_end(two, points):
        for number, point in enumerate(points):
            one, again = two.cut(point, *(opening(engine, f"k{number}") for engine in (two.a, two.b)))
            assert (one.case_id, one.seq, one.tracking_code) == (
                again.case_id,
                again.seq,
                again.tracking_code,
            )
            assert [one.repeated, again.repeated].count(True) == 1
            with two.a.store.read() as tx:
                assert tx.one("SELECT COUNT(*) FROM cases WHERE district = ?", (DISTRICT,)) == (number + 1,)
                assert tx.one("SELECT COUNT(*) FROM reports WHERE district = ?", (DISTRICT,)) == (number + 1,)
                personal = tx.one("SELECT COUNT(*) FROM personal WHERE district = ?", (DISTRICT,))
                assert personal == (2 * (number + 1),)


def test_the_same_move_sent_twice_at_once_is_done_once(two: Two) -> None:
    with whole_at_the_end(two, WRITING):
        for number, point in enumerate(WRITING):
            case_id = two.case()
            two.a.perform(case_id, "take", {}, WORKER)
            one, again = two.cut(
                point,
                *(
                    performing(engine, case_id, "report", {"what": "done"}, WORKER, key=f"m{number}")
                    for engine in (two.a, two.b)
                ),
            )
            assert not isinstance(one, BaseException), one
            assert not isinstance(again, BaseException), again
            assert (one.seq, one.state) == (again.seq, again.state)
            assert [one.repeated, again.repeated].count(True) == 1
            assert actions(two.a, case_id) == ["ask", "take", "report"]


def test_one_key_for_two_things_at_once_is_refused_to_one(two: Two) -> None:
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN]
    with whole_at_the_end(two, points):
        for number, point in enumerate(points):
            cases = [two.case(), two.case()]
            outcomes = two.cut(
                point,
                performing(two.a, cases[0], "take", {}, WORKER, key=f"d{number}"),
                performing(two.b, cases[1], "take", {}, WORKER, key=f"d{number}"),
            )
            winner = assert_one_wins(outcomes, Conflict)
            (loser,) = set(cases) - {winner.case_id}
            assert state(two.a, winner.case_id) == "doing"
            assert actions(two.a, loser) == ["ask"]


def divided(two: Two) -> tuple[str, list[str]]:
    case_id = two.case()
    two.a.perform(case_id, "take", {}, WORKER)
    two.a.perform(case_id, "divide", {"count": 2}, BOSS)
    with two.a.store.read() as tx:
        rows = tx.all(
            "SELECT id FROM cases WHERE district = ? AND parent_id = ? ORDER BY id", (DISTRICT, case_id)
        )
    return case_id, [row[0] for row in rows]


def test_children_that_close_at_once_join_their_parent_once(two: Two) -> None:
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN]
    with whole_at_the_end(two, points):
        for point in points:
            parent, (one, other) = divided(two)
            outcomes = two.cut(
                point,
                performing(two.a, one, "finish", {}, WORKER),
                performing(two.b, other, "finish", {}, OTHER_WORKER),
            )
            assert [o.state for o in outcomes] == ["done", "done"]
            assert actions(two.a, parent) == ["ask", "take", "divide", "join"]
            assert state(two.b, parent) == "checking"


def test_a_parent_that_moves_while_its_last_child_closes(two: Two) -> None:
    """Child and parent are wanted in opposite order: on PostgreSQL a deadlock, of which nobody hears."""
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN]
    with whole_at_the_end(two, points):
        for point in points:
            parent, (one, other) = divided(two)
            two.a.perform(one, "finish", {}, WORKER)
            outcomes = two.cut(
                point,
                performing(two.a, other, "finish", {}, WORKER),
                performing(two.b, parent, "comment", {"note": "soon"}, BOSS),
            )
            assert [o.state for o in outcomes if isinstance(o, Receipt)] in (
                ["done", "split"],
                ["done", "checking"],
            )
            assert sorted(actions(two.a, parent)[3:]) == ["comment", "join"]


def test_two_that_are_merged_into_each_other(two: Two) -> None:
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN]
    with whole_at_the_end(two, points):
        for point in points:
            one, other = two.case(), two.case()
            outcomes = two.cut(
                point,
                performing(two.a, one, "merge", {"master": other}, BOSS),
                performing(two.b, other, "merge", {"master": one}, BOSS),
            )
            assert_one_wins(outcomes, Invalid, Guarded, Conflict, NotNow)
            assert sorted([state(two.a, one), state(two.a, other)]) == ["asked", "merged"]


def test_a_report_that_comes_while_its_case_is_merged_is_not_lost(two: Two) -> None:
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN]
    with whole_at_the_end(two, points):
        for point in points:
            one, master = two.case(), two.case()
            two.a.attach(one, ReportGiven("test", "first"), PUBLIC)
            merged, attached = two.cut(
                point,
                performing(two.a, one, "merge", {"master": master}, BOSS),
                lambda i=one: two.b.store.submit(two.b.attaching(i, ReportGiven("test", "late"), PUBLIC)),
            )
            assert merged.state == "merged"
            assert attached.case_id in (one, master)
            with two.a.store.read() as tx:
                found = tx.all(
                    "SELECT SUM(reports) FROM cases WHERE district = ? AND id IN (?, ?)",
                    (DISTRICT, one, master),
                )
            assert found == [(2,)]


def test_two_ticks_at_once_perform_what_is_due_once(two: Two) -> None:
    points = [p for p in WRITING if p is not Point.OUTBOX_WRITTEN] + [Point.TICK]
    with whole_at_the_end(two, points):
        for point in points:
            cases = [two.case() for _ in range(3)]
            two.clock.advance(3 * HOUR)
            counts = two.cut(point, lambda: in_thread(two.a.tick), lambda: in_thread(two.b.tick))
            assert sum(counts) == len(cases)
            for case_id in cases:
                assert actions(two.a, case_id) == ["ask", "escalate"]


def test_two_outbox_workers_at_once_do_each_effect_once(two: Two) -> None:
    points = [Point.TAKEN, Point.BEGUN, Point.RELEASED, Point.BEFORE_COMMIT, Point.AFTER_COMMIT]
    points += [Point.EFFECT_CLAIMED, Point.EFFECT_DONE]
    with whole_at_the_end(two, points):
        for point in points:
            told: list[str] = []
            workers: list[OutboxWorker] = [worker_of(e, two.clock, told.append) for e in (two.a, two.b)]
            seqs = []
            for _ in range(4):
                case_id = two.case()
                two.a.perform(case_id, "take", {}, WORKER)
                seqs.append(two.a.perform(case_id, "report", {"what": "done"}, WORKER).seq)
            counts = two.cut(point, *(lambda w=worker: in_thread(w.drain) for worker in workers))
            assert sum(counts) == 4
            assert sorted(told) == sorted(f"{seq}:tell" for seq in seqs)


@pytest.mark.slow
@pytest.mark.parametrize("first", WRITING)
def test_both_cut_at_every_pair_of_points(first: Point, two: Two) -> None:
    for second in WRITING:
        case_id, (one, other) = divided(two)
        outcomes = two.cut(
            first,
            performing(two.a, one, "finish", {}, WORKER),
            performing(two.b, other, "finish", {}, OTHER_WORKER),
            second,
        )
        assert [o.state for o in outcomes] == ["done", "done"]
        assert actions(two.a, case_id) == ["ask", "take", "divide", "join"]
        reported = two.case()
        two.a.perform(reported, "take", {}, WORKER)
        outcomes = two.cut(
            first,
            performing(two.a, reported, "report", {"what": "done"}, WORKER),
            performing(two.b, reported, "report", {"what": "done too"}, WORKER),
            second,
        )
        assert_one_wins(outcomes, Conflict, NotNow)
    assert_whole(two.a)
    assert_whole(two.b)


def test_the_cut_holds(two: Two) -> None:
    """The tool itself: while the first is held inside its transaction, SQLite's second can't be through."""
    case_id = two.case()
    order: list[str] = []
    first = performing(two.a, case_id, "take", {}, WORKER)

    def second() -> Future[Any]:
        future = two.b.store.submit(two.b.opening("job", "ask", {"what": "mend"}, PUBLIC))
        future.add_done_callback(lambda _: order.append("second"))
        return future

    def watched() -> Future[Any]:
        future = first()
        future.add_done_callback(lambda _: order.append("first"))
        return future

    two.cut(Point.HISTORY_WRITTEN, watched, second)
    assert order == ["first", "second"]
