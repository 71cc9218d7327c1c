"""The outbox: once written, a message is done at least once, in order, and never quietly lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Delivery, DeliveryFailed
from civicloop.kernel.outside.outbox import (
    LEASE,
    LONGEST_WAIT,
    Message,
    OutboxWorker,
    Undeliverable,
    enqueue,
    wait,
)
from civicloop.kernel.refusal import Missing
from civicloop.kernel.store import faults
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.store.faults import Point
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY, HOUR, SECOND, SystemClock, VirtualClock
from civicloop.kernel.time.ids import SeededIds, SystemIds

DISTRICT = "jianghan"


class Receiver:
    """A handler that keeps what it was given, and fails where it is told to."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.broken: set[str] = set()

    def __call__(self, payload: dict[str, Any], delivery: Delivery) -> None:
        self.got.append(delivery.dedupe_key)
        if delivery.dedupe_key in self.broken:
            raise DeliveryFailed(Label("对方不在", "Nobody is there"))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def worker(store: Store, clock: VirtualClock, ids: SeededIds, receiver: Receiver) -> OutboxWorker:
    return OutboxWorker(store, DISTRICT, clock, ids, {"sms": receiver, "robot": receiver})


@pytest.fixture
def put(store: Store, clock: VirtualClock, ids: SeededIds) -> Callable[..., int]:
    def put(*messages: Message) -> int:
        return store.write(lambda tx: enqueue(tx, DISTRICT, clock.now(), messages, ids))

    return put


@pytest.fixture
def fault() -> Iterator[Callable[[Point], None]]:
    """`fault(point)` raises at the point, once."""

    def at(point: Point) -> None:
        def hook(reached: Point) -> None:
            if reached is point:
                faults.hook = None
                raise KeyboardInterrupt

        faults.hook = hook

    yield at
    faults.hook = None


def rows(store: Store, column: str) -> list[Any]:
    with store.read() as tx:
        return [r[0] for r in tx.all(f"SELECT {column} FROM outbox ORDER BY dedupe_key", ())]


def test_any_number_of_messages_is_one_statement(store: Store, clock: VirtualClock, ids: SeededIds) -> None:
    counted: list[str] = []

    def operation(tx: Tx) -> int:
        run = tx.run

        def counting(sql: str, params: Sequence[Any]) -> int:
            counted.append(sql)
            return run(sql, params)

        tx.run = counting
        return enqueue(
            tx, DISTRICT, clock.now(), [Message("sms", f"k{n}", {"n": n}) for n in range(300)], ids
        )

    assert store.write(operation) == 300
    assert len(counted) == 1
    assert len(rows(store, "id")) == 300


def test_nothing_to_say_writes_nothing(store: Store, put: Callable[..., int]) -> None:
    assert put() == 0
    assert rows(store, "id") == []


def test_the_same_key_is_kept_once(put: Callable[..., int], worker: OutboxWorker, receiver: Receiver) -> None:
    assert put(Message("sms", "a"), Message("sms", "a"), Message("sms", "b")) == 2
    assert worker.drain() == 2
    assert put(Message("sms", "a")) == 0, "also after it was done"
    assert worker.drain() == 0
    assert receiver.got == ["a", "b"]


def test_a_rolled_back_transaction_leaves_no_message(
    store: Store, clock: VirtualClock, ids: SeededIds
) -> None:
    heard: list[Any] = []
    store.listen(heard.extend)

    def operation(tx: Tx) -> None:
        enqueue(tx, DISTRICT, clock.now(), [Message("sms", "a")], ids)
        raise ValueError

    with pytest.raises(ValueError):
        store.write(operation)
    assert rows(store, "id") == []
    assert heard == []


def test_a_handler_gets_the_payload_and_its_delivery(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int]
) -> None:
    got: list[tuple[dict[str, Any], Delivery]] = []
    worker = OutboxWorker(store, DISTRICT, clock, ids, {"sms": lambda p, d: got.append((p, d))})
    put(Message("sms", "a", {"to": "甲", "list": [1, None]}, case_id="c1"))
    worker.drain()
    ((payload, delivery),) = got
    assert payload == {"to": "甲", "list": [1, None]}
    assert (delivery.case_id, delivery.attempt, delivery.due_at) == ("c1", 1, clock.now())


def test_a_later_message_waits_for_its_time(
    put: Callable[..., int], worker: OutboxWorker, receiver: Receiver, clock: VirtualClock, store: Store
) -> None:
    put(Message("sms", "later", case_id="c", due_at=clock.now() + HOUR), Message("sms", "now", case_id="c"))
    worker.drain()
    assert receiver.got == ["now"], "and holds up nothing meanwhile"
    with store.read() as tx:
        assert worker.next_due(tx) == clock.now() + HOUR
    clock.advance(HOUR)
    worker.drain()
    assert receiver.got == ["now", "later"]


