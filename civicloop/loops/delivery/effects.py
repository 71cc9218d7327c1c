"""Trying a message again: it goes back into the outbox with its tries counted afresh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from civicloop.kernel.outside.delivery import Delivery
from civicloop.kernel.outside.outbox import Handler
from civicloop.kernel.registry.district import District
from civicloop.loops.delivery.process import PROCESS


def effects(district: District) -> Mapping[str, Handler]:
    """The handler of the effect `retry`."""

    def retry(body: dict[str, Any], delivery: Delivery) -> None:  # noqa: ARG001
        with district.store.read() as tx:
            case = district.engine.case(tx, str(body["case"]))
        district.store.write(lambda tx: district.outbox.retry(tx, str(case.data["message"])))

    return {f"effect:{PROCESS.name}.retry": retry}
