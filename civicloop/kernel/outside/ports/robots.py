"""Group robots: 企业微信 (WeCom), 政务微信 (its private edition for government) and 钉钉 (DingTalk).

Verified against public documentation: WeCom's POST .../cgi-bin/webhook/send?key= with msgtype, text.content of at
most 2,048 bytes and mentioned_mobile_list, 20 messages a minute a robot; DingTalk's POST .../robot/send?access_token=
with timestamp (milliseconds) and sign = base64 of HMAC-SHA256 with the secret over "timestamp\\nsecret", text and
at.atMobiles, 20 a minute, then ten minutes' silence (errcode 130101). Not verified: 政务微信 is installed by each
government on its own host; it is taken to speak WeCom's format at the URL that its administrator gives.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, Literal
from urllib.parse import quote_plus

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import DeliveryFailed, Receipt
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.outside.ports.replies import read_object, refused
from civicloop.kernel.time.clock import MINUTE, Clock

Kind = Literal["wecom", "govwecom", "dingtalk"]

NAMES: dict[str, Label] = {
    "wecom": Label("企业微信机器人", "the WeCom robot"),
    "govwecom": Label("政务微信机器人", "the government WeCom robot"),
    "dingtalk": Label("钉钉机器人", "the DingTalk robot"),
}
TEXT_BYTES = 2048
_TOO_FAST = {45009: MINUTE, 130101: 10 * MINUTE}

_NO_GROUP = Label("没有为“{group}”设置群机器人。", "No group robot is set up for {group}.")


class RobotGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One robot of one group: its URL with the key, and DingTalk's secret ("SEC...")."""

    url: str
    secret: str = ""


class RobotSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Recipients (a unit's code, "*" for all the others) and their groups' robots."""

    groups: dict[str, RobotGroup]


class Robot:
    """Writes into a group; `message.data["mobiles"]` are the members to call by number."""

    def __init__(self, kind: Kind, settings: RobotSettings, clock: Clock) -> None:
        self.name: str = kind
        self._settings = settings
        self._clock = clock

    def send(self, message: Outgoing) -> Receipt:
        """Posts a text, subject and body below one another."""
        from civicloop.kernel.outside.ports.net import post

        groups = self._settings.groups
        group = groups.get(message.recipient) or groups.get("*")
        if group is None:
            raise DeliveryFailed(_NO_GROUP.filled(group=message.recipient), permanent=True)
        text = f"{message.subject}\n{message.body}" if message.subject else message.body
        mobiles = [str(number) for number in message.data.get("mobiles", ())]
        content = _cut(text, TEXT_BYTES)
        document: dict[str, Any]
        if self.name == "dingtalk":
            url = self._signed(group)
            document = {"msgtype": "text", "text": {"content": content}, "at": {"atMobiles": mobiles}}
        else:
            url = group.url
            document = {"msgtype": "text", "text": {"content": content, "mentioned_mobile_list": mobiles}}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        name = NAMES[self.name]
        reply = read_object(name, post(url, msgspec.json.encode(document), headers, guard=False).body)
        code = reply.get("errcode")
        if code != 0:
            wait = _TOO_FAST.get(code, 0) if isinstance(code, int) else 0
            raise refused(name, code, reply.get("errmsg"), retry_after=wait)
        return Receipt(self.name, "", self._clock.now())

    def _signed(self, group: RobotGroup) -> str:
        if not group.secret:
            return group.url
        stamp = self._clock.wall() // 1000
        joint = "&" if "?" in group.url else "?"
        return f"{group.url}{joint}timestamp={stamp}&sign={quote_plus(dingtalk_sign(stamp, group.secret))}"


def dingtalk_sign(timestamp_ms: int, secret: str) -> str:
    """DingTalk's signature, base64, before it is quoted for the URL."""
    text = f"{timestamp_ms}\n{secret}".encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def _cut(text: str, most: int) -> str:
    """The text within `most` bytes of UTF-8, never through a character."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - len("…".encode())].decode("utf-8", "ignore") + "…"
