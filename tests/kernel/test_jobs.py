"""Jobs: long work shows its progress, stops when asked, and goes on where it was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from civicloop.kernel.label import Label
from civicloop.kernel.outside.jobs import ORPHANED_AFTER, Job, Jobs, Run
from civicloop.kernel.outside.schedule import Daily, Every
from civicloop.kernel.refusal import Invalid, Missing, NotNow
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.time.clock import (
    DAY,
    HOUR,
    SECOND,
    SystemClock,
    VirtualClock,
    format_instant,
    parse_instant,
)
from civicloop.kernel.time.ids import SeededIds, SystemIds

DISTRICT = "jianghan"
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Counting:
    """Work in ten pieces that keeps each piece with its cursor, and does what a test hangs on a piece."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.done: list[int] = []
        self.at: dict[int, Callable[[], Any]] = {}

    def __call__(self, run: Run) -> None:
        for piece in range(int(run.cursor or 0), 10):
            hung = self.at.pop(piece, None)
            if hung is not None:
                hung()
            self.store.write(lambda tx, n=piece: run.save(tx, n + 1, 10, cursor=str(n + 1)))  # type: ignore[misc]
            self.done.append(piece)


@pytest.fixture
def work(store: Store) -> Counting:
    return Counting(store)


@pytest.fixture
def jobs(store: Store, clock: VirtualClock, ids: SeededIds, work: Counting) -> Jobs:
    return Jobs(store, DISTRICT, clock, ids, {"count": work, "other": lambda run: None})


def begin(store: Store, jobs: Jobs, name: str = "count", **arguments: Any) -> str:
    return store.write(lambda tx: jobs.start(tx, name, arguments, "a1"))


def look(store: Store, jobs: Jobs, job_id: str) -> Job:
    with store.read() as tx:
        return jobs.get(tx, job_id)


def test_a_job_runs_to_its_end(store: Store, jobs: Jobs, work: Counting, clock: VirtualClock) -> None:
    job_id = begin(store, jobs, file="七月.csv")
    assert look(store, jobs, job_id).status == "waiting"
    clock.advance(SECOND)
    ended = jobs.run_next()
    assert ended == look(store, jobs, job_id)
    assert ended is not None
    assert (ended.status, ended.done, ended.total, ended.cursor) == ("done", 10, 10, "10")
    assert (ended.arguments, ended.started_by) == ({"file": "七月.csv"}, "a1")
    assert ended.started_at == ended.ended_at == clock.now()
    assert jobs.run_next() is None


def test_jobs_run_in_the_order_they_were_started(store: Store, jobs: Jobs, clock: VirtualClock) -> None:
    first, second = begin(store, jobs), begin(store, jobs, "other")
    ran = [jobs.run_next(), jobs.run_next()]
    assert [job.id for job in ran if job] == [first, second]
    with store.read() as tx:
        assert [job.id for job in jobs.recent(tx)] == [second, first]


def test_a_stopped_job_goes_on_where_it_was(store: Store, jobs: Jobs, work: Counting) -> None:
    job_id = begin(store, jobs)
    work.at[4] = lambda: store.write(lambda tx: jobs.stop(tx, job_id))
    stopped = jobs.run_next()
    assert stopped is not None
    assert (stopped.status, stopped.done, stopped.cursor) == ("stopped", 4, "4")
    assert work.done == [0, 1, 2, 3]
    store.write(lambda tx: jobs.resume(tx, job_id))
    ended = jobs.run_next()
    assert ended is not None
    assert (ended.status, ended.stop_requested) == ("done", False)
    assert work.done == list(range(10)), "each piece once"


def test_a_piece_and_its_cursor_stand_or_fall_together(store: Store, jobs: Jobs, work: Counting) -> None:
    job_id = begin(store, jobs)

    def stop() -> None:
        store.write(lambda tx: jobs.stop(tx, job_id))

    def piece(run: Run) -> None:
        stop()

        def operation(tx: Any) -> None:
            tx.run("INSERT INTO schedules VALUES ('d', 'x', 'x', '{}', '{}', 1, NULL)", ())
            run.save(tx, 1, cursor="1")

        store.write(operation)

    jobs._works = {"count": piece}
    ended = jobs.run_next()
    assert ended is not None
    assert (ended.status, ended.cursor) == ("stopped", "")
    with store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM schedules", ()) == (0,)


