"""A position sent in GCJ-02 is kept in WGS-84 and comes back in whichever is asked for: mixed up it would be 587 m off."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from civicloop.app import build
from civicloop.kernel.facts.datum import Point, convert, distance_m
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import CLOCK, Grant, Scope
from civicloop.kernel.registry.district import Settings, open_district


def test_a_position_goes_in_and_out_in_gcj02(tmp_path: Path) -> None:
    district = open_district(Settings(tmp_path, demo=False))
    account = district.people.create_account(
        CLOCK,
        "wang",
        Label("王", "Wang"),
        password="four plain words",
        grants=[Grant("intake", Scope("district", district.code))],
    )
    key = district.store.write(lambda tx: district.people.keys.make(tx, CLOCK, account, "test", ["read"]))
    there = Point(114.258, 30.605)
    drawn = convert(there, "gcj02")
    with TestClient(build(district, background=False)) as client:
        body = {
            "place": {"lon": drawn.lon, "lat": drawn.lat, "datum": "gcj02"},
            "report": {"description": "占道经营"},
        }
        case_id = client.post("/api/street/report", json=body).json()["case_id"]
        headers = {"X-API-Key": key}
        kept = client.get(f"/api/street/{case_id}", headers=headers).json()["case"]
        asked = client.get(f"/api/street/{case_id}?datum=gcj02", headers=headers).json()["case"]
        listed = client.get("/api/street?datum=gcj02", headers=headers).json()["cases"][0]
        wrong = client.get(f"/api/street/{case_id}?datum=bd09", headers=headers)
    district.close()
    assert kept["datum"] == "wgs84"
    assert distance_m(Point(kept["lon"], kept["lat"]), there) < 0.1
    assert distance_m(Point(asked["lon"], asked["lat"], "gcj02"), drawn) < 0.1
    assert (listed["lon"], listed["lat"]) == pytest.approx((asked["lon"], asked["lat"]))
    assert wrong.status_code == 422
