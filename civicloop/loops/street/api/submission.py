"""A report that came by GeoReport v2: its parameters judged, its pictures kept, its case opened.

Everything but the pictures is judged before the first of them is kept, and nothing is opened unless all are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from civicloop.kernel.cases.engine import Receipt
from civicloop.kernel.cases.fields import Position, read_given
from civicloop.kernel.cases.reports import REPORT_FIELDS, ReportGiven
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import Actor
from civicloop.kernel.refusal import Invalid, Refusal
from civicloop.kernel.registry.district import District
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import DAY
from civicloop.loops.street.api.requests import CHANNEL, require_service
from civicloop.loops.street.open311.sent import Sent, data_of, is_data, is_link, too_much
from civicloop.loops.street.process import PLACE, PROCESS

PICTURES_MOST: Final = 6
KEEP_EMAIL: Final = 730 * DAY  # as long as the engine keeps the contact

# GeoReport's names for the fields of a report.
NAMES: Final = {
    "place": "lat, long", "lon": "long", "kind": "service_code", "address": "address_string", "name": "first_name, last_name",
    "contact": "email, phone",
}  # fmt: skip

# A picture may stand for the words; the place and the category may not be missing.
_FIELDS = tuple(replace(f, required=False) for f in REPORT_FIELDS if f.name not in ("media", "consent"))

_NO_CODE = Label(
    "请填写 service_code；可用的类别见 services。", "Give service_code; `services` lists the categories."
)
_NO_PLACE = Label(
    "请填写 lat 和 long（WGS-84，度）；仅有地址文字时无法定位。",
    "Give lat and long in degrees (WGS-84); an address alone can't be placed here.",
)
_NO_WORDS = Label(
    "请在 description 中写明问题，或附一张照片。",
    "Say in description what is wrong, or send a photograph.",
)
_NO_EMAIL = Label("email 应形如 name@example.org。", "Write email such as name@example.org.")
_NO_PHONE = Label(
    "phone 应为5至20位数字，可含 + - 和空格。", "Write phone with 5 to 20 digits, + - and blanks."
)
_TOO_MANY_PICTURES = Label("照片最多 {n} 张，现在有 {m} 张。", "At most {n} photographs; there are {m}.")
_BAD_LINK = Label(
    "media_url 应为 http(s) 网址或 data: 图片。", "Give media_url as an http(s) address or a data: picture."
)
_BAD_DATA = Label(
    "data: 图片无法解码，请检查 base64 编码。", "The data: picture can't be decoded; check its base64."
)
_BAD_ATTRIBUTE = Label(
    "attribute[{code}] 过长或过多：最多20项，每项500字。",
    "attribute[{code}] is too long or one too many: at most 20, of 500 characters each.",
)
_NOT_UTF8 = Label("参数“{name}”不是 UTF-8 编码，请改用 UTF-8。", "{name} is not UTF-8; send it as UTF-8.")


@dataclass(frozen=True, slots=True)
class Picked:
    """The pictures of a report: bytes to keep, and addresses elsewhere that are noted and never fetched."""

    files: tuple[bytes, ...]
    links: tuple[str, ...]


def take(district: District, sent: Sent, files: Sequence[bytes], actor: Actor, key: str | None) -> Receipt:
    """Opens the case of a report; Invalid or Missing with a sentence a parameter, and nothing written then."""
    given, report, email, pictures = _judged(district, sent, files)
    # Judged once without the pictures: position and permission are refused before anything is kept.
    district.engine.opening(PROCESS.name, "report", given, actor, report=report, source=CHANNEL)
    report = replace(report, media=_kept(district, pictures.files, actor))
    opening = district.engine.opening(
        PROCESS.name, "report", given, actor, key=key, report=report, source=CHANNEL
    )
    until = district.clock.now() + KEEP_EMAIL

    def operation(tx: Tx) -> Receipt:
        receipt = opening(tx)
        if email and not receipt.repeated:
            subject = f"report:{receipt.report_id}"
            district.people.personal.put(tx, subject, "email", email, until)
        return receipt

    return district.store.write(operation)


def _judged(
    district: District, sent: Sent, files: Sequence[bytes]
) -> tuple[dict[str, Any], ReportGiven, str, Picked]:
    """What opens the case, the report without its pictures, a second contact, and the pictures."""
    if sent.unreadable():
        reason = _NOT_UTF8.filled(name=sent.unreadable())
        raise Invalid(reason, fields={sent.unreadable(): reason})
    wrong: dict[str, Label] = {}
    code = _service(district, sent, wrong)
    place = _place(sent, wrong)
    email, phone = _contact(sent, wrong)
    pictures = _pictures(sent, files, wrong)
    texts = {
        "description": sent.one("description"), "address": sent.one("address_string"), "name": sent.name(),
        "contact": phone or email,
    }  # fmt: skip
    clean: dict[str, Any] = {}
    try:
        clean = read_given(_FIELDS, texts)
    except Invalid as refused:
        wrong |= refused.fields
    if not (texts["description"] or pictures.files or pictures.links):
        wrong["description"] = _NO_WORDS
    attributes = sent.attributes()
    if too_much(attributes):
        wrong["attribute"] = _BAD_ATTRIBUTE.filled(code=too_much(attributes))
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    beside: dict[str, Any] = {
        "attributes": attributes,
        "media_url": list(pictures.links),
        **{name: sent.one(name)[:100] for name in ("address_id", "zipcode")},
    }
    report = ReportGiven(
        CHANNEL,
        description=clean.get("description", ""),
        kind=code,
        address=clean.get("address", ""),
        position=place,
        name=clean.get("name", ""),
        contact=clean.get("contact", ""),
        data={name: value for name, value in beside.items() if value},
    )
    return {"place": place, "kind": code}, report, email if phone else "", pictures


def _service(district: District, sent: Sent, wrong: dict[str, Label]) -> str:
    code = sent.one("service_code")
    if not code:
        wrong["service_code"] = _NO_CODE
        return ""
    require_service(district, code)
    return code


def _place(sent: Sent, wrong: dict[str, Label]) -> Position | None:
    lat, lon = sent.one("lat"), sent.one("long")
    if not (lat and lon):
        wrong["lat, long"] = _NO_PLACE
        return None
    try:
        point = {"lat": lat, "lon": lon, "datum": sent.one("datum") or "wgs84"}
        found: Position = read_given((PLACE,), {"place": point})["place"]
    except Invalid as refused:
        wrong["lat, long"] = refused.reason
        return None
    return found


def _contact(sent: Sent, wrong: dict[str, Label]) -> tuple[str, str]:
    email, phone = sent.person("email"), sent.person("phone")
    name, at, host = email.partition("@")
    if (email and not (name and at and host.strip("."))) or " " in email or len(email) > 100:
        wrong["email"] = _NO_EMAIL
    digits = phone.lstrip("+").replace("-", "").replace(" ", "")
    if phone and not (digits.isdecimal() and digits.isascii() and 5 <= len(digits) <= 20):
        wrong["phone"] = _NO_PHONE
    return email, phone


def _pictures(sent: Sent, files: Sequence[bytes], wrong: dict[str, Label]) -> Picked:
    kept, links = list(files), []
    for uri in sent.pictures():
        if is_data(uri):
            try:
                kept.append(data_of(uri))
            except ValueError:
                wrong["media_url"] = _BAD_DATA
        elif is_link(uri):
            links.append(uri)
        else:
            wrong["media_url"] = _BAD_LINK
    if len(kept) + len(links) > PICTURES_MOST:
        wrong["media"] = _TOO_MANY_PICTURES.filled(n=PICTURES_MOST, m=len(kept) + len(links))
    return Picked(tuple(kept), tuple(links))


def _kept(district: District, files: Sequence[bytes], actor: Actor) -> tuple[str, ...]:
    """The hashes of the pictures, each once; none is kept when one is refused."""
    try:
        kept = district.evidence.keep_all(files, actor_id=actor.signature, purpose="media")
    except Refusal as refused:
        refused.fields = refused.fields or {"media": refused.reason}
        raise
    return tuple(dict.fromkeys(item.hash for item in kept))


def named(refused: Refusal) -> list[tuple[str, Label]]:
    """The refusal's sentences, each with GeoReport's name of the parameter it is about ("" for none)."""
    if not refused.fields:
        return [("", refused.reason)]
    found = {NAMES.get(name, name): words for name, words in refused.fields.items()}
    return list(found.items())
