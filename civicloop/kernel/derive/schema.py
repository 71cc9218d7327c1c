"""JSON Schema (2020-12) of fields and request bodies, and the strict reading of JSON that it describes.

A schema takes exactly what `read_json` takes: a form may send "12" for a number, a program sends 12. Values that
only the store knows (categories, units, photographs) become an enumeration where the caller gives them in `known`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from civicloop.kernel.cases.fields import DEFAULT_MAXIMUM, read_given
from civicloop.kernel.cases.process import Action, Field, Process
from civicloop.kernel.cases.reports import REPORT_FIELDS
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid

Schema = dict[str, Any]
Known = Mapping[str, Sequence[str]]

BULK_AT_MOST = 200
WHOLE_AT_MOST = 2**53
REVISION = "revision"
CASES = "cases"
REPORT = "report"

# Neither control characters nor only spaces: what the reader of texts refuses.
_CONTROL = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
_CONTROLS = re.compile(f"[{_CONTROL}]")
_ANY_TEXT = f"^[^{_CONTROL}]*$"
_SOME_TEXT = f"^[^{_CONTROL}]*[^{_CONTROL}\\s][^{_CONTROL}]*$"
_CODE = r"^[A-Za-z0-9_.:~-]{1,64}$"
_HASH = "^[0-9a-f]{64}$"
# Every day that there is and no other; no `format` beside it, since a reader of both would have to satisfy both.
_DAYS = (
    r"(?:{year}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{leap}-02-29)"
)
_DATE = _DAYS.format(
    year="[12][0-9]{3}",
    leap="(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:12|16|20|24|28)00)",
)
# An offset may lead over the edge of the years that are taken (1970 to 2199), so those two are left out.
INSTANT = (
    _DAYS.format(
        year="(?:19(?:7[1-9]|[89][0-9])|20[0-9]{2}|21(?:[0-8][0-9]|9[0-8]))",
        leap="(?:19(?:7[26]|8[048]|9[26])|20(?:[02468][048]|[13579][26])|21(?:0[48]|[2468][048]|[13579][26]))",
    )
    + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
)

_WRONG_TYPE = Label("这里应是{kind}。", "This must be {kind}.")
_TYPES = {
    "text": Label("文字", "text"),
    "shorter text": Label(
        "最多 {most} 个字的文字（含空格）", "text of at most {most} characters, spaces counted"
    ),
    "clean text": Label("不含控制字符的文字", "text without control characters"),
    "trimmed text": Label("首尾无空格的文字", "text without spaces at its ends"),
    "number": Label("整数", "a whole number"),
    "flag": Label("true 或 false", "true or false"),
    "photo": Label("不重复的照片编号列表", "a list of different photograph ids"),
    "point": Label(
        '位置对象，例如 {"lon": 114.27, "lat": 30.60}', 'a position such as {"lon": 114.27, "lat": 30.60}'
    ),
}
_NO_BODY = Label("请求内容应是一个 JSON 对象。", "The request must be a JSON object.")
_NO_REVISION = Label("revision 应是 1 以上的整数。", "revision must be a whole number from 1.")


# What a person tells with a report; the channel is known from the way in.
def field_schema(field: Field, known: Known | None = None) -> Schema:
    """The schema of one field's value."""
    found = _KINDS[field.kind](field)
    values = (known or {}).get(field.source or field.kind)
    if values and field.kind == "photo":
        found["items"] = {"type": "string", "enum": list(values)}
    elif values and field.kind in ("category", "unit", "person", "case"):
        found = {"type": "string", "enum": [*values, *([] if field.required else [""])]}
    found["title"] = f"{field.label.zh} · {field.label.en}"
    if field.hint is not None:
        words = f"{field.hint.zh}\n\n{field.hint.en}"
        found["description"] = f"{words}\n\n{found['description']}" if "description" in found else words
    if field.personal:
        found["x-personal"] = True
    return found


def body_schema(fields: Sequence[Field], known: Known | None = None, *, revision: bool = False) -> Schema:
    """The schema of a body with these fields; with `revision` it may say what the sender saw."""
    properties = {field.name: field_schema(field, known) for field in fields}
    if revision:
        properties[REVISION] = {
            "type": "integer",
            "minimum": 1,
            "maximum": WHOLE_AT_MOST,
            "title": "所见修订号 · Revision seen",
            "description": "若其间已被他人处理则拒绝（409）。\n\nRefused (409) when somebody has acted since.",
        }
    return _object(properties, [field.name for field in fields if field.required])


def opening_schema(process: Process, action: Action, known: Known | None = None) -> Schema:
    """The body that opens a case; with a `report` where the process is opened by reports."""
    found = body_schema(action.evidence, known)
    if process.reported:
        found["properties"][REPORT] = body_schema(REPORT_FIELDS, known)
    return found


def bulk_schema(action: Action, known: Known | None = None) -> Schema:
    """The body of a bulk action: the same evidence for each of `cases`."""
    found = body_schema(action.evidence, known)
    cases: Schema = {"type": "string", "pattern": _CODE}
    if known and known.get("case"):
        cases = {"type": "string", "enum": list(known["case"])}
    found["properties"][CASES] = {
        "type": "array",
        "items": cases,
        "minItems": 1,
        "maxItems": BULK_AT_MOST,
        "title": "案件 · Cases",
    }
    found["required"].append(CASES)
    return found


