"""Persons, their accounts, and the roles granted to these; statements over an open transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import KERNEL_ROLES, SCOPE_KINDS, Actor, Grant, Scope
from civicloop.kernel.refusal import Invalid, Missing
from civicloop.kernel.store.transaction import Row, Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_MOBILE = re.compile(r"\+?[0-9]{6,15}")

_BAD_LOGIN = Label(
    "登录名为 2 到 64 个小写字母、数字或 . _ @ -，以字母或数字开头。",
    "A login has 2 to 64 lower-case letters, digits or . _ @ -, and begins with a letter or digit.",
)
_BAD_MOBILE = Label("请填写 6 到 15 位数字的手机号。", "Give a mobile number of 6 to 15 digits.")
_NO_NAME = Label("请填写姓名。", "Give a name.")
_TAKEN = Label("登录名“{login}”已被使用，请换一个。", "The login “{login}” is taken. Choose another.")
_MOBILE_TAKEN = Label(
    "此手机号已绑定其他账号，请先在原账号解绑。",
    "This mobile number belongs to another account. Remove it there first.",
)
_NO_ACCOUNT = Label(
    "没有此账号，请从账号列表中选择。", "There is no such account. Choose one from the list of accounts."
)
_NO_PERSON = Label("没有此人员。", "There is no such person.")
_BAD_GRANT = Label("授权不完整。", "The grant is not complete.")
_BAD_SCOPE = Label(
    "范围须为全区、街道、社区、单位或本人；除本人外须有代码。",
    "A scope is district, street, community, unit or self, and all but self have a code.",
)
_BAD_ROLE = Label("此角色不能授予。", "This role can't be granted.")
_NOT_HELD = Label("该账号没有此授权。", "The account does not hold this grant.")
_WRONG = Label("账号信息有误。", "Something about the account is wrong.")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as an administrator sees it."""

    id: str
    person_id: str
    name: Label
    login: str
    mobile: str | None
    must_change: bool
    demo: bool
    disabled_at: Instant | None
    grants: tuple[Grant, ...] = ()


def clean_login(text: str) -> str:
    """The login as it is kept: lower case, without spaces around it."""
    return text.strip().lower()


def is_login(text: str) -> bool:
    """Whether a cleaned text could be a login at all."""
    return _LOGIN.fullmatch(text) is not None


def clean_mobile(text: str) -> str:
    """The number without spaces, hyphens and +86; Invalid when it is none."""
    number = re.sub(r"[\s\-()]", "", text).removeprefix("+86")
    if not _MOBILE.fullmatch(number):
        raise Invalid(_WRONG, fields={"mobile": _BAD_MOBILE})
    return number


