"""Passwords: argon2id, and what a new one must be."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.time.ids import Ids

SHORTEST = 10
LONGEST = 200

_TOO_SHORT = Label("密码至少 {n} 个字符。", "A password has at least {n} characters.")
_TOO_LONG = Label("密码最多 {n} 个字符。", "A password has at most {n} characters.")
_TOO_PLAIN = Label(
    "此密码太容易猜到。请换用一句只有您知道的话。",
    "This password is too easy to guess. Take a short sentence that only you know.",
)
_WRONG = Label("密码不符合要求。", "The password won't do.")
# Words that open far too many doors; a password made of one and a few digits is one of them.
_PLAIN = ("password", "passwort", "qwertyuiop", "administrator", "civicloop", "iloveyou", "woaini")


@dataclass(frozen=True, slots=True)
class Hashing:
    """What a hash costs: passes, KiB of memory, lanes (OWASP's smallest argon2id set by default)."""

    passes: int = 2
    memory_kib: int = 19 * 1024
    lanes: int = 1


class Passwords:
    """Makes and checks argon2id hashes, at most one a processor at a time so that logins can't eat the memory."""

    def __init__(self, hashing: Hashing, ids: Ids) -> None:
        self._hasher = PasswordHasher(hashing.passes, hashing.memory_kib, hashing.lanes)
        self._ids = ids
        self._turns = threading.BoundedSemaphore(os.cpu_count() or 1)

    def hash(self, password: str) -> str:
        """A new hash with its own salt."""
        with self._turns:
            return self._hasher.hash(_bytes(password), salt=self._ids.code(26).encode())

    def right(self, stored: str, password: str) -> bool:
        """Whether the password fits; an empty or unreadable hash costs the same time and never fits."""
        with self._turns:
            try:
                return self._hasher.verify(stored or self._nobodys, _bytes(password)) and stored != ""
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other costs than today's."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(self._ids.code(20))


def _bytes(password: str) -> bytes:
    """The password's bytes; half a surrogate pair, which no keyboard types, is no error either."""
    return password[: LONGEST + 1].encode("utf-8", "surrogatepass")


def check_new(password: str, login: str) -> None:
    """Refuses (Invalid) a new password that is too short, too long, or easy to guess for this login."""
    bare = password.strip("0123456789!?.@#*_- ").lower()
    if len(password) < SHORTEST:
        reason = _TOO_SHORT.filled(n=SHORTEST)
    elif len(password) > LONGEST:
        reason = _TOO_LONG.filled(n=LONGEST)
    elif len(set(password)) < 5 or bare in _PLAIN or (bare and bare in login.lower()) or bare == "":
        reason = _TOO_PLAIN
    else:
        return
    raise Invalid(_WRONG, fields={"password": reason})
