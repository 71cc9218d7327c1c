"""Signing in by mobile code, API keys, the demo's accounts, and what is swept."""

from __future__ import annotations

from typing import Any

from civicloop.kernel.label import Label
from civicloop.kernel.people.identity import People
from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import CLOCK, PUBLIC
from civicloop.kernel.refusal import Invalid, Missing, SignIn, TooMany
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import DAY, MINUTE, VirtualClock
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


class Telephone:
    """A telephone that keeps what it is sent."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []

    def __call__(self, number: str, text: Label) -> None:
        self.texts.append((number, text.zh))

    @property
    def code(self) -> str:
        return "".join(c for c in self.texts[-1][1].partition("，")[0] if c.isdigit())


def test_a_code_signs_in_once(people: People, wang: str, store: Store) -> None:
    telephone = Telephone()
    people.request_code("+86 138-0013-8000", telephone, address="10.0.0.1")
    assert [n for n, _ in telephone.texts] == ["13800138000"]
    code = telephone.code
    assert len(code) == 6
    with store.read() as tx:
        assert code not in repr(tx.all("SELECT * FROM mobile_codes"))
        assert "13800138000" not in repr(tx.all("SELECT * FROM mobile_codes"))
    signed = people.login_by_code("13800138000", code, address="10.0.0.1")
    assert signed.actor.account_id == wang
    refusal(SignIn, people.login_by_code, "13800138000", code, address="10.0.0.1")


def test_a_code_lives_five_minutes_and_five_tries(people: People, wang: str, clock: VirtualClock) -> None:
    telephone = Telephone()

    def attempt(code: str) -> Any:
        return people.login_by_code("13800138000", code, address="10.0.0.1")

    people.request_code("13800138000", telephone, address="10.0.0.1")
    clock.advance(5 * MINUTE)
    refusal(SignIn, attempt, telephone.code)
    people.request_code("13800138000", telephone, address="10.0.0.1")
    wrong = "000000" if telephone.code != "000000" else "000001"
    for _ in range(5):
        refusal(SignIn, attempt, wrong)
    refusal(SignIn, attempt, telephone.code)
    people.request_code("13800138000", telephone, address="10.0.0.1")
    for _ in range(4):
        refusal(SignIn, attempt, wrong)
    assert attempt(telephone.code).actor.account_id == wang


def test_a_new_code_shuts_the_one_before(people: People, wang: str) -> None:
    telephone = Telephone()
    people.request_code("13800138000", telephone, address="10.0.0.1")
    first = telephone.code
    people.request_code("13800138000", telephone, address="10.0.0.1")
    assert telephone.code != first
    refusal(SignIn, people.login_by_code, "13800138000", first, address="10.0.0.1")


def test_an_unknown_number_is_sent_nothing_and_told_nothing(people: People, wang: str) -> None:
    telephone = Telephone()
    people.request_code("13700137000", telephone, address="10.0.0.1")
    assert telephone.texts == []
    refusal(SignIn, people.login_by_code, "13700137000", "123456", address="10.0.0.1")
    refusal(Invalid, people.request_code, "not a number", telephone, address="10.0.0.1")


def test_codes_are_throttled_by_number(people: People, wang: str) -> None:
    telephone = Telephone()
    for n in range(people.limits.code_mobile.tries):
        people.request_code("13800138000", telephone, address=f"10.0.1.{n}")
    refusal(TooMany, people.request_code, "13800138000", telephone, address="10.0.0.9")


def test_a_resident_signs_in_by_code_without_having_registered(people: People, store: Store) -> None:
    telephone = Telephone()
    for _ in range(2):
        people.request_code("13700137000", telephone, address="10.0.0.1", residents=True)
        signed = people.login_by_code("13700137000", telephone.code, address="10.0.0.1", residents=True)
        assert signed.actor.name.zh == "居民 137****7000"
        assert signed.actor.grants == ()
    with store.read() as tx:
        assert len(people.accounts.all(tx)) == 1


def test_a_key_acts_for_its_account_within_its_scopes(
    people: People, wang: str, store: Store, clock: VirtualClock
) -> None:
    until = clock.wall() + DAY
    text = store.write(
        lambda tx: people.keys.make(tx, CLOCK, wang, "mini program", ["read"], expires_at=until)
    )
    actor = people.actor_of_key(text)
    assert actor is not None
    assert (actor.via, actor.account_id) == ("api", wang)
    assert may(actor, BY_DISPATCHER, HERE, need="read") is None
    assert may(actor, BY_DISPATCHER, HERE, need="perform") is not None
    store.write(lambda tx: None)
    with store.read() as tx:
        info = people.keys.all(tx, wang)[0]
        assert text not in repr(tx.all("SELECT * FROM api_keys"))
    assert text.startswith(info.prefix + "_")
    assert info.used_at == clock.wall()
    clock.advance(DAY)
    assert people.actor_of_key(text) is None


def test_a_revoked_key_opens_nothing(people: People, wang: str, store: Store) -> None:
    text = store.write(lambda tx: people.keys.make(tx, CLOCK, wang, "x", ["read", "open"]))
    assert people.actor_of_key(text) is not None
    with store.read() as tx:
        key = people.keys.all(tx)[0].id
    store.write(lambda tx: people.keys.revoke(tx, key))
    assert people.actor_of_key(text) is None
    refusal(Missing, store.write, lambda tx: people.keys.revoke(tx, key))
    assert people.actor_of_key("") is None


def test_wrong_fields_of_a_key_are_named(
    people: People, wang: str, store: Store, clock: VirtualClock
) -> None:
    error = refusal(
        Invalid,
        store.write,
        lambda tx: people.keys.make(tx, CLOCK, wang, " ", ["fly"], expires_at=clock.wall()),
    )
    assert set(error.fields) == {"name", "scopes", "expires_at"}


ROWS = [
    {
        "login": "dispatcher",
        "name": {"zh": "派遣员", "en": "Dispatcher"},
        "roles": [{"role": "dispatcher", "scope_kind": "district", "scope_code": ""}],
    },
    {
        "login": "dispatcher2",
        "name": {"zh": "派遣员", "en": "Dispatcher"},
        "person": "dispatcher",
        "roles": [{"role": "checker", "scope_kind": "street", "scope_code": "420103001"}],
    },
    {
        "login": "crew",
        "name": {"zh": "处置人员", "en": "Crew"},
        "roles": [{"role": "crew", "scope_kind": "self"}],
        "password": "own-demo-word",
    },
]


def test_demo_accounts_exist_in_demo_mode_only(store: Store, ids: SeededIds) -> None:
    real = make_people(store, ids)
    assert store.write(lambda tx: real.load_accounts(tx, ROWS, demo=True)) == []
    refusal(SignIn, enter, real, "dispatcher", "jianghan-demo")
    demo = make_people(store, ids, demo=True)
    assert store.write(lambda tx: demo.load_accounts(tx, ROWS, demo=False)) == []
    for _ in range(2):
        logins = store.write(lambda tx: demo.load_accounts(tx, ROWS, demo=True))
        assert [(x.login, x.password, x.roles) for x in logins] == [
            ("dispatcher", "jianghan-demo", ("dispatcher",)),
            ("dispatcher2", "jianghan-demo", ("checker",)),
            ("crew", "", ("crew",)),
        ]
    store.write(lambda tx: demo.load_demo_key(tx, "dispatcher", "demo", ["read", "open"]))
    store.write(lambda tx: demo.load_demo_key(tx, "dispatcher", "demo", ["read", "open"]))
    signed = demo.login("dispatcher", "jianghan-demo", address="127.0.0.1")
    assert may(signed.actor, BY_DISPATCHER, HERE) is None
    assert enter(demo, "dispatcher2", "jianghan-demo").persons == signed.actor.persons
    assert enter(demo, "crew", "own-demo-word").persons != signed.actor.persons
    key = demo.actor_of_key("demo")
    assert key is not None
    assert key.api_scopes == {"read", "open"}
    # The same database, started without demo mode: every demo door is shut.
    assert real.actor_of_session(signed.token) == PUBLIC
    assert real.actor_of_key("demo") is None
    refusal(SignIn, enter, real, "dispatcher", "jianghan-demo")


def test_what_has_run_out_is_swept(people: People, wang: str, store: Store, clock: VirtualClock) -> None:
    people.login("wang", PASSWORD, address="10.0.0.1")
    people.request_code("13800138000", Telephone(), address="10.0.0.1")
    refusal(SignIn, enter, people, "wang", "wrong")
    clock.advance(2 * DAY)
    store.write(people.sweep)
    with store.read() as tx:
        left = [tx.all(f"SELECT 1 FROM {table}") for table in ("sessions", "mobile_codes", "tries")]
    assert left == [[], [], []]