def read_json(fields: Sequence[Field], body: Any, beside: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Clean values of a JSON body as `read_given` gives them; Invalid also for a value of another JSON type.

    Names in `beside` (`revision`, `report`, `cases`) are left to the caller.
    """
    if not isinstance(body, Mapping):
        raise Invalid(_NO_BODY)
    given = {name: value for name, value in body.items() if name not in beside}
    wrong: dict[str, Label] = {}
    for field in fields:
        if field.name in given:
            value = given[field.name]
            if field.kind in ("number", "amount") and isinstance(value, float) and value.is_integer():
                # JSON has one kind of number: 12.0 is the whole number 12.
                given[field.name] = value = int(value)
            kind = _mistyped(field, value)
            if kind:
                words = _TYPES[kind]
                if kind == "shorter text":
                    words = words.filled(most=field.maximum or DEFAULT_MAXIMUM[field.kind])
                wrong[field.name] = _WRONG_TYPE.filled(kind=words)
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    return read_given(fields, given)


def read_revision(body: Mapping[str, Any]) -> int | None:
    """The revision that the sender saw, None when he doesn't say."""
    value = body.get(REVISION)
    if value is None and REVISION not in body:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= WHOLE_AT_MOST:
        raise Invalid(_NO_REVISION, fields={REVISION: _NO_REVISION})
    return value


def _mistyped(field: Field, value: Any) -> str:
    """The kind that was expected where the value is of another JSON type; "" when it is right."""
    if field.kind in ("number", "amount"):
        return "" if isinstance(value, int) and not isinstance(value, bool) else "number"
    if field.kind == "flag":
        return "" if isinstance(value, bool) else "flag"
    if field.kind == "photo":
        ids = value if isinstance(value, list) and all(isinstance(item, str) for item in value) else [0, 0]
        return "" if len(set(ids)) == len(ids) else "photo"
    if field.kind == "point":
        return "" if _is_point(value) else "point"
    if not isinstance(value, str) or not (value or not field.required):
        return "text"
    return _unclean(field, value) if field.kind in DEFAULT_MAXIMUM else ""


def _unclean(field: Field, text: str) -> str:
    """What is wrong with a text as it came; a form's reader trims first, a program's must send what it means."""
    if len(text) > (field.maximum or DEFAULT_MAXIMUM[field.kind]):
        return "shorter text"
    if _CONTROLS.search(text):
        return "clean text"
    return "trimmed text" if field.minimum and text != text.strip() else ""


def _is_point(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"lon", "lat"} <= set(value) <= {"lon", "lat", "datum"}:
        return False
    numbers = (value["lon"], value["lat"])
    return all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _text(field: Field) -> Schema:
    most = field.maximum or DEFAULT_MAXIMUM[field.kind]
    pattern = _SOME_TEXT if field.required else _ANY_TEXT
    if field.minimum and field.minimum > 1:
        # The reader counts what is left without the spaces at both ends.
        edge = rf"[^\s{_CONTROL}]"
        pattern = f"^{edge}[^{_CONTROL}]{{{field.minimum - 2},}}{edge}$"
        pattern = pattern if field.required else f"^$|{pattern}"
    return {"type": "string", "maxLength": most, "pattern": pattern}


def _code(field: Field) -> Schema:
    return {"type": "string", "pattern": _CODE if field.required else _CODE.replace("{1,", "{0,")}


def _whole(field: Field) -> Schema:
    return {
        "type": "integer",
        "minimum": field.minimum if field.minimum is not None else -WHOLE_AT_MOST,
        "maximum": field.maximum if field.maximum is not None else WHOLE_AT_MOST,
    }


def _point(field: Field) -> Schema:  # noqa: ARG001
    return _object(
        {
            "lon": {"type": "number", "minimum": -180, "maximum": 180},
            "lat": {"type": "number", "minimum": -90, "maximum": 90},
            "datum": {"type": "string", "enum": ["wgs84", "gcj02", "cgcs2000"], "default": "wgs84"},
        },
        ["lon", "lat"],
    )


def _photos(field: Field) -> Schema:
    return {
        "type": "array",
        "items": {"type": "string", "pattern": _HASH},
        "minItems": (field.minimum or 1) if field.required else 0,
        "maxItems": field.maximum or DEFAULT_MAXIMUM["photo"],
        "uniqueItems": True,
    }


def _choice(field: Field) -> Schema:
    values = [option.value for option in field.options]
    words = "; ".join(f"{o.value}: {o.label.zh} · {o.label.en}" for o in field.options)
    return {"type": "string", "enum": values if field.required else [*values, ""], "description": words}


def _moment(pattern: str, words: str, field: Field) -> Schema:
    return {
        "type": "string",
        "pattern": f"^{pattern}$" if field.required else f"^(?:{pattern})?$",
        "description": words,
    }


def _instant(field: Field) -> Schema:
    return _moment(INSTANT, "ISO 8601, 2026-03-02T09:30:00+08:00", field)


def _date(field: Field) -> Schema:
    return _moment(_DATE, "ISO 8601, 2026-03-02", field)


def _flag(field: Field) -> Schema:  # noqa: ARG001
    return {"type": "boolean"}


_KINDS = {
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
