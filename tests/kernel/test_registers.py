"""Registers: what holds, whose word counts, what was known, and merges that can be undone."""

from __future__ import annotations

from typing import Any

import pytest

from civicloop.kernel.facts.registers import Entity, EntityRow, Register, Registers
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Conflict, Invalid, Missing
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import DAY, VirtualClock
from civicloop.kernel.time.ids import SeededIds

MERCHANTS = Register(
    "merchants",
    Label("商户", "Merchants"),
    precedence=("registry", "inspection", "merchant"),
    names=("name", "brand"),
)
CODE = "91420103MA4KXX001X"


@pytest.fixture
def registers(store: Store, ids: SeededIds) -> Registers:
    return Registers(store, "jianghan", ids, (MERCHANTS,))


def put(
    store: Store, registers: Registers, source: str = "registry", register: str = "merchants", **more: Any
) -> str:
    options = {
        k: more.pop(k) for k in ("id", "legal_id", "valid_from", "valid_to", "known_from") if k in more
    }
    return store.write(
        lambda tx: registers.put(tx, register, more, source=source, recorded_by="desk", **options)
    )


def get(
    store: Store, registers: Registers, id: str, at: int | None = None, known_at: int | None = None
) -> Entity:
    with store.read() as tx:
        if at is None:
            entity = registers.get(tx, "merchants", id)
        else:
            entity = registers.at(tx, "merchants", id, at, known_at)
    assert entity is not None
    return entity


def found(store: Store, registers: Registers, query: str, register: str = "merchants") -> list[str]:
    with store.read() as tx:
        return [entity.id for entity in registers.find(tx, register, query)]


def count(store: Store) -> int:
    with store.read() as tx:
        row = tx.one("SELECT COUNT(*) FROM entity_facts")
    assert row is not None
    return int(row[0])


def test_the_most_trusted_source_that_says_something_counts(store: Store, registers: Registers) -> None:
    id = put(store, registers, "merchant", name="蔡林记", phone="027-1", seats=40)
    put(store, registers, "inspection", id=id, name="蔡林记（民意店）", seats=36)
    put(store, registers, "registry", id=id, name="武汉蔡林记餐饮有限公司")
    put(store, registers, "stranger", id=id, name="CLJ", email="a@b")
    entity = get(store, registers, id)
    assert entity.attributes == {
        "name": "武汉蔡林记餐饮有限公司", "phone": "027-1", "seats": 36, "email": "a@b",
    }  # fmt: skip
    assert entity.by_source["seats"] == {"merchant": 40, "inspection": 36}
    put(store, registers, "registry", id=id, name=None)
    assert get(store, registers, id).name == "蔡林记（民意店）"


def test_dated_and_as_known(store: Store, registers: Registers, clock: VirtualClock) -> None:
    start = clock.now()
    id = put(store, registers, street="民意街")
    moved = clock.advance(30 * DAY)
    put(store, registers, id=id, street="民权街")
    corrected = clock.advance(DAY)
    put(store, registers, id=id, street="花楼街", valid_from=moved)
    assert get(store, registers, id, start).attributes == {"street": "民意街"}
    assert get(store, registers, id, moved).attributes == {"street": "花楼街"}
    assert get(store, registers, id, moved, corrected - 1).attributes == {"street": "民权街"}
    assert get(store, registers, id, moved, moved - 1).attributes == {"street": "民意街"}
    put(store, registers, id=id, street="花楼街", valid_from=moved, valid_to=corrected)
    assert get(store, registers, id, corrected).attributes == {"street": "民意街"}
    with store.read() as tx:
        assert registers.at(tx, "merchants", id, moved, start - 1) is None
        assert registers.get(tx, "merchants", "nobody") is None
        assert [f.value for f in registers.facts(tx, "merchants", id)] == [
            "民意街",
            "民权街",
            "花楼街",
            "花楼街",
        ]


def test_said_again_adds_nothing(store: Store, registers: Registers, clock: VirtualClock) -> None:
    id = put(store, registers, legal_id=CODE, name="热干面馆", tags=["面", "早餐"])
    clock.advance(DAY)
    assert put(store, registers, legal_id=CODE, name="热干面馆", tags=["面", "早餐"]) == id
    assert count(store) == 2
    with store.read() as tx:
        entity = registers.by_legal_id(tx, "merchants", CODE)
    assert entity is not None
    assert entity.id == id
    rows = [
        EntityRow("streets", f"4201030{n:02d}", {"name": name}, "pack", valid_from=0)
        for n, name in enumerate(("民意街", "民权街", "花楼街"))
    ]
    loads = [store.write(lambda tx: registers.load(tx, rows, recorded_by="pack")) for _ in range(2)]
    assert loads == [3, 0]
    with store.read() as tx:
        assert [e.name for e in registers.all(tx, "streets")] == ["民意街", "民权街", "花楼街"]
        assert [e.name for e in registers.all(tx, "streets", after="420103000", limit=1)] == ["民权街"]


def test_one_legal_id_one_entity(store: Store, registers: Registers) -> None:
    id = put(store, registers, name="甲")
    put(store, registers, id=id, legal_id=CODE)
    assert get(store, registers, id).legal_id == CODE
    other = put(store, registers, name="乙")
    for refused in ({"id": other, "legal_id": CODE}, {"id": id, "legal_id": "92"}):
        with pytest.raises(Invalid) as error:
            put(store, registers, **refused)
        assert set(error.value.fields) == {"legal_id"}
    assert get(store, registers, other).legal_id is None


