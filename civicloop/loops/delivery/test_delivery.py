"""A message that can't be delivered becomes a case; trying again sends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Delivery, DeliveryFailed
from civicloop.kernel.outside.outbox import Message, enqueue
from civicloop.kernel.people.roles import Actor, Grant, Scope
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds

ADMIN = Actor("admin", "a-admin", grants=(Grant("admin", Scope("district", "jianghan")),))


@pytest.fixture
def district(tmp_path: Path, clock: VirtualClock) -> Iterator[District]:
    opened = open_district(
        Settings(tmp_path, demo=False), clock=clock, ids=SeededIds("delivery"), inline=True
    )
    yield opened
    opened.close()


def test_what_is_given_up_is_a_case_and_can_be_tried_again(district: District) -> None:
    sent: list[str] = []

    def no_such_number(payload: dict[str, Any], delivery: Delivery) -> None:
        if not sent:
            sent.append("refused")
            raise DeliveryFailed(Label("空号。", "No such number."), permanent=True)
        sent.append(payload["text"])

    district.handlers["test.sms"] = no_such_number
    now = district.clock.now()
    district.store.write(
        lambda tx: enqueue(
            tx, district.code, now, [Message("test.sms", "m1", {"text": "hello"})], district.ids
        )
    )
    district.outbox.drain()
    with district.store.read() as tx:
        rows = tx.all("SELECT id, state FROM cases WHERE process = 'undeliverable'", ())
        assert [state for _, state in rows] == ["failed"]
        case = district.engine.case(tx, rows[0][0])
    assert (case.data["topic"], case.data["why"]) == ("test.sms", "空号。")
    assert district.engine.perform(case.id, "retry", {}, ADMIN).state == "retried"
    district.outbox.drain()
    assert sent == ["refused", "hello"]
