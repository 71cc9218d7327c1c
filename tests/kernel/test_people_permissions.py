"""Who may do what where, decided in one place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from civicloop.kernel.label import Label
from civicloop.kernel.people.permissions import covers, different_person, may, role_for, unknown_roles, within
from civicloop.kernel.people.roles import (
    CLOCK,
    PUBLIC,
    Actor,
    Grant,
    Scope,
    Where,
    importer,
    persons_of,
    reporter,
)
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.sqlite import sqlite

HERE = Where("jianghan", "420103001", "420103001002", "sanitation", "P1", "C1")
DISPATCH = frozenset({"dispatcher"})


def holding(*scopes: Scope, role: str = "dispatcher", person: str = "P1") -> Actor:
    return Actor(person, "A1", Label("王芳", "Wang Fang"), tuple(Grant(role, s) for s in scopes))


@pytest.mark.parametrize(
    ("scope", "contains"),
    [
        (Scope("district", "jianghan"), True),
        (Scope("district", "wuchang"), False),
        (Scope("district", ""), False),
        (Scope("street", "420103001"), True),
        (Scope("street", "420103002"), False),
        (Scope("community", "420103001002"), True),
        (Scope("community", "420103001003"), False),
        (Scope("unit", "sanitation"), True),
        (Scope("unit", "parks"), False),
        (Scope("self"), True),
        (Scope("case", "C1"), True),
        (Scope("case", "C2"), False),
    ],
)
def test_a_role_holds_where_its_scope_contains_the_case(scope: Scope, contains: bool) -> None:
    assert (may(holding(scope), DISPATCH, HERE) is None) is contains


@pytest.mark.parametrize("kind", ["street", "community", "unit", "self", "case"])
def test_an_unknown_place_is_contained_by_the_district_only(kind: str) -> None:
    nowhere = Where("jianghan")
    assert not covers(Scope(kind, ""), nowhere, holding())  # type: ignore[arg-type]
    assert covers(Scope("district", "jianghan"), nowhere, holding())


def test_refusals_say_what_is_missing_and_how_to_mend_it() -> None:
    names = {"dispatcher": Label("派遣员", "Dispatcher"), "420103002": Label("民族街", "Minzu Street")}
    stranger = may(PUBLIC, DISPATCH, HERE, names=names)
    assert stranger == Label("请先登录。此处由派遣员使用。", "Sign in first. This is for: Dispatcher.")
    wrong = may(holding(Scope("district", "jianghan"), role="checker"), DISPATCH, HERE, names=names)
    assert wrong is not None
    assert "派遣员" in wrong.zh
    assert "administrator" in wrong.en
    away = may(holding(Scope("street", "420103002")), DISPATCH, HERE, names=names)
    assert away is not None
    assert "民族街" in away.zh
    assert "Minzu Street" in away.en


def test_the_kernels_own_roles() -> None:
    assert may(PUBLIC, frozenset({"public"}), None) is None
    assert may(PUBLIC, frozenset({"signed_in"}), None) is not None
    assert may(holding(), frozenset({"signed_in"}), HERE) is None
    assert may(CLOCK, frozenset({"clock"}), HERE) is None
    assert may(CLOCK, DISPATCH, HERE) is not None
    assert may(holding(Scope("district", "jianghan"), role="clock"), frozenset({"clock"}), HERE) is not None
    assert may(reporter(["C1"]), frozenset({"reporter"}), HERE) is None
    assert may(reporter(["C2"]), frozenset({"reporter"}), HERE) is not None
    assert may(importer("boston"), DISPATCH, HERE) is None
    assert may(importer("boston"), frozenset({"clock"}), HERE) is not None
    assert role_for(importer("boston"), DISPATCH, HERE) == "dispatcher"


def test_a_page_about_no_one_case_opens_to_the_role_in_any_scope() -> None:
    assert may(holding(Scope("unit", "parks")), DISPATCH, None) is None
    assert may(holding(Scope("unit", "parks"), role="checker"), DISPATCH, None) is not None


def test_an_api_key_needs_its_scope_also_for_what_is_public() -> None:
    key = replace(holding(Scope("district", "jianghan")), via="api", api_scopes=frozenset({"read"}))
    assert may(key, DISPATCH, HERE, need="read") is None
    refused = may(key, DISPATCH, HERE, need="perform")
    assert refused is not None
    assert "perform" in refused.en
    assert may(key, frozenset({"public"}), None, need="open") is not None
    assert may(holding(Scope("district", "jianghan")), DISPATCH, HERE, need="perform") is None


def test_a_link_allows_its_one_action() -> None:
    link = replace(holding(Scope("case", "C1")), via="link", only_action="report_back")
    assert may(link, DISPATCH, HERE, action="report_back") is None
    assert may(link, DISPATCH, HERE, action="hold") is not None
    assert may(link, DISPATCH, replace(HERE, case="C2"), action="report_back") is not None


def test_a_first_password_is_changed_before_anything_else() -> None:
    fresh = replace(holding(Scope("district", "jianghan")), must_change=True)
    assert may(fresh, DISPATCH, HERE) is not None
    assert may(fresh, DISPATCH | {"public"}, HERE) is None


def test_separation_of_duty_compares_persons_not_accounts() -> None:
    handled = holding(Scope("self"), role="crew", person="P1")
    other_account = replace(handled, account_id="A9")
    assert different_person(other_account, {handled.signature}) is not None
    assert different_person(replace(handled, person_id="P2"), {handled.signature}) is None


def test_separation_of_duty_sees_through_delegation() -> None:
    delegate = replace(holding(person="P2"), acts_for="P1")
    assert delegate.signature == "P2>P1"
    assert delegate.persons == {"P1", "P2"}
    assert different_person(delegate, {"P1"}) is not None  # the one acted for did it
    assert different_person(holding(person="P1"), {"P2>P1"}) is not None  # it was done in his name
    assert different_person(holding(person="P2"), {"P2>P1"}) is not None  # he did it, for another
    assert different_person(holding(person="P3"), {"P2>P1"}) is None


def test_the_clock_and_strangers_are_no_natural_persons() -> None:
    assert persons_of([CLOCK.signature, PUBLIC.signature, importer("x").signature, ""]) == frozenset()
    assert different_person(PUBLIC, {PUBLIC.signature}) is None


def test_roles_nobody_declares_are_named() -> None:
    assert unknown_roles({"dispatcher", "public", "clock", "dispacher"}, DISPATCH) == {"dispacher"}


CODES = st.sampled_from(["", "a", "b"])
SCOPES = st.builds(Scope, st.sampled_from(["district", "street", "community", "unit", "self", "case"]), CODES)
ACTORS = st.builds(
    Actor,
    st.sampled_from(["P1", "P2"]),
    st.sampled_from(["", "A1"]),
    grants=st.lists(
        st.builds(Grant, st.sampled_from(["dispatcher", "checker", "clock", "public"]), SCOPES), max_size=4
    ).map(tuple),
    via=st.sampled_from(["web", "api", "import", "clock", "device", "sim", "link"]),
    acts_for=st.sampled_from(["", "P1"]),
    must_change=st.booleans(),
)
PEOPLE = st.sampled_from(["", "P1", "P2"])
WHERES = st.builds(Where, st.just("a"), CODES, CODES, CODES, PEOPLE, st.sampled_from(["a", "b"]))
BYS = st.frozensets(st.sampled_from(["dispatcher", "checker", "public", "signed_in", "clock"]), min_size=1)


@given(actor=ACTORS, by=BYS, wheres=st.lists(WHERES, min_size=1, max_size=5))
def test_a_list_shows_exactly_the_cases_the_actor_may_see(
    actor: Actor, by: frozenset[str], wheres: list[Where]
) -> None:
    raw = sqlite.connect(":memory:")
    raw.execute("CREATE TABLE cases (street, community, unit, holder, id)")
    rows = [(w.street, w.community, w.unit, w.holder, w.case) for w in wheres]
    raw.executemany("INSERT INTO cases VALUES (?, ?, ?, ?, ?)", rows)
    condition, params = within(actor, by, "a")
    shown = [bool(r[0]) for r in raw.execute(f"SELECT {condition} FROM cases ORDER BY rowid", params)]
    assert shown == [may(actor, by, where) is None for where in wheres]


def test_the_condition_for_lists_runs_on_both_databases(store: Store) -> None:
    actor = holding(Scope("street", "s"), Scope("unit", "u"), Scope("self"))
    condition, params = within(actor, DISPATCH, "jianghan", "c.")
    with store.read() as tx:
        sql = f"SELECT c.id FROM cases c WHERE c.district = ? AND {condition}"
        assert tx.all(sql, ("jianghan", *params)) == []
