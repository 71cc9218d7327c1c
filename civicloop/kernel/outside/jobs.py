"""Long work: it shows its progress, can be stopped, and goes on where it was after a cut.

A job's work is a function that reads its cursor, does a piece, and saves the next cursor, best in the
transaction that holds the piece, so that nothing is done twice. A job whose process died is found by
its silence and run again from its cursor.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.schedule import Rule
from civicloop.kernel.refusal import Missing, NotNow, Refusal, Unavailable
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import MINUTE, SECOND, Clock, Instant
from civicloop.kernel.time.ids import Ids

HEARTBEAT_SECONDS = 15.0
ORPHANED_AFTER = 2 * MINUTE
RUNS = 3
POLL_SECONDS = 2.0
# Progress is for eyes: more often than this it is not written.
SHOW_EVERY = SECOND // 2

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder(order="sorted").encode
_decode_rule = msgspec.json.Decoder(Rule).decode

_NO_JOB = Label("没有这项任务。", "There is no such job.")
_NO_WORK = Label("没有名为“{name}”的任务程序。", "Nothing here does {name}.")
_ENDED = Label("任务已经结束。", "The job has ended already.")
_GOING = Label("任务正在进行，不能重新开始。", "The job is going on; it can't be resumed.")
_BROKEN = Label("任务出错：{error}", "The job failed: {error}")
_DIED = Label("任务多次中断，已停止重试。", "The job was cut off several times and is not tried again.")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as a page shows it. `status` is waiting, running, done, failed or stopped; `total` may be unknown."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    status: str
    done: int
    total: int | None
    message: Label | None
    cursor: str
    started_by: str
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    error: Label | None
    stop_requested: bool


class Stopped(Exception):
    """The work is asked to end here; what was saved stands."""


Shown = Callable[[int, int | None, Label | None], object]
Work = Callable[["Run"], object]

_COLUMNS = (
    "id, name, arguments, status, done, total, message, cursor, started_by, created_at, started_at, ended_at,"
    " error, stop_requested"
)


class Run:
    """One run of a job, in the hands of its work."""

    def __init__(self, jobs: Jobs, job: Job, runner: str, shown: Shown | None) -> None:
        self.job = job
        self.arguments = job.arguments
        self.cursor = job.cursor
        self._jobs = jobs
        self._runner = runner
        self._shown = shown
        self._written_at: Instant = 0

    def save(
        self,
        tx: Tx,
        done: int,
        total: int | None = None,
        *,
        cursor: str | None = None,
        message: Label | None = None,
    ) -> None:
        """Keeps progress and cursor in the caller's transaction; Stopped (and nothing written) when it is to end.

        Without a cursor the one before stays.
        """
        self.cursor = self.cursor if cursor is None else cursor
        self._jobs.save(tx, self.job.id, self._runner, done, total, self.cursor, message)

    def progress(
        self, done: int, total: int | None = None, *, cursor: str | None = None, message: Label | None = None
    ) -> None:
        """Shows progress, written at most twice a second; Stopped when it is to end.

        A cursor given here may be behind the work after a cut: use `save` where a piece must not be done twice.
        """
        if self._shown is not None:
            self._shown(done, total, message)
        now = self._jobs.wall()
        if now - self._written_at >= SHOW_EVERY or done == total:
            self._written_at = now
            self._jobs.write(lambda tx: self.save(tx, done, total, cursor=cursor, message=message))


class Jobs:
    """The jobs of one district. `works` are the functions by name; a waiting job of another name waits on."""

    def __init__(
        self, store: Store, district: str, clock: Clock, ids: Ids, works: Mapping[str, Work]
    ) -> None:
        self._store = store
        self._district = district
        self._clock = clock
        self._ids = ids
        self._works = works
        self._wake = threading.Event()
        self._closing = threading.Event()
        self.write = store.write
        self.wall = clock.wall
        store.listen(self._heard)

    def _heard(self, notes: list[Any]) -> None:
        if any(isinstance(n, tuple) and n[0] == "jobs" for n in notes):
            self._wake.set()

    # ---- asking for work ---------------------------------------------------------------------------------

    def start(self, tx: Tx, name: str, arguments: Mapping[str, Any], started_by: str) -> str:
        """Puts a job in line and returns its id; Missing when nothing does work of this name."""
        if name not in self._works:
            raise Missing(_NO_WORK.filled(name=name))
        job_id = self._ids.new("j")
        tx.run(
            "INSERT INTO jobs (district, id, name, arguments, status, started_by, created_at)"
            " VALUES (?, ?, ?, ?, 'waiting', ?, ?)",
            (self._district, job_id, name, _encode(arguments).decode(), started_by, self._clock.now()),
        )
        tx.notes.append(("jobs", job_id))
        return job_id

    def stop(self, tx: Tx, job_id: str) -> None:
        """Asks a job to end; a waiting one ends at once, a running one at its next piece. NotNow when it has ended."""
        job = self.get(tx, job_id)
        if job.status == "waiting":
            self._end(tx, job_id, "stopped", None)
        elif job.status == "running":
            tx.run(
                "UPDATE jobs SET stop_requested = 1 WHERE district = ? AND id = ?", (self._district, job_id)
            )
        else:
            raise NotNow(_ENDED)

    def resume(self, tx: Tx, job_id: str) -> None:
        """Puts a stopped or failed job in line again, from its cursor. NotNow when it is going on or done."""
        job = self.get(tx, job_id)
        if job.status not in ("stopped", "failed"):
            raise NotNow(_ENDED if job.status == "done" else _GOING)
        tx.run(
            "UPDATE jobs SET status = 'waiting', stop_requested = 0, error = NULL, ended_at = NULL, runs = 0"
            " WHERE district = ? AND id = ?",
            (self._district, job_id),
        )
        tx.notes.append(("jobs", job_id))

    def get(self, tx: Tx, job_id: str) -> Job:
        """A job; Missing when there is none."""
        row = tx.one(f"SELECT {_COLUMNS} FROM jobs WHERE district = ? AND id = ?", (self._district, job_id))
        if row is None:
            raise Missing(_NO_JOB)
        return _job(row)

    def recent(self, tx: Tx, limit: int = 50) -> list[Job]:
        """The newest jobs first."""
        rows = tx.all(
            f"SELECT {_COLUMNS} FROM jobs WHERE district = ? ORDER BY created_at DESC, id DESC LIMIT ?",
            (self._district, limit),
        )
        return [_job(row) for row in rows]

    # ---- doing it ----------------------------------------------------------------------------------------

    def run_next(self) -> Job | None:
        """Runs the oldest waiting job in this thread and returns how it ended; None when none waits."""
        runner = self._ids.new("r")
        job_id = self._store.write(lambda tx: self._claim_next(tx, runner))
        return None if job_id is None else self._run(job_id, runner, None)

    def run_now(self, job_id: str, shown: Shown | None = None) -> Job:
        """Runs a waiting job in this thread, for a command that shows a bar; NotNow when it does not wait."""
        runner = self._ids.new("r")
        if not self._store.write(lambda tx: self._claim(tx, job_id, runner)):
            raise NotNow(_GOING)
        return self._run(job_id, runner, shown)

    def _claim_next(self, tx: Tx, runner: str) -> str | None:
        rows = tx.all(
            "SELECT id, name FROM jobs WHERE district = ? AND status = 'waiting' ORDER BY created_at, id",
            (self._district,),
        )
        return next((i for i, name in rows if name in self._works and self._claim(tx, i, runner)), None)

    def _claim(self, tx: Tx, job_id: str, runner: str) -> bool:
        now = self._clock.now()
        return bool(
            tx.run(
                "UPDATE jobs SET status = 'running', runner = ?, runs = runs + 1, heartbeat_at = ?,"
                " started_at = COALESCE(started_at, ?) WHERE district = ? AND id = ? AND status = 'waiting'",
                (runner, self._clock.wall(), now, self._district, job_id),
            )
        )

    def _run(self, job_id: str, runner: str, shown: Shown | None) -> Job:
        with self._store.read() as tx:
            job = self.get(tx, job_id)
        over = threading.Event()
        if not self._store.inline:
            threading.Thread(target=self._beat, args=(job_id, runner, over), daemon=True).start()
        status, error = "done", None
        try:
            self._works[job.name](Run(self, job, runner, shown))
        except Stopped:
            # A process that closes leaves its job to the next one.
            status = "waiting" if self._closing.is_set() else "stopped"
        except Refusal as refusal:
            status, error = "failed", refusal.reason
        except Exception as broken:  # noqa: BLE001 - whatever the work raises is the job's end, and is shown
            _log.warning("job %s failed", job.name, exc_info=broken)
            text = f"{type(broken).__name__}: {broken}"
            status, error = "failed", _BROKEN.filled(error=text[:300])
        finally:
            over.set()
        self._store.write(lambda tx: self._end(tx, job_id, status, error, runner))
        with self._store.read() as tx:
            return self.get(tx, job_id)

    def _beat(self, job_id: str, runner: str, over: threading.Event) -> None:
        """Says that the job lives, while its work is silent."""
        while not over.wait(HEARTBEAT_SECONDS):
            wall = self._clock.wall()
            try:
                self._store.write(
                    lambda tx, wall=wall: tx.run(  # type: ignore[misc]
                        "UPDATE jobs SET heartbeat_at = ? WHERE district = ? AND id = ? AND runner = ?",
                        (wall, self._district, job_id, runner),
                    )
                )
            except Unavailable:
                continue

    def save(
        self,
        tx: Tx,
        job_id: str,
        runner: str,
        done: int,
        total: int | None,
        cursor: str,
        message: Label | None,
    ) -> None:
        """Writes a run's progress; Stopped when a stop is asked for, or another runner has taken the job."""
        row = tx.one(
            f"SELECT stop_requested FROM jobs WHERE district = ? AND id = ? AND runner = ?{tx.for_update}",
            (self._district, job_id, runner),
        )
        if row is None or row[0] or self._closing.is_set():
            raise Stopped
        tx.run(
            "UPDATE jobs SET done = ?, total = ?, cursor = ?, message = ?, heartbeat_at = ?"
            " WHERE district = ? AND id = ?",
            (done, total, cursor, _text(message), self._clock.wall(), self._district, job_id),
        )

    def _end(self, tx: Tx, job_id: str, status: str, error: Label | None, runner: str | None = None) -> None:
        where, values = ("AND runner = ?", [runner]) if runner else ("", [])
        ended = None if status == "waiting" else self._clock.now()
        tx.run(
            "UPDATE jobs SET status = ?, error = ?, ended_at = ?, runner = NULL"
            f" WHERE district = ? AND id = ? {where}",
            (status, _text(error), ended, self._district, job_id, *values),
        )
        tx.notes.append(("job-ended", job_id))

    # ---- keeping it going --------------------------------------------------------------------------------

    def sweep(self, tx: Tx) -> int:
        """Puts jobs whose process fell silent in line again, or fails them after three runs; returns how many."""
        silent = self._clock.wall() - ORPHANED_AFTER
        rows = tx.all(
            "SELECT id, runs, stop_requested FROM jobs"
            " WHERE district = ? AND status = 'running' AND heartbeat_at < ?",
            (self._district, silent),
        )
        for job_id, runs, stop_requested in rows:
            if stop_requested:
                self._end(tx, job_id, "stopped", None)
            elif runs >= RUNS:
                self._end(tx, job_id, "failed", _DIED)
            else:
                self._end(tx, job_id, "waiting", None)
                tx.notes.append(("jobs", job_id))
        return len(rows)

    def schedule(self, tx: Tx, name: str, rule: Rule, job: str, arguments: Mapping[str, Any]) -> None:
        """Has a job start by a rule; the same name again changes it, the same rule keeps its next time."""
        text = _encode(rule).decode()
        tx.run(
            "INSERT INTO schedules (district, name, job, arguments, rule, next_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (district, name) DO UPDATE SET job = excluded.job, arguments = excluded.arguments,"
            " next_at = CASE WHEN schedules.rule = excluded.rule THEN schedules.next_at ELSE excluded.next_at END,"
            " rule = excluded.rule",
            (self._district, name, job, _encode(arguments).decode(), text, rule.after(self._clock.now())),
        )

    def unschedule(self, tx: Tx, name: str) -> None:
        """Ends a schedule; its jobs stay."""
        tx.run("DELETE FROM schedules WHERE district = ? AND name = ?", (self._district, name))

    def start_due(self, tx: Tx) -> list[str]:
        """Starts what is due by schedule and returns the jobs' ids.

        Times that were missed are made up for once; while a schedule's last job is not over, it starts no other.
        """
        now = self._clock.now()
        rows = tx.all(
            "SELECT name, job, arguments, rule, last_job_id FROM schedules"
            f" WHERE district = ? AND next_at <= ? ORDER BY name{tx.for_update}",
            (self._district, now),
        )
        started: list[str] = []
        for name, job, arguments, rule, last in rows:
            if job not in self._works:
                continue  # another process does this work, and starts it
            if last is None or self.get(tx, last).status not in ("waiting", "running"):
                last = self.start(tx, job, msgspec.json.decode(arguments), f"schedule:{name}")
                started.append(last)
            tx.run(
                "UPDATE schedules SET next_at = ?, last_job_id = ? WHERE district = ? AND name = ?",
                (_decode_rule(rule).after(now), last, self._district, name),
            )
        return started

    def run_forever(self, stop: threading.Event) -> None:
        """Runs jobs until `stop` is set; `close` has a running one end at its next piece, to be resumed later."""
        while not stop.is_set():
            self._wake.clear()
            try:
                self._store.write(lambda tx: (self.sweep(tx), self.start_due(tx)))
                busy = self.run_next() is not None
            except Unavailable:
                busy = False  # the store says so itself wherever people see it; the rows wait
            except Exception:  # noqa: BLE001 - one broken round must not end all jobs
                _log.exception("jobs: a round failed")
                busy = False
            if not busy:
                self._wake.wait(POLL_SECONDS)

    def start_thread(self, stop: threading.Event) -> threading.Thread:
        """Starts a daemon thread in `run_forever`."""
        thread = threading.Thread(target=self.run_forever, args=(stop,), name="civicloop-jobs", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Has running work end at its next piece and wait for the next process."""
        self._closing.set()
        self._wake.set()


def _job(row: tuple[Any, ...]) -> Job:
    values = list(row)
    values[2] = msgspec.json.decode(values[2])
    values[6], values[12], values[13] = _label(values[6]), _label(values[12]), bool(values[13])
    return Job(*values)


def _text(label: Label | None) -> str | None:
    return None if label is None else _encode({"zh": label.zh, "en": label.en}).decode()


def _label(text: str | None) -> Label | None:
    return None if text is None else Label(**msgspec.json.decode(text))
