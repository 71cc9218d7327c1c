"""Pages over a million cases: each kind of page at p95 over distinct filters, against bare indexed SELECTs by the same file.

The server is a process of its own over the file of bench/city.py; what is asked was never asked before. After each request
a few bare SELECTs of one case by its key run in this process, so that what else the machine does falls on both.
`CIVICLOOP_BENCH` names the folder in which the file is kept between runs; without it, build/bench is.
"""

from __future__ import annotations

import http.client
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

from bench.city import CASES, OPEN, PLACES, TROUBLES, Axes, axes_of, case_id, city
from bench.report import report
from bench.server import running
from civicloop.kernel.cases.case import SELECT_CASE
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import PUBLIC, Grant, Scope
from civicloop.kernel.registry.district import Settings, open_district
from civicloop.kernel.store.sqlite import SqliteConnection
from civicloop.web.visit import SESSION_COOKIE

ASKED = 200
BARE = 1000
SEED = 7
GOALS = {"queue": 50, "queue_json": 50, "case": 50, "search": 50, "figures": 200}
FOLDER = Path(os.environ.get("CIVICLOOP_BENCH", Path(__file__).parents[1] / "build" / "bench"))


class Paths:
    """Distinct addresses of each kind, drawn from one seed."""

    def __init__(self, axes: Axes, states: list[str], metrics: dict[str, tuple[str, ...]]) -> None:
        self._chance = random.Random(SEED)
        self._axes = axes
        self._states = states
        self._metrics = metrics

    @property
    def a_metric(self) -> str:
        """The name of one."""
        return next(iter(self._metrics))

    def of(self, kind: str) -> list[str]:
        """`ASKED` addresses of that kind, each once."""
        make: Callable[[], str] = getattr(self, f"_{kind}")
        found: dict[str, None] = {}
        while len(found) < ASKED:
            found[make()] = None
        return list(found)

    def _value(self, name: str) -> str:
        chance, axes = self._chance, self._axes
        street, communities = chance.choice(axes.streets)
        values: dict[str, Callable[[], str]] = {
            "state": lambda: chance.choice(self._states),
            "kind": lambda: chance.choice(axes.kinds),
            "street": lambda: street,
            "community": lambda: chance.choice(communities),
            "unit": lambda: chance.choice(axes.units),
            "breached": lambda: chance.choice(("true", "false")),
            "open": lambda: chance.choice(("true", "false", "any")),
        }
        return values[name]()

    def _filter(self, *names: str) -> str:
        chosen = self._chance.sample(names, self._chance.randint(1, 4))
        return urlencode({name: self._value(name) for name in chosen})

    def _queue(self) -> str:
        return "/street?" + self._filter("state", "kind", "street", "unit", "breached", "open")

    def _queue_json(self) -> str:
        query = self._filter("state", "kind", "street", "community", "unit", "breached", "open")
        return "/api/street?" + query.replace("open=any", "limit=100")

    def _case(self) -> str:
        return f"/street/{case_id(self._chance.randint(1, CASES))}"

    def _search(self) -> str:
        """Two Chinese characters, a house number, the beginning of a case's number, or two of them together."""
        chance = self._chance
        words = chance.choice(PLACES + TROUBLES)
        at = chance.randrange(len(words) - 1)
        two, number = words[at : at + 2], str(chance.randrange(1000, 5000))
        asked = chance.choice((two, number, f"{two} {number}号", f"{two} {chance.choice(TROUBLES)[:2]}"))
        return "/street?" + urlencode({"q": asked, "open": chance.choice(("any", "true", "false"))})

    def _figures(self) -> str:
        chance = self._chance
        name = chance.choice(list(self._metrics))
        query = {"by": chance.choice(self._metrics[name])}
        for only in chance.sample(("kind", "street", "community", "unit"), chance.randint(0, 2)):
            query[only] = self._value(only)
        if chance.random() < 0.2:
            query.pop("by")
            return "/figures?" + urlencode({**query, "since": f"2024-{chance.randint(1, 12):02}-01"})
        return f"/figures/{name}?" + urlencode(query)


class Visitor:
    """Asks over one connection kept alive, signed in."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"cookie": f"{SESSION_COOKIE}={token}"}

    def seconds(self, path: str) -> float:
        """How long the whole answer took; RuntimeError when it was none."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        took = time.perf_counter() - begun
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return took


class Bare:
    """The bare SELECT of one case by its key, the statement prepared once."""

    def __init__(self, path: Path, district: str) -> None:
        self._connection = SqliteConnection(path, writes=False)
        self._district = district
        self._chance = random.Random(SEED)

    def seconds(self, count: int) -> Iterator[float]:
        """How long each of `count` SELECTs took."""
        for _ in range(count):
            key = case_id(self._chance.randint(1, CASES))
            begun = time.perf_counter()
            self._connection.one(f"{SELECT_CASE} WHERE district = ? AND id = ?", (self._district, key))
            yield time.perf_counter() - begun


def p95(values: list[float]) -> float:
    """The nearest rank."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1]


def opened(home: Path) -> tuple[str, str, Path, Paths]:
    """A session's token, the district's code, the file, and what to ask."""
    settings = Settings(home)
    district = open_district(settings, inline=True)
    people, code = district.people, district.code
    name = f"bench-{district.ids.new()}"
    account = people.create_account(
        PUBLIC, name, Label(name, name), grants=(Grant("shift_head", Scope("district", code)),)
    )
    token = district.store.write(lambda tx: people.sessions.open(tx, account))
    process = district.registry.processes["street"]
    metrics = {m.name: m.dimensions for m in district.registry.metrics.values() if m.process == "street"}
    paths = Paths(axes_of(district), [state.name for state in process.states], metrics)
    district.close()
    return token, code, Path(settings.url), paths


def main() -> None:
    home = city(FOLDER, CASES, OPEN)
    token, code, file, paths = opened(home)
    asked = {kind: paths.of(kind) for kind in GOALS}
    times: dict[str, list[float]] = {}
    with running("still", str(home)) as server:
        visitor, bare = Visitor(server.port, token), Bare(file, code)
        visitor.seconds("/healthz")
        # Starts the process of the figures, which reads its segments; asks for a row and no figure.
        visitor.seconds(f"/api/metrics/{paths.a_metric}/rows?limit=1")
        plain: list[float] = []
        for kind, addresses in asked.items():
            times[kind] = []
            for address in addresses:
                times[kind].append(visitor.seconds(address))
                plain += bare.seconds(BARE // (len(GOALS) * ASKED))
    base = p95(plain)
    for kind, goal in GOALS.items():
        mine = sorted(times[kind])
        report(
            f"scale_{kind}", p95(mine) / base, goal / 1000 / base,
            f"p95 of {ASKED} distinct requests over {CASES:,} cases, none asked before, against the p95 of {len(plain)} bare "
            "SELECTs of a case by its key from the same file; the target is the goal on an idle machine in the same measure",
            at_least=False, goal_ms=goal, p50_ms=round(mine[len(mine) // 2] * 1000, 1), p95_ms=round(p95(mine) * 1000, 1),
            worst_ms=round(mine[-1] * 1000, 1), bare_p95_ms=round(base * 1000, 3),
            slowest=[f"{t * 1000:.0f} ms {a}" for t, a in sorted(zip(times[kind], asked[kind], strict=True), reverse=True)[:3]],
        )  # fmt: skip


if __name__ == "__main__":
    main()
