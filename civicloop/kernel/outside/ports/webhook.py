"""Signed webhooks to addresses that others chose, after the Standard Webhooks specification 1.0.0.

webhook-id is the dedupe key, webhook-timestamp seconds, webhook-signature "v1," and base64 of HMAC-SHA256 over
"id.timestamp.body". The name is looked up once; private, loopback, link-local and other non-public addresses are
refused, and the connection goes to the very address that was judged. No redirects; ten seconds; 64 KB of answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import DeliveryFailed, Receipt
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.time.clock import SECOND, Clock

_NO_SECRET = Label("没有为这个地址设置签名密钥。", "No signing secret is set up for this address.")


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Secrets by URL, "*" for all the others; "whsec_..." is base64 as the specification has it."""

    secrets: dict[str, str]


class Webhook:
    """Posts `message.body` (JSON text) to `message.recipient` (a URL).

    `allowed` are networks that may be reached though they are not public; with any, plain http is taken too.
    """

    name = "webhook"

    def __init__(
        self,
        settings: WebhookSettings,
        clock: Clock,
        *,
        allowed: Sequence[IPv4Network | IPv6Network] = (),
        seconds: float = 10.0,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._allowed = tuple(allowed)
        self._seconds = seconds
        self._trust = trust

    def send(self, message: Outgoing) -> Receipt:
        """Posts once; 2xx is the receipt."""
        from civicloop.kernel.outside.ports.net import post

        secrets = self._settings.secrets
        secret = secrets.get(message.recipient) or secrets.get("*")
        if not secret:
            raise DeliveryFailed(_NO_SECRET, permanent=True)
        stamp = self._clock.wall() // SECOND
        body = message.body.encode()
        # The key may hold what a header may not.
        webhook_id = hashlib.sha256(message.dedupe_key.encode()).hexdigest()[:32]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Civicloop-Webhook/1",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": webhook_signature(secret, webhook_id, stamp, body),
        }
        post(
            message.recipient, body, headers,
            guard=True, allowed=self._allowed, seconds=self._seconds, trust=self._trust,
        )  # fmt: skip
        return Receipt(self.name, webhook_id, self._clock.now())


def webhook_signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header webhook-signature."""
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as error:
            raise ValueError("a whsec_ secret must be base64") from error
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