class Accounts:
    """The tables persons, accounts and role_grants of one district."""

    def __init__(self, district: str, clock: Clock, ids: Ids) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids

    def add_person(self, tx: Tx, name: Label) -> str:
        """Adds a natural person and returns the id."""
        if not name.zh.strip() and not name.en.strip():
            raise Invalid(_WRONG, fields={"name": _NO_NAME})
        person = self._ids.new("p")
        tx.run(
            "INSERT INTO persons (district, id, name_zh, name_en, made_at) VALUES (?, ?, ?, ?, ?)",
            (
                self._district,
                person,
                name.zh.strip() or name.en,
                name.en.strip() or name.zh,
                self._clock.now(),
            ),
        )
        return person

    def add(
        self,
        tx: Tx,
        by: Actor,
        login: str,
        person_id: str,
        password_hash: str,
        *,
        must_change: bool,
        mobile: str | None = None,
        demo: bool = False,
    ) -> str:
        """Adds an account of an existing person and returns its id; Invalid says which field is wrong."""
        login = clean_login(login)
        if not is_login(login):
            raise Invalid(_WRONG, fields={"login": _BAD_LOGIN})
        number = clean_mobile(mobile) if mobile else None
        if tx.one("SELECT 1 FROM persons WHERE district = ? AND id = ?", (self._district, person_id)) is None:
            raise Missing(_NO_PERSON)
        if self.id_of(tx, login) is not None:
            raise Invalid(_WRONG, fields={"login": _TAKEN.filled(login=login)})
        self._free_mobile(tx, number)
        account = self._ids.new("a")
        tx.run(
            "INSERT INTO accounts (district, id, person_id, login, password_hash, must_change, mobile, demo,"
            " made_at, made_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(
                    self._district,
                    account,
                    person_id,
                    login,
                    password_hash,
                    int(must_change),
                    number,
                    int(demo),
                ),
                *(self._clock.now(), by.signature),
            ),
        )
        return account

    def id_of(self, tx: Tx, login: str) -> str | None:
        """The id of the account with this login."""
        row = tx.one(
            "SELECT id FROM accounts WHERE district = ? AND login = ?", (self._district, clean_login(login))
        )
        return None if row is None else str(row[0])

    def actor(self, tx: Tx, login: str) -> Actor:
        """Who acts with this account, as after signing in on the web; LookupError when there is no such login."""
        account = self.id_of(tx, login)
        if account is None:
            raise LookupError(f"there is no account {login!r}")
        found = self.one(tx, account)
        return Actor(found.person_id, found.id, found.name, tuple(found.grants), via="web")

    def set_mobile(self, tx: Tx, account_id: str, mobile: str | None) -> None:
        """Binds a mobile number to the account, or takes it away; Invalid when another account has it."""
        number = clean_mobile(mobile) if mobile else None
        self._free_mobile(tx, number, account_id)
        self._changed(
            tx.run(
                "UPDATE accounts SET mobile = ? WHERE district = ? AND id = ?",
                (number, self._district, account_id),
            )
        )

    def set_password(self, tx: Tx, account_id: str, password_hash: str, *, must_change: bool) -> None:
        """Stores a new hash."""
        self._changed(
            tx.run(
                "UPDATE accounts SET password_hash = ?, must_change = ? WHERE district = ? AND id = ?",
                (password_hash, int(must_change), self._district, account_id),
            )
        )

    def disable(self, tx: Tx, by: Actor, account_id: str) -> None:
        """Closes the account's doors; what it did stays."""
        self._changed(
            tx.run(
                "UPDATE accounts SET disabled_at = ?, disabled_by = ? WHERE district = ? AND id = ?",
                (self._clock.now(), by.signature, self._district, account_id),
            )
        )

    def enable(self, tx: Tx, account_id: str) -> None:
        """Opens a disabled account again."""
        self._changed(
            tx.run(
                "UPDATE accounts SET disabled_at = NULL, disabled_by = '' WHERE district = ? AND id = ?",
                (self._district, account_id),
            )
        )

    def grant(self, tx: Tx, by: Actor, account_id: str, grant: Grant) -> None:
        """Grants a role in a scope; a grant without `valid_from` begins now. Granting again changes nothing.

        A district scope without a code means this district.
        """
        scope = grant.scope
        if scope == Scope("district"):
            scope = Scope("district", self._district)
        if not grant.role or grant.role in KERNEL_ROLES:
            raise Invalid(_BAD_GRANT, fields={"role": _BAD_ROLE})
        if (
            scope.kind not in SCOPE_KINDS
            or scope.kind == "case"
            or (scope.kind == "self") != (scope.code == "")
        ):
            raise Invalid(_BAD_GRANT, fields={"scope": _BAD_SCOPE})
        if (
            tx.one("SELECT 1 FROM accounts WHERE district = ? AND id = ?", (self._district, account_id))
            is None
        ):
            raise Missing(_NO_ACCOUNT)
        now = self._clock.now()
        standing = (self._district, account_id, grant.role, scope.kind, scope.code)
        if tx.one(
            "SELECT 1 FROM role_grants WHERE district = ? AND account_id = ? AND role = ? AND scope_kind = ?"
            " AND scope_code = ? AND (valid_to IS NULL OR valid_to > ?)",
            (*standing, now),
        ):
            return
        tx.run(
            "INSERT INTO role_grants (district, account_id, role, scope_kind, scope_code, valid_from, valid_to,"
            " granted_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (district, account_id, role, scope_kind, scope_code, valid_from)"
            " DO UPDATE SET valid_to = excluded.valid_to, granted_by = excluded.granted_by, ended_by = ''",
            (*standing, grant.valid_from or now, grant.valid_to, by.signature),
        )

    def end_grant(self, tx: Tx, by: Actor, account_id: str, role: str, scope: Scope) -> None:
        """Ends a role from now on; Missing when the account does not hold it."""
        now = self._clock.now()
        ended = tx.run(
            "UPDATE role_grants SET valid_to = ?, ended_by = ? WHERE district = ? AND account_id = ? AND role = ?"
            " AND scope_kind = ? AND scope_code = ? AND (valid_to IS NULL OR valid_to > ?)",
            (now, by.signature, self._district, account_id, role, scope.kind, scope.code, now),
        )
        if ended == 0:
            raise Missing(_NOT_HELD)

    def one(self, tx: Tx, account_id: str) -> Account:
        """The account with the grants that hold now; Missing when there is none."""
        found = self._accounts(tx, " AND a.id = ?", (account_id,))
        if not found:
            raise Missing(_NO_ACCOUNT)
        return found[0]

    def all(self, tx: Tx) -> list[Account]:
        """Every account by login, with the grants that hold now."""
        return self._accounts(tx, "", ())

    def _accounts(self, tx: Tx, condition: str, params: tuple[str, ...]) -> list[Account]:
        now = self._clock.now()
        rows = tx.all(
            "SELECT a.id, a.person_id, p.name_zh, p.name_en, a.login, a.mobile, a.must_change, a.demo,"
            " a.disabled_at, g.role, g.scope_kind, g.scope_code, g.valid_from, g.valid_to FROM accounts a"
            " JOIN persons p ON p.district = a.district AND p.id = a.person_id"
            " LEFT JOIN role_grants g ON g.district = a.district AND g.account_id = a.id AND g.valid_from <= ?"
            " AND (g.valid_to IS NULL OR g.valid_to > ?)"
            f" WHERE a.district = ?{condition} ORDER BY a.login, g.role, g.scope_kind, g.scope_code",
            (now, now, self._district, *params),
        )
        by_account: dict[str, list[Row]] = {}
        for row in rows:
            by_account.setdefault(row[0], []).append(row)
        return [
            Account(
                *(first[0], first[1], Label(first[2], first[3]), first[4], first[5], bool(first[6])),
                *(bool(first[7]), first[8], grants_of(row[9:14] for row in lines)),
            )
            for lines in by_account.values()
            for first in lines[:1]
        ]

    def _free_mobile(self, tx: Tx, number: str | None, account_id: str = "") -> None:
        if number is not None and tx.one(
            "SELECT 1 FROM accounts WHERE district = ? AND mobile = ? AND id <> ?",
            (self._district, number, account_id),
        ):
            raise Invalid(_WRONG, fields={"mobile": _MOBILE_TAKEN})

    @staticmethod
    def _changed(count: int) -> None:
        if count == 0:
            raise Missing(_NO_ACCOUNT)


def grants_of(rows: Iterable[Row]) -> tuple[Grant, ...]:
    """Grants of rows (role, scope kind, scope code, valid from, valid to); a row without a role is none."""
    return tuple(Grant(r[0], Scope(r[1], r[2]), r[3], r[4]) for r in rows if r[0] is not None)