def test_a_correction_may_not_rewrite_the_past(
    store: Store, registers: Registers, clock: VirtualClock
) -> None:
    id = put(store, registers, name="甲", valid_from=0)
    with pytest.raises(Invalid):
        put(store, registers, id=id, name="乙", valid_from=0, known_from=clock.now())
    with pytest.raises(Invalid):
        put(store, registers, id=id, name="乙", valid_from=5, valid_to=4)
    assert get(store, registers, id).name == "甲"


def test_a_merge_joins_and_its_undoing_parts(store: Store, registers: Registers, clock: VirtualClock) -> None:
    first = put(store, registers, legal_id=CODE, name="蔡林记", seats=36)
    put(store, registers, "merchant", id=first, phone="027-0")
    second = put(store, registers, "merchant", name="蔡林记热干面", phone="027-1", seats=30)
    third = put(store, registers, "merchant", name="林记", phone="027-2")
    before = clock.now()
    clock.advance(DAY)
    store.write(lambda tx: registers.merge(tx, "merchants", third, second, by="desk"))
    store.write(lambda tx: registers.merge(tx, "merchants", second, first, by="desk"))
    merged = get(store, registers, third)
    assert (merged.id, merged.merged, merged.legal_id) == (first, tuple(sorted((second, third))), CODE)
    assert merged.attributes["phone"] == "027-0"
    assert merged.by_source["seats"] == {"registry": 36, "merchant": 30}
    assert merged.attributes["name"] == "蔡林记"
    assert get(store, registers, third, before, before).id == third
    with store.read() as tx:
        assert [e.id for e in registers.all(tx, "merchants")] == [first]
    assert found(store, registers, "热干面") == [first]
    for id, into in ((first, third), (second, third), (first, first)):
        with pytest.raises(Conflict):
            store.write(lambda tx, id=id, into=into: registers.merge(tx, "merchants", id, into, by="desk"))
    clock.advance(DAY)
    store.write(lambda tx: registers.unmerge(tx, "merchants", second, by="desk"))
    assert get(store, registers, first).attributes == {"name": "蔡林记", "seats": 36, "phone": "027-0"}
    assert get(store, registers, third).id == second
    assert get(store, registers, third, clock.now(), clock.now() - 1).id == first
    with pytest.raises(Conflict):
        store.write(lambda tx: registers.unmerge(tx, "merchants", second, by="desk"))
    with pytest.raises(Missing):
        store.write(lambda tx: registers.merge(tx, "merchants", second, "nobody", by="desk"))
    store.write(lambda tx: registers.merge(tx, "merchants", second, first, by="desk"))
    assert get(store, registers, third).id == first


def test_a_circle_of_merges_still_has_an_answer(store: Store, registers: Registers) -> None:
    """Two processes may merge a pair both ways at the same moment."""
    ids = sorted(put(store, registers, name=name) for name in "甲乙丙")
    for id, into in zip(ids, [*ids[1:], ids[0]], strict=True):
        store.write(
            lambda tx, id=id, into=into: tx.run(
                "INSERT INTO entity_merges VALUES ('jianghan', 'merchants', ?, 1, ?, 1, 0, 'desk')",
                (id, into),
            )
        )
    entities = [get(store, registers, id) for id in ids]
    assert {(entity.id, entity.merged) for entity in entities} == {(ids[0], tuple(ids[1:]))}


def test_two_persons_in_law_are_not_merged(store: Store, registers: Registers) -> None:
    first, second = (
        put(store, registers, legal_id=CODE, name="甲"),
        put(store, registers, legal_id="92", name="乙"),
    )
    with pytest.raises(Conflict):
        store.write(lambda tx: registers.merge(tx, "merchants", first, second, by="desk"))


def test_found_by_every_name_it_had(store: Store, registers: Registers, clock: VirtualClock) -> None:
    first = put(store, registers, legal_id=CODE, name="武汉蔡林记餐饮有限公司", brand="CaiLinJi 1930")
    second = put(store, registers, name="蔡林记")
    put(store, registers, name="林记修车", note="蔡林记对面")
    clock.advance(DAY)
    put(store, registers, id=second, name="老蔡面馆")
    assert found(store, registers, "蔡林记") == [second, first]  # the shorter name is the nearer
    assert found(store, registers, "老蔡面馆") == [second]
    assert found(store, registers, "餐饮 蔡林") == [first]
    assert found(store, registers, "cail") == [first]
    assert found(store, registers, "林蔡记") == []
    put(store, registers, name="记蔡林记")
    assert found(store, registers, "蔡林记蔡") == []
    assert found(store, registers, CODE) == [first]
    assert found(store, registers, second) == [second]
    assert found(store, registers, "蔡林记", "streets") == []
    with pytest.raises(Invalid):
        found(store, registers, " ")


def test_the_database_refuses_change_and_deletion(store: Store, registers: Registers) -> None:
    id = put(store, registers, legal_id=CODE, name="甲")
    other = put(store, registers, name="乙")
    store.write(lambda tx: registers.merge(tx, "merchants", other, id, by="desk"))
    for table in ("entities", "entity_facts", "entity_merges"):
        for sql in (f"UPDATE {table} SET register = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match=r"never|only ever gain"):
                store.write(lambda tx, sql=sql: tx.run(sql))


def test_two_loops_may_share_a_register_but_not_differ(registers: Registers) -> None:
    registers.declare((MERCHANTS, Register("firms", Label("企业", "Firms"))))
    with pytest.raises(ValueError, match="merchants"):
        registers.declare((Register("merchants", Label("商户", "Merchants")),))
