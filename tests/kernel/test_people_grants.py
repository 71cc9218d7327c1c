"""Single-use links, tracking codes, consent and delegation."""

from __future__ import annotations

import pytest

from civicloop.kernel.label import Label
from civicloop.kernel.people.identity import People
from civicloop.kernel.people.passwords import Hashing
from civicloop.kernel.people.permissions import different_person, may
from civicloop.kernel.people.roles import CLOCK, PUBLIC, Actor, Grant, Scope, Where
from civicloop.kernel.refusal import Forbidden, Guarded, Invalid, Missing
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY, HOUR, VirtualClock
from civicloop.kernel.time.ids import SeededIds

CASE = Where("jianghan", street="420103001", case="C1")
CREW = frozenset({"crew"})


@pytest.fixture
def people(store: Store, ids: SeededIds) -> People:
    return People("jianghan", store, ids, hashing=Hashing(1, 64, 1))


def issue(people: People, store: Store, person: str = "") -> str:
    return store.write(
        lambda tx: people.links.issue(
            *(tx, CLOCK),
            purpose="report back",
            case_id="C1",
            action="report_back",
            role="crew",
            lasts=DAY,
            person_id=person,
        )
    )


def test_a_link_allows_one_action_on_one_case_once(people: People, store: Store) -> None:
    token = issue(people, store, "p7")
    with store.read() as tx:
        assert people.links.look(tx, token).case_id == "C1"  # looking does not use it up
        assert token not in repr(tx.all("SELECT * FROM links"))
    actor = store.write(lambda tx: people.links.use(tx, token)).actor
    assert may(actor, CREW, CASE, action="report_back") is None
    assert may(actor, CREW, CASE, action="hold") is not None
    assert may(actor, CREW, Where("jianghan", case="C2"), action="report_back") is not None
    assert actor.persons == {"p7"}
    with pytest.raises(Forbidden) as used:
        store.write(lambda tx: people.links.use(tx, token))
    assert used.value.code == "link-used"


def test_a_link_is_unused_again_when_its_action_is_refused(people: People, store: Store) -> None:
    token = issue(people, store)

    def refused(tx: Tx) -> None:
        people.links.use(tx, token)
        raise Guarded(Label("照片不是新的", "The photograph is not new"))

    with pytest.raises(Guarded):
        store.write(refused)
    assert store.write(lambda tx: people.links.use(tx, token)).action == "report_back"


def test_a_link_runs_out_and_can_be_revoked(people: People, store: Store, clock: VirtualClock) -> None:
    old, revoked = issue(people, store), issue(people, store)
    clock.advance(DAY)
    with pytest.raises(Forbidden) as over:
        store.write(lambda tx: people.links.use(tx, old))
    assert over.value.code == "link-over"
    assert store.write(lambda tx: people.links.revoke_for(tx, "C1")) == 2
    for token in (revoked, "made up"):
        with pytest.raises(Missing):
            store.write(lambda tx, token=token: people.links.use(tx, token))  # type: ignore[misc]


def test_the_database_keeps_a_used_link_used(people: People, store: Store) -> None:
    token = issue(people, store)
    store.write(lambda tx: people.links.use(tx, token))
    with pytest.raises(Exception, match=r"used|never"):
        store.write(lambda tx: tx.run("UPDATE links SET used_at = NULL", ()))


def test_a_tracking_code_follows_its_cases_however_it_is_typed(people: People, store: Store) -> None:
    code = store.write(lambda tx: people.tracking.issue(tx, "C1"))
    store.write(lambda tx: people.tracking.issue(tx, "C2", code))
    typed = f" {code[:4]}-{code[4:8].lower()} {code[8:]}".replace("0", "o").replace("1", "l")
    with store.read() as tx:
        actor = people.tracking.actor(tx, typed)
        assert code not in repr(tx.all("SELECT * FROM tracking_grants"))
    by = frozenset({"reporter"})
    assert may(actor, by, CASE) is None
    assert may(actor, by, Where("jianghan", case="C2")) is None
    assert may(actor, by, Where("jianghan", case="C3")) is not None
    assert may(PUBLIC, by, CASE) is not None
    store.write(lambda tx: people.tracking.revoke(tx, "C1"))
    store.write(lambda tx: people.tracking.revoke(tx, "C2"))
    with store.read() as tx, pytest.raises(Missing):
        people.tracking.actor(tx, code)


