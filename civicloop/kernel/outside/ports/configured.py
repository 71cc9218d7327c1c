"""Which ports are real, is data: a port without settings is a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from civicloop.kernel.outside.ports.filedrop import FileDrop, FileDropSettings
from civicloop.kernel.outside.ports.mail import Mail, MailSettings
from civicloop.kernel.outside.ports.port import Port
from civicloop.kernel.outside.ports.robots import Robot, RobotSettings
from civicloop.kernel.outside.ports.sandbox import Sandbox
from civicloop.kernel.outside.ports.sms import Sms, SmsSettings
from civicloop.kernel.outside.ports.webhook import Webhook, WebhookSettings
from civicloop.kernel.outside.ports.wechat import Wechat, WechatSettings
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import Clock
from civicloop.kernel.time.ids import Ids

_MAKERS: dict[str, Callable[[object, Clock], Port]] = {
    "sms": lambda given, clock: Sms(msgspec.convert(given, SmsSettings), clock),
    "wechat": lambda given, clock: Wechat(msgspec.convert(given, WechatSettings), clock),
    "wecom": lambda given, clock: Robot("wecom", msgspec.convert(given, RobotSettings), clock),
    "govwecom": lambda given, clock: Robot("govwecom", msgspec.convert(given, RobotSettings), clock),
    "dingtalk": lambda given, clock: Robot("dingtalk", msgspec.convert(given, RobotSettings), clock),
    "mail": lambda given, clock: Mail(msgspec.convert(given, MailSettings), clock),
    "webhook": lambda given, clock: Webhook(msgspec.convert(given, WebhookSettings), clock),
    "filedrop": lambda given, clock: FileDrop(msgspec.convert(given, FileDropSettings), clock),
}
PORTS = tuple(_MAKERS)


def open_ports(
    settings: Mapping[str, Any], store: Store, district: str, clock: Clock, ids: Ids
) -> dict[str, Port]:
    """All ports by name; ValueError that names the port and the field when its settings are wrong.

    `settings` is what a TOML or JSON file holds: {"sms": {...}, "dingtalk": {"groups": {...}}, ...}.
    """
    unknown = set(settings) - set(PORTS)
    if unknown:
        raise ValueError(f"there is no port {min(unknown)!r}; there are {', '.join(PORTS)}")
    ports: dict[str, Port] = {}
    for name, make in _MAKERS.items():
        if name not in settings:
            ports[name] = Sandbox(name, store, district, clock, ids)
            continue
        try:
            ports[name] = make(settings[name], clock)
        except msgspec.ValidationError as error:
            raise ValueError(f"port {name}: {error}") from error
    return ports
