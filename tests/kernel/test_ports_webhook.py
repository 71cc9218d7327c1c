"""Webhooks against real receivers on loopback: signed, and never into an internal network."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from civicloop.kernel.outside.delivery import DeliveryFailed
from civicloop.kernel.outside.ports.net import is_public
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.outside.ports.webhook import Webhook, WebhookSettings, webhook_signature
from civicloop.kernel.time.clock import SECOND, VirtualClock
from tests.kernel.receivers import (
    HttpReceiver,
    certificate,
    http_receiver,
    silent_receiver,
)

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as running:
        yield running


def answering(status: int = 200, document: Any = None, **headers: str) -> Any:
    body = b"" if document is None else msgspec.json.encode(document)
    return lambda request: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def hook(clock: VirtualClock, **options: Any) -> Webhook:
    return Webhook(WebhookSettings({"*": SECRET}), clock, **options)


def event(url: str) -> Outgoing:
    return Outgoing(url, '{"event":"closed","名":"街"}', dedupe_key="case-1:closed:3")


def test_a_webhook_is_signed_as_the_standard_says(receiver: HttpReceiver, clock: VirtualClock) -> None:
    receipt = hook(clock, allowed=LOOPBACK).send(event(f"{receiver.url}/in"))
    (request,) = receiver.requests
    assert request.body.decode() == '{"event":"closed","名":"街"}'
    sent_id, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert (sent_id, stamp) == (receipt.reference, str(clock.wall() // SECOND))
    digest = hmac.new(
        b"0123456789abcdef01234567", f"{sent_id}.{stamp}.".encode() + request.body, hashlib.sha256
    )
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(digest.digest()).decode()


def test_the_signature_is_that_of_the_specification() -> None:
    # The example of the Standard Webhooks libraries.
    signature = webhook_signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/in",
        "https://localhost:{port}/in",
        "https://2130706433:{port}/in",
        "https://0x7f.1:{port}/in",
        "https://[::1]:{port}/in",
        "https://[::ffff:127.0.0.1]:{port}/in",
        "https://0.0.0.0:{port}/in",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00::1]/",
        "https://[64:ff9b::7f00:1]/",
    ],
)
def test_an_address_inside_is_refused(receiver: HttpReceiver, clock: VirtualClock, url: str) -> None:
    port = receiver.url.rpartition(":")[2]
    with pytest.raises(DeliveryFailed) as failed:
        hook(clock).send(event(url.format(port=port)))
    assert failed.value.permanent
    assert "internal network" in failed.value.reason.en
    assert receiver.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "https://u:p@example.org/",
        "https:///x",
        "//x",
        "",
        "https://例.org/",
    ],
)
def test_a_url_that_is_none_is_refused(clock: VirtualClock, url: str) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        hook(clock).send(event(url))
    assert failed.value.permanent
    assert "not a usable https address" in failed.value.reason.en


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("100.64.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


def test_a_redirect_is_not_followed(receiver: HttpReceiver, clock: VirtualClock) -> None:
    receiver.answer = answering(307, {}, Location=f"{receiver.url}/other")
    with pytest.raises(DeliveryFailed) as failed:
        hook(clock, allowed=LOOPBACK).send(event(f"{receiver.url}/in"))
    assert failed.value.permanent
    assert [r.path for r in receiver.requests] == ["/in"]


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"]
)
def test_a_receiver_that_talks_for_ever_is_left(clock: VirtualClock, first: bytes) -> None:
    with silent_receiver(first) as url, pytest.raises(DeliveryFailed) as failed:
        hook(clock, allowed=LOOPBACK, seconds=0.4).send(event(f"{url}/in"))
    assert not failed.value.permanent
    assert "did not answer within" in failed.value.reason.en


def test_a_huge_answer_is_not_read_to_its_end(receiver: HttpReceiver, clock: VirtualClock) -> None:
    receiver.answer = lambda request: (200, {}, b"x" * 50_000_000)
    assert hook(clock, allowed=LOOPBACK).send(event(receiver.url)).port == "webhook"


def test_a_huge_message_is_not_sent(receiver: HttpReceiver, clock: VirtualClock) -> None:
    with pytest.raises(DeliveryFailed, match="too large"):
        hook(clock, allowed=LOOPBACK).send(Outgoing(receiver.url, "x" * 2_000_000))
    assert receiver.requests == []


def test_tls_is_checked_against_the_name(tmp_path: Path, clock: VirtualClock) -> None:
    server, client = certificate(tmp_path, "localhost")
    with http_receiver(server) as running:
        port = running.url.rpartition(":")[2]
        good, wrong = f"https://localhost:{port}/in", f"https://127.0.0.1:{port}/in"
        hook(clock, allowed=LOOPBACK, trust=client).send(event(good))
        assert running.requests[0].headers["host"] == f"localhost:{port}"
        with pytest.raises(DeliveryFailed):
            hook(clock, allowed=LOOPBACK, trust=client).send(event(wrong))
        with pytest.raises(DeliveryFailed):
            hook(clock, allowed=LOOPBACK).send(event(good))
        assert len(running.requests) == 1


def test_an_address_without_a_secret_gets_nothing(receiver: HttpReceiver, clock: VirtualClock) -> None:
    port = Webhook(WebhookSettings({"https://other": "x"}), clock, allowed=LOOPBACK)
    with pytest.raises(DeliveryFailed, match="secret"):
        port.send(event(receiver.url))
