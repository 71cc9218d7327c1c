"""Identity of one district: signing in and out, accounts, and everything that hangs on them.

`People` is the door to the room. Its methods that check a password run for tens of milliseconds and write
on their own: call them from a worker thread. Those that take a `tx` run inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from civicloop.kernel.label import Label
from civicloop.kernel.people.accounts import Accounts, clean_login, clean_mobile, is_login
from civicloop.kernel.people.audit import Audit
from civicloop.kernel.people.grants import Consents, Delegations, Links, Tracking
from civicloop.kernel.people.keys import Keys
from civicloop.kernel.people.mobile import TEXT, MobileCodes, Send
from civicloop.kernel.people.passwords import Hashing, Passwords, check_new
from civicloop.kernel.people.personal import Personal, mask_phone
from civicloop.kernel.people.roles import CLOCK, PUBLIC, Actor, ApiScope, Grant, Scope, ScopeKind, Via
from civicloop.kernel.people.sessions import Lifetime, Sessions, csrf_of
from civicloop.kernel.people.throttle import Limits, Throttle, door
from civicloop.kernel.refusal import Forbidden, Invalid, SignIn
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.ids import Ids

_WRONG = Label("登录名或密码不正确。", "The login or the password is wrong.")
_WRONG_CODE = Label(
    "验证码不正确或已失效，请核对或重新获取。",
    "The code is wrong or no longer valid. Check it, or ask for a new one.",
)
_DISABLED = Label("此账号已停用，请联系管理员。", "This account is disabled. Ask an administrator.")
_OLD_WRONG = Label("原密码不正确。", "The present password is wrong.")
_NOT_SIGNED_IN = Label("请先登录。", "Sign in first.")
_RESIDENT = Label("居民 {phone}", "Resident {phone}")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: `token` goes into the cookie and nowhere else, `csrf` into the forms."""

    token: str
    csrf: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """A demo account as start-up prints it; `password` is empty when the pack gave its own."""

    login: str
    password: str
    name: Label
    roles: tuple[str, ...]


