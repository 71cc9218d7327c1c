"""Reference data: what holds, what was known, what is frozen, and who sees a change when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from civicloop.kernel.facts.reference import EMPTY, NewReference, Reference, ReferenceRow, Snapshot
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY, HOUR, VirtualClock

JAN = 1_767_196_800_000_000  # 2026-01-01T00:00+08:00
JUL = JAN + 181 * DAY


@pytest.fixture
def reference(store: Store) -> Reference:
    return Reference(store, "jianghan")


def limit(hours: int, valid_from: int = JAN, **more: Any) -> NewReference:
    return NewReference(
        "limits", "0101", valid_from, {"amount": hours, "unit": "hours"}, "street.md", "official", **more
    )


def add(store: Store, reference: Reference, *rows: NewReference) -> list[str]:
    return store.write(lambda tx: reference.add(tx, rows, recorded_by="pack"))


def now(store: Store, reference: Reference) -> Snapshot:
    with store.read() as tx:
        return reference.snapshot(tx)


def held(snapshot: Snapshot, at: int, known_at: int | None = None) -> int | None:
    row = (
        snapshot.get("limits", "0101", at)
        if known_at is None
        else snapshot.as_known("limits", "0101", at, known_at)
    )
    return None if row is None else row.data["amount"]


def test_a_later_period_takes_over_and_the_past_stays(store: Store, reference: Reference) -> None:
    add(store, reference, limit(24), limit(12, JUL))
    snapshot = now(store, reference)
    assert [held(snapshot, at) for at in (JAN - 1, JAN, JUL - 1, JUL, JUL + DAY)] == [None, 24, 24, 12, 12]
    assert [row.code for row in snapshot.all("limits", JUL)] == ["0101"]
    assert snapshot.all("limits", JAN - 1) == []
    assert snapshot.sets() == ["limits"]


def test_an_exception_ends_and_the_rule_before_holds_again(store: Store, reference: Reference) -> None:
    add(
        store,
        reference,
        limit(24),
        limit(2, JUL, valid_to=JUL + DAY),
        limit(1, JUL + HOUR, valid_to=JUL + 2 * HOUR),
    )
    snapshot = now(store, reference)
    moments = (JUL - 1, JUL, JUL + HOUR, JUL + 2 * HOUR, JUL + DAY)
    assert [held(snapshot, at) for at in moments] == [24, 2, 1, 2, 24]


def test_a_correction_is_a_new_row_and_what_was_known_stays(
    store: Store, reference: Reference, clock: VirtualClock
) -> None:
    first = clock.now()
    (frozen,) = add(store, reference, limit(24))
    second = clock.advance(DAY)
    add(store, reference, limit(20))
    third = clock.advance(DAY)
    add(store, reference, limit(20, valid_to=JUL))
    snapshot = now(store, reference)
    assert [held(snapshot, JUL, known) for known in (first - 1, first, second, third)] == [None, 24, 20, None]
    assert held(snapshot, JUL - 1) == 20
    row = snapshot.row(frozen)
    assert row is not None
    assert row.data == {"amount": 24, "unit": "hours"}
    assert [r.data["amount"] for r in snapshot.rows("limits", "0101")] == [24, 20, 20]


def test_a_withdrawn_row_never_held(store: Store, reference: Reference, clock: VirtualClock) -> None:
    add(store, reference, limit(24))
    clock.advance(DAY)
    add(store, reference, limit(24, valid_to=JAN))
    assert held(now(store, reference), JUL) is None


def test_the_same_pack_twice_adds_nothing(store: Store, reference: Reference, clock: VirtualClock) -> None:
    assert len(add(store, reference, limit(24, known_from=JAN), limit(12, JUL))) == 2
    version = now(store, reference).version
    clock.advance(DAY)
    assert add(store, reference, limit(24, known_from=JAN), limit(12, JUL)) == []
    assert now(store, reference).version == version == 1


def test_a_correction_may_not_rewrite_the_past(store: Store, reference: Reference) -> None:
    add(store, reference, limit(24))
    with pytest.raises(Invalid) as refused:
        add(store, reference, limit(20, known_from=JAN))
    assert set(refused.value.fields) == {"known_from"}
    with pytest.raises(Invalid) as refused:
        add(store, reference, limit(20, JUL, valid_to=JUL - 1))
    assert set(refused.value.fields) == {"valid_to"}
    assert held(now(store, reference), JUL) == 24


def test_the_database_refuses_change_and_deletion(store: Store, reference: Reference) -> None:
    add(store, reference, limit(24))
    for sql in ("UPDATE reference SET data = '{}'", "DELETE FROM reference"):
        with pytest.raises(Exception, match="never"):
            store.write(lambda tx, sql=sql: tx.run(sql))


def test_an_unchanged_version_costs_one_statement(store: Store, reference: Reference) -> None:
    add(store, reference, limit(24))
    first = now(store, reference)
    assert now(store, reference) is first
    with store.read() as tx:
        assert reference.snapshot_for(tx, first.version) is first
    add(store, reference, limit(12, JUL))
    assert now(store, reference) is not first
    assert held(first, JUL) == 24  # a snapshot never changes


def test_another_process_sees_it_at_its_next_transaction(store: Store, reference: Reference) -> None:
    other = Reference(store, "jianghan")
    add(store, reference, limit(24))
    assert held(now(store, other), JUL) == 24
    add(store, reference, limit(12, JUL))
    assert held(now(store, other), JUL) == 12
    assert held(now(store, Reference(store, "wuchang")), JUL) is None


def test_a_neighbour_in_the_same_commit_sees_it_and_a_refused_one_leaves_nothing(
    store: Store, reference: Reference
) -> None:
    def adds(tx: Tx) -> int | None:
        reference.add(tx, [limit(24)], recorded_by="pack")
        return held(reference.snapshot_for(tx, 0), JUL)

    def refused(tx: Tx) -> None:
        reference.add(tx, [limit(12, JUL)], recorded_by="pack")
        assert held(reference.snapshot(tx), JUL) == 12
        raise ValueError("no")

    def looks(tx: Tx) -> int | None:
        return held(reference.snapshot_for(tx, 0), JUL)

    inline = Store(store.url, store.clock, inline=True)
    alone = Reference(inline, "jianghan")
    assert inline.write_all([adds, refused, looks])[::2] == [24, 24]
    inline.close()
    assert held(now(store, reference), JUL) == 24
    add(store, reference, limit(6, JUL))
    assert held(now(store, reference), JUL) == 6
    assert held(now(store, alone), JUL) == 6


def test_a_reader_that_began_earlier_keeps_its_version(store: Store, reference: Reference) -> None:
    add(store, reference, limit(24))
    with store.read() as tx:
        tx.one("SELECT COUNT(*) FROM reference")
        add(store, reference, limit(12, JUL))
        assert held(now(store, reference), JUL) == 12
        assert held(reference.snapshot(tx), JUL) == 24
    assert held(now(store, reference), JUL) == 12


rows_strategy = st.lists(
    st.tuples(
        st.integers(0, 4), st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 3)
    ).filter(lambda r: r[1] is None or r[1] >= r[0]),
    max_size=12,
    unique_by=lambda r: (r[0], r[2]),
)  # fmt: skip


@example([(0, None, 0), (1, 3, 0), (2, 3, 0)], 3, 0)  # two end at one moment
@example(
    [(0, None, 0), (1, None, 0), (1, 2, 1), (1, 1, 2)], 2, 1
)  # an end that was known, and later corrected
@given(rows_strategy, st.integers(-1, 6), st.integers(-1, 4))
def test_the_lookup_equals_the_rule_in_words(
    rows: list[tuple[int, int | None, int]], at: int, known_at: int
) -> None:
    """Of each start the row known last; of those that hold at `at` the one that began last."""
    made = [
        ReferenceRow(f"{start}:{known}", "s", "c", start, end, known, {}, "", "synthetic")
        for start, end, known in rows
    ]
    half = len(made) // 2
    snapshot = EMPTY.with_rows(1, made[:half]).with_rows(2, made[half:])

    def by_rule(known_at: int) -> ReferenceRow | None:
        last: dict[int, ReferenceRow] = {}
        for row in sorted((r for r in made if r.known_from <= known_at), key=lambda r: r.known_from):
            last[row.valid_from] = row
        holding = [r for r in last.values() if r.valid_from <= at and (r.valid_to is None or at < r.valid_to)]
        return max(holding, key=lambda r: r.valid_from, default=None)

    assert snapshot.get("s", "c", at) == by_rule(99)
    assert snapshot.as_known("s", "c", at, known_at) == by_rule(known_at)