def test_consent_is_given_and_taken_back_and_all_of_it_is_kept(people: People, store: Store) -> None:
    def say(given: bool) -> None:
        if given:
            store.write(lambda tx: people.consents.give(tx, PUBLIC, "r1", "photo", "2026-01"))
        else:
            store.write(lambda tx: people.consents.withdraw(tx, PUBLIC, "r1", "photo"))

    heard = []
    for given in (True, False, True):
        say(given)
        with store.read() as tx:
            heard.append(people.consents.holds(tx, "r1", "photo"))
    assert heard == [True, False, True]
    with store.read() as tx:
        assert not people.consents.holds(tx, "r1", "phone")
        assert tx.all("SELECT number, given, text_version FROM consents ORDER BY number", ()) == [
            (1, 1, "2026-01"),
            (2, 0, ""),
            (3, 1, "2026-01"),
        ]
        with pytest.raises(Guarded):
            people.consents.require(tx, "r1", "phone")
    for sql in ("UPDATE consents SET given = 1", "DELETE FROM consents"):
        with pytest.raises(Exception, match="never"):
            store.write(lambda tx, sql=sql: tx.run(sql, ()))  # type: ignore[misc]


@pytest.fixture
def chief(people: People) -> str:
    grant = Grant("chief", Scope("district", "jianghan"))
    return people.create_account(CLOCK, "chief", Label("值班长", "Chief"), grants=[grant])


@pytest.fixture
def deputy(people: People) -> str:
    grant = Grant("crew", Scope("self"))
    return people.create_account(CLOCK, "deputy", Label("副手", "Deputy"), grants=[grant])


def delegate(people: People, store: Store, chief: str, deputy: str, until: int) -> str:
    return store.write(
        lambda tx: people.delegations.give(tx, CLOCK, chief, deputy, until_at=until, reason="leave")
    )


def test_who_acts_for_another_has_the_others_roles_and_both_persons(
    people: People, store: Store, clock: VirtualClock, chief: str, deputy: str
) -> None:
    delegation = delegate(people, store, chief, deputy, clock.now() + DAY)
    token = store.write(lambda tx: people.sessions.open(tx, deputy))
    own = people.actor_of_session(token)
    with store.read() as tx:
        assert [d.principal_name.en for d in people.delegations.open_to(tx, deputy)] == ["Chief"]
    store.write(lambda tx: people.act_for(tx, own, token, delegation))
    acting = people.actor_of_session(token)
    by_chief = frozenset({"chief"})
    assert may(own, by_chief, CASE) is not None
    assert may(acting, by_chief, CASE) is None
    assert may(acting, CREW, None) is not None
    assert acting.account_id == deputy
    assert len(acting.persons) == 2
    assert different_person(acting, {own.signature}) is not None
    store.write(lambda tx: people.act_for(tx, acting, token, ""))
    assert people.actor_of_session(token) == own


def test_a_delegation_ends_at_its_time(
    people: People, store: Store, clock: VirtualClock, chief: str, deputy: str
) -> None:
    delegation = delegate(people, store, chief, deputy, clock.now() + HOUR)
    token = store.write(lambda tx: people.sessions.open(tx, deputy))
    store.write(lambda tx: people.act_for(tx, people.actor_of_session(token), token, delegation))
    assert people.actor_of_session(token).acts_for
    clock.advance(HOUR)
    ended = people.actor_of_session(token)
    assert ended.signed_in
    assert ended.acts_for == ""
    assert [g.role for g in ended.grants] == ["crew"]
    with pytest.raises(Forbidden):
        store.write(lambda tx: people.act_for(tx, ended, token, delegation))


@pytest.mark.parametrize("how", ["revoke", "disable"])
def test_a_delegation_ends_at_once_when_it_is_revoked_or_its_giver_leaves(
    people: People, store: Store, clock: VirtualClock, chief: str, deputy: str, how: str
) -> None:
    delegation = delegate(people, store, chief, deputy, clock.now() + DAY)
    token = store.write(lambda tx: people.sessions.open(tx, deputy))
    store.write(lambda tx: people.act_for(tx, people.actor_of_session(token), token, delegation))
    assert people.actor_of_session(token).acts_for
    if how == "revoke":
        store.write(lambda tx: people.delegations.revoke(tx, delegation))
    else:
        store.write(lambda tx: people.disable_account(tx, CLOCK, chief))
    assert people.actor_of_session(token).acts_for == ""
    with pytest.raises(Missing):
        store.write(lambda tx: people.delegations.revoke(tx, delegation))


def test_wrong_delegations_are_refused(
    people: People, store: Store, clock: VirtualClock, chief: str, deputy: str
) -> None:
    with pytest.raises(Invalid):
        delegate(people, store, chief, deputy, clock.now())
    with pytest.raises(Invalid):
        delegate(people, store, chief, chief, clock.now() + DAY)
    with pytest.raises(Missing):
        delegate(people, store, chief, "nobody", clock.now() + DAY)
    delegation = delegate(people, store, chief, deputy, clock.now() + DAY)
    stranger = Actor("p9", "a9")
    with pytest.raises(Forbidden):
        store.write(lambda tx: people.act_for(tx, stranger, "S", delegation))
