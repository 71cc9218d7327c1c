"""Personal values behind commitments: read with a trace, erased without harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civicloop.kernel.people.identity import People
from civicloop.kernel.people.personal import (
    commit,
    is_commitment,
    mask_name,
    mask_phone,
    verify,
)
from civicloop.kernel.people.roles import CLOCK, Actor
from civicloop.kernel.refusal import Forbidden, Invalid, Missing
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.time.clock import DAY, VirtualClock
from civicloop.kernel.time.ids import SeededIds

WANG = Actor("p1", "a1")
WHY = "calling to find the place"
PHONE = "13800138000"


@pytest.fixture
def people(store: Store, ids: SeededIds) -> People:
    return People("jianghan", store, ids)


def put(people: People, store: Store, subject: str = "r1", purpose: str = "phone", value: str = PHONE) -> str:
    until = store.clock.now() + DAY
    return store.write(lambda tx: people.personal.put(tx, subject, purpose, value, until))


def test_a_value_is_read_with_a_trace(people: People, store: Store, clock: VirtualClock) -> None:
    put(people, store)
    assert store.write(lambda tx: people.personal.read(tx, WANG, "r1", "phone", WHY)) == PHONE
    with store.read() as tx:
        (trace,) = people.audit.of_subject(tx, "r1")
        assert people.audit.of_actor(tx, "p1") == [trace]
    assert (trace.actor, trace.account_id, trace.purpose, trace.why, trace.read_at) == (
        *("p1", "a1", "phone", WHY),
        clock.now(),
    )


def test_nothing_is_read_without_a_trace(people: People, store: Store) -> None:
    put(people, store)
    with pytest.raises(Invalid) as wrong:
        store.write(lambda tx: people.personal.read(tx, WANG, "r1", "phone", " "))
    assert "why" in wrong.value.fields
    with store.read() as tx, pytest.raises(Exception, match=r"readonly|read-only"):
        people.personal.read(tx, WANG, "r1", "phone", WHY)


def test_an_api_key_reads_personal_data_only_with_that_scope(people: People, store: Store) -> None:
    put(people, store)
    key = Actor("p1", "a1", via="api", api_scopes=frozenset({"read", "perform"}))
    with pytest.raises(Forbidden):
        store.write(lambda tx: people.personal.read(tx, key, "r1", "phone", WHY))
    with store.read() as tx:
        assert people.audit.of_subject(tx, "r1") == []


def test_the_latest_value_is_read_and_the_earlier_commitment_stays(people: People, store: Store) -> None:
    first = put(people, store)
    second = put(people, store, value="13900139000")
    assert first != second
    assert store.write(lambda tx: people.personal.read(tx, WANG, "r1", "phone", WHY)) == "13900139000"


def test_the_same_value_has_another_commitment_each_time(people: People, store: Store) -> None:
    assert put(people, store) != put(people, store, subject="r2")


def test_an_opening_proves_what_was_committed_to(people: People, store: Store) -> None:
    commitment = put(people, store)
    opening = store.write(lambda tx: people.personal.open(tx, WANG, "r1", "phone", WHY))
    assert opening.commitment == commitment
    assert verify(commitment, "phone", opening.salt, opening.value)
    assert not verify(commitment, "phone", opening.salt, "13900139000")
    assert not verify(commitment, "name", opening.salt, opening.value)


def test_erasing_leaves_commitments_in_place_and_valid(people: People, store: Store) -> None:
    phone, name = put(people, store), put(people, store, purpose="name", value="张伟")
    other = put(people, store, subject="r2")
    assert store.write(lambda tx: people.personal.erase(tx, "r1")) == 2
    assert store.write(lambda tx: people.personal.erase(tx, "r1")) == 0
    assert is_commitment(phone)
    assert is_commitment(name)
    with store.read() as tx:
        rows = tx.all(
            "SELECT commitment, salt, value, erased_at FROM personal WHERE subject = 'r1' ORDER BY purpose",
            (),
        )
        assert rows == [(c, "", "", store.clock.now()) for c in (name, phone)]
        assert people.personal.purposes(tx, "r1") == []
        assert people.personal.purposes(tx, "r2") == ["phone"]
    with pytest.raises(Missing) as gone:
        store.write(lambda tx: people.personal.read(tx, WANG, "r1", "phone", WHY))
    assert gone.value.code == "erased"
    opening = store.write(lambda tx: people.personal.open(tx, WANG, "r2", "phone", WHY))
    assert verify(other, "phone", opening.salt, opening.value)
    put(people, store, value="13700137000")  # a value may come again later
    assert store.write(lambda tx: people.personal.read(tx, WANG, "r1", "phone", WHY)) == "13700137000"


def test_an_erased_value_is_gone_from_the_file_too(sqlite_url: str, clock: VirtualClock) -> None:
    store = open_store(sqlite_url, clock)
    people = People("jianghan", store, SeededIds("x"))
    for n in range(50):
        put(people, store, subject=f"r{n}", value=f"secret-{n:03d}-value")
    store.close()
    assert b"secret-017-value" in Path(sqlite_url).read_bytes()
    store = open_store(sqlite_url, clock)
    people = People("jianghan", store, SeededIds("y"))
    store.write(lambda tx: people.personal.erase(tx, "r17"))
    store.close()
    kept = b"".join(p.read_bytes() for p in Path(sqlite_url).parent.iterdir() if p.is_file())
    assert b"secret-017-value" not in kept
    assert b"secret-018-value" in kept


def test_what_has_been_kept_long_enough_is_erased(people: People, store: Store, clock: VirtualClock) -> None:
    put(people, store)
    clock.advance(DAY // 2)
    put(people, store, value="13900139000")
    clock.advance(DAY // 2)
    with store.read() as tx:
        assert people.personal.due_for_erasure(tx, clock.now()) == [("r1", "phone")]
        assert people.personal.due_for_erasure(tx, clock.now() - 1) == []
    assert store.write(people.personal.erase_due) == 1
    assert store.write(lambda tx: people.personal.read(tx, WANG, "r1", "phone", WHY)) == "13900139000"
    store.write(lambda tx: people.personal.keep_until(tx, "r1", clock.now()))
    assert store.write(people.personal.erase_due) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE personal SET value = 'other'",
        "UPDATE personal SET salt = ''",
        "UPDATE personal SET commitment = 'x'",
        "UPDATE personal SET erased_at = 1",
        "DELETE FROM personal",
        "UPDATE audit_reads SET why = ''",
        "DELETE FROM audit_reads",
    ],
)
def test_the_database_refuses_to_change_what_was_kept_or_read(people: People, store: Store, sql: str) -> None:
    put(people, store)
    store.write(lambda tx: people.personal.read(tx, CLOCK, "r1", "phone", WHY))
    with pytest.raises(Exception, match=r"never|erased"):
        store.write(lambda tx: tx.run(sql, ()))


def test_an_erased_row_stays_erased(people: People, store: Store) -> None:
    put(people, store)
    store.write(lambda tx: people.personal.erase(tx, "r1"))
    with pytest.raises(Exception, match="never changed"):
        store.write(lambda tx: tx.run("UPDATE personal SET value = 'back', erased_at = NULL", ()))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(one=st.tuples(TEXTS, TEXTS, TEXTS), two=st.tuples(TEXTS, TEXTS, TEXTS))
def test_different_values_never_share_a_commitment(
    one: tuple[str, str, str], two: tuple[str, str, str]
) -> None:
    assert (commit(*one) == commit(*two)) is (one == two)
    assert is_commitment(commit(*one))


def test_a_commitments_form() -> None:
    assert not is_commitment("13800138000")
    assert not is_commitment("sha256:" + "g" * 64)
    # The boundary between the parts is part of what is committed to.
    assert commit("b", "a", "cd") != commit("bc", "a", "d")


@pytest.mark.parametrize(
    ("number", "shown"),
    [("13800138000", "138****8000"), ("12345", "*****"), ("1234567", "123****"), ("", "")],
)
def test_masked_numbers(number: str, shown: str) -> None:
    assert mask_phone(number) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [("王小明", "王**"), ("王芳", "王*"), ("John Smith", "J*** S****"), ("王", "王*"), ("", "")],
)
def test_masked_names(name: str, shown: str) -> None:
    assert mask_name(name) == shown
