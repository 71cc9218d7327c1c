"""Events between loops: what one process emits, another opens a case or performs an action about.

Delivered through the outbox, at least once; the request key made of the event and the receiver makes it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from civicloop.kernel.cases.declaration import On
from civicloop.kernel.cases.engine import Engine
from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Delivery
from civicloop.kernel.outside.outbox import Handler
from civicloop.kernel.people.roles import Actor

EVENT = Actor("@event", name=Label("流程联动", "Another loop"), via="clock")


def deliveries(engine: Engine, receivers: Mapping[str, Iterable[On]]) -> dict[str, Handler]:
    """The outbox handler of each event topic that somebody waits for."""
    return {topic: _handler(engine, tuple(waiting)) for topic, waiting in receivers.items()}


def _handler(engine: Engine, waiting: tuple[On, ...]) -> Handler:
    def deliver(body: dict[str, Any], delivery: Delivery) -> None:
        payload = body["payload"]
        for number, on in enumerate(waiting):
            key = f"event:{delivery.dedupe_key}:{number}"
            given = on.given(payload)
            cause = f"case:{body['case']}:{body['seq']}"
            process, _, action = (on.opens or on.performs).partition(".")
            if on.opens:
                engine.open(process, action, given, EVENT, key=key, cause=cause, trusted=True)
            else:
                engine.perform(
                    str(payload[on.find]), action, given, EVENT, key=key, cause=cause, trusted=True
                )

    return deliver
