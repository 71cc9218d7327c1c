"""An Open311 server under a still clock, and how its answers are read."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from civicloop.app import build
from civicloop.kernel.cases.reports import ReportGiven
from civicloop.kernel.people.roles import PUBLIC, Actor, Grant, Scope
from civicloop.kernel.registry.district import District

with warnings.catch_warnings():
    # It asks for a successor of httpx, which nothing here needs.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

BASE = "/open311/v2"
INSIDE = {"lat": "30.605", "long": "114.258"}
REPORT = {"service_code": "rubbish", "description": "楼下垃圾没人收", **INSIDE, "api_key": "demo"}


def client_of(district: District) -> TestClient:
    """A client in the same process; it raises nothing by itself, so that a 500 is seen as one."""
    return TestClient(
        build(district, background=False), base_url="http://127.0.0.1", raise_server_exceptions=False
    )


def staff(role: str) -> Actor:
    """Somebody of a role in the whole district."""
    return Actor(f"p-{role}", f"a-{role}", grants=(Grant(role, Scope("district", "jianghan")),))


def reported(district: District, words: str = "水果摊占道", **more: Any) -> tuple[str, str]:
    """(case id, report id) of a report made on another way in."""
    place = {"lon": 114.258, "lat": 30.605}
    told = ReportGiven("web", words, **more)
    receipt = district.engine.open("street", "report", {"place": place, "kind": "stall"}, PUBLIC, report=told)
    return receipt.case_id, receipt.report_id


def written(district: District) -> Mapping[str, int]:
    """How many rows each table that a report could touch holds."""
    tables = ("cases", "reports", "report_links", "history", "personal", "evidence", "outbox", "clocks")
    with district.store.read() as tx:
        return {
            name: tx.all(f"SELECT COUNT(*) FROM {name} WHERE district = ?", (district.code,))[0][0]
            for name in tables
        }
