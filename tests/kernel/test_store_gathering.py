"""What comes in through one event loop goes to the writer together, and each still gets its own answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from civicloop.kernel.facts.observations import Observations, Recording
from civicloop.kernel.store import writer
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.ids import SeededIds

COUNT = 100


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many operations each of the writer's transactions began with."""
    seen: list[int] = []
    run = writer.Writer.run

    def counted(self: writer.Writer, batch: list[Any]) -> None:
        seen.append(len(batch))
        run(self, batch)

    monkeypatch.setattr(writer.Writer, "run", counted)
    return seen


def observations(store: Store, ids: SeededIds) -> Observations:
    return Observations(store, "d", ids)


def test_neighbours_of_a_turn_share_a_commit_and_have_their_own_answers(
    store: Store, batches: list[int]
) -> None:
    async def main() -> list[int]:
        return await asyncio.gather(*(store.awrite(lambda tx, n=n: n) for n in range(COUNT)))  # type: ignore[misc]

    assert asyncio.run(main()) == list(range(COUNT))
    assert batches == [COUNT]


def test_what_comes_while_the_writer_works_is_answered_too(store: Store, batches: list[int]) -> None:
    async def follow(n: int) -> int:
        first = await store.awrite(lambda tx: n)
        return first + await store.awrite(lambda tx: 1)

    async def main() -> list[int]:
        early = asyncio.gather(*(follow(n) for n in range(10)))
        await asyncio.sleep(0)
        late = asyncio.gather(*(follow(n) for n in range(10, 20)))
        return [*await early, *await late]

    assert asyncio.run(main()) == [n + 1 for n in range(20)]
    assert sum(batches) == 40


def test_more_than_a_batch_at_once_is_cut(
    store: Store, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH", 7)

    async def main() -> list[int]:
        return await asyncio.gather(*(store.awrite(lambda tx, n=n: n) for n in range(COUNT)))  # type: ignore[misc]

    assert asyncio.run(main()) == list(range(COUNT))
    assert sum(batches) == COUNT
    assert max(batches) == 7


def test_a_refusal_among_neighbours_is_its_own(store: Store) -> None:
    def refuse(tx: Tx) -> int:
        raise ValueError("no")

    async def main() -> list[Any]:
        work = (store.awrite(refuse if n == 3 else lambda tx: 1) for n in range(8))
        return await asyncio.gather(*work, return_exceptions=True)

    found = asyncio.run(main())
    assert isinstance(found[3], ValueError)
    assert [x for n, x in enumerate(found) if n != 3] == [1] * 7


def test_a_second_loop_after_the_first_is_served(store: Store) -> None:
    async def main() -> int:
        return await store.awrite(lambda tx: 5)

    assert [asyncio.run(main()) for _ in range(3)] == [5] * 3


def test_one_who_leaves_holds_nobody_up(store: Store, ids: SeededIds) -> None:
    seen = observations(store, ids)

    async def main() -> bool:
        gone = asyncio.ensure_future(store.awrite(seen.recording("s", "k", "gone", 1, "{}")))
        await asyncio.sleep(0)
        gone.cancel()
        return await store.awrite(seen.recording("s", "k", "stays", 1, "{}"))

    assert asyncio.run(main()) is True
    with store.read() as tx:
        assert tx.all("SELECT COUNT(*) FROM observations", ()) == [(2,)]


@pytest.mark.parametrize("count", [1, 3, 4, 21, 64, 85, 200])
def test_observations_go_in_together_and_a_repetition_is_told(
    store: Store, ids: SeededIds, count: int
) -> None:
    seen = observations(store, ids)
    store.write(seen.recording("s", "k", "key-2", 1, "{}"))
    keys = [f"key-{n}" for n in range(count)]
    told: list[Recording] = [seen.recording("s", "k", key, 1, "{}") for key in (*keys, keys[0])]
    answers = store.write_all(list(told))
    assert answers == [key != "key-2" for key in keys] + [False]
    with store.read() as tx:
        assert tx.all("SELECT COUNT(*) FROM observations", ()) == [(max(count, 1) + (count < 3),)]


def test_one_that_cannot_be_written_spoils_no_neighbour(store: Store, ids: SeededIds) -> None:
    seen = observations(store, ids)
    told = [seen.recording("s", "k", f"key-{n}", 1, "{}") for n in range(5)]
    told[2].row = (*told[2].row[:5], None, *told[2].row[6:])
    answers = store.write_all(list(told))
    assert [a for n, a in enumerate(answers) if n != 2] == [True] * 4
    assert isinstance(answers[2], Exception)
    with store.read() as tx:
        assert tx.all("SELECT COUNT(*) FROM observations", ()) == [(4,)]
