"""The only source of now: the district's time, and the wall's.

An `Instant` is an int: microseconds since 1970-01-01T00:00Z. `now` is the district's time, which a
simulation may set; `wall` is the real one, for sessions, throttles and TLS, so that an accelerated
demo logs nobody out.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

Instant = int

SECOND: int = 1_000_000
MINUTE: int = 60 * SECOND
HOUR: int = 60 * MINUTE
DAY: int = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """What the kernel asks for the time."""

    def now(self) -> Instant:
        """The district's time."""

    def wall(self) -> Instant:
        """The real time."""


class SystemClock:
    """The machine's clock; `now` never goes backwards within a process."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> Instant:
        self._last = max(self._last, time.time_ns() // 1000)
        return self._last

    def wall(self) -> Instant:
        return time.time_ns() // 1000


class VirtualClock:
    """A clock that stands still until it is moved; `now` is virtual, `wall` follows it."""

    def __init__(self, start: Instant) -> None:
        self._now = start

    def now(self) -> Instant:
        return self._now

    def wall(self) -> Instant:
        return self._now

    def advance(self, microseconds: int) -> Instant:
        """Moves time on and returns the new now."""
        self._now += microseconds
        return self._now

    def set(self, instant: Instant) -> None:
        """Sets the time, also backwards (a clock step)."""
        self._now = instant


def to_datetime(instant: Instant, zone: ZoneInfo | None = None) -> datetime:
    """The instant as an aware datetime, UTC unless a zone is given; exact for all of datetime's range."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment if zone is None else moment.astimezone(zone)


def from_datetime(moment: datetime) -> Instant:
    """The instant of an aware datetime; ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is no instant")
    return (moment - _EPOCH) // _MICROSECOND


def parse_instant(text: str, zone: ZoneInfo | None = None) -> Instant:
    """Reads ISO 8601; a text without an offset is taken in `zone`, and refused with ValueError without one."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError(f"{text!r} has no time zone")
        moment = moment.replace(tzinfo=zone)
    return from_datetime(moment)


def format_instant(instant: Instant, zone: ZoneInfo | None = None) -> str:
    """ISO 8601 to the second with its offset ("Z" for UTC)."""
    text = to_datetime(instant, zone).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z") if zone is None else text
