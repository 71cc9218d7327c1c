"""The Boston loop: a year of a real city's requests, as its open data tells them."""

from __future__ import annotations

from pathlib import Path

from civicloop.kernel.label import Label
from civicloop.kernel.registry.loop import Loop, Role
from civicloop.loops.boston.metrics import METRICS
from civicloop.loops.boston.process import PROCESS

LOOP = Loop(
    name="boston",
    label=Label("波士顿诉求", "Boston requests"),
    sentence=Label(
        "真实数据对照：一座城市一年的诉求，何时受理、何时结案。",
        "A check on real data: a year of a city's requests, when each opened and when it closed.",
    ),
    processes=(PROCESS,),
    roles=(
        Role("leader", Label("市领导", "City leader"), "/figures"),
        Role("admin", Label("管理员", "Administrator"), "/figures"),
    ),
    folder=Path(__file__).parent,
    metrics=METRICS,
)
