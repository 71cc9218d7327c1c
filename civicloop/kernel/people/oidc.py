"""Signing in of staff through an OpenID Connect provider: authorization code with PKCE.

Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer in the answer).
Its methods talk to the provider and may take seconds: call them from a worker thread.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

from civicloop.kernel.label import Label
from civicloop.kernel.people.accounts import clean_login, is_login
from civicloop.kernel.people.identity import People, SignedIn
from civicloop.kernel.people.sessions import secret_hash
from civicloop.kernel.refusal import Forbidden, SignIn, Unavailable
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import HOUR, MINUTE, SECOND, Instant
from civicloop.kernel.time.ids import Ids

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ATTEMPT_LASTS = 10 * MINUTE
DOCUMENT_LASTS = HOUR
KEYS_LAST = 10 * MINUTE
# An unknown key has the keys fetched again, but not more often than this.
KEYS_AGAIN_AFTER = 30 * SECOND
LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER = 1 << 20

_LOST = Label(
    "此登录请求已失效或不是从本浏览器发起的，请重新登录。",
    "This sign-in has run out, or did not begin in this browser. Please sign in again.",
)
_REFUSED = Label(
    "统一身份认证没有确认您的身份，请重新登录；多次失败请联系管理员。",
    "The identity provider did not confirm who you are. Sign in again; if it fails again, ask an administrator.",
)
_NO_ACCOUNT = Label(
    "您的统一身份尚未对应本系统的账号，请联系管理员开通。",
    "Your identity belongs to no account here. Ask an administrator for one.",
)
_AWAY = Label(
    "统一身份认证服务暂时无法使用，请稍后再试，或用密码登录。",
    "The identity provider can't be reached just now. Try again in a moment, or sign in with your password.",
)


@dataclass(frozen=True, slots=True)
class Provider:
    """What the operator knows of the provider.

    `login_claim` is the claim that equals an account's login, used once to bind the identity (issuer and
    subject) to the account; an empty one means that identities are bound by an administrator only.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str = field(default="", repr=False)
    login_claim: str = "preferred_username"
    scopes: tuple[str, ...] = ("openid", "profile")
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")

    def __post_init__(self) -> None:
        for url in (self.issuer, self.redirect_uri):
            if not _safe(url):
                raise ValueError(f"{url!r} must be https, or http on loopback")
        if not self.algorithms or any(a.startswith("HS") or a == "none" for a in self.algorithms):
            raise ValueError("an id token is signed with the provider's private key: no HS*, no none")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what to put in its cookie until it comes back."""

    url: str
    binding: str


@dataclass(frozen=True, slots=True)
class _Attempt:
    nonce: str
    verifier: str
    next_page: str


class Oidc:
    """One provider of one district."""

    def __init__(self, provider: Provider, people: People, store: Store, ids: Ids) -> None:
        self.provider = provider
        self._people = people
        self._district = people.district
        self._store = store
        self._ids = ids
        self._lock = threading.Lock()
        self._document: tuple[Instant, dict[str, Any]] | None = None
        self._keys: tuple[Instant, KeySet] | None = None

    def begin(self, next_page: str = "/") -> Begun:
        """Starts a sign-in: the address to send the browser to, and the value for its short-lived cookie."""
        endpoint = self._endpoint("authorization_endpoint")
        state, binding, nonce, verifier = (self._ids.code(n) for n in (32, 32, 32, 64))
        attempt = (
            *(
                self._district,
                secret_hash(state),
                secret_hash(binding),
                nonce,
                verifier,
                local_page(next_page),
            ),
            self._store.clock.wall() + ATTEMPT_LASTS,
        )
        self._store.write(
            lambda tx: tx.run(
                "INSERT INTO oidc_attempts (district, state_hash, binding_hash, nonce, verifier, next_page,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                attempt,
            )
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.provider.redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return Begun(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}", binding)

    def finish(
        self, answer: Mapping[str, str], binding: str, *, address: str, agent: str = ""
    ) -> tuple[SignedIn, str]:
        """Ends a sign-in with the provider's answer (the query of the redirect) and the cookie's value.

        Returns the session and the page to go to. SignIn when the sign-in is not ours or not confirmed,
        Forbidden when the identity has no open account, Unavailable when the provider can't be reached.
        """
        attempt = self._take(answer.get("state", ""), binding)
        if "code" not in answer or answer.get("iss", self.provider.issuer) != self.provider.issuer:
            raise SignIn(_REFUSED, code="not-confirmed")
        claims = self._claims(self._exchange(answer["code"], attempt.verifier), attempt.nonce)

        def enter(tx: Tx) -> str | None:
            account = self._account(tx, claims)
            return account and self._people.sessions.open(tx, account, agent=agent, address=address)

        token = self._store.write(enter)
        if token is None:
            raise Forbidden(_NO_ACCOUNT, code="no-account")
        return self._people.signed_in(token), attempt.next_page

    def bind(self, tx: Tx, subject: str, account_id: str) -> None:
        """Binds a subject of the provider to an account, in place of any it was bound to."""
        tx.run(
            "INSERT INTO outside_identities (district, issuer, subject, account_id, bound_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (district, issuer, subject) DO UPDATE SET account_id = excluded.account_id,"
            " bound_at = excluded.bound_at",
            (self._district, self.provider.issuer, subject, account_id, self._store.clock.now()),
        )

    def _take(self, state: str, binding: str) -> _Attempt:
        """The attempt that this browser began; it is used up whatever comes of it."""
        key = (self._district, secret_hash(state))

        def take(tx: Tx) -> Any:
            row = tx.one(
                "SELECT binding_hash, nonce, verifier, next_page, expires_at FROM oidc_attempts"
                " WHERE district = ? AND state_hash = ?",
                key,
            )
            gone = tx.run("DELETE FROM oidc_attempts WHERE district = ? AND state_hash = ?", key)
            return row if gone else None

        row = self._store.write(take)
        if (
            row is None
            or row[4] <= self._store.clock.wall()
            or not hmac.compare_digest(row[0], secret_hash(binding))
        ):
            raise SignIn(_LOST, code="sign-in-lost")
        return _Attempt(row[1], row[2], row[3])

    def _exchange(self, code: str, verifier: str) -> str:
        """The id token for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.provider.redirect_uri,
            "client_id": self.provider.client_id,
            "code_verifier": verifier,
        }
        # RFC 6749 2.3.1: both are form-encoded before they become user and password.
        pair = (quote_plus(self.provider.client_id), quote_plus(self.provider.client_secret))
        secret = pair if self.provider.client_secret else None
        status, answer = _fetch("POST", self._endpoint("token_endpoint"), form, secret)
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise SignIn(_REFUSED, code="not-confirmed")
        return token

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an id token that is signed by the provider, for us, for this sign-in, now."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError

        try:
            try:
                decoded = jwt.decode(token, self._key_set(), algorithms=list(self.provider.algorithms))
            except InvalidKeyIdError:
                decoded = jwt.decode(
                    token, self._key_set(again=True), algorithms=list(self.provider.algorithms)
                )
            wanted = jwt.JWTClaimsRegistry(
                now=self._store.clock.wall() // SECOND,
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self.provider.issuer},
                aud={"essential": True, "value": self.provider.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            claims = decoded.claims
            wanted.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignIn(_REFUSED, code="not-confirmed") from error
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        ours = claims.get("azp", None if several else self.provider.client_id) == self.provider.client_id
        if not ours or not claims["sub"].isprintable():
            raise SignIn(_REFUSED, code="not-confirmed")
        return claims

    def _account(self, tx: Tx, claims: Mapping[str, Any]) -> str | None:
        """The open account of the identity: the bound one, or the one whose login the claim names."""
        row = tx.one(
            "SELECT account_id FROM outside_identities WHERE district = ? AND issuer = ? AND subject = ?",
            (self._district, self.provider.issuer, claims["sub"]),
        )
        account: str | None = row[0] if row is not None else None
        if account is None:
            login = claims.get(self.provider.login_claim) if self.provider.login_claim else None
            if not isinstance(login, str) or not is_login(clean_login(login)) or not self._vouched(claims):
                return None
            account = self._people.accounts.id_of(tx, login)
        is_open = tx.one(
            "SELECT 1 FROM accounts WHERE district = ? AND id = ? AND disabled_at IS NULL AND demo <= ?",
            (self._district, account or "", int(self._people.demo)),
        )
        if account is None or is_open is None:
            return None
        if row is None:
            self.bind(tx, claims["sub"], account)
        return account

    def _vouched(self, claims: Mapping[str, Any]) -> bool:
        """An address that the provider has not verified names nobody."""
        return self.provider.login_claim != "email" or claims.get("email_verified") is True

    def _endpoint(self, name: str) -> str:
        """An endpoint's address from the discovery document."""
        wall = self._store.clock.wall()
        with self._lock:
            if self._document is None or wall - self._document[0] >= DOCUMENT_LASTS:
                address = self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
                status, document = _fetch("GET", address)
                if status != 200 or document.get("issuer") != self.provider.issuer:
                    raise Unavailable(_AWAY)
                self._document = (wall, document)
            url = self._document[1].get(name)
        if not isinstance(url, str) or not _safe(url):
            raise Unavailable(_AWAY)
        return url

    def _key_set(self, *, again: bool = False) -> KeySet:
        """The provider's public keys; `again` fetches them anew when they are not quite fresh."""
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        address = self._endpoint("jwks_uri")
        wall = self._store.clock.wall()
        with self._lock:
            lasts = KEYS_AGAIN_AFTER if again else KEYS_LAST
            if self._keys is None or wall - self._keys[0] >= lasts:
                status, document = _fetch("GET", address)
                keys = document.get("keys")
                if status != 200 or not isinstance(keys, list):
                    raise Unavailable(_AWAY)
                try:
                    # A key of a kind unknown here must not hide the others.
                    known = [k for k in keys if isinstance(k, dict) and k.get("kty") in ("RSA", "EC")]
                    self._keys = (wall, KeySet.import_key_set({"keys": known}))
                except (JoseError, ValueError, KeyError) as error:
                    raise Unavailable(_AWAY) from error
            return self._keys[1]


def local_page(page: str) -> str:
    """The page when it lies on this server, else the start page: a redirect never leads away."""
    plain = page.startswith("/") and not page.startswith(("//", "/\\")) and page.isprintable()
    return page if plain else "/"


def _safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    )


def _fetch(
    method: str, url: str, form: dict[str, str] | None = None, secret: tuple[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object of an answer; Unavailable when none comes or it is not such."""
    # Only the process that signs somebody in loads the client.
    import httpx

    try:
        with (
            httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream(
                *(method, url), data=form, auth=secret or None, headers={"Accept": "application/json"}
            ) as answer,
        ):
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > LARGEST_ANSWER:
                    raise Unavailable(_AWAY)
            document = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unavailable(_AWAY) from error
    if not isinstance(document, dict) or answer.status_code >= 500:
        raise Unavailable(_AWAY)
    return answer.status_code, document
