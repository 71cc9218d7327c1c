"""Ports against real receivers on loopback: what they send, and what becomes of every answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from civicloop.kernel.outside.delivery import DeliveryFailed
from civicloop.kernel.outside.outbox import OutboxWorker, enqueue
from civicloop.kernel.outside.ports.configured import PORTS, open_ports
from civicloop.kernel.outside.ports.filedrop import FileDrop, FileDropSettings, file_name
from civicloop.kernel.outside.ports.mail import Mail
from civicloop.kernel.outside.ports.port import Outgoing, handled_by, to_outbox
from civicloop.kernel.outside.ports.robots import Robot, RobotGroup, RobotSettings
from civicloop.kernel.outside.ports.sandbox import sent
from civicloop.kernel.outside.ports.sms import Sms, SmsSettings
from civicloop.kernel.outside.ports.wechat import Wechat, WechatSettings
from civicloop.kernel.store.database import Store
from civicloop.kernel.time.clock import HOUR, MINUTE, SECOND, VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.kernel.receivers import (
    HttpReceiver,
    Request,
    http_receiver,
)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as running:
        yield running


def answering(status: int = 200, document: Any = None, **headers: str) -> Any:
    body = b"" if document is None else msgspec.json.encode(document)
    return lambda request: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


NOTE = Outgoing(
    "13800001111", "您的上报已结案。", template="closed", data={"number": "武江〔2026〕1号"}, dedupe_key="case-1:closed",
    case_id="case-1",
)  # fmt: skip


# ---- text messages -------------------------------------------------------------------------------------


def sms(receiver: HttpReceiver, clock: VirtualClock, **settings: Any) -> Sms:
    return Sms(SmsSettings(url=f"{receiver.url}/send", key="k1", secret="s1", **settings), clock)


def test_a_text_message_is_signed_and_laid_out_as_configured(
    receiver: HttpReceiver, clock: VirtualClock
) -> None:
    receiver.answer = answering(200, {"Code": "OK", "BizId": "b-7"})
    fields = {
        "PhoneNumbers": "{recipient}", "SignName": "江汉城管", "TemplateCode": "SMS_1",
        "TemplateParam": "{data_json}", "OutId": "{dedupe_key}",
    }  # fmt: skip
    port = sms(receiver, clock, fields=fields, code_field="Code", reference_field="BizId")
    receipt = port.send(NOTE)
    (request,) = receiver.requests
    assert request.json == {
        "PhoneNumbers": "13800001111", "SignName": "江汉城管", "TemplateCode": "SMS_1",
        "TemplateParam": '{"number":"武江〔2026〕1号"}', "OutId": "case-1:closed",
    }  # fmt: skip
    stamp = request.headers["x-timestamp"]
    assert stamp == str(clock.wall() // SECOND)
    wanted = hmac.new(b"s1", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature"] == wanted
    assert (receipt.port, receipt.reference, receipt.at) == ("sms", "b-7", clock.now())


@pytest.mark.parametrize(
    ("answer", "permanent", "words"),
    [
        (answering(200, {"code": "isv.MOBILE_NUMBER_ILLEGAL", "message": "非法手机号"}), True, "非法手机号"),
        (answering(200, {"code": "isv.BUSINESS_LIMIT_CONTROL"}), False, "LIMIT"),
        (answering(200, [1]), False, "could not be read"),
        (answering(200), False, "could not be read"),
        (answering(500, {}), False, "answered 500"),
        (answering(400, {}), True, "answered 400"),
        (answering(302, {}, Location="http://127.0.0.1/"), True, "redirects (302)"),
    ],
)
def test_every_answer_that_is_no_receipt_has_its_sentence(
    receiver: HttpReceiver, clock: VirtualClock, answer: Any, permanent: bool, words: str
) -> None:
    receiver.answer = answer
    with pytest.raises(DeliveryFailed) as failed:
        sms(receiver, clock).send(NOTE)
    assert failed.value.permanent is permanent
    assert words in failed.value.reason.en
    assert len(receiver.requests) == 1


def test_a_wait_that_the_other_side_asks_for_is_kept(receiver: HttpReceiver, clock: VirtualClock) -> None:
    receiver.answer = answering(429, {}, Retry_After="120")
    with pytest.raises(DeliveryFailed) as failed:
        sms(receiver, clock).send(NOTE)
    assert (failed.value.permanent, failed.value.retry_after) == (False, 120 * SECOND)


@pytest.mark.parametrize("number", ["", "12", "not a number", "138٠0001111", "1" * 16])
def test_a_wrong_number_is_not_sent(receiver: HttpReceiver, clock: VirtualClock, number: str) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        sms(receiver, clock).send(replace(NOTE, recipient=number))
    assert failed.value.permanent
    assert receiver.requests == []


def test_nobody_listening_is_a_passing_failure(receiver: HttpReceiver, clock: VirtualClock) -> None:
    port = Sms(SmsSettings(url="http://127.0.0.1:9/x?token=SECRET", key="k", secret="s"), clock)
    with pytest.raises(DeliveryFailed) as failed:
        port.send(NOTE)
    assert not failed.value.permanent
    assert "127.0.0.1" in failed.value.reason.en
    assert "SECRET" not in failed.value.reason.en


# ---- WeChat --------------------------------------------------------------------------------------------


class WechatServer:
    """The two calls of WeChat's API, as its documentation has them."""

    def __init__(self) -> None:
        self.tokens = 0
        self.good = ""
        self.errcode = 0

    def __call__(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        document: dict[str, Any]
        if request.path == "/cgi-bin/stable_token":
            wanted = {"grant_type", "appid", "secret", "force_refresh"}
            assert set(request.json) == wanted
            self.tokens += 1
            self.good = f"token-{self.tokens}"
            document = {"access_token": self.good, "expires_in": 7200}
        elif parse_qs(urlsplit(request.path).query)["access_token"] != [self.good]:
            document = {"errcode": 40001, "errmsg": "invalid credential"}
        else:
            document = {"errcode": self.errcode, "errmsg": "x", "msgid": 9}
        return 200, {}, msgspec.json.encode(document)


@pytest.fixture
def wechat(receiver: HttpReceiver, clock: VirtualClock) -> tuple[Wechat, WechatServer]:
    server = WechatServer()
    receiver.answer = server
    settings = WechatSettings(
        appid="wx1", secret="s", templates={"closed": "TEMPLATE"}, page="pages/case?id={case_id}",
        base_url=receiver.url,
    )  # fmt: skip
    return Wechat(settings, clock), server


SUBSCRIBED = Outgoing(
    "openid-1", "", template="closed", data={"thing1": "字" * 30, "number2": 5}, case_id="c1"
)


def test_a_subscription_message_goes_by_template(
    wechat: tuple[Wechat, WechatServer], receiver: HttpReceiver
) -> None:
    receipt = wechat[0].send(SUBSCRIBED)
    assert receiver.requests[1].json == {
        "touser": "openid-1",
        "template_id": "TEMPLATE",
        "page": "pages/case?id=c1",
        "data": {"thing1": {"value": "字" * 19 + "…"}, "number2": {"value": "5"}},
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    }
    assert receipt.reference == "9"


def test_the_token_is_kept_until_shortly_before_its_end(
    wechat: tuple[Wechat, WechatServer], clock: VirtualClock
) -> None:
    port, server = wechat
    port.send(SUBSCRIBED)
    clock.advance(HOUR)
    port.send(SUBSCRIBED)
    assert server.tokens == 1
    clock.advance(HOUR - 4 * MINUTE)
    port.send(SUBSCRIBED)
    assert server.tokens == 2


def test_a_token_that_is_no_longer_good_is_fetched_anew(wechat: tuple[Wechat, WechatServer]) -> None:
    port, server = wechat
    port.send(SUBSCRIBED)
    server.good = "another"
    port.send(SUBSCRIBED)
    assert server.tokens == 2


@pytest.mark.parametrize(
    ("code", "permanent"), [(43101, True), (47003, True), (40003, True), (-1, False), (45009, False)]
)
def test_a_resident_who_does_not_agree_is_final(
    wechat: tuple[Wechat, WechatServer], code: int, permanent: bool
) -> None:
    port, server = wechat
    server.errcode = code
    with pytest.raises(DeliveryFailed) as failed:
        port.send(SUBSCRIBED)
    assert failed.value.permanent is permanent


# ---- robots --------------------------------------------------------------------------------------------


def robot(kind: Any, receiver: HttpReceiver, clock: VirtualClock, secret: str = "") -> Robot:
    groups = {"unit-1": RobotGroup(f"{receiver.url}/send?key=K", secret)}
    return Robot(kind, RobotSettings(groups), clock)


CALL = Outgoing("unit-1", "请签收。", subject="新派遣", data={"mobiles": ["13800001111"]})


@pytest.mark.parametrize("kind", ["wecom", "govwecom"])
def test_wecom_gets_its_text(kind: str, receiver: HttpReceiver, clock: VirtualClock) -> None:
    receiver.answer = answering(200, {"errcode": 0, "errmsg": "ok"})
    assert robot(kind, receiver, clock).send(CALL).port == kind
    (request,) = receiver.requests
    assert request.path == "/send?key=K"
    assert request.json == {
        "msgtype": "text",
        "text": {"content": "新派遣\n请签收。", "mentioned_mobile_list": ["13800001111"]},
    }


def test_a_long_text_is_cut_between_characters(receiver: HttpReceiver, clock: VirtualClock) -> None:
    receiver.answer = answering(200, {"errcode": 0})
    robot("wecom", receiver, clock).send(replace(CALL, subject="", body="街" * 1000))
    content = receiver.requests[0].json["text"]["content"]
    assert content == "街" * 681 + "…"
    assert len(content.encode()) <= 2048


def test_dingtalk_gets_its_signature(receiver: HttpReceiver, clock: VirtualClock) -> None:
    receiver.answer = answering(200, {"errcode": 0})
    robot("dingtalk", receiver, clock, "SECabc").send(CALL)
    (request,) = receiver.requests
    query = parse_qs(urlsplit(request.path).query)
    stamp = str(clock.wall() // 1000)
    digest = hmac.new(b"SECabc", f"{stamp}\nSECabc".encode(), hashlib.sha256).digest()
    assert query == {"key": ["K"], "timestamp": [stamp], "sign": [base64.b64encode(digest).decode()]}
    assert request.json == {
        "msgtype": "text",
        "text": {"content": "新派遣\n请签收。"},
        "at": {"atMobiles": ["13800001111"]},
    }


def test_a_robot_that_was_too_fast_waits(receiver: HttpReceiver, clock: VirtualClock) -> None:
    receiver.answer = answering(
        200, {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
    )
    with pytest.raises(DeliveryFailed) as failed:
        robot("dingtalk", receiver, clock).send(CALL)
    assert (failed.value.permanent, failed.value.retry_after) == (False, 10 * MINUTE)
    assert failed.value.reason.zh == "钉钉机器人拒绝发送：130101 send too fast, exceed 20 times per minute"


def test_a_unit_without_a_group_is_final(receiver: HttpReceiver, clock: VirtualClock) -> None:
    with pytest.raises(DeliveryFailed, match="unit-2") as failed:
        robot("wecom", receiver, clock).send(replace(CALL, recipient="unit-2"))
    assert failed.value.permanent


# ---- files, sandbox, configuration ---------------------------------------------------------------------


def test_a_file_is_dropped_once_and_whole(tmp_path: Path, clock: VirtualClock) -> None:
    folder = tmp_path / "exchange"
    port = FileDrop(FileDropSettings(str(folder), ".xml"), clock)
    message = Outgoing("bank", "<文/>", dedupe_key="../../pay:7/甲")
    first, second = port.send(message), port.send(message)
    port.send(replace(message, dedupe_key="../../pay:7/乙"))
    assert first.reference == second.reference
    assert first.reference.startswith("pay-7-")
    assert len(list(folder.iterdir())) == 2
    assert (folder / first.reference).read_text("utf-8") == "<文/>"


def test_a_folder_that_is_none_is_a_passing_failure(tmp_path: Path, clock: VirtualClock) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeliveryFailed) as failed:
        FileDrop(FileDropSettings(str(tmp_path / "file")), clock).send(NOTE)
    assert not failed.value.permanent


def test_a_file_name_is_safe_everywhere() -> None:
    names = {file_name(key, ".json") for key in ("", "a/b", "a\\b", "CON", "..", "x" * 500, "街")}
    assert len(names) == 7
    for name in names:
        assert len(name) < 100
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>|')


def test_a_port_without_settings_is_a_sandbox(store: Store, clock: VirtualClock, ids: SeededIds) -> None:
    ports = open_ports({}, store, "jianghan", clock, ids)
    assert set(ports) == set(PORTS)
    ports["sms"].send(NOTE)
    ports["sms"].send(NOTE)
    ports["wechat"].send(NOTE)
    clock.advance(1)
    ports["mail"].send(Outgoing("li@example.org", "您好", subject="结案通知"))
    with store.read() as tx:
        everything = sent(tx, "jianghan")
        of_case = sent(tx, "jianghan", case_id="case-1")
    assert [m.port for m in everything] == ["mail", "wechat", "sms"]
    assert {m.port for m in of_case} == {"sms", "wechat"}
    assert of_case[0].body == NOTE.body
    assert of_case[0].data == {"template": "closed", "number": "武江〔2026〕1号"}


def test_settings_are_checked_with_a_sentence(store: Store, clock: VirtualClock, ids: SeededIds) -> None:
    good = {
        "sms": {"url": "https://sms.example.org", "key": "k", "secret": "s"},
        "dingtalk": {
            "groups": {"*": {"url": "https://oapi.example.org/robot/send?access_token=x", "secret": "SECx"}}
        },
        "mail": {"host": "mail.example.org", "sender": "a@example.org"},
        "filedrop": {"folder": "/tmp/x"},
        "webhook": {"secrets": {"*": "x"}},
        "wechat": {"appid": "wx", "secret": "s", "templates": {}},
    }
    ports = open_ports(good, store, "jianghan", clock, ids)
    assert isinstance(ports["sms"], Sms)
    assert isinstance(ports["mail"], Mail)
    with pytest.raises(ValueError, match=r"port sms: .*`secret`"):
        open_ports({"sms": {"url": "x", "key": "k"}}, store, "jianghan", clock, ids)
    with pytest.raises(ValueError, match="no port 'fax'"):
        open_ports({"fax": {}}, store, "jianghan", clock, ids)


def test_from_a_transaction_through_the_outbox_to_the_receiver(
    store: Store, clock: VirtualClock, ids: SeededIds, receiver: HttpReceiver
) -> None:
    addresses = {"person:1": "13800001111"}
    receiver.answer = answering(200, {"code": "OK", "id": "r1"})
    handler = handled_by(sms(receiver, clock), addresses.get)
    worker = OutboxWorker(store, "jianghan", clock, ids, {"sms": handler})
    message = to_outbox("sms", replace(NOTE, recipient="person:1"))
    erased = to_outbox("sms", replace(NOTE, recipient="person:2", dedupe_key="other", case_id=""))
    store.write(lambda tx: enqueue(tx, "jianghan", clock.now(), [message, erased], ids))
    assert worker.drain() == 2
    (request,) = receiver.requests
    assert request.json["phone"] == "13800001111"
    assert request.json["out_id"] == "case-1:closed"
    with store.read() as tx:
        (lost,) = worker.undeliverable(tx)
        stored = tx.all("SELECT payload FROM outbox", ())
    assert lost.reason.en == "The recipient's address has been erased."
    assert not any("13800001111" in text for (text,) in stored)


def test_the_network_is_loaded_at_the_first_message() -> None:
    code = "import sys, civicloop.kernel.outside.ports.configured; sys.exit('httpcore' in sys.modules or 'smtplib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
