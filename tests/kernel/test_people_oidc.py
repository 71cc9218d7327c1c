"""Staff sign in through an OpenID provider that really runs beside the test."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from civicloop.kernel.label import Label
from civicloop.kernel.people.identity import People, SignedIn
from civicloop.kernel.people.oidc import Oidc, Provider, local_page
from civicloop.kernel.people.passwords import Hashing
from civicloop.kernel.people.roles import CLOCK, PUBLIC
from civicloop.kernel.refusal import Forbidden, SignIn, Unavailable
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import MINUTE, SECOND, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.oidc_provider import CLIENT, SECRET, OidcProvider

# What does not touch the store's dialect runs on SQLite only.
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture
def idp(clock: VirtualClock) -> Iterator[OidcProvider]:
    provider = OidcProvider(clock)
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def people(store: Store, ids: SeededIds) -> People:
    return People("jianghan", store, ids, hashing=Hashing(1, 64, 1))


@pytest.fixture
def wang(people: People) -> str:
    return people.create_account(CLOCK, "wang", Label("王芳", "Wang Fang"))


@pytest.fixture
def oidc(idp: OidcProvider, people: People, store: Store, ids: SeededIds) -> Oidc:
    return Oidc(Provider(idp.issuer, CLIENT, idp.redirect_uri, SECRET), people, store, ids)


def go(url: str) -> dict[str, str]:
    """What the browser brings back from the provider."""
    answer = httpx.get(url)
    assert answer.status_code == 307
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def sign_in(oidc: Oidc, next_page: str = "/") -> tuple[SignedIn, str]:
    begun = oidc.begin(next_page)
    return oidc.finish(go(begun.url), begun.binding, address="10.0.0.1")


def test_a_known_person_comes_in_and_goes_where_he_wanted(
    oidc: Oidc, people: People, wang: str, idp: OidcProvider
) -> None:
    signed, page = sign_in(oidc, "/street/desk?state=filed")
    assert signed.actor.account_id == wang
    assert page == "/street/desk?state=filed"
    assert people.actor_of_session(signed.token) == signed.actor
    sign_in(oidc)
    assert idp.asked == ["discovery", "keys"]


def test_the_identity_is_bound_to_the_account_not_to_the_name(
    oidc: Oidc, people: People, wang: str, idp: OidcProvider
) -> None:
    sign_in(oidc)
    idp.person = {"sub": "u-1", "preferred_username": "renamed"}
    assert sign_in(oidc)[0].actor.account_id == wang
    li = people.create_account(CLOCK, "li", Label("李", "Li"))
    people._store.write(lambda tx: oidc.bind(tx, "u-1", li))
    assert sign_in(oidc)[0].actor.account_id == li


def test_an_unknown_disabled_or_demo_account_stays_outside(
    oidc: Oidc, people: People, wang: str, idp: OidcProvider, store: Store
) -> None:
    for stranger in ("nobody", "x\x00", "", 7):
        idp.person = {"sub": "u-2", "preferred_username": stranger}
        with pytest.raises(Forbidden):
            sign_in(oidc)
    idp.person = {"sub": "u-1", "preferred_username": "wang"}
    store.write(lambda tx: people.disable_account(tx, CLOCK, wang))
    with pytest.raises(Forbidden):
        sign_in(oidc)
    store.write(lambda tx: tx.run("UPDATE accounts SET disabled_at = NULL, demo = 1", ()))
    with pytest.raises(Forbidden):
        sign_in(oidc)


def test_an_address_counts_only_when_the_provider_has_verified_it(
    oidc: Oidc, people: People, idp: OidcProvider, store: Store, ids: SeededIds
) -> None:
    account = people.create_account(CLOCK, "wang@example.org", Label("王芳", "Wang Fang"))
    by_mail = Oidc(replace(oidc.provider, login_claim="email"), people, store, ids)
    for verified in (False, "true", None):
        idp.person = {"sub": "u-1", "email": "wang@example.org", "email_verified": verified}
        with pytest.raises(Forbidden):
            sign_in(by_mail)
    idp.person = {"sub": "u-1", "email": "Wang@example.org", "email_verified": True}
    assert sign_in(by_mail)[0].actor.account_id == account


def test_an_answer_counts_once_in_its_browser_in_time(oidc: Oidc, wang: str, clock: VirtualClock) -> None:
    begun = oidc.begin()
    answer = go(begun.url)
    with pytest.raises(SignIn):  # another browser, where somebody planted the answer
        oidc.finish(answer, "another binding", address="10.0.0.1")
    with pytest.raises(SignIn):  # and it is used up
        oidc.finish(answer, begun.binding, address="10.0.0.1")
    begun = oidc.begin()
    answer = go(begun.url)
    clock.advance(10 * MINUTE)
    with pytest.raises(SignIn):
        oidc.finish(answer, begun.binding, address="10.0.0.1")
    for made_up in ({}, {"state": "x", "code": "y"}):
        with pytest.raises(SignIn):
            oidc.finish(made_up, "b", address="10.0.0.1")


@on_sqlite
def test_a_refusal_a_foreign_issuer_and_a_wrong_code_are_no_sign_in(oidc: Oidc, wang: str) -> None:
    bent: list[dict[str, str]] = [
        {"error": "access_denied", "code": ""},
        {"iss": "https://evil.example"},
        {"code": "guessed"},
    ]
    for change in bent:
        begun = oidc.begin()
        answer = {k: v for k, v in {**go(begun.url), **change}.items() if v}
        with pytest.raises(SignIn):
            oidc.finish(answer, begun.binding, address="10.0.0.1")


@on_sqlite
def test_a_code_of_another_sign_in_is_worthless(oidc: Oidc, wang: str) -> None:
    mine, stolen = oidc.begin(), oidc.begin()
    answer = go(mine.url) | {"code": go(stolen.url)["code"]}
    with pytest.raises(SignIn):
        oidc.finish(answer, mine.binding, address="10.0.0.1")


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "kid": header["kid"]}, claims)
    packed = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*packed, ""])


def foreign(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header, claims, RSAKey.generate_key(2048, {"kid": "one"}))


def symmetric(header: dict[str, Any], claims: dict[str, Any]) -> str:
    key = OctKey.import_key("a secret that is long enough for HS256 to be taken")
    return jwt.encode({"alg": "HS256", "kid": "one"}, claims, key, algorithms=["HS256"])


def unknown_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    key = RSAKey.generate_key(2048, {"kid": "new"})
    return jwt.encode({"alg": "RS256", "kid": "new"}, claims, key)


def changed(**changes: Any) -> Any:
    def twist(header: dict[str, Any], claims: dict[str, Any]) -> None:
        for name, value in changes.items():
            claims.pop(name, None)
            if value is not None:
                claims[name] = value(claims) if callable(value) else value

    return twist


def shifted(claim: str, seconds: int) -> Any:
    def twist(header: dict[str, Any], claims: dict[str, Any]) -> None:
        claims[claim] += seconds

    return twist


@on_sqlite
@pytest.mark.parametrize(
    "twist",
    [
        unsigned,
        foreign,
        symmetric,
        unknown_key,
        changed(iss="https://evil.example"),
        changed(iss=None),
        changed(aud="another-client"),
        changed(aud=["another-client", "a-third"]),
        changed(aud=[CLIENT, "another-client"]),
        changed(aud=[CLIENT, "another-client"], azp="another-client"),
        changed(azp="another-client"),
        changed(aud=None),
        changed(nonce="of another sign-in"),
        changed(nonce=None),
        changed(sub=None),
        changed(sub=""),
        changed(sub=7),
        changed(sub="u\x00"),
        changed(exp=None),
        changed(exp="soon"),
        changed(iat=None),
        shifted("exp", -361),
        shifted("iat", 120),
        lambda header, claims: "not.a.token",
        lambda header, claims: "{}",
    ],
)
def test_an_id_token_that_is_not_right_in_everything_is_no_sign_in(
    oidc: Oidc, people: People, wang: str, idp: OidcProvider, twist: Any
) -> None:
    idp.twist = twist
    with pytest.raises(SignIn) as refused:
        sign_in(oidc)
    assert refused.value.code == "not-confirmed"
    idp.twist = None
    assert sign_in(oidc)[0].actor != PUBLIC


@on_sqlite
@pytest.mark.parametrize(
    "twist", [changed(aud=[CLIENT]), changed(aud=[CLIENT, "x"], azp=CLIENT), shifted("exp", -330)]
)
def test_what_the_standard_allows_is_a_sign_in(oidc: Oidc, wang: str, idp: OidcProvider, twist: Any) -> None:
    idp.twist = twist
    assert sign_in(oidc)[0].actor.account_id == wang


@on_sqlite
def test_new_keys_of_the_provider_are_fetched_when_they_appear(
    oidc: Oidc, wang: str, idp: OidcProvider, clock: VirtualClock
) -> None:
    sign_in(oidc)
    idp.key, idp.algorithm = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"}), "ES256"
    with pytest.raises(SignIn):  # the keys were fetched a moment ago
        sign_in(oidc)
    clock.advance(30 * SECOND)
    assert sign_in(oidc)[0].actor.account_id == wang
    assert idp.asked.count("keys") == 2


@on_sqlite
def test_a_provider_that_is_away_is_said_to_be_away(oidc: Oidc, wang: str, idp: OidcProvider) -> None:
    idp.down = True
    with pytest.raises(Unavailable):
        oidc.begin()
    idp.down = False
    idp.issuer += "/other"
    with pytest.raises(Unavailable):  # a document that speaks for another issuer
        oidc.begin()


def test_a_provider_that_stops_midway_leaves_nothing_half_done(
    oidc: Oidc, people: People, wang: str, idp: OidcProvider, store: Store
) -> None:
    begun = oidc.begin()
    answer = go(begun.url)
    idp.stop()
    with pytest.raises(Unavailable):
        oidc.finish(answer, begun.binding, address="10.0.0.1")
    with store.read() as tx:
        assert tx.all("SELECT 1 FROM sessions", ()) == []
        assert tx.all("SELECT 1 FROM outside_identities", ()) == []


def test_no_secret_of_a_sign_in_is_stored_in_the_clear(oidc: Oidc, wang: str, store: Store) -> None:
    begun = oidc.begin()
    state = dict(parse_qsl(urlsplit(begun.url).query))["state"]
    with store.read() as tx:
        kept = repr(tx.all("SELECT * FROM oidc_attempts", ()))
    assert state not in kept
    assert begun.binding not in kept
    assert SECRET not in repr(oidc.provider)


@pytest.mark.parametrize(
    ("page", "taken"),
    [
        ("/desk?x=1", "/desk?x=1"),
        ("//evil.example", "/"),
        ("/\\evil", "/"),
        ("https://evil", "/"),
        ("/a\nb", "/"),
        ("", "/"),
    ],
)
def test_a_redirect_never_leads_away(page: str, taken: str) -> None:
    assert local_page(page) == taken


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://idp.example"},
        {"redirect_uri": "ftp://x"},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
        {"algorithms": ("RS256", "none")},
    ],
)
def test_a_provider_set_up_without_safety_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        replace(Provider("https://idp.example", "c", "https://here.example/oidc"), **change)
