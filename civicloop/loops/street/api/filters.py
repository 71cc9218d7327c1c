"""The filters of a list of service requests, as GeoReport v2 has them: ids, services, status, a window of 90 days, pages."""

from __future__ import annotations

import re
from typing import Final

from civicloop.kernel.cases.fields import EARLIEST, LATEST
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.registry.district import District
from civicloop.kernel.time.clock import DAY, Instant, parse_instant
from civicloop.loops.street.api.requests import AT_ONCE, Wanted, require_services
from civicloop.loops.street.open311.sent import Sent

WINDOW: Final = 90 * DAY
PAGES_MOST: Final = 1_000_000

_ID = re.compile("[A-Za-z0-9_-]{1,64}")

_NOT_AN_ID = Label(
    "“{id}”不是问题编号：编号由字母和数字组成，多个以逗号分隔。",
    "“{id}” is no service_request_id: an id has letters and digits; several stand with commas.",
)
_NOT_A_DATE = Label(
    "{name} 要写成带时区的 ISO 8601，例如 2026-03-02T09:30:00+08:00（网址中 + 写作 %2B），且不早于1970年、不晚于2200年。",
    "Write {name} as ISO 8601 with its zone, such as 2026-03-02T09:30:00+08:00 (+ is %2B in an address), from 1970 to 2200.",
)
_FUTURE = Label(
    "start_date 晚于现在，其后还没有问题；请改早。",
    "start_date lies in the future, where nothing is yet; choose an earlier one.",
)
_BACKWARDS = Label("start_date 晚于 end_date，请对调。", "start_date lies after end_date; exchange them.")
_TOO_WIDE = Label(
    "从 start_date 到 end_date（缺省为现在）最多90天，请分段查询。",
    "From start_date to end_date (now, when not given) there are at most 90 days; ask in parts.",
)
_NOT_A_STATUS = Label("status 只能是 open、closed。", "status is open, closed, or both with a comma.")
_NOT_A_COUNT = Label("{name} 应为1到{most}的整数。", "{name} is a whole number from 1 to {most}.")
_TOO_MANY_IDS = Label(
    "一次最多查询 {most} 个编号，请分批。", "Ask for at most {most} ids at once; split the list."
)


def wanted_of(district: District, given: Sent) -> tuple[str, ...] | Wanted:
    """The ids asked for, which override every other filter, else the filter.

    Invalid with a sentence for what is wrong, Missing for a service that never was. Beside ids the others must be
    readable, but no window is asked of them.
    """
    ids, services = given.many("service_request_id"), given.many("service_code")
    if len(ids) > AT_ONCE:
        reason = _TOO_MANY_IDS.filled(most=AT_ONCE)
        raise Invalid(reason, fields={"service_request_id": reason})
    strange = next((text for text in ids if not _ID.fullmatch(text)), None)
    if strange is not None:
        reason = _NOT_AN_ID.filled(id=strange[:60])
        raise Invalid(reason, fields={"service_request_id": reason})
    require_services(district, services)
    asked = set(given.many("status"))
    if asked - {"open", "closed"}:
        raise Invalid(_NOT_A_STATUS, fields={"status": _NOT_A_STATUS})
    size = _count(given, "page_size", AT_ONCE, AT_ONCE)
    number = _count(given, "page", 1, PAGES_MOST)
    dates = _date(district, given, "start_date"), _date(district, given, "end_date")
    if ids:
        return ids
    since, until = _window(district.clock.now(), *dates)
    return Wanted(
        since, until, services, "closed" in asked if len(asked) == 1 else None, size, (number - 1) * size
    )


def _window(now: Instant, since: Instant | None, until: Instant | None) -> tuple[Instant, Instant]:
    """The period asked for: the last 90 days, or up to 90 from or to a date; Invalid beyond."""
    if since is not None and since > now:
        raise Invalid(_FUTURE, fields={"start_date": _FUTURE})
    if until is None:
        until = now
    if since is None:
        since = until - WINDOW
    if since > until:
        raise Invalid(_BACKWARDS, fields={"start_date, end_date": _BACKWARDS})
    if until - since > WINDOW:
        raise Invalid(_TOO_WIDE, fields={"start_date, end_date": _TOO_WIDE})
    return since, until


def _date(district: District, given: Sent, name: str) -> Instant | None:
    text = given.one(name)
    if "T" in text:
        # A plus sign that was not escaped arrives as a blank.
        text = text.replace(" ", "+")
    if not text:
        return None
    reason = _NOT_A_DATE.filled(name=name)
    try:
        found = parse_instant(text, district.zone)
    except (ValueError, OverflowError):
        raise Invalid(reason, fields={name: reason}) from None
    if not EARLIEST <= found <= LATEST:
        raise Invalid(reason, fields={name: reason})
    return found


def _count(given: Sent, name: str, default: int, most: int) -> int:
    text = given.one(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:10]) <= most and len(text) <= 10):
        reason = _NOT_A_COUNT.filled(name=name, most=most)
        raise Invalid(reason, fields={name: reason})
    return int(text)
