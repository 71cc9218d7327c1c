"""Permissions handed from hand to hand: single-use links, tracking codes, consent, delegation.

Everything here runs inside the caller's transaction, so that a link is used up only together with the
action it allowed. Times are the district's.
"""

from __future__ import annotations

from dataclasses import dataclass

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import Actor, Grant, Scope, reporter
from civicloop.kernel.people.sessions import Forget, secret_hash
from civicloop.kernel.refusal import Forbidden, Guarded, Invalid, Missing
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids

_NO_LINK = Label(
    "此链接无效。请检查是否复制完整，或向发送人重新索取。",
    "This link is not valid. Check that it was copied whole, or ask the sender for a new one.",
)
_LINK_USED = Label(
    "此链接已使用过，每个链接只能使用一次。如需再次办理，请向发送人重新索取。",
    "This link has been used; each link works once. Ask the sender for a new one.",
)
_LINK_OVER = Label(
    "此链接已过期。请向发送人重新索取。", "This link has run out. Ask the sender for a new one."
)
_NO_TRACKING = Label(
    "没有此查询码对应的案件，请核对查询码。", "No case has this tracking code. Check the code and try again."
)
_NO_CONSENT = Label(
    "当事人尚未同意此项用途（{purpose}）。", "The person has not consented to this use ({purpose})."
)
_BAD_TIME = Label("结束时间须晚于开始时间且在将来。", "The end must lie after the start, and in the future.")
_TO_ONESELF = Label("不能委托给本人。请选择另一人。", "One can't delegate to oneself. Choose somebody else.")
_NO_ACCOUNT = Label("没有此账号，或已停用。", "There is no such account, or it is disabled.")
_NO_DELEGATION = Label(
    "没有有效的委托。请委托人重新授权。", "No such delegation holds. Ask the person for a new one."
)
_WRONG = Label("委托信息有误。", "Something about the delegation is wrong.")


@dataclass(frozen=True, slots=True)
class Link:
    """A single-use link as its holder may know it."""

    id: str
    purpose: str
    case_id: str
    action: str
    role: str
    person_id: str
    expires_at: Instant

    @property
    def actor(self) -> Actor:
        """Who acts by this link: its role in its one case, for its one action."""
        return Actor(
            self.person_id or f"@link:{self.id}",
            name=Label("链接持有人", "The holder of the link"),
            grants=(Grant(self.role, Scope("case", self.case_id)),),
            via="link",
            only_action=self.action,
        )


class Links:
    """The table links of one district."""

    def __init__(self, district: str, clock: Clock, ids: Ids) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids

    def issue(
        self,
        tx: Tx,
        by: Actor,
        *,
        purpose: str,
        case_id: str,
        action: str,
        role: str,
        lasts: Instant,
        person_id: str = "",
    ) -> str:
        """A link's token, the only copy there is; `person_id` names who it is for, where that is known."""
        token = self._ids.code(32)
        now = self._clock.now()
        tx.run(
            "INSERT INTO links (district, token_hash, id, purpose, case_id, action, role, person_id, issued_at,"
            " issued_by, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._district, secret_hash(token), self._ids.new("l"), purpose, case_id, action, role),
                *(person_id, now, by.signature, now + lasts),
            ),
        )
        return token

    def look(self, tx: Tx, token: str) -> Link:
        """The link, unused as yet; Missing or Forbidden says what is wrong with it."""
        row = tx.one(
            "SELECT id, purpose, case_id, action, role, person_id, expires_at, used_at, revoked_at FROM links"
            " WHERE district = ? AND token_hash = ?",
            (self._district, secret_hash(token)),
        )
        if row is None or row[8] is not None:
            raise Missing(_NO_LINK)
        if row[7] is not None:
            raise Forbidden(_LINK_USED, code="link-used")
        if row[6] <= self._clock.now():
            raise Forbidden(_LINK_OVER, code="link-over")
        return Link(*row[:7])

    def use(self, tx: Tx, token: str) -> Link:
        """Uses the link up and returns it; when the transaction is rolled back, it is unused again."""
        link = self.look(tx, token)
        used = tx.run(
            "UPDATE links SET used_at = ? WHERE district = ? AND token_hash = ? AND used_at IS NULL",
            (self._clock.now(), self._district, secret_hash(token)),
        )
        if used == 0:
            raise Forbidden(_LINK_USED, code="link-used")
        return link

    def revoke_for(self, tx: Tx, case_id: str) -> int:
        """Ends every unused link of a case and returns how many."""
        return tx.run(
            "UPDATE links SET revoked_at = ? WHERE district = ? AND case_id = ? AND used_at IS NULL"
            " AND revoked_at IS NULL",
            (self._clock.now(), self._district, case_id),
        )


