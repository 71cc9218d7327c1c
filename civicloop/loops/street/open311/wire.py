"""Writing: one plain value to the JSON and the XML of GeoReport v2.

A value is a list of objects under a root (`services`, `service_requests`, `errors`) or one object under its own
(`discovery`, `service_definition`). JSON has no root; in XML a list's items carry the singular name.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeGuard, get_args

import msgspec

Format = Literal["json", "xml"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "json": "application/json; charset=utf-8",
    "xml": "text/xml; charset=utf-8",
}

_ITEMS: Final = {
    "services": "service", "service_requests": "request", "errors": "error", "endpoints": "endpoint",
    "formats": "format", "attributes": "attribute", "values": "value",
}  # fmt: skip
# What XML 1.0 can't hold, not even escaped.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_format(text: str) -> TypeGuard[Format]:
    """Whether an address may end in this."""
    return text in FORMATS


def encoded(root: str, value: Any, form: Format) -> bytes:
    """The value as the body of an answer, in UTF-8."""
    if form == "json":
        return msgspec.json.encode(value)
    body: bytes = ET.tostring(_element(root, value), encoding="utf-8", xml_declaration=True)
    return body


def _element(name: str, value: Any) -> ET.Element:
    found = ET.Element(name)
    if isinstance(value, Mapping):
        found.extend(_element(str(key), part) for key, part in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        found.extend(_element(_ITEMS[name], part) for part in value)
    elif value is not None:
        found.text = _text(value)
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _NOT_XML.sub("\ufffd", str(value))
