"""The only source of identifiers: sortable by time, and reproducible in a simulation."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence
from typing import Protocol, TypeVar

from civicloop.kernel.time.clock import Clock

T = TypeVar("T")

# Crockford's base 32: no I, L, O, U, so that a code can be read over the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]  # two digits at a time


class Ids(Protocol):
    """What the kernel asks for identifiers."""

    def new(self, prefix: str = "") -> str:
        """A fresh id that sorts after the ones before it: prefix, time, random part."""

    def code(self, length: int = 10) -> str:
        """A code that nobody can guess, for people to keep (about five bits a character)."""


def base32(value: int, length: int) -> str:
    """The `length` low digits of `value` in Crockford's base 32."""
    text = "" if length % 2 == 0 else _ALPHABET[value >> 5 * (length - 1) & 31]
    for shift in range(10 * (length // 2) - 10, -1, -10):
        text += _PAIRS[value >> shift & 1023]
    return text


class SystemIds:
    """Ids of 9 characters of milliseconds and 9 of counter and chance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._millisecond = -1
        self._time = ""
        self._chance = 0

    def new(self, prefix: str = "") -> str:
        with self._lock:
            millisecond = self._clock.wall() // 1000
            if millisecond > self._millisecond:
                self._millisecond, self._time = millisecond, base32(millisecond, 9)
                # 44 of 45 bits, so that there is room to count.
                self._chance = secrets.randbits(44)
            else:
                # Within a millisecond, and where the clock steps back, an id is the one before and one.
                self._chance += 1
            time, chance = self._time, self._chance
        return prefix + time + base32(chance, 9)

    def code(self, length: int = 10) -> str:
        return base32(secrets.randbits(5 * length), length)


class SeededIds:
    """Ids of one actor's stream: the same stream name gives the same ids in the same order."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._count = 0

    def _digest(self) -> int:
        self._count += 1
        text = f"{self._stream}:{self._count}".encode()
        return int.from_bytes(hashlib.sha256(text).digest(), "big")

    def new(self, prefix: str = "") -> str:
        digest = self._digest()
        return prefix + base32(self._count, 6) + base32(digest, 12)

    def code(self, length: int = 10) -> str:
        return base32(self._digest(), length)


class Draws:
    """Chance from one named stream: the same name gives the same draws in the same order."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._count = 0

    def below(self, bound: int) -> int:
        """A whole number from 0 to below `bound` (far below 2**64, so that the bias does not matter)."""
        self._count += 1
        digest = hashlib.blake2b(f"{self._stream}:{self._count}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % bound

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def happens(self, percent: int) -> bool:
        """True in so many of a hundred draws."""
        return self.below(100) < percent
