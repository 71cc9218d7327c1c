"""Observations: one row however often it is told, taken back by a row, folded the same in any order."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civicloop.kernel.facts.observations import (
    Observation,
    Observations,
    Recording,
    RecordingMany,
    fold,
    identity,
    standing,
)
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import HOUR, VirtualClock
from civicloop.kernel.time.ids import SeededIds


@pytest.fixture
def observations(store: Store, ids: SeededIds) -> Observations:
    return Observations(store, "jianghan", ids)


def told(
    observations: Observations,
    key: str,
    happened_at: int,
    *,
    retracts: str | None = None,
    source: str = "carrier",
) -> Recording:
    return observations.recording(
        source, "move", key, happened_at, f'{{"to":"{key}"}}', subject="BOX1", retracts_key=retracts
    )


def path(rows: list[Observation], as_known_at: int | None = None) -> list[str]:
    return fold(rows, lambda state, row: [*state, row.data["to"]], list[str](), as_known_at)


def count(store: Store) -> int:
    with store.read() as tx:
        row = tx.one("SELECT COUNT(*) FROM observations")
    assert row is not None
    return int(row[0])


def test_the_same_thing_twice_adds_nothing(store: Store, observations: Observations) -> None:
    first = store.write(lambda tx: observations.record(tx, told(observations, "gate-in", 5)))
    again = store.write(lambda tx: observations.record(tx, told(observations, "gate-in", 5)))
    assert first[1] is True
    assert again == (first[0], False)
    assert store.write(told(observations, "gate-in", 5)) is False
    assert store.write(told(observations, "gate-in", 5, source="port")) is True  # another source's own word
    assert (
        store.write(RecordingMany([told(observations, key, 6) for key in ("gate-in", "load", "load")])) == 1
    )
    assert count(store) == 3


def test_the_database_refuses_change_and_deletion(store: Store, observations: Observations) -> None:
    id, _ = store.write(lambda tx: observations.record(tx, told(observations, "gate-in", 5)))
    store.write(lambda tx: observations.link(tx, id, "C1", by="desk"))
    for table in ("observations", "observation_links"):
        for sql in (f"UPDATE {table} SET district = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match="never"):
                store.write(lambda tx, sql=sql: tx.run(sql))


def test_late_reordered_and_taken_back(store: Store, observations: Observations, clock: VirtualClock) -> None:
    moments = []
    for recording in (
        told(observations, "load", 20),
        told(observations, "gate-in", 10),  # late
        told(observations, "undo-sail", 41, retracts="sail"),  # the retraction comes first
        told(observations, "sail", 40),
        told(observations, "undo-load", 42, retracts="load"),
        told(observations, "undo-undo-load", 43, retracts="undo-load"),
    ):
        recording = Recording(*recording.row[:6], clock.now(), *recording.row[7:])
        assert store.write(recording)
        moments.append(clock.now())
        clock.advance(HOUR)
    with store.read() as tx:
        rows = observations.of_subject(tx, "BOX1")
    assert len(rows) == 6
    assert path(rows) == ["gate-in", "load"]
    assert [path(rows, moment) for moment in (moments[0] - 1, *moments)] == [
        [],
        ["load"],
        ["gate-in", "load"],
        ["gate-in", "load"],
        ["gate-in", "load"],
        ["gate-in"],
        ["gate-in", "load"],
    ]


def test_links_come_later_and_go_without_deleting(
    store: Store, observations: Observations, clock: VirtualClock
) -> None:
    id, _ = store.write(lambda tx: observations.record(tx, told(observations, "camera", 5)))
    other, _ = store.write(lambda tx: observations.record(tx, told(observations, "patrol", 4)))

    def link(of: str, *, linked: bool = True) -> bool:
        clock.advance(HOUR)
        return store.write(lambda tx: observations.link(tx, of, "C1", by="desk", linked=linked))

    assert [link(id, linked=False), link(id), link(id), link(other), link(id, linked=False)] == [
        False, True, False, True, True,
    ]  # fmt: skip
    unlinked = clock.now()
    with store.read() as tx:
        assert [o.id for o in observations.of_case(tx, "C1")] == [other]
        assert [o.id for o in observations.of_case(tx, "C1", unlinked - 1)] == [other, id]
        assert observations.of_case(tx, "C1", unlinked - 5 * HOUR) == []
        assert observations.cases(tx, id) == []
        assert observations.cases(tx, other) == ["C1"]
    assert link(id)
    with store.read() as tx:
        assert [o.id for o in observations.of_case(tx, "C1")] == [other, id]


def test_what_takes_a_linked_observation_back_comes_with_it(store: Store, observations: Observations) -> None:
    id, _ = store.write(lambda tx: observations.record(tx, told(observations, "camera", 5)))
    store.write(lambda tx: observations.link(tx, id, "C1", by="desk"))
    store.write(
        observations.recording(
            "carrier", "move", "undo", 6, "{}", retracts_key="camera"
        )  # no link, no subject
    )
    stranger = observations.recording("stranger", "move", "undo", 6, "{}", retracts_key="camera")
    store.write(stranger)
    with store.read() as tx:
        by_case = observations.of_case(tx, "C1")
        assert [o.kind for o in by_case] == ["move", "move"]
        assert by_case == observations.of_subject(tx, "BOX1")
        undone = observations.identified(tx, by_case[1].retracts)
        assert undone is not None
        assert undone.id == id
        assert observations.get(tx, id) == undone
    assert path(by_case) == []


def test_another_source_can_not_take_it_back() -> None:
    assert identity("a", "bc") != identity("ab", "c")
    assert identity("port", "x") != identity("carrier", "x")


def test_of_two_tellings_of_one_thing_the_first_counts_in_any_order() -> None:
    early = Observation("o1", "s", "k", "i1", 30, 100, '{"to":"a"}')
    late = Observation("o2", "s", "k", "i1", 10, 200, '{"to":"b"}')
    other = Observation("o3", "s", "k", "i2", 20, 100, '{"to":"c"}')
    assert path([early, late, other]) == path([late, other, early]) == ["c", "a"]
    assert path([late, other, early], 99) == []


def test_retractions_in_a_circle_settle_nothing() -> None:
    rows = [
        Observation(f"o{n}", "s", "k", f"i{n}", n, 0, "{}", f"i{to}") for n, to in ((1, 2), (2, 1), (3, 3))
    ]
    kept = Observation("o4", "s", "k", "i4", 4, 0, "{}")
    assert standing([*rows, kept]) == [kept]


@dataclass(frozen=True)
class Told:
    """One row of a generated log, `retracts` an index into the log."""

    happened_at: int
    recorded_at: int
    retracts: int | None


logs = st.lists(
    st.builds(Told, st.integers(0, 4), st.integers(0, 4), st.one_of(st.none(), st.integers(0, 9))),
    max_size=10,
)


def observed(log: list[Told]) -> list[Observation]:
    return [
        Observation(
            f"o{n}", "s", "k", f"i{n}", row.happened_at, row.recorded_at, f'{{"to":"{n}"}}',
            "" if row.retracts is None else f"i{row.retracts}",
        )
        for n, row in enumerate(log)
    ]  # fmt: skip


@given(logs, st.randoms(use_true_random=False), st.one_of(st.none(), st.integers(-1, 5)))
def test_any_order_and_any_repetition_gives_the_same(
    log: list[Told], chance: random.Random, as_known_at: int | None
) -> None:
    rows = observed(log)
    expected = path(rows, as_known_at)
    repeated = [*rows, *chance.choices(rows, k=len(rows))] if rows else []
    chance.shuffle(repeated)
    assert path(repeated, as_known_at) == expected
    if as_known_at is not None:
        assert path([row for row in rows if row.recorded_at <= as_known_at]) == expected


@given(logs)
def test_a_row_stands_when_nothing_that_stands_takes_it_back(log: list[Told]) -> None:
    rows = observed(log)
    kept = {row.identity for row in standing(rows)}
    order = [(row.happened_at, row.identity) for row in standing(rows)]
    assert order == sorted(order)
    taken_back = {row.retracts for row in rows if row.retracts}
    for row in rows:
        if row.retracts:
            assert row.identity not in kept
        elif row.identity not in taken_back:
            assert row.identity in kept
        for by in rows:
            if by.retracts == row.identity and by.identity not in taken_back:
                assert row.identity not in kept
