"""Mail against a real SMTP server on loopback: what arrives, and what becomes of every refusal."""

from __future__ import annotations

import base64
import email
import email.policy
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from civicloop.kernel.outside.delivery import DeliveryFailed
from civicloop.kernel.outside.ports.mail import Mail, MailSettings
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.time.clock import VirtualClock
from tests.kernel.receivers import (
    certificate,
    smtp_receiver,
)

LETTER = Outgoing("li@example.org", "您好\n.点开头的行\n", subject="结案通知", dedupe_key="case-1:mail")


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_mail_arrives_whole(security: Any, tmp_path: Path, clock: VirtualClock) -> None:
    server, client = certificate(tmp_path, "127.0.0.1")
    context: ssl.SSLContext | None = None if security == "none" else server
    with smtp_receiver(context, at_once=security == "tls") as running:
        settings = MailSettings(
            host="127.0.0.1", port=running.port, sender="江汉 <loop@example.org>", security=security,
            user="" if security == "none" else "u", password="p",
        )  # fmt: skip
        port = Mail(settings, clock, trust=client)
        receipt, again = port.send(LETTER), port.send(LETTER)
    assert receipt.reference == again.reference
    sender, recipients, raw = running.mails[0]
    mail = email.message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=email.policy.default)
    assert (sender, recipients) == ("loop@example.org", ["li@example.org"])
    assert mail["Subject"] == "结案通知"
    assert mail["Message-ID"] == receipt.reference
    assert "2026" in mail["Date"]
    assert mail.get_content().replace("\r\n", "\n") == LETTER.body
    assert running.secured[0] is (security != "none")
    assert running.logins == ([] if security == "none" else [base64.b64encode(b"\0u\0p").decode()] * 2)


def test_a_server_with_another_certificate_gets_nothing(tmp_path: Path, clock: VirtualClock) -> None:
    server, client = certificate(tmp_path, "mail.example.org")
    with smtp_receiver(server) as running:
        settings = MailSettings(host="127.0.0.1", port=running.port, sender="a@b.org", security="starttls")
        with pytest.raises(DeliveryFailed) as failed:
            Mail(settings, clock, trust=client).send(LETTER)
    assert not failed.value.permanent
    assert running.mails == []


@pytest.mark.parametrize(("code", "permanent"), [(550, True), (450, False)])
def test_a_refused_recipient(code: int, permanent: bool, clock: VirtualClock) -> None:
    with smtp_receiver() as running:
        running.recipient_code = code
        settings = MailSettings(host="127.0.0.1", port=running.port, sender="a@b.org", security="none")
        with pytest.raises(DeliveryFailed) as failed:
            Mail(settings, clock).send(LETTER)
    assert failed.value.permanent is permanent
    assert str(code) in failed.value.reason.en


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "a@b.org\nBcc: c@d.org"},
        {"recipient": "a@b.org, c@d.org"},
        {"recipient": "nobody"},
        {"subject": "x\r\nBcc: c@d.org"},
    ],
)
def test_no_header_is_smuggled_in(change: dict[str, str], clock: VirtualClock) -> None:
    settings = MailSettings(host="127.0.0.1", port=9, sender="a@b.org", security="none")
    with pytest.raises(DeliveryFailed) as failed:
        Mail(settings, clock).send(replace(LETTER, **change))
    assert failed.value.permanent
