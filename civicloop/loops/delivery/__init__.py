"""The delivery loop: messages that could not be delivered, as cases."""

from __future__ import annotations

from pathlib import Path

from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Loop, Role
from civicloop.loops.delivery.effects import effects
from civicloop.loops.delivery.process import PROCESS

LOOP = Loop(
    name="delivery",
    label=Label("消息投递", "Delivery"),
    sentence=Label(
        "对外发出的消息要么送到，要么有人知道。", "A message sent out arrives, or somebody knows."
    ),
    processes=(PROCESS,),
    roles=(
        Role("admin", Label("管理员", "Administrator"), "/undeliverable"),
        Role("shift_head", Label("值班长", "Shift head"), "/street"),
    ),
    folder=Path(__file__).parent,
    effects=effects,
    undeliverable="undeliverable.open",
)
