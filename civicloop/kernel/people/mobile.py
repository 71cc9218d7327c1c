"""Signing in by a code sent to a mobile number: six digits, five minutes, five tries, once."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from civicloop.kernel.label import Label
from civicloop.kernel.people.sessions import secret_hash
from civicloop.kernel.people.throttle import door
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import MINUTE, Clock
from civicloop.kernel.time.ids import Ids

VALID_FOR = 5 * MINUTE
TRIES = 5

# How a code reaches a telephone: (number, text).
Send = Callable[[str, Label], None]

TEXT = Label(
    "您的登录验证码是 {code}，5 分钟内有效。请勿告诉任何人。",
    "Your sign-in code is {code}, valid for 5 minutes. Tell it to nobody.",
)


class MobileCodes:
    """The table mobile_codes of one district."""

    def __init__(self, district: str, clock: Clock, ids: Ids) -> None:
        self._district = district
        self._clock = clock
        self._ids = ids

    def make(self, tx: Tx, number: str) -> str:
        """A new code for the number; an earlier one no longer opens anything."""
        # Many digits of chance, taken modulo, so that every code is as likely as any other.
        code = f"{int(secret_hash(self._ids.code(26)), 16) % 1_000_000:06d}"
        salt = self._ids.code(26)
        tx.run(
            "INSERT INTO mobile_codes (district, mobile_hash, salt, code_hash, tries, expires_at)"
            " VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (district, mobile_hash) DO UPDATE SET salt = excluded.salt,"
            " code_hash = excluded.code_hash, tries = 0, expires_at = excluded.expires_at",
            (
                *(self._district, door("mobile", number), salt, secret_hash(salt + code)),
                self._clock.wall() + VALID_FOR,
            ),
        )
        return code

    def use(self, tx: Tx, number: str, code: str) -> bool:
        """Whether the code is the number's open one; a right code is used up, a wrong one costs a try.

        Returns rather than raises, for the try must be kept.
        """
        key = (self._district, door("mobile", number))
        counted = tx.run(
            "UPDATE mobile_codes SET tries = tries + 1 WHERE district = ? AND mobile_hash = ? AND tries < ?"
            " AND expires_at > ?",
            (*key, TRIES, self._clock.wall()),
        )
        row = tx.one("SELECT salt, code_hash FROM mobile_codes WHERE district = ? AND mobile_hash = ?", key)
        if counted == 0 or row is None:
            return False
        right = hmac.compare_digest(secret_hash(row[0] + code.strip()), str(row[1]))
        if right:
            tx.run("DELETE FROM mobile_codes WHERE district = ? AND mobile_hash = ?", key)
        return right

    def sweep(self, tx: Tx) -> None:
        """Removes codes that have run out."""
        tx.run(
            "DELETE FROM mobile_codes WHERE district = ? AND expires_at <= ?",
            (self._district, self._clock.wall()),
        )