class Tracking:
    """The table tracking_grants of one district: whoever shows the code may follow the case."""

    def __init__(self, district: str, clock: Clock, ids: Ids) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids

    def issue(self, tx: Tx, case_id: str, code: str = "") -> str:
        """A code that follows the case, new unless one is given (the same code may follow several cases)."""
        code = _clean(code) or self._ids.code(12)
        tx.run(
            "INSERT INTO tracking_grants (district, code_hash, case_id, issued_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (district, code_hash, case_id) DO NOTHING",
            (self._district, secret_hash(code), case_id, self._clock.now()),
        )
        return code

    def actor(self, tx: Tx, code: str) -> Actor:
        """The reporter who holds the code; Missing when it opens nothing."""
        rows = tx.all(
            "SELECT case_id FROM tracking_grants WHERE district = ? AND code_hash = ? AND revoked_at IS NULL",
            (self._district, secret_hash(_clean(code))),
        )
        if not rows:
            raise Missing(_NO_TRACKING)
        return reporter(row[0] for row in rows)

    def revoke(self, tx: Tx, case_id: str) -> int:
        """Has no code follow the case any longer."""
        return tx.run(
            "UPDATE tracking_grants SET revoked_at = ? WHERE district = ? AND case_id = ? AND revoked_at IS NULL",
            (self._clock.now(), self._district, case_id),
        )


class Consents:
    """The table consents of one district: what somebody agreed to, and took back, under which text."""

    def __init__(self, district: str, clock: Clock) -> None:
        self._district = district
        self._clock = clock

    def give(self, tx: Tx, by: Actor, subject: str, purpose: str, text_version: str) -> None:
        """Records consent of `subject` to `purpose` under a version of the text shown."""
        self._say(tx, by, subject, purpose, text_version, given=1)

    def withdraw(self, tx: Tx, by: Actor, subject: str, purpose: str) -> None:
        """Records that consent was taken back; what was done before stays lawful."""
        self._say(tx, by, subject, purpose, "", given=0)

    def holds(self, tx: Tx, subject: str, purpose: str) -> bool:
        """Whether the last word of the subject on this purpose was yes."""
        row = tx.one(
            "SELECT given FROM consents WHERE district = ? AND subject = ? AND purpose = ?"
            " ORDER BY number DESC LIMIT 1",
            (self._district, subject, purpose),
        )
        return row is not None and row[0] == 1

    def require(self, tx: Tx, subject: str, purpose: str) -> None:
        """Guarded when consent is not there."""
        if not self.holds(tx, subject, purpose):
            raise Guarded(_NO_CONSENT.filled(purpose=purpose), code="no-consent")

    def _say(self, tx: Tx, by: Actor, subject: str, purpose: str, text_version: str, *, given: int) -> None:
        tx.run(
            "INSERT INTO consents (district, subject, purpose, number, given, text_version, said_at, said_by)"
            " SELECT ?, ?, ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ? FROM consents"
            " WHERE district = ? AND subject = ? AND purpose = ?",
            (
                *(self._district, subject, purpose, given, text_version, self._clock.now(), by.signature),
                *(self._district, subject, purpose),
            ),
        )


