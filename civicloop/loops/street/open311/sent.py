"""Reading: what clients of GeoReport v2 put into their parameters, sorted out without a judgement."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

ATTRIBUTES_MOST: Final = 20
ATTRIBUTE_LETTERS_MOST: Final = 500
LINK_LETTERS_MOST: Final = 2000
# FixMyStreet's configurations may send the person among the attributes.
PERSONAL: Final = ("first_name", "last_name", "email", "phone")

_ATTRIBUTE = re.compile(r"attribute\[([^\]\n]{1,60})\](?:\[\])?")
_PICTURES = ("media", "media[]", "media_url", "media_url[]", "photo", "photos", "photos[]")
_HAN = re.compile("[\u3400-\u9fff]")
_LINK = re.compile(r"https?://[^\s<>\"]{1,2000}")
# Telephone and identity numbers, cards, mail addresses: what a text should not show to everybody.
_PRIVATE = re.compile(r"(?<!\d)\+?\d(?:[ -]?\d){6,}|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Sent:
    """The parameters of a request in the order they came: name and text, from the address and the form."""

    pairs: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str:
        """The last value that says something, without blanks around it; "" for none."""
        return next((v.strip() for n, v in reversed(self.pairs) if n == name and v.strip()), "")

    def many(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may be repeated or hold several with commas, each once."""
        parts = (part.strip() for n, v in self.pairs if n == name for part in v.split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def person(self, name: str) -> str:
        """A personal value, also where it came among the attributes."""
        return self.one(name) or self.one(f"attribute[{name}]")

    def name(self) -> str:
        """First and last name as one: the family name first, and without a blank, where it is Chinese."""
        first, last = self.person("first_name"), self.person("last_name")
        if _HAN.search(first + last):
            return last + first
        return f"{first} {last}".strip()

    def attributes(self) -> dict[str, list[str]]:
        """The answers under `attribute[CODE]` by code, personal ones left out."""
        found: dict[str, list[str]] = {}
        for name, value in self.pairs:
            match = _ATTRIBUTE.fullmatch(name)
            if match and match[1] not in PERSONAL and value.strip():
                found.setdefault(match[1], []).append(value.strip())
        return found

    def pictures(self) -> tuple[str, ...]:
        """The addresses of pictures, web addresses and data: URIs alike, each once."""
        return tuple(dict.fromkeys(v.strip() for n, v in self.pairs if n in _PICTURES and v.strip()))

    def unreadable(self) -> str:
        """The name of a parameter that was not UTF-8, "" when all were."""
        return next((n[:60] for n, v in self.pairs if "\ufffd" in v or "\ufffd" in n), "")


def sent(*parts: Iterable[tuple[str, str]]) -> Sent:
    """The parameters of several sources; where two give one, the later source counts."""
    return Sent(tuple(pair for part in parts for pair in part))


def is_link(text: str) -> bool:
    """Whether a text is a web address of a reasonable length, to be kept and never fetched."""
    return len(text) <= LINK_LETTERS_MOST and _LINK.fullmatch(text) is not None


def is_data(text: str) -> bool:
    """Whether a picture comes inside its own address."""
    return text[:5].lower() == "data:"


def data_of(uri: str) -> bytes:
    """The bytes inside a data: URI; ValueError when they can't be read."""
    head, comma, body = uri[5:].partition(",")
    if not comma:
        raise ValueError("a data: URI has a comma before its data")
    raw = unquote_to_bytes(body)
    if not head.lower().endswith(";base64"):
        return raw
    try:
        # A blank is a plus sign that a form's encoding took for one.
        return b64decode(raw.replace(b" ", b"+"), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def shown_to_all(text: str) -> str:
    """A reporter's words for everybody: long numbers and mail addresses are crossed out."""
    return _PRIVATE.sub("***", text)


def too_much(attributes: Mapping[str, Sequence[str]]) -> str:
    """The code of the attribute that is too long or one too many, "" when all fit."""
    for number, (code, values) in enumerate(attributes.items(), 1):
        if number > ATTRIBUTES_MOST or sum(map(len, values)) > ATTRIBUTE_LETTERS_MOST:
            return code
    return ""
