"""Fields: what a person or program gives with an action, and how it is read.

A field is declared once; forms, OpenAPI schemas, error sentences and the values that guards see are all
derived from it. Reading is pure: a raw mapping in, clean values out, or `Invalid` with a sentence a field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.time.clock import Instant, format_instant, parse_instant

Kind = Literal[
    "text", "long_text", "choice", "category", "photo", "point", "unit", "person", "case",
    "instant", "date", "number", "amount", "flag",
]  # fmt: skip

EARLIEST: Instant = 0
LATEST: Instant = parse_instant("2200-01-01T00:00:00Z")


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a choice."""

    value: str
    label: Label


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is given.

    `minimum` and `maximum` mean length for texts, count for photos, value for numbers and amounts (minor
    units). `source` names the reference set of a category or the register of a unit. A `personal` value is
    kept apart and leaves only a salted commitment in history.
    """

    name: str
    label: Label
    kind: Kind
    required: bool = True
    hint: Label | None = None
    options: tuple[Option, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    source: str = ""
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """A point as it was given: degrees and the datum they are in."""

    lon: float
    lat: float
    datum: str = "wgs84"


DEFAULT_MAXIMUM = {"text": 200, "long_text": 2000, "photo": 6}

_NEEDED = Label("请填写“{label}”。", "Fill in “{label}”.")
_PHOTO_NEEDED = Label("请至少上传 {n} 张照片：{label}。", "Add at least {n} photograph(s): {label}.")
_TOO_MANY_PHOTOS = Label("照片最多 {n} 张。", "At most {n} photographs.")
_TOO_LONG = Label(
    "最多 {n} 个字，现在有 {m} 个，请缩短。", "At most {n} characters; it has {m}. Please shorten it."
)
_TOO_SHORT = Label("至少 {n} 个字。", "At least {n} characters.")
_NOT_TEXT = Label("这里应是一段文字。", "This must be text.")
_CONTROL = Label(
    "含有不可见的控制字符，请删除后再提交。", "It holds control characters; remove them and try again."
)
_NOT_AN_OPTION = Label("请从列出的选项中选择：{options}。", "Choose one of: {options}.")
_NOT_A_NUMBER = Label("请填整数，例如 12。", "Give a whole number, such as 12.")
_TOO_SMALL = Label("不能小于 {n}。", "It can't be below {n}.")
_TOO_BIG = Label("不能大于 {n}。", "It can't be above {n}.")
_NOT_A_FLAG = Label("请填“是”或“否”（true/false）。", "Answer yes or no (true/false).")
_NOT_A_TIME = Label(
    "时间要写成带时区的 ISO 8601，例如 2026-03-02T09:30:00+08:00。",
    "Write the time as ISO 8601 with its zone, such as 2026-03-02T09:30:00+08:00.",
)
_TIME_RANGE = Label("时间须在 1970 年到 2200 年之间。", "The time must lie between 1970 and 2200.")
_NOT_A_DATE = Label("日期要写成 2026-03-02。", "Write the date as 2026-03-02.")
_NOT_A_POINT = Label(
    "位置要有经度 lon 和纬度 lat（度），例如 lon=114.27, lat=30.60。",
    "A position needs lon and lat in degrees, such as lon=114.27, lat=30.60.",
)
_POINT_RANGE = Label(
    "经度须在 -180 到 180、纬度在 -90 到 90 之间，是否把两者写反了？",
    "Longitude lies within -180 to 180 and latitude within -90 to 90; are they swapped?",
)
_NOT_A_DATUM = Label("坐标系须是 wgs84、gcj02 或 cgcs2000。", "The datum must be wgs84, gcj02 or cgcs2000.")
_UNKNOWN = Label(
    "没有名为“{name}”的项，请删除它。可填：{known}。",
    "There is no field “{name}”; remove it. Known: {known}.",
)

# Unicode's control characters and lone surrogates (categories Cc and Cs), but for line breaks and tabs.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DATUMS = ("wgs84", "gcj02", "cgcs2000")
_TRUE, _FALSE = ("true", "yes", "on", "1", "是"), ("false", "no", "off", "0", "否", "")


class _Wrong(Exception):
    def __init__(self, reason: Label) -> None:
        self.reason = reason


def read_given(fields: Sequence[Field], raw: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
    """Clean values by field name; a field that was not given has no entry.

    `Invalid` names each wrong field. With `strict` an unknown name is wrong too, so that a misspelt field is not lost in silence.
    """
    clean: dict[str, Any] = {}
    wrong: dict[str, Label] = {}
    known = {field.name for field in fields}
    for field in fields:
        value = raw.get(field.name)
        if value is None or value == "" or value == []:
            if field.required:
                photo = field.kind == "photo"
                wrong[field.name] = (_PHOTO_NEEDED if photo else _NEEDED).filled(
                    label=field.label, n=field.minimum or 1
                )
            continue
        try:
            clean[field.name] = _READERS[field.kind](field, value)
        except _Wrong as error:
            wrong[field.name] = error.reason
    if strict:
        for name in raw:
            if name not in known:
                wrong[str(name)[:60]] = _UNKNOWN.filled(
                    name=str(name)[:60], known=", ".join(sorted(known)) or "-"
                )
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    return clean


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(_NOT_TEXT)
    # NFC, so that the same words are the same bytes in hashes and searches; plain ASCII is NFC already.
    text = value if value.isascii() else unicodedata.normalize("NFC", value)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.strip()
    if _CONTROLS.search(text):
        raise _Wrong(_CONTROL)
    if field.kind == "text":
        text = " ".join(text.split())
    if not text and field.required:
        raise _Wrong(_NEEDED.filled(label=field.label))
    most = field.maximum or DEFAULT_MAXIMUM[field.kind]
    if len(text) > most:
        raise _Wrong(_TOO_LONG.filled(n=most, m=len(text)))
    if field.minimum and len(text) < field.minimum:
        raise _Wrong(_TOO_SHORT.filled(n=field.minimum))
    return text


def _code(_: Field, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64 or not value.isprintable():
        raise _Wrong(_NOT_TEXT)
    return value.strip()


def _choice(field: Field, value: Any) -> str:
    if value not in [option.value for option in field.options]:
        raise _Wrong(_NOT_AN_OPTION.filled(options=", ".join(o.value for o in field.options)))
    return str(value)


def _photos(field: Field, value: Any) -> list[str]:
    hashes = value if isinstance(value, list | tuple) else [value]
    if not all(
        isinstance(h, str) and len(h) == 64 and all(c in "0123456789abcdef" for c in h) for h in hashes
    ):
        raise _Wrong(_NOT_TEXT)
    unique = list(dict.fromkeys(hashes))
    if len(unique) < (field.minimum or 1):
        raise _Wrong(_PHOTO_NEEDED.filled(label=field.label, n=field.minimum or 1))
    most = field.maximum or DEFAULT_MAXIMUM["photo"]
    if len(unique) > most:
        raise _Wrong(_TOO_MANY_PHOTOS.filled(n=most))
    return unique


def _point(_: Field, value: Any) -> Position:
    if isinstance(value, Position):
        return value
    if not isinstance(value, Mapping):
        raise _Wrong(_NOT_A_POINT)
    try:
        lon, lat = float(value["lon"]), float(value["lat"])
    except (KeyError, TypeError, ValueError):
        raise _Wrong(_NOT_A_POINT) from None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise _Wrong(_POINT_RANGE)
    datum = value.get("datum", "wgs84")
    if datum not in _DATUMS:
        raise _Wrong(_NOT_A_DATUM)
    return Position(lon, lat, datum)


def _whole(field: Field, value: Any) -> int:
    try:
        if isinstance(value, bool | float):
            raise ValueError
        number = int(value.strip()) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, AttributeError):
        raise _Wrong(_NOT_A_NUMBER) from None
    least = field.minimum if field.minimum is not None else -(2**53)
    most = field.maximum if field.maximum is not None else 2**53
    if number < least:
        raise _Wrong(_TOO_SMALL.filled(n=least))
    if number > most:
        raise _Wrong(_TOO_BIG.filled(n=most))
    return number


def _flag(_: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _Wrong(_NOT_A_FLAG)


def _instant(_: Field, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        instant = value
    else:
        try:
            instant = parse_instant(str(value))
        except (ValueError, OverflowError):
            raise _Wrong(_NOT_A_TIME) from None
    if not EARLIEST <= instant <= LATEST:
        raise _Wrong(_TIME_RANGE)
    return instant


def _date(_: Field, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise _Wrong(_NOT_A_DATE) from None


_READERS = {
    "text": _text,
    "long_text": _text,
    "choice": _choice,
    "category": _code,
    "photo": _photos,
    "point": _point,
    "unit": _code,
    "person": _code,
    "case": _code,
    "instant": _instant,
    "date": _date,
    "number": _whole,
    "amount": _whole,
    "flag": _flag,
}


def plain(value: Any) -> Any:
    """The value as JSON holds it."""
    if isinstance(value, Position):
        return {"lon": value.lon, "lat": value.lat, "datum": value.datum}
    return value


def shown(field: Field, value: Any, language: str) -> str:
    """The value as a person reads it."""
    if field.kind == "choice":
        return next((o.label.text(language) for o in field.options if o.value == value), str(value))
    if field.kind == "flag":
        return Label("是", "yes").text(language) if value else Label("否", "no").text(language)
    if field.kind == "instant":
        return format_instant(int(value))
    return str(value)


__all__ = ["Field", "Kind", "Option", "Position", "plain", "read_given", "shown"]
