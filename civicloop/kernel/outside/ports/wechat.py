"""Subscription messages of a WeChat mini-programme (微信订阅消息), after the resident agreed to the template.

Verified against developers.weixin.qq.com: POST /cgi-bin/stable_token with grant_type, appid, secret, giving
access_token and expires_in (renewed by the platform 5 minutes early); POST /cgi-bin/message/subscribe/send with
touser, template_id, page, data of {"key": {"value": ...}}, miniprogram_state, lang; errors 40003, 40037, 41030,
43101, 47003; a thing value has at most 20 characters. Not verified there, but long known: 40001, 40014 and
42001 for a token that is no longer good.
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Receipt
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.outside.ports.replies import read_object, refused
from civicloop.kernel.time.clock import MINUTE, SECOND, Clock, Instant

NAME = Label("微信", "WeChat")
THING_CHARACTERS = 20

_STALE_TOKEN = {40001, 40014, 42001}
# No openid, no template, no page, the resident does not agree (any more), wrong values: trying again won't help.
_PERMANENT = {40003, 40037, 41030, 43101, 47003}


class WechatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mini-programme's id and secret; `templates` maps our template names to WeChat's ids."""

    appid: str
    secret: str
    templates: dict[str, str]
    page: str = ""
    state: str = "formal"
    base_url: str = "https://api.weixin.qq.com"


class Wechat:
    """Sends to an openid; the access token is fetched once and kept until shortly before it ends."""

    name = "wechat"

    def __init__(self, settings: WechatSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._token_until: Instant = 0

    def send(self, message: Outgoing) -> Receipt:
        """Sends by template; a token that is no longer good is fetched anew once."""
        settings = self._settings
        document: dict[str, Any] = {
            "touser": message.recipient,
            "template_id": settings.templates.get(message.template, message.template),
            "data": {key: {"value": _fitting(key, value)} for key, value in message.data.items()},
            "miniprogram_state": settings.state,
            "lang": "zh_CN",
        }
        if settings.page:
            document["page"] = settings.page.format(case_id=message.case_id)
        body = msgspec.json.encode(document)
        token = self._access_token()
        reply = self._post(f"/cgi-bin/message/subscribe/send?access_token={token}", body)
        if reply.get("errcode") in _STALE_TOKEN:
            token = self._access_token(not_this=token)
            reply = self._post(f"/cgi-bin/message/subscribe/send?access_token={token}", body)
        code = reply.get("errcode", 0)
        if code != 0:
            raise refused(NAME, code, reply.get("errmsg"), permanent=code in _PERMANENT)
        return Receipt(self.name, str(reply.get("msgid", "")), self._clock.now())

    def _access_token(self, not_this: str = "") -> str:
        # One fetch at a time: each forced one would end the token that another thread has just got.
        with self._lock:
            now = self._clock.wall()
            if self._token and self._token != not_this and now < self._token_until:
                return self._token
            body = msgspec.json.encode(
                {
                    "grant_type": "client_credential",
                    "appid": self._settings.appid,
                    "secret": self._settings.secret,
                    "force_refresh": bool(not_this),
                }
            )
            reply = self._post("/cgi-bin/stable_token", body)
            token, seconds = reply.get("access_token"), reply.get("expires_in")
            if not isinstance(token, str) or not isinstance(seconds, int):
                raise refused(NAME, reply.get("errcode", ""), reply.get("errmsg"))
            self._token, self._token_until = token, now + max(seconds * SECOND - 5 * MINUTE, 0)
            return token

    def _post(self, path: str, body: bytes) -> dict[str, Any]:
        from civicloop.kernel.outside.ports.net import post

        headers = {"Content-Type": "application/json; charset=utf-8"}
        return read_object(NAME, post(self._settings.base_url + path, body, headers, guard=False).body)


def _fitting(key: str, value: object) -> str:
    text = str(value)
    if key.startswith("thing") and len(text) > THING_CHARACTERS:
        return text[: THING_CHARACTERS - 1] + "…"
    return text
