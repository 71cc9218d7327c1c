"""Routing a case among two hundred rules, against one bare SELECT of a case by its key; the goal is a millisecond a case.

The rules are of the size of a large district's: categories, groups, places down to the community, hours, days and ways in. Compiling them is
measured too: it happens once for each version and day.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.report import report
from bench.scale import p95
from civicloop.kernel.cases.case import SELECT_CASE
from civicloop.kernel.people.roles import PUBLIC
from civicloop.kernel.registry.district import Settings, open_district
from civicloop.loops.street import rules
from civicloop.loops.street.routing.rules import DAYS, Asked, compiled

RULES = 200
ASKED = 20_000
GOAL_MS = 1


def made(
    chance: random.Random, kinds: list[str], places: list[str], units: list[str]
) -> list[dict[str, Any]]:
    """Rules of which none that came before covers a later one in practice."""
    return [
        {
            "code": f"r{number}", "unit": chance.choice(units), "kinds": chance.sample(kinds, 3),
            "places": chance.sample(places, 4), "days": chance.sample(DAYS, 4),
            "hours": f"{chance.randrange(24):02}:00-{chance.randrange(24):02}:30",
            "because": {"zh": "测量", "en": "a measurement"},
        }
        for number in range(RULES)
    ]  # fmt: skip


def main() -> None:
    chance = random.Random(9)
    with tempfile.TemporaryDirectory() as name:
        district = open_district(Settings(Path(name), demo=False), inline=True)
        at = district.places.streets[0].at
        opened = district.engine.open(
            "street", "report", {"place": {"lon": at.lon, "lat": at.lat}, "kind": "rubbish"}, PUBLIC
        )
        with district.store.read() as tx:
            snapshot = district.reference.snapshot(tx)
        kinds = [row.code for row in snapshot.all("categories", district.clock.now())]
        units = [row.code for row in district.pack.registers if row.register == "units"]
        places = [row.code for row in district.pack.registers if row.register in ("streets", "communities")]
        known = rules.known_at(snapshot, district.clock.now(), frozenset(units))
        data = made(chance, kinds, places, units)
        begun = time.perf_counter()
        router, faults = compiled(data, known)
        compiling = time.perf_counter() - begun
        if faults:
            raise RuntimeError(faults[0].en)
        mine: list[float] = []
        plain: list[float] = []
        ruled = 0
        for _ in range(ASKED):
            community = chance.choice(places)
            asked = Asked(
                chance.choice(kinds),
                community[:9],
                community,
                "",
                "web",
                chance.randrange(7),
                chance.randrange(1440),
            )
            begun = time.perf_counter()
            chosen = router.route(asked)
            mine.append(time.perf_counter() - begun)
            ruled += bool(chosen.rule)
        with district.store.read() as tx:
            for _ in range(2000):
                begun = time.perf_counter()
                tx.one(f"{SELECT_CASE} WHERE district = ? AND id = ?", (district.code, opened.case_id))
                plain.append(time.perf_counter() - begun)
        district.close()
    base = p95(plain)
    report(
        "routing", p95(mine) / base, GOAL_MS / 1000 / base,
        f"p95 of routing {ASKED:,} cases by {RULES} rules, against the p95 of bare SELECTs of a case by its key; the target is the goal "
        "in the same measure",
        at_least=False, goal_ms=GOAL_MS, p95_ms=round(p95(mine) * 1000, 4), worst_ms=round(max(mine) * 1000, 3),
        compile_ms=round(compiling * 1000, 2), by_a_rule=round(ruled / ASKED, 3), bare_p95_ms=round(base * 1000, 4),
    )  # fmt: skip


if __name__ == "__main__":
    main()
