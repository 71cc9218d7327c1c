"""When work comes again: every so often, or each day at a local time. Pure; no working calendars here."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from civicloop.kernel.time.clock import Instant, from_datetime, to_datetime


class Every(msgspec.Struct, frozen=True, tag="every"):
    """Every `interval` microseconds, counted from the last run."""

    interval: int

    def after(self, now: Instant) -> Instant:
        """The next time after `now`."""
        return now + self.interval


class Daily(msgspec.Struct, frozen=True, tag="daily"):
    """Each day at `at` ("03:30") in `zone`; a local time that a clock change skips comes an hour later."""

    at: str
    zone: str

    def after(self, now: Instant) -> Instant:
        """The next time after `now`."""
        zone = ZoneInfo(self.zone)
        day, hour = to_datetime(now, zone).date(), time.fromisoformat(self.at)
        while (moment := from_datetime(datetime.combine(day, hour, zone))) <= now:
            day += timedelta(days=1)
        return moment


Rule = Every | Daily