@dataclass(frozen=True, slots=True)
class Delegation:
    """Who may act for whom, from when until before when."""

    id: str
    principal_account: str
    principal_person: str
    principal_name: Label
    delegate_account: str
    delegate_person: str
    reason: str
    from_at: Instant
    until_at: Instant


class Delegations:
    """The table delegations of one district. Who acts for another has the other's roles and none of his own."""

    def __init__(self, district: str, clock: Clock, ids: Ids) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids

    def give(
        self,
        tx: Tx,
        by: Actor,
        principal_account: str,
        delegate_account: str,
        *,
        until_at: Instant,
        reason: str,
        from_at: Instant | None = None,
    ) -> str:
        """Lets one account act for another until `until_at`, and returns the delegation's id."""
        now = self._clock.now()
        start = now if from_at is None else from_at
        if until_at <= max(start, now):
            raise Invalid(_WRONG, fields={"until_at": _BAD_TIME})
        principal, delegate = (self._person(tx, a) for a in (principal_account, delegate_account))
        if principal == delegate:
            raise Invalid(_WRONG, fields={"delegate": _TO_ONESELF})
        delegation = self._ids.new("d")
        tx.run(
            "INSERT INTO delegations (district, id, principal_account, principal_person, delegate_account,"
            " delegate_person, reason, from_at, until_at, made_at, made_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._district, delegation, principal_account, principal, delegate_account, delegate),
                *(reason.strip(), start, until_at, now, by.signature),
            ),
        )
        return delegation

    def open_to(self, tx: Tx, delegate_account: str) -> list[Delegation]:
        """The delegations under which the account may act now."""
        now = self._clock.now()
        rows = tx.all(
            "SELECT d.id, d.principal_account, d.principal_person, p.name_zh, p.name_en, d.delegate_account,"
            " d.delegate_person, d.reason, d.from_at, d.until_at FROM delegations d"
            " JOIN persons p ON p.district = d.district AND p.id = d.principal_person"
            " WHERE d.district = ? AND d.delegate_account = ? AND d.until_at > ? AND d.from_at <= ?"
            " AND d.revoked_at IS NULL ORDER BY d.from_at, d.id",
            (self._district, delegate_account, now, now),
        )
        return [
            Delegation(delegation, account, person, Label(zh, en), *rest)
            for delegation, account, person, zh, en, *rest in rows
        ]

    def require(self, tx: Tx, delegate_account: str, delegation_id: str) -> Delegation:
        """The delegation when the account may act under it now; Forbidden otherwise."""
        for delegation in self.open_to(tx, delegate_account):
            if delegation.id == delegation_id:
                return delegation
        raise Forbidden(_NO_DELEGATION, code="no-delegation")

    def revoke(self, tx: Tx, delegation_id: str) -> None:
        """Ends a delegation at once; Missing when it is unknown or already ended."""
        if self._end(tx, " AND id = ?", (delegation_id,)) == 0:
            raise Missing(_NO_DELEGATION)

    def revoke_of(self, tx: Tx, account_id: str) -> int:
        """Ends every delegation from and to an account."""
        return self._end(tx, " AND (principal_account = ? OR delegate_account = ?)", (account_id, account_id))

    def _end(self, tx: Tx, condition: str, params: tuple[str, ...]) -> int:
        ended = tx.run(
            f"UPDATE delegations SET revoked_at = ? WHERE district = ? AND revoked_at IS NULL{condition}",
            (self._clock.now(), self._district, *params),
        )
        tx.notes.append(Forget(self._district))
        return ended

    def _person(self, tx: Tx, account_id: str) -> str:
        row = tx.one(
            "SELECT person_id FROM accounts WHERE district = ? AND id = ? AND disabled_at IS NULL",
            (self._district, account_id),
        )
        if row is None:
            raise Missing(_NO_ACCOUNT)
        return str(row[0])


def _clean(code: str) -> str:
    """The code as it was issued, however it was typed: no spaces or hyphens, O and I read as digits."""
    return code.upper().replace(" ", "").replace("-", "").translate(str.maketrans("OIL", "011"))
