"""What the street loop tells outside: the reporters, the unit, the crew and the shift head, each through its port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from civicloop.kernel.cases import reports
from civicloop.kernel.cases.case import Case
from civicloop.kernel.label import Label
from civicloop.kernel.outside.delivery import Delivery
from civicloop.kernel.outside.outbox import Handler
from civicloop.kernel.outside.ports.port import Outgoing
from civicloop.kernel.people.roles import CLOCK
from civicloop.kernel.registry.district import District
from civicloop.loops.street.process import PROCESS

# What a reporter reads, by the state that his case has come to.
_TOLD = {
    "accepted": Label("您上报的问题已受理，案号{number}。凭查询码{code}可查看进度。", "Your report was accepted as case {number}. Follow it with code {code}."),
    "declined": Label("您上报的问题未予立案，原因可凭查询码{code}查看。", "Your report was declined; see why with code {code}."),
    "closed": Label("您上报的问题已处置并核查结案。如未解决，请凭查询码{code}在7日内反馈。", "The problem you reported was put right and checked. If it is not, say so within 7 days with code {code}."),
}  # fmt: skip
_TO_UNIT = Label(
    "新案件{number}已派遣到贵单位，请及时签收。", "Case {number} was sent to your unit; please sign for it."
)
_TO_CREW = Label("案件{number}已转派给您，请前往处置。", "Case {number} was handed to you.")
_BREACHED = Label("案件{number}超时，请督促。", "A limit of case {number} was breached.")
_WHY = "street: tell the reporter"


def effects(district: District) -> Mapping[str, Handler]:
    """The handler of each effect of the process, by outbox topic."""
    return {
        f"effect:{PROCESS.name}.tell_reporters": lambda body, delivery: _tell_reporters(
            district, body, delivery
        ),
        f"effect:{PROCESS.name}.notify_unit": _robot(district, _TO_UNIT, lambda case: case.unit),
        f"effect:{PROCESS.name}.notify_crew": _robot(district, _TO_CREW, lambda case: case.unit),
        f"effect:{PROCESS.name}.notify_shift_head": _robot(district, _BREACHED, lambda case: "shift_head"),  # noqa: ARG005
    }


def _robot(district: District, words: Label, group: Callable[[Case], str]) -> Handler:
    def handle(body: dict[str, Any], delivery: Delivery) -> None:
        case = _case(district, body)
        message = words.filled(number=case.number)
        district.ports["wecom"].send(
            Outgoing(group(case), message.zh, dedupe_key=delivery.dedupe_key, case_id=case.id)
        )

    return handle


def _tell_reporters(district: District, body: dict[str, Any], delivery: Delivery) -> None:
    """One SMS to each reporter who left a number; his number is read now, not kept in the outbox."""
    case = _case(district, body)
    words = _TOLD.get(str(body["state"]))
    if words is None:
        return
    with district.store.read() as tx:
        told = [r for r in reports.reports_of_case(tx, district.code, case.id) if r.subject]
        left = [r for r in told if "contact" in district.people.personal.purposes(tx, r.subject)]
    for report in left:
        contact = district.store.write(
            lambda tx, subject=report.subject: district.people.personal.read(
                tx, CLOCK, subject, "contact", _WHY
            )  # type: ignore[misc]
        )
        message = words.filled(number=case.number, code=report.tracking_code)
        key = f"{delivery.dedupe_key}:{report.id}"
        district.ports["sms"].send(Outgoing(contact, message.zh, dedupe_key=key, case_id=case.id))


def _case(district: District, body: dict[str, Any]) -> Case:
    with district.store.read() as tx:
        return district.engine.case(tx, str(body["case"]))
