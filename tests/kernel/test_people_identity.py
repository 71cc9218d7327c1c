"""Signing in, sessions, keys and accounts, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from civicloop.kernel.label import Label
from civicloop.kernel.people.identity import People
from civicloop.kernel.people.passwords import Hashing
from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import CLOCK, PUBLIC, Actor, Grant, Scope
from civicloop.kernel.people.sessions import csrf_of, csrf_right, secret_hash
from civicloop.kernel.people.throttle import Limit, Limits
from civicloop.kernel.refusal import Forbidden, Invalid, Missing, Refusal, SignIn, TooMany
from civicloop.kernel.store.database import Store, open_store
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, SECOND, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.people import (  # noqa: F401 - fixtures are taken by their names
    BY_DISPATCHER,
    CHEAP,
    DISPATCHER,
    HERE,
    PASSWORD,
    WANG,
    Watched,
    enter,
    make_people,
    on_sqlite,
    people,
    refusal,
    sqlite_store,
    wang,
)


def test_a_login_opens_a_session_with_the_accounts_roles(people: People, wang: str) -> None:
    signed = people.login(" WANG ", PASSWORD, address="10.0.0.1", agent="Firefox")
    assert signed.actor.account_id == wang
    assert signed.actor.name == WANG
    assert may(signed.actor, BY_DISPATCHER, HERE) is None
    assert people.actor_of_session(signed.token) == signed.actor
    assert people.actor_of_session("S" + "0" * 32) == PUBLIC
    assert people.actor_of_session("") == PUBLIC


def test_neither_token_nor_password_is_stored(people: People, wang: str, store: Store) -> None:
    signed = people.login("wang", PASSWORD, address="10.0.0.1")
    with store.read() as tx:
        kept = repr(tx.all("SELECT * FROM sessions")) + repr(tx.all("SELECT * FROM accounts"))
    assert signed.token not in kept
    assert PASSWORD not in kept
    assert secret_hash(signed.token) in kept
    assert "$argon2id$" in kept


def test_a_wrong_password_and_an_unknown_login_get_the_same_answer_and_the_same_work(
    people: People, wang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(people._passwords._hasher)
    monkeypatch.setattr(people._passwords, "_hasher", watched)
    wrong = refusal(SignIn, enter, people, "wang", "not this one")
    unknown = refusal(SignIn, enter, people, "nobody", "not this one")
    odd = refusal(SignIn, enter, people, "x\x00'; --\ud800", "\ud800\x00")
    assert (wrong.reason, wrong.code) == (unknown.reason, unknown.code) == (odd.reason, odd.code)
    assert len(watched.costs) == 3
    assert len(set(watched.costs)) == 1


def test_an_account_is_throttled_and_told_when_to_come_back(
    people: People, wang: str, clock: VirtualClock
) -> None:
    for n in range(people.limits.login_account.tries):
        refusal(SignIn, enter, people, "wang", "wrong", f"10.0.1.{n}")
    late = refusal(TooMany, enter, people)
    assert late.reason.en == "Too many tries. Come back in 15 minutes."
    assert late.extra["retry_after_seconds"] == 900
    clock.advance(14 * MINUTE + 30 * SECOND)
    assert "1 分钟" in refusal(TooMany, enter, people).reason.zh
    clock.advance(30 * SECOND)
    assert enter(people).account_id == wang


def test_an_unknown_login_is_throttled_like_a_known_one(people: People) -> None:
    for n in range(people.limits.login_account.tries):
        refusal(SignIn, enter, people, "nobody", "wrong", f"10.0.1.{n}")
    refusal(TooMany, enter, people, "nobody")


def test_an_address_is_throttled_but_its_successes_do_not_count(store: Store, ids: SeededIds) -> None:
    people = make_people(store, ids, limits=Limits(login_address=Limit(3, 15 * MINUTE)))
    people.create_account(CLOCK, "wang", WANG, password=PASSWORD, must_change=False)
    for _ in range(5):
        enter(people)
    for n in range(3):
        refusal(SignIn, enter, people, f"guess{n}", "wrong")
    refusal(TooMany, enter, people, "guess9", "wrong")
    assert enter(people, address="10.0.0.2")


def test_many_tries_at_once_count_as_many(people: People, wang: str) -> None:
    def attempt(n: int) -> str:
        try:
            enter(people, "wang", f"guess {n}", f"10.0.2.{n}")
        except Refusal as error:
            return type(error).__name__
        return "in"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(20)))
    assert outcomes.count("SignIn") == people.limits.login_account.tries
    assert outcomes.count("TooMany") == 20 - people.limits.login_account.tries


def test_a_session_ends_when_it_is_not_used(people: People, wang: str, clock: VirtualClock) -> None:
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    for _ in range(5):
        clock.advance(2 * HOUR - MINUTE)
        assert people.actor_of_session(token).signed_in
        people._store.write(lambda tx: None)  # the last use is written behind the answer
    clock.advance(2 * HOUR)
    assert people.actor_of_session(token) == PUBLIC


def test_a_session_ends_after_its_longest_time_however_much_it_is_used(
    people: People, wang: str, clock: VirtualClock
) -> None:
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    used = 0
    while people.actor_of_session(token).signed_in:
        people._store.write(lambda tx: None)
        clock.advance(HOUR)
        used += 1
    assert used == 12


def test_reading_a_page_is_one_read_and_no_write(sqlite_store: Store, ids: SeededIds) -> None:
    people = make_people(sqlite_store, ids)
    people.create_account(CLOCK, "wang", WANG, password=PASSWORD, must_change=False, grants=[DISPATCHER])
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    statements: list[str] = []
    people.sessions._known.clear()
    with sqlite_store.read() as tx:
        tx._connection.raw.set_trace_callback(statements.append)  # type: ignore[attr-defined]
    assert people.actor_of_session(token).signed_in
    assert people.actor_of_session(token).signed_in
    selects = [s for s in statements if s.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE"))]
    assert len(selects) == 1
    with sqlite_store.read() as tx:
        plan = " ".join(str(r[3]) for r in tx.all("EXPLAIN QUERY PLAN " + selects[0]))
    assert "SCAN" not in plan


def test_signing_out_holds_at_once(people: People, wang: str) -> None:
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    assert people.actor_of_session(token).signed_in
    people.logout(token)
    assert people.actor_of_session(token) == PUBLIC


def test_sessions_are_listed_and_revoked_one_by_one(people: People, wang: str, store: Store) -> None:
    here = people.login("wang", PASSWORD, address="10.0.0.1", agent="Firefox")
    there = people.login("wang", PASSWORD, address="10.0.0.2", agent="Phone", via="device")
    assert there.actor.via == "device"
    with store.read() as tx:
        listed = {s.id: s.agent for s in people.sessions.of_account(tx, wang)}
    assert listed == {here.actor.session_id: "Firefox", there.actor.session_id: "Phone"}
    assert store.write(lambda tx: people.sessions.revoke(tx, wang, there.actor.session_id)) == 1
    assert people.actor_of_session(there.token) == PUBLIC
    assert people.actor_of_session(here.token).signed_in
    assert store.write(lambda tx: people.sessions.revoke(tx, "another", here.actor.session_id)) == 0


def test_what_another_process_revokes_is_noticed_within_seconds(
    people: People, wang: str, store_url: str, clock: VirtualClock
) -> None:
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    assert people.actor_of_session(token).signed_in
    other = open_store(store_url, clock)
    make_people(other, SeededIds("other")).logout(token)
    other.close()
    clock.advance(5 * SECOND)
    assert people.actor_of_session(token) == PUBLIC


def test_a_change_between_read_and_keep_is_not_remembered_wrongly(people: People, wang: str) -> None:
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    people.sessions._known.clear()
    before = people.sessions._generation
    actor = people.actor_of_session(token)
    people.logout(token)
    people.sessions._keep(secret_hash(token), actor, people._store.clock.wall() + HOUR, before)
    assert people.actor_of_session(token) == PUBLIC


def test_granting_and_ending_a_role_holds_at_once_and_leaves_a_trace(
    people: People, wang: str, store: Store, clock: VirtualClock
) -> None:
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    admin = Actor("p-admin", "a-admin")
    checker = Grant("checker", Scope("district", "jianghan"))
    by_checker = frozenset({"checker"})
    assert may(people.actor_of_session(token), by_checker, HERE) is not None
    store.write(lambda tx: people.grant(tx, admin, wang, checker))
    store.write(lambda tx: people.grant(tx, admin, wang, checker))
    assert may(people.actor_of_session(token), by_checker, HERE) is None
    clock.advance(HOUR)
    store.write(lambda tx: people.end_grant(tx, admin, wang, "checker", checker.scope))
    assert may(people.actor_of_session(token), by_checker, HERE) is not None
    store.write(lambda tx: people.grant(tx, admin, wang, checker))
    with store.read() as tx:
        rows = tx.all(
            "SELECT valid_to, granted_by, ended_by FROM role_grants WHERE role = 'checker' ORDER BY valid_from"
        )
        assert [g.role for g in people.accounts.one(tx, wang).grants] == ["checker", "dispatcher"]
    assert rows == [(clock.now(), "p-admin", "p-admin"), (None, "p-admin", "")]
    refusal(Missing, store.write, lambda tx: people.end_grant(tx, admin, wang, "nothing", checker.scope))


def test_a_grant_holds_from_its_day_to_its_day(people: People, store: Store, clock: VirtualClock) -> None:
    start = clock.now()
    later = Grant("dispatcher", Scope("unit", "u"), start + DAY, start + 2 * DAY)
    people.create_account(CLOCK, "li", WANG, password=PASSWORD, grants=[later], must_change=False)
    held = []
    for _ in range(3):
        held.append(len(enter(people, "li").grants))
        clock.advance(DAY)
    assert held == [0, 1, 0]


@on_sqlite
@pytest.mark.parametrize(
    "grant",
    [
        Grant("public", Scope("district", "jianghan")),
        Grant("clock", Scope("district", "jianghan")),
        Grant("", Scope("district", "jianghan")),
        Grant("crew", Scope("street", "")),
        Grant("crew", Scope("self", "x")),
        Grant("crew", Scope("case", "C1")),
        Grant("crew", Scope("galaxy", "x")),  # type: ignore[arg-type]
    ],
)
def test_a_grant_that_means_nothing_is_refused(people: People, wang: str, store: Store, grant: Grant) -> None:
    refusal(Invalid, store.write, lambda tx: people.grant(tx, CLOCK, wang, grant))


def test_a_disabled_account_is_out_at_once_everywhere(people: People, wang: str, store: Store) -> None:
    token = people.login("wang", PASSWORD, address="10.0.0.1").token
    key = store.write(lambda tx: people.keys.make(tx, CLOCK, wang, "test", ["read"]))
    assert people.actor_of_key(key) is not None
    store.write(lambda tx: people.disable_account(tx, CLOCK, wang))
    assert people.actor_of_session(token) == PUBLIC
    assert people.actor_of_key(key) is None
    assert refusal(Forbidden, enter, people).code == "account-disabled"
    refusal(SignIn, enter, people, "wang", "wrong")
    store.write(lambda tx: people.accounts.enable(tx, wang))
    assert people.actor_of_session(token) == PUBLIC
    assert enter(people).account_id == wang
    refusal(Missing, store.write, lambda tx: people.disable_account(tx, CLOCK, "nobody"))


def test_changing_a_password_ends_the_other_sessions(people: People, wang: str) -> None:
    here = people.login("wang", PASSWORD, address="10.0.0.1")
    there = people.login("wang", PASSWORD, address="10.0.0.2")
    assert (
        "old" in refusal(Invalid, people.change_password, here.actor, "wrong", "another good phrase").fields
    )
    people.change_password(here.actor, PASSWORD, "another good phrase")
    assert people.actor_of_session(here.token).signed_in
    assert people.actor_of_session(there.token) == PUBLIC
    refusal(SignIn, enter, people)
    assert enter(people, password="another good phrase")


@on_sqlite
@pytest.mark.parametrize(
    "plain", ["short", "aaaaaaaaaaaa", "1234567890123", "Password2026!", "wang1234567", "x" * 201]
)
def test_a_plain_password_is_refused_with_a_sentence(people: People, plain: str) -> None:
    error = refusal(Invalid, people.create_account, CLOCK, "wang", WANG, password=plain)
    assert error.fields["password"].zh


def test_a_reset_password_has_to_be_changed_before_anything_else(people: People, wang: str) -> None:
    first = people.reset_password(wang)
    signed = people.login("wang", first, address="10.0.0.1")
    assert may(signed.actor, BY_DISPATCHER, HERE) is not None
    people.change_password(signed.actor, first, "a phrase of my own")
    assert may(people.actor_of_session(signed.token), BY_DISPATCHER, HERE) is None


def test_a_hash_with_old_costs_is_renewed_at_the_next_login(people: People, wang: str, store: Store) -> None:
    dearer = People("jianghan", store, SeededIds("x"), hashing=Hashing(passes=2, memory_kib=64))
    assert dearer.login("wang", PASSWORD, address="10.0.0.1").actor.account_id == wang
    with store.read() as tx:
        row = tx.one("SELECT password_hash FROM accounts WHERE id = ?", (wang,))
    assert row is not None
    assert "t=2" in row[0]
    assert dearer.login("wang", PASSWORD, address="10.0.0.1")


def test_wrong_fields_of_an_account_are_named(people: People, wang: str, store: Store) -> None:
    assert "login" in refusal(Invalid, people.create_account, CLOCK, "wang", WANG).fields
    assert "login" in refusal(Invalid, people.create_account, CLOCK, "王芳", WANG).fields
    assert "name" in refusal(Invalid, people.create_account, CLOCK, "li", Label(" ", "")).fields
    assert "mobile" in refusal(Invalid, people.create_account, CLOCK, "li", WANG, mobile="13800138000").fields
    assert "mobile" in refusal(Invalid, people.create_account, CLOCK, "li", WANG, mobile="abc").fields
    refusal(Missing, people.create_account, CLOCK, "li", WANG, person_id="nobody")
    with store.read() as tx:
        assert [a.login for a in people.accounts.all(tx)] == ["wang"]


def test_two_accounts_of_one_person_are_one_natural_person(people: People, wang: str, store: Store) -> None:
    with store.read() as tx:
        person = people.accounts.one(tx, wang).person_id
    people.create_account(CLOCK, "wang2", WANG, password=PASSWORD, person_id=person, must_change=False)
    assert enter(people, "wang2").persons == enter(people).persons


def test_an_account_without_a_password_opens_by_no_password(people: People) -> None:
    people.create_account(CLOCK, "li", WANG, mobile="13900139000")
    for guess in ("", " ", "x"):
        refusal(SignIn, enter, people, "li", guess)


def test_the_csrf_token_belongs_to_one_session(people: People, wang: str) -> None:
    one = people.login("wang", PASSWORD, address="10.0.0.1")
    two = people.login("wang", PASSWORD, address="10.0.0.1")
    assert csrf_right(one.token, one.csrf)
    assert not csrf_right(two.token, one.csrf)
    assert not csrf_right(one.token, "")
    assert not csrf_right(one.token, "é")
    assert csrf_of(one.token) == one.csrf