def test_a_waiting_job_is_stopped_at_once(store: Store, jobs: Jobs) -> None:
    job_id = begin(store, jobs)
    store.write(lambda tx: jobs.stop(tx, job_id))
    assert look(store, jobs, job_id).status == "stopped"
    assert jobs.run_next() is None
    with pytest.raises(NotNow):
        store.write(lambda tx: jobs.stop(tx, job_id))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Invalid(Label("文件打不开", "The file can't be read")), "The file can't be read"),
        (ZeroDivisionError("x"), "The job failed: ZeroDivisionError: x"),
    ],
)
def test_a_failed_job_says_why_and_can_be_resumed(
    store: Store, jobs: Jobs, work: Counting, error: Exception, words: str
) -> None:
    def fail() -> None:
        raise error

    work.at[7] = fail
    job_id = begin(store, jobs)
    failed = jobs.run_next()
    assert failed is not None
    assert (failed.status, failed.done) == ("failed", 7)
    assert failed.error is not None
    assert failed.error.en == words
    store.write(lambda tx: jobs.resume(tx, job_id))
    assert look(store, jobs, job_id).error is None
    jobs.run_next()
    assert work.done == list(range(10))
    with pytest.raises(NotNow):
        store.write(lambda tx: jobs.resume(tx, job_id))


def test_a_job_whose_process_died_is_run_again_from_its_cursor(
    store: Store, jobs: Jobs, work: Counting, clock: VirtualClock
) -> None:
    def die() -> None:
        raise SystemExit

    work.at[3] = die
    job_id = begin(store, jobs)
    # SystemExit passes through everything, as a killed process would leave the row.
    with pytest.raises(SystemExit):
        jobs.run_next()
    assert look(store, jobs, job_id).status == "running"
    assert store.write(jobs.sweep) == 0, "it may still live"
    clock.advance(ORPHANED_AFTER + 1)
    assert store.write(jobs.sweep) == 1
    jobs.run_next()
    assert work.done == list(range(10))


def test_a_job_that_kills_its_process_is_given_up(
    store: Store, jobs: Jobs, work: Counting, clock: VirtualClock
) -> None:
    def die() -> None:
        raise SystemExit

    job_id = begin(store, jobs)
    for _ in range(3):
        work.at[0] = die
        with pytest.raises(SystemExit):
            jobs.run_next()
        clock.advance(ORPHANED_AFTER + 1)
        store.write(jobs.sweep)
    failed = look(store, jobs, job_id)
    assert failed.status == "failed"
    assert failed.error == Label(
        "任务多次中断，已停止重试。", "The job was cut off several times and is not tried again."
    )


def test_a_runner_that_was_taken_for_dead_writes_nothing_more(
    store: Store, jobs: Jobs, work: Counting, clock: VirtualClock
) -> None:
    job_id = begin(store, jobs)

    def silence() -> None:
        clock.advance(ORPHANED_AFTER + 1)
        store.write(jobs.sweep)
        other = jobs.run_next()
        assert other is not None
        assert (other.id, other.status) == (job_id, "done")

    work.at[5] = silence
    jobs.run_next()
    assert work.done == list(range(10))
    assert look(store, jobs, job_id).status == "done"


