"""Reading what a provider says: a JSON object with its own word for success."""

from __future__ import annotations

from typing import Any

import msgspec

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import DeliveryFailed

_UNREADABLE = Label("{port}的应答无法解读。", "The answer of {port} could not be read.")
_REFUSED = Label("{port}拒绝发送：{code} {text}", "{port} refused it: {code} {text}")


def read_object(port: Label, body: bytes) -> dict[str, Any]:
    """The answer's JSON object; DeliveryFailed when it is none."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise DeliveryFailed(_UNREADABLE.filled(port=port)) from error


def refused(
    port: Label, code: object, text: object, *, permanent: bool = False, retry_after: int = 0
) -> DeliveryFailed:
    """The failure for a provider's own error code, with at most 200 characters of its text."""
    reason = _REFUSED.filled(port=port, code=str(code)[:40], text=str(text or "")[:200])
    return DeliveryFailed(reason, permanent=permanent, retry_after=retry_after)
