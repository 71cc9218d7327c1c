"""Text messages (短信) through any provider that takes signed JSON; which fields, is configuration.

Providers in China send only approved templates: a template's code, the signature's name and the values.
Verified against the public page of Aliyun's SendSms: PhoneNumbers, SignName, TemplateCode, TemplateParam
(a JSON text), OutId, and the answer's Code "OK" and BizId; a retry is not idempotent there. Aliyun's own
signature scheme is not spoken here: put its gateway, or the operator's, in between.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import DeliveryFailed, Receipt
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.outside.ports.replies import read_object, refused
from civicloop.kernel.time.clock import SECOND, Clock

NAME = Label("短信服务", "the text message service")
_NUMBER = Label("“{number}”不是手机号码。", "{number} is not a mobile number.")


class SmsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider: where, with which key, and how its JSON looks.

    `fields` maps the provider's field to a text in which {recipient}, {body}, {template}, {data}, {data_json} and
    {dedupe_key} are filled; "{data}" alone gives the object itself.
    """

    url: str
    key: str
    secret: str
    fields: dict[str, str] = msgspec.field(
        default_factory=lambda: {
            "phone": "{recipient}",
            "template": "{template}",
            "params": "{data}",
            "content": "{body}",
            "out_id": "{dedupe_key}",
        }
    )
    code_field: str = "code"
    ok_codes: tuple[str, ...] = ("OK", "0", "200")
    permanent_codes: tuple[str, ...] = ("isv.MOBILE_NUMBER_ILLEGAL", "isv.BLACK_KEY_CONTROL_LIMIT")
    text_field: str = "message"
    reference_field: str = "id"


class Sms:
    """Sends one message to one number."""

    name = "sms"

    def __init__(self, settings: SmsSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def send(self, message: Outgoing) -> Receipt:
        """Posts the provider's JSON, signed: X-Signature is HMAC-SHA256 in hex over "timestamp.body"."""
        from civicloop.kernel.outside.ports.net import post

        digits = message.recipient.removeprefix("+").replace(" ", "").replace("-", "")
        if not (digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15):
            raise DeliveryFailed(_NUMBER.filled(number=_masked(message.recipient)), permanent=True)
        settings = self._settings
        body = msgspec.json.encode({name: _filled(text, message) for name, text in settings.fields.items()})
        stamp = str(self._clock.wall() // SECOND)
        signature = hmac.new(
            settings.secret.encode(), stamp.encode() + b"." + body, hashlib.sha256
        ).hexdigest()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Key": settings.key,
            "X-Timestamp": stamp,
            "X-Signature": signature,
        }
        reply = read_object(NAME, post(settings.url, body, headers, guard=False).body)
        code = str(reply.get(settings.code_field, ""))
        if code not in settings.ok_codes:
            raise refused(
                NAME, code, reply.get(settings.text_field), permanent=code in settings.permanent_codes
            )
        return Receipt(self.name, str(reply.get(settings.reference_field, "")), self._clock.now())


def _filled(text: str, message: Outgoing) -> Any:
    if text == "{data}":
        return dict(message.data)
    return text.format(
        recipient=message.recipient,
        body=message.body,
        template=message.template,
        data_json=msgspec.json.encode(message.data).decode(),
        dedupe_key=message.dedupe_key,
    )


def _masked(number: str) -> str:
    return f"{number[:3]}…{number[-2:]}" if len(number) > 6 else "…"