def test_order_is_kept_within_a_case(
    put: Callable[..., int], worker: OutboxWorker, receiver: Receiver, clock: VirtualClock
) -> None:
    receiver.broken = {"c1"}
    put(*(Message("sms", f"c{n}", case_id="c") for n in (1, 2)), Message("robot", "c3", case_id="c"))
    put(Message("sms", "d1", case_id="d"))
    worker.drain()
    # The failed one holds up its own topic in its case, and nothing else.
    assert sorted(receiver.got) == ["c1", "c3", "d1"]
    receiver.broken = set()
    clock.advance(10 * SECOND)
    worker.drain()
    assert receiver.got[-2:] == ["c1", "c2"]


def test_before_a_failure_the_whole_case_is_in_order(
    put: Callable[..., int], worker: OutboxWorker, receiver: Receiver
) -> None:
    put(*(Message("sms" if n % 2 else "robot", f"{n:02}", case_id="c") for n in range(20)))
    worker.drain()
    assert receiver.got == [f"{n:02}" for n in range(20)]


def test_a_failure_is_tried_again_with_growing_waits_and_then_given_up(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int], receiver: Receiver
) -> None:
    told: list[Undeliverable] = []

    def tell(tx: Tx, lost: Undeliverable) -> None:
        told.append(lost)
        enqueue(tx, DISTRICT, clock.now(), [Message("robot", f"lost:{lost.delivery.id}")], ids)

    worker = OutboxWorker(
        store, DISTRICT, clock, ids, {"sms": receiver, "robot": receiver}, on_undeliverable=tell, attempts=4
    )
    receiver.broken = {"bad"}
    put(Message("sms", "bad", {"to": "x"}, case_id="c"), Message("sms", "good"))
    waits: list[int] = []
    for _ in range(4):
        worker.drain()
        (due,) = [
            d
            for d, k in zip(rows(store, "next_try_at"), rows(store, "dedupe_key"), strict=True)
            if k == "bad"
        ]
        waits.append(due - clock.now())
        assert "Nobody is there" in next(e for e in rows(store, "last_error") if e)
        clock.advance(max(0, waits[-1]))
    assert waits[0] < waits[1] < waits[2]
    assert receiver.got.count("bad") == 4
    (lost,) = told
    assert (lost.reason.zh, lost.payload, lost.delivery.attempt) == ("对方不在", {"to": "x"}, 4)
    with store.read() as tx:
        assert worker.undeliverable(tx) == [lost]
    clock.advance(DAY)
    worker.drain()
    assert receiver.got.count("bad") == 4
    assert receiver.got[-1].startswith("lost:"), "what the callback wrote stands in the same transaction"


def test_a_permanent_failure_is_given_up_at_once_and_can_be_tried_afresh(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int]
) -> None:
    good = False

    def handler(payload: dict[str, Any], delivery: Delivery) -> None:
        if not good:
            raise DeliveryFailed(Label("号码错误", "The number is wrong"), permanent=True)

    worker = OutboxWorker(store, DISTRICT, clock, ids, {"sms": handler})
    put(Message("sms", "a"))
    assert worker.drain() == 1
    with store.read() as tx:
        (lost,) = worker.undeliverable(tx)
    good = True
    store.write(lambda tx: worker.retry(tx, lost.delivery.id))
    assert worker.drain() == 1
    with store.read() as tx:
        assert worker.undeliverable(tx) == []
    with pytest.raises(Missing):
        store.write(lambda tx: worker.retry(tx, lost.delivery.id))


def test_an_unknown_topic_and_a_broken_handler_end_with_a_sentence(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int]
) -> None:
    def broken(payload: dict[str, Any], delivery: Delivery) -> None:
        raise ZeroDivisionError("x" * 1000)

    worker = OutboxWorker(store, DISTRICT, clock, ids, {"sms": broken}, attempts=1)
    put(Message("nothing", "a"), Message("sms", "b"))
    worker.drain()
    with store.read() as tx:
        first, second = sorted(worker.undeliverable(tx), key=lambda u: u.delivery.dedupe_key)
    assert first.reason == Label("没有处理“nothing”的程序。", "Nothing here handles nothing.")
    assert second.reason.en.startswith("The handler failed: ZeroDivisionError: xxx")
    assert len(second.reason.en) < 400


def test_a_failing_callback_does_not_keep_the_message_alive(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int], receiver: Receiver
) -> None:
    def tell(tx: Tx, lost: Undeliverable) -> None:
        raise LookupError("no process for it")

    receiver.broken = {"a"}
    worker = OutboxWorker(store, DISTRICT, clock, ids, {"sms": receiver}, on_undeliverable=tell, attempts=1)
    put(Message("sms", "a"), Message("sms", "b"))
    worker.drain()
    assert receiver.got == ["a", "b"]
    with store.read() as tx:
        (lost,) = worker.undeliverable(tx)
    assert "Nobody is there" in lost.reason.en
    assert "no process for it" in lost.reason.en