class People:
    """Everybody of one district. `demo` opens the demo accounts and keys, which otherwise stay shut."""

    def __init__(
        self,
        district: str,
        store: Store,
        ids: Ids,
        *,
        demo: bool = False,
        demo_password: str = "",
        hashing: Hashing | None = None,
        limits: Limits | None = None,
        lifetime: Lifetime | None = None,
    ) -> None:
        self.district = district
        self.demo = demo
        self.demo_password = demo_password or f"{district}-demo"
        self.limits = limits or Limits()
        self._store = store
        self._passwords = Passwords(hashing or Hashing(), ids)
        self._ids = ids
        clock = store.clock
        self.accounts = Accounts(district, clock, ids)
        self.sessions = Sessions(district, store, ids, lifetime or Lifetime(), demo=demo)
        self.keys = Keys(district, clock, ids, self.sessions)
        self.throttle = Throttle(district, store)
        self.audit = Audit(district, clock, ids)
        self.personal = Personal(district, clock, ids, self.audit)
        self.links = Links(district, clock, ids)
        self.tracking = Tracking(district, clock, ids)
        self.consents = Consents(district, clock)
        self.delegations = Delegations(district, clock, ids)
        self._codes = MobileCodes(district, clock, ids)

    # Signing in and out

    def login(
        self, login: str, password: str, *, address: str, agent: str = "", via: Via = "web"
    ) -> SignedIn:
        """Signs in by password. SignIn says no more than that the pair is wrong; TooMany when to come back."""
        login = clean_login(login)
        by_account, by_address = door("login", login), door("address", address)
        self.throttle.knock((by_account, self.limits.login_account), (by_address, self.limits.login_address))
        account, stored, disabled = self._credentials(login)
        # An unknown login costs the same hash as a known one.
        if not self._passwords.right(stored, password):
            raise SignIn(_WRONG, code="wrong-credentials")
        if disabled:
            raise Forbidden(_DISABLED, code="account-disabled")
        renewed = self._passwords.hash(password) if self._passwords.outdated(stored) else ""

        def enter(tx: Tx) -> str:
            self.throttle.forget(tx, by_account)
            self.throttle.give_back(tx, by_address)
            if renewed:
                tx.run(
                    "UPDATE accounts SET password_hash = ? WHERE district = ? AND id = ? AND password_hash = ?",
                    (renewed, self.district, account, stored),
                )
            return self.sessions.open(tx, account, via=via, agent=agent, address=address)

        return self.signed_in(self._store.write(enter))

    def signed_in(self, token: str) -> SignedIn:
        """The fresh session behind a token; SignIn when the account was closed in between."""
        actor = self.sessions.actor(token)
        if actor is None:
            raise SignIn(_NOT_SIGNED_IN)
        return SignedIn(token, csrf_of(token), actor)

    def logout(self, token: str) -> None:
        """Signs out; the token opens nothing any more when this returns."""
        self._store.write(lambda tx: self.sessions.close(tx, token))

    def actor_of_session(self, token: str) -> Actor:
        """Who holds this session token: PUBLIC when nobody does."""
        return (self.sessions.actor(token) if token else None) or PUBLIC

    def actor_of_key(self, text: str) -> Actor | None:
        """Who acts by this API key, or None."""
        return self.sessions.actor_of_key(text) if text else None

    def remembered(self, secret: str) -> Actor | None:
        """Who was found lately by this token or key, without a read; None says nothing about it."""
        return self.sessions.remembered(secret)

    # Signing in by mobile code

    def request_code(self, mobile: str, send: Send, *, address: str, residents: bool = False) -> None:
        """Sends a code to the number of an account, or with `residents` to any; the answer tells nothing.

        `send(number, text)` is called after the code is durable and must not be kept in any log.
        """
        number = clean_mobile(mobile)
        self.throttle.knock(
            (door("code", number), self.limits.code_mobile),
            (door("code-address", address), self.limits.code_address),
        )

        def make(tx: Tx) -> tuple[str, bool]:
            account = self._by_mobile(tx, number)
            known = account is not None and not account[1]
            return self._codes.make(tx, number), known or (residents and account is None)

        code, wanted = self._store.write(make)
        if wanted:
            send(number, TEXT.filled(code=code))

    def login_by_code(
        self, mobile: str, code: str, *, address: str, agent: str = "", residents: bool = False
    ) -> SignedIn:
        """Signs in by code; with `residents` an unknown number becomes a resident's account without a role."""
        number = clean_mobile(mobile)
        by_address = door("address", address)
        self.throttle.knock((by_address, self.limits.login_address))

        def enter(tx: Tx) -> str | None:
            # A wrong code is answered by None, not raised, for its try must be kept.
            if not self._codes.use(tx, number, code):
                return None
            account = self._by_mobile(tx, number)
            if account is None:
                if not residents:
                    return None
                name = _RESIDENT.filled(phone=mask_phone(number))
                login = f"r-{self._ids.new()}".lower()
                person = self.accounts.add_person(tx, name)
                made = self.accounts.add(tx, PUBLIC, login, person, "", must_change=False, mobile=number)
                account = (made, False)
            if account[1]:
                return ""
            self.throttle.give_back(tx, by_address)
            return self.sessions.open(tx, account[0], agent=agent, address=address)

        token = self._store.write(enter)
        if token == "":
            raise Forbidden(_DISABLED, code="account-disabled")
        if token is None:
            raise SignIn(_WRONG_CODE, code="wrong-code")
        return self.signed_in(token)

    # Accounts

    def create_account(
        self,
        by: Actor,
        login: str,
        name: Label,
        *,
        password: str = "",
        grants: Iterable[Grant] = (),
        mobile: str | None = None,
        person_id: str = "",
        must_change: bool = True,
    ) -> str:
        """Creates an account (of an existing person when `person_id` is given) and returns its id.

        Without a password it opens by mobile code or OIDC only.
        """
        if password:
            check_new(password, login)
        hashed = self._passwords.hash(password) if password else ""

        def create(tx: Tx) -> str:
            person = person_id or self.accounts.add_person(tx, name)
            change = must_change and bool(hashed)
            account = self.accounts.add(tx, by, login, person, hashed, must_change=change, mobile=mobile)
            for grant in grants:
                self.accounts.grant(tx, by, account, grant)
            return account

        return self._store.write(create)

    def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Changes one's own password and ends one's other sessions."""
        with self._store.read() as tx:
            row = tx.one(
                "SELECT login, password_hash FROM accounts WHERE district = ? AND id = ?",
                (self.district, actor.account_id),
            )
        if row is None:
            raise SignIn(_NOT_SIGNED_IN)
        by_account = door("login", row[0])
        self.throttle.knock((by_account, self.limits.login_account))
        if not self._passwords.right(row[1], old):
            raise Invalid(_OLD_WRONG, fields={"old": _OLD_WRONG})
        check_new(new, row[0])
        hashed = self._passwords.hash(new)

        def change(tx: Tx) -> None:
            self.throttle.forget(tx, by_account)
            self.accounts.set_password(tx, actor.account_id, hashed, must_change=False)
            self.sessions.revoke(tx, actor.account_id, all_but=actor.session_id)

        self._store.write(change)

    def reset_password(self, account_id: str) -> str:
        """Gives the account a first password, which is returned once, and ends all its sessions."""
        password = "-".join(self._ids.code(4).lower() for _ in range(4))
        hashed = self._passwords.hash(password)

        def reset(tx: Tx) -> None:
            self.accounts.set_password(tx, account_id, hashed, must_change=True)
            self.sessions.revoke(tx, account_id)

        self._store.write(reset)
        return password

    def disable_account(self, tx: Tx, by: Actor, account_id: str) -> None:
        """Closes an account: its sessions, keys and delegations end with it, at once."""
        self.accounts.disable(tx, by, account_id)
        self.delegations.revoke_of(tx, account_id)
        self.sessions.revoke(tx, account_id)

    def grant(self, tx: Tx, by: Actor, account_id: str, grant: Grant) -> None:
        """Grants a role in a scope; it holds at once in open sessions too."""
        self.accounts.grant(tx, by, account_id, grant)
        self.sessions.forget(tx)

    def end_grant(self, tx: Tx, by: Actor, account_id: str, role: str, scope: Scope) -> None:
        """Takes a role away; at once in open sessions too."""
        self.accounts.end_grant(tx, by, account_id, role, scope)
        self.sessions.forget(tx)

    def act_for(self, tx: Tx, actor: Actor, token: str, delegation_id: str) -> None:
        """Has the session act under a delegation to its account; an empty id means for oneself again."""
        if delegation_id:
            self.delegations.require(tx, actor.account_id, delegation_id)
        self.sessions.act_for(tx, token, delegation_id)

    # Demo

    def load_accounts(self, tx: Tx, rows: Sequence[Mapping[str, Any]], *, demo: bool) -> list[DemoLogin]:
        """Creates a pack's demo accounts that are missing, and returns all of them; outside demo mode none.

        A row: login, name {zh, en}, roles [{role, scope_kind, scope_code}], and maybe password, mobile and
        person (rows with the same person are accounts of one natural person).
        """
        if not (demo and self.demo):
            return []
        persons: dict[str, str] = {}
        found = {row["login"]: self.accounts.id_of(tx, row["login"]) for row in rows}
        for row in rows:
            account = found[row["login"]]
            if account is not None:
                persons[row.get("person") or row["login"]] = self.accounts.one(tx, account).person_id
        for row in rows:
            if found[row["login"]] is None:
                self._add_demo_account(tx, row, persons)
        return [
            DemoLogin(
                row["login"],
                "" if row.get("password") else self.demo_password,
                Label(row["name"]["zh"], row["name"]["en"]),
                tuple(dict.fromkeys(role["role"] for role in row["roles"])),
            )
            for row in rows
        ]

    def _add_demo_account(self, tx: Tx, row: Mapping[str, Any], persons: dict[str, str]) -> None:
        key = row.get("person") or row["login"]
        if key not in persons:
            persons[key] = self.accounts.add_person(tx, Label(row["name"]["zh"], row["name"]["en"]))
        hashed = self._passwords.hash(row.get("password") or self.demo_password)
        account = self.accounts.add(
            *(tx, CLOCK, row["login"], persons[key], hashed),
            must_change=False,
            mobile=row.get("mobile"),
            demo=True,
        )
        for role in row["roles"]:
            kind: ScopeKind = role["scope_kind"]
            scope = Scope(kind, role.get("scope_code", ""))
            self.accounts.grant(tx, CLOCK, account, Grant(role["role"], scope))

    def load_demo_key(self, tx: Tx, login: str, text: str, scopes: Iterable[ApiScope]) -> None:
        """Creates the demo API key `text` of a demo account; outside demo mode nothing."""
        account = self.accounts.id_of(tx, login) if self.demo else None
        if account is not None:
            self.keys.demo(tx, CLOCK, account, text, f"demo: {text}", scopes)

    def sweep(self, tx: Tx) -> None:
        """Removes what has run out: sessions, codes, tries, sign-ins that never came back."""
        self.sessions.sweep(tx)
        self._codes.sweep(tx)
        self.throttle.sweep(tx)
        tx.run(
            "DELETE FROM oidc_attempts WHERE district = ? AND expires_at <= ?",
            (self.district, self._store.clock.wall()),
        )

    def _credentials(self, login: str) -> tuple[str, str, bool]:
        """Account id, hash and whether it is disabled; empty for an unknown login."""
        if not is_login(login):
            return "", "", False
        with self._store.read() as tx:
            row = tx.one(
                "SELECT id, password_hash, disabled_at FROM accounts WHERE district = ? AND login = ? AND demo <= ?",
                (self.district, login, int(self.demo)),
            )
        return ("", "", False) if row is None else (row[0], row[1], row[2] is not None)

    def _by_mobile(self, tx: Tx, number: str) -> tuple[str, bool] | None:
        """Account id and whether it is disabled."""
        row = tx.one(
            "SELECT id, disabled_at FROM accounts WHERE district = ? AND mobile = ? AND demo <= ?",
            (self.district, number, int(self.demo)),
        )
        return None if row is None else (row[0], row[1] is not None)