def test_progress_is_shown_each_time_and_written_now_and_then(
    store: Store, jobs: Jobs, clock: VirtualClock
) -> None:
    shown: list[tuple[int, int | None]] = []
    written: list[int] = []

    def work(run: Run) -> None:
        for n in range(1, 101):
            clock.advance(SECOND // 10)
            run.progress(n, 100, message=Label("第{n}行", "row {n}").filled(n=n))
            written.append(look(store, jobs, run.job.id).done)

    jobs._works = {"count": work}
    ended = jobs.run_now(begin(store, jobs), lambda done, total, message: shown.append((done, total)))
    assert shown == [(n, 100) for n in range(1, 101)]
    assert len(set(written)) in range(18, 24)
    assert (ended.done, ended.message) == (100, Label("第100行", "row 100"))
    with pytest.raises(NotNow):
        jobs.run_now(ended.id)


def test_progress_without_a_cursor_keeps_the_one_before(
    store: Store, jobs: Jobs, clock: VirtualClock
) -> None:
    def work(run: Run) -> None:
        run.progress(1, cursor="here")
        clock.advance(SECOND)
        run.progress(2)

    jobs._works = {"count": work}
    assert jobs.run_now(begin(store, jobs)).cursor == "here"


def test_a_process_that_closes_leaves_its_job_to_the_next(store: Store, jobs: Jobs, work: Counting) -> None:
    job_id = begin(store, jobs)
    work.at[6] = jobs.close
    jobs.run_next()
    left = look(store, jobs, job_id)
    assert (left.status, left.cursor, left.ended_at) == ("waiting", "6", None)


def test_unknown_work_and_unknown_jobs_are_refused(store: Store, jobs: Jobs) -> None:
    with pytest.raises(Missing):
        begin(store, jobs, "nothing")
    with pytest.raises(Missing):
        look(store, jobs, "j0")


def test_two_processes_share_the_jobs(store_url: str) -> None:
    clock = SystemClock()
    stores = [open_store(store_url, clock) for _ in range(2)]
    ran: list[str] = []
    lock = threading.Lock()

    def work(run: Run) -> None:
        with lock:
            ran.append(run.job.id)

    several = [Jobs(s, DISTRICT, clock, SystemIds(clock), {"count": work}) for s in stores]
    started = [begin(stores[0], several[0]) for _ in range(12)]

    def drain(jobs: Jobs) -> None:
        while jobs.run_next() is not None:
            continue

    threads = [threading.Thread(target=drain, args=(jobs,)) for jobs in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for store in stores:
        store.close()
    assert sorted(ran) == sorted(started)


def test_the_thread_wakes_for_a_job_and_ends_when_told(store: Store) -> None:
    clock = SystemClock()
    done = threading.Event()
    jobs = Jobs(store, DISTRICT, clock, SystemIds(clock), {"count": lambda run: done.set()})
    stop = threading.Event()
    thread = jobs.start_thread(stop)
    begin(store, jobs)
    assert done.wait(30)
    stop.set()
    jobs.close()
    thread.join(30)
    assert not thread.is_alive()


# ---- schedules -----------------------------------------------------------------------------------------


def test_a_schedule_starts_its_job_each_time(store: Store, jobs: Jobs, clock: VirtualClock) -> None:
    store.write(lambda tx: jobs.schedule(tx, "nightly", Daily("03:30", "Asia/Shanghai"), "other", {"k": 1}))
    assert store.write(jobs.start_due) == []
    clock.set(parse_instant("2026-03-03T03:30:00+08:00"))
    (job_id,) = store.write(jobs.start_due)
    assert store.write(jobs.start_due) == []
    job = look(store, jobs, job_id)
    assert (job.arguments, job.started_by) == ({"k": 1}, "schedule:nightly")
    jobs.run_next()
    clock.advance(5 * DAY)
    assert len(store.write(jobs.start_due)) == 1, "missed times are made up for once"


def test_a_schedule_waits_for_its_last_job(store: Store, jobs: Jobs, clock: VirtualClock) -> None:
    store.write(lambda tx: jobs.schedule(tx, "often", Every(HOUR), "other", {}))
    clock.advance(HOUR)
    assert len(store.write(jobs.start_due)) == 1
    clock.advance(HOUR)
    assert store.write(jobs.start_due) == []
    jobs.run_next()
    clock.advance(HOUR)
    assert len(store.write(jobs.start_due)) == 1


def test_the_same_schedule_again_keeps_its_time_and_another_rule_moves_it(
    store: Store, jobs: Jobs, clock: VirtualClock
) -> None:
    store.write(lambda tx: jobs.schedule(tx, "s", Every(HOUR), "other", {}))
    clock.advance(HOUR - 1)
    store.write(lambda tx: jobs.schedule(tx, "s", Every(HOUR), "other", {}))
    clock.advance(1)
    assert len(store.write(jobs.start_due)) == 1, "a restart does not put it off"
    store.write(lambda tx: jobs.schedule(tx, "s", Every(DAY), "other", {}))
    jobs.run_next()
    clock.advance(HOUR)
    assert store.write(jobs.start_due) == []
    store.write(lambda tx: jobs.unschedule(tx, "s"))
    clock.advance(DAY)
    assert store.write(jobs.start_due) == []


@pytest.mark.parametrize(
    ("now", "zone", "following"),
    [
        ("2026-03-02T03:29:59+08:00", "Asia/Shanghai", "2026-03-02T03:30:00+08:00"),
        ("2026-03-02T03:30:00+08:00", "Asia/Shanghai", "2026-03-03T03:30:00+08:00"),
        ("2025-03-08T12:00:00-05:00", "America/New_York", "2025-03-09T03:30:00-04:00"),
        ("2025-11-01T12:00:00-04:00", "America/New_York", "2025-11-02T03:30:00-05:00"),
    ],
)
def test_a_daily_time_is_local(now: str, zone: str, following: str) -> None:
    assert format_instant(Daily("03:30", zone).after(parse_instant(now)), ZoneInfo(zone)) == following