@pytest.mark.parametrize("point", [Point.EFFECT_CLAIMED, Point.EFFECT_DONE])
def test_a_worker_that_dies_leaves_the_message_to_the_next(
    point: Point,
    put: Callable[..., int],
    worker: OutboxWorker,
    receiver: Receiver,
    clock: VirtualClock,
    fault: Callable[[Point], None],
) -> None:
    put(Message("sms", "a"))
    fault(point)
    with pytest.raises(KeyboardInterrupt):
        worker.drain()
    assert worker.drain() == 0, "the lease still runs"
    clock.advance(LEASE)
    assert worker.drain() == 1
    assert receiver.got == (["a"] if point is Point.EFFECT_CLAIMED else ["a", "a"])
    clock.advance(DAY)
    assert worker.drain() == 0


def test_a_message_that_kills_its_worker_is_given_up_at_last(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int], fault: Callable[[Point], None]
) -> None:
    worker = OutboxWorker(store, DISTRICT, clock, ids, {}, attempts=2)
    put(Message("sms", "a"))
    for _ in range(2):
        fault(Point.EFFECT_CLAIMED)
        with pytest.raises(KeyboardInterrupt):
            worker.drain()
        clock.advance(LEASE)
    worker.drain()
    with store.read() as tx:
        (lost,) = worker.undeliverable(tx)
    assert lost.reason.en == "The process ended each time while handling it."


def test_a_worker_whose_lease_ran_out_does_not_touch_what_another_did(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int]
) -> None:
    other = OutboxWorker(store, DISTRICT, clock, SeededIds("other"), {"sms": lambda p, d: None})

    def slow(payload: dict[str, Any], delivery: Delivery) -> None:
        clock.advance(LEASE)
        assert other.drain() == 2
        raise DeliveryFailed(Label("太慢", "Too slow"))

    worker = OutboxWorker(store, DISTRICT, clock, ids, {"sms": slow})
    put(Message("sms", "a"), Message("sms", "b"))
    assert worker.drain() == 2
    assert rows(store, "last_error") == [None, None]
    assert None not in rows(store, "done_at")


def test_a_late_failure_does_not_overwrite_the_next_try(
    store: Store, clock: VirtualClock, ids: SeededIds, put: Callable[..., int]
) -> None:
    def refuses(payload: dict[str, Any], delivery: Delivery) -> None:
        raise DeliveryFailed(Label("第二次", "The second try"), retry_after=DAY)

    other = OutboxWorker(store, DISTRICT, clock, SeededIds("other"), {"sms": refuses})

    def slow(payload: dict[str, Any], delivery: Delivery) -> None:
        clock.advance(LEASE)
        assert other.drain() == 1
        raise DeliveryFailed(Label("太慢", "Too slow"))

    worker = OutboxWorker(store, DISTRICT, clock, ids, {"sms": slow})
    put(Message("sms", "a"))
    assert worker.drain() == 1
    (error,), (due,) = rows(store, "last_error"), rows(store, "next_try_at")
    assert "The second try" in error
    assert due == clock.now() + DAY


def test_many_workers_do_each_message_once_and_in_order(store_url: str) -> None:
    clock = SystemClock()
    stores = [open_store(store_url, clock) for _ in range(3)]
    got: list[tuple[str, int]] = []
    lock = threading.Lock()

    def handler(payload: dict[str, Any], delivery: Delivery) -> None:
        with lock:
            got.append((delivery.case_id, payload["n"]))

    workers = [
        OutboxWorker(s, DISTRICT, clock, SystemIds(clock), {"sms": handler}) for s in stores for _ in range(2)
    ]
    messages = [Message("sms", f"{c}:{n}", {"n": n}, case_id=f"c{c}") for n in range(6) for c in range(20)]
    stores[0].write(lambda tx: enqueue(tx, DISTRICT, clock.now(), messages, SystemIds(clock)))
    counts = [0] * len(workers)

    def work(index: int) -> None:
        # A round may find every open message claimed by the others, so the end is that none is left.
        while True:
            counts[index] += workers[index].step(4)
            with stores[0].read() as tx:
                if workers[index].next_due(tx) is None:
                    return

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for store in stores:
        store.close()
    assert sum(counts) == len(got) == len(messages)
    for c in range(20):
        assert [n for case, n in got if case == f"c{c}"] == list(range(6))


def test_the_thread_wakes_when_a_message_is_committed(store: Store, ids: SeededIds) -> None:
    clock = SystemClock()
    done = threading.Event()
    worker = OutboxWorker(store, DISTRICT, clock, SystemIds(clock), {"sms": lambda p, d: done.set()})
    stop = threading.Event()
    threads = worker.start(stop)
    store.write(lambda tx: enqueue(tx, DISTRICT, clock.now(), [Message("sms", "a")], ids))
    assert done.wait(30)
    stop.set()
    worker.wake()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_waits_double_up_to_an_hour_and_differ_between_messages() -> None:
    for attempt in range(1, 40):
        low, high = (
            min(wait(f"m{n}", attempt) for n in range(50)),
            max(wait(f"m{n}", attempt) for n in range(50)),
        )
        whole = min(LONGEST_WAIT, 5 * SECOND * 2 ** (attempt - 1))
        assert whole // 2 <= low < high <= whole
    assert wait("m1", 3) == wait("m1", 3)
