"""A week of street problems at every stage, made by the public actions under a clock of its own.

Everything in it is synthetic. The same seed gives the same week.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from civicloop.kernel.cases.engine import Engine, Receipt
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import PUBLIC, Actor, Grant, Scope, reporter
from civicloop.kernel.registry.district import District
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, Instant, VirtualClock
from civicloop.kernel.time.ids import Draws, SeededIds
from civicloop.loops.street.pictures import street_picture
from civicloop.loops.street.process import PROCESS

CASES = 140
CORNERS = 4

STORIES: tuple[tuple[str, str, str], ...] = (
    ("stall", "店外经营,占了半条人行道", "Goods of a shop take half the pavement"),
    ("stall", "水果摊摆到盲道上,行人要绕到机动车道", "A fruit stall on the tactile paving; people walk in the road"),
    ("rubbish", "垃圾桶旁堆了七八袋垃圾,有味道", "Seven or eight bags beside the bin, and they smell"),
    ("rubbish", "楼下暴露垃圾没人收", "Rubbish lies open below the house and nobody collects it"),
    ("hawker", "流动早餐车堵在公交站口", "A breakfast cart blocks the bus stop"),
    ("parking_bike", "共享单车堆满路口", "Shared bicycles fill the corner"),
    ("parking_motor", "轿车停在消防通道上", "A car stands in the fire lane"),
    ("dirty_road", "路面有渣土遗撒", "Spoil has been spilt on the road"),
    ("cover_storm", "雨水篦子缺失,晚上危险", "A storm drain has no grating; dangerous at night"),
    ("standing_water", "雨停了路口还在积水", "Water stands at the crossing though the rain is over"),
    ("illegal_sign", "违规的大型户外广告牌", "A large hoarding put up without leave"),
    ("street_light", "路灯不亮", "A street lamp is out"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Cast:
    """The people of the demo, each by his own account."""

    intake: Actor
    shift_head: Actor
    dispatcher: Actor
    checker: Actor

    @staticmethod
    def of(district: District) -> _Cast:
        named = {name: _person(district, name) for name in ("intake", "shift_head", "dispatcher", "checker")}
        return _Cast(**named)


def fill(district: District) -> None:
    """Puts the week before now into the district."""
    now = district.clock.now()
    clock = VirtualClock(now - 7 * DAY)
    engine = district.engine.under(clock, SeededIds("demo"))
    draws = Draws("street demo")
    pictures = _pictures(district)
    cast = _Cast.of(district)
    starts = sorted(_arrival(draws, now) for _ in range(CASES))
    for start in starts:
        clock.set(start)
        _Story(district, engine, clock, draws, cast, pictures, now).run()
    clock.set(now)
    engine.tick()


@dataclass(frozen=True, slots=True)
class _Story:
    district: District
    engine: Engine
    clock: VirtualClock
    draws: Draws
    cast: _Cast
    pictures: Mapping[tuple[str, int, int], str]
    now: Instant

    def run(self) -> None:
        """One case from its report to where it stands now; it stops when its next step would lie in the future."""
        draws, cast = self.draws, self.cast
        kind, zh, en = draws.pick(STORIES)
        corner = draws.below(CORNERS)
        receipt = self._report(kind, zh, corner)
        if draws.happens(12):
            self._again(receipt, en)
        if not self._later(2, 14):
            return
        self._do(receipt, "accept", {}, cast.intake)
        if draws.happens(6) and self._later(2, 8):
            self._do(
                receipt,
                "decline",
                {"reason_code": "not_found", "reason": "现场未发现该问题"},
                cast.shift_head,
            )
            return
        if not self._later(1, 10):
            return
        self._do(receipt, "file", {"kind": kind}, cast.shift_head)
        if not self._later(1, 9):
            return
        self._do(receipt, "dispatch", {}, cast.dispatcher)
        unit = self._unit(receipt)
        clerk, crew = self._of_unit(unit, "unit_clerk"), self._of_unit(unit, "crew")
        if draws.happens(5) and self._later(4, 20):
            self._do(receipt, "return", {"reason": "不属本单位管养范围"}, clerk)
            return
        if not self._later(2, 20):
            return
        self._do(receipt, "sign", {}, clerk)
        if not self._later(1, 12):
            return
        self._do(receipt, "assign", {"holder": crew.person_id}, clerk)
        if draws.happens(4) and self._later(5, 20):
            self._do(receipt, "hold", {"reason": "需等待产权单位到场"}, cast.shift_head)
            return
        self._finish(receipt, corner, crew)

    def _finish(self, receipt: Receipt, corner: int, crew: Actor) -> None:
        draws, cast = self.draws, self.cast
        slow = draws.happens(15)
        if not self._later(15 if not slow else 90, 75 if not slow else 400):
            return
        self._do(receipt, "report_back", {"photo_after": [self.pictures["", corner, 1]]}, crew)
        if draws.happens(9) and self._later(5, 30):
            self._do(receipt, "rework", {"reason": "地面仍有污渍,请再清理"}, cast.checker)
            if not self._later(20, 80):
                return
            self._do(receipt, "report_back", {"photo_after": [self.pictures["", corner, 2]]}, crew)
        if not self._later(4, 40):
            return
        self._do(receipt, "close", {}, cast.checker)
        if draws.happens(40) and self._later(10, 300):
            score = draws.pick(("5", "5", "4", "4", "3", "2"))
            self._do(receipt, "rate", {"score": score}, reporter([receipt.case_id]))

    def _report(self, kind: str, zh: str, corner: int) -> Receipt:
        draws = self.draws
        cell = draws.pick(self.district.places.cells)
        place = {"lon": cell.at.lon, "lat": cell.at.lat}
        channel = draws.pick(("web", "web", "hotline", "patrol"))
        told = ReportGiven(channel, zh, kind=kind, media=(self.pictures[kind, corner, 0],))
        return self.engine.open(
            PROCESS.name, "report", {"place": place, "kind": kind}, PUBLIC, report=told, source=channel
        )

    def _again(self, receipt: Receipt, words: str) -> None:
        self.engine.attach(receipt.case_id, ReportGiven("web", words), PUBLIC)

    def _later(self, least: int, most: int) -> bool:
        """Moves the case's time on by some minutes; False when that would lie in the future."""
        step = (least + self.draws.below(most - least)) * MINUTE
        if self.clock.now() + step > self.now:
            return False
        self.clock.advance(step)
        return True

    def _do(self, receipt: Receipt, action: str, given: Mapping[str, Any], actor: Actor) -> None:
        self.engine.perform(receipt.case_id, action, given, actor)

    def _unit(self, receipt: Receipt) -> str:
        with self.district.store.read() as tx:
            return self.engine.case(tx, receipt.case_id).unit

    def _of_unit(self, unit: str, role: str) -> Actor:
        """The demo account of that role in the unit, or a nameless colleague where the demo has none."""
        for account in self.district.pack.accounts:
            if any(g.role == role and g.code == unit for g in account.grants):
                return _person(self.district, account.login)
        name = Label(f"{unit}人员", f"staff of {unit}")
        return Actor(f"p-{unit}-{role}", f"a-{unit}-{role}", name, (Grant(role, Scope("unit", unit)),))


