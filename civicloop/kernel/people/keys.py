"""API keys: a prefix to tell them apart, a secret that is shown once, scopes, an end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import API_SCOPES, Actor
from civicloop.kernel.people.sessions import Sessions, secret_hash
from civicloop.kernel.refusal import Invalid, Missing
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Clock, Instant
from civicloop.kernel.time.ids import Ids

_WRONG = Label("密钥信息有误。", "Something about the key is wrong.")
_NO_NAME = Label(
    "请写明此密钥供谁使用，例如“微信小程序”。", "Say what the key is for, such as “WeChat mini program”."
)
_BAD_SCOPES = Label(
    "请至少选择一项权限：read、open、perform、personal、admin。",
    "Choose at least one scope of read, open, perform, personal and admin.",
)
_PAST = Label("到期时间须在将来。", "The key's end lies in the past. Choose a later time.")
_NO_KEY = Label("没有此密钥，或已吊销。", "There is no such key, or it is already revoked.")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as its owner sees it: everything but the secret."""

    id: str
    prefix: str
    account_id: str
    name: str
    scopes: frozenset[str]
    made_at: Instant
    expires_at: Instant | None
    used_at: Instant | None
    revoked_at: Instant | None


class Keys:
    """The table api_keys of one district; finding the actor behind a key is `Sessions.actor_of_key`."""

    def __init__(self, district: str, clock: Clock, ids: Ids, sessions: Sessions) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids
        self._sessions = sessions

    def make(
        self,
        tx: Tx,
        by: Actor,
        account_id: str,
        name: str,
        scopes: Iterable[str],
        *,
        expires_at: Instant | None = None,
    ) -> str:
        """Makes a key that acts for the account within `scopes`, and returns its text, the only copy there is."""
        wanted = frozenset(scopes)
        wrong: dict[str, Label] = {}
        if not name.strip():
            wrong["name"] = _NO_NAME
        if not wanted or wanted - set(API_SCOPES):
            wrong["scopes"] = _BAD_SCOPES
        if expires_at is not None and expires_at <= self._clock.wall():
            wrong["expires_at"] = _PAST
        if wrong:
            raise Invalid(_WRONG, fields=wrong)
        prefix = "cl" + self._ids.code(6)
        text = f"{prefix}_{self._ids.code(32)}"
        self._insert(tx, by, text, prefix, account_id, name.strip(), wanted, expires_at, demo=0)
        return text

    def demo(self, tx: Tx, by: Actor, account_id: str, text: str, name: str, scopes: Iterable[str]) -> None:
        """Puts a key with a known text, which opens in demo mode only."""
        if tx.one(
            "SELECT 1 FROM api_keys WHERE district = ? AND key_hash = ?", (self._district, secret_hash(text))
        ):
            return
        self._insert(tx, by, text, text, account_id, name, frozenset(scopes), None, demo=1)

    def all(self, tx: Tx, account_id: str = "") -> list[KeyInfo]:
        """The keys of one account, or of all, the newest first."""
        rows = tx.all(
            "SELECT id, prefix, account_id, name, scopes, made_at, expires_at, used_at, revoked_at FROM api_keys"
            " WHERE district = ? AND (account_id = ? OR ? = '') ORDER BY made_at DESC, id DESC",
            (self._district, account_id, account_id),
        )
        return [
            KeyInfo(key, prefix, account, name, frozenset(scopes.split()), *times)
            for key, prefix, account, name, scopes, *times in rows
        ]

    def revoke(self, tx: Tx, key_id: str) -> None:
        """Ends a key at once; Missing when it is unknown or already ended."""
        ended = tx.run(
            "UPDATE api_keys SET revoked_at = ? WHERE district = ? AND id = ? AND revoked_at IS NULL",
            (self._clock.wall(), self._district, key_id),
        )
        if ended == 0:
            raise Missing(_NO_KEY)
        self._sessions.forget(tx)

    def _insert(
        self,
        tx: Tx,
        by: Actor,
        text: str,
        prefix: str,
        account_id: str,
        name: str,
        scopes: frozenset[str],
        expires_at: Instant | None,
        *,
        demo: int,
    ) -> None:
        tx.run(
            "INSERT INTO api_keys (district, key_hash, id, prefix, account_id, name, scopes, demo, made_at, made_by,"
            " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._district, secret_hash(text), self._ids.new("k"), prefix, account_id, name),
                *(" ".join(sorted(scopes)), demo, self._clock.wall(), by.signature, expires_at),
            ),
        )