def _arrival(draws: Draws, now: Instant) -> Instant:
    """Mostly by day, more of them lately, so that every stage has its cases."""
    if draws.happens(25):
        return now - draws.below(3 * HOUR)
    at = now - DAY // 8 - draws.below(6 * DAY + DAY // 2)
    hour = (at // HOUR + 8) % 24
    return at if 7 <= hour <= 22 else at - 9 * HOUR


def _pictures(district: District) -> dict[tuple[str, int, int], str]:
    """Evidence by what lies there, corner and view."""
    wanted = [
        (kind, corner, 0) for kind in dict.fromkeys(k for k, _, _ in STORIES) for corner in range(CORNERS)
    ]
    wanted += [("", corner, view) for corner in range(CORNERS) for view in (1, 2)]
    return {
        (kind, corner, view): _keep(
            district, street_picture(f"corner {corner}", problem=kind, view=view), "media"
        )
        for kind, corner, view in wanted
    }


def _keep(district: District, data: bytes, purpose: str) -> str:
    return district.evidence.keep(data, actor_id="@demo", purpose=purpose).hash


def _person(district: District, login: str) -> Actor:
    with district.store.read() as tx:
        account = district.people.accounts.id_of(tx, login)
        if account is None:
            raise LookupError(f"the demo has no account {login!r}")
        found = district.people.accounts.one(tx, account)
    return replace(
        PUBLIC,
        person_id=found.person_id,
        account_id=found.id,
        name=found.name,
        grants=tuple(found.grants),
        via="web",
    )
