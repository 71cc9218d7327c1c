"""The reporter's own actions over the API: his tracking code is his key, for his case and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from civicloop.loops.street.fixtures.pictures import street_picture
from tests.calling import Answer
from tests.interop.worlds import World, is_problem, opened


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from opened(tmp_path_factory.mktemp("reporter"))


def closed(world: World) -> dict[str, Any]:
    """The receipt of a stranger's report whose case is closed."""
    receipt = world.report(kind="rubbish", stranger=True)
    unit = world.person("unit_clerk", "unit", "sanitation")
    crew = world.person("crew", "unit", "sanitation")
    photo = world.call(
        "POST", "/api/evidence", body=street_picture(receipt["case_id"], view=1), kind="image/jpeg"
    )
    for who, action, given in (
        (world.person("shift_head"), "accept", {}), (world.person("shift_head"), "file", {}),
        (world.person("dispatcher"), "dispatch", {"unit": "sanitation"}), (unit, "sign", {}), (crew, "take", {}),
        (crew, "report_back", {"photo_after": [photo.json["hash"]]}), (world.person("checker"), "close", {}),
    ):  # fmt: skip
        answer = world.call("POST", f"/api/street/{receipt['case_id']}/{action}", who=who, json=given)
        assert answer.status == 200, answer.text
    return receipt


def asked(world: World, case_id: str, action: str, code: str, given: Any, **headers: str) -> Answer:
    path = f"/api/street/{case_id}/{action}"
    return world.call("POST", path, json=given, headers={"x-tracking-code": code, **headers})


def test_the_reporter_rates_and_reopens_by_his_code(world: World) -> None:
    receipt = closed(world)
    case_id, code = receipt["case_id"], receipt["tracking_code"]
    rated = asked(world, case_id, "rate", code.lower(), {"score": "2", "note": "没扫干净"})
    assert (rated.status, rated.json["state"]) == (200, "closed")
    reopened = asked(world, receipt["number"], "reopen", code, {"reason": "还在那里"})
    assert (reopened.status, reopened.json["state"]) == (200, "accepted")
    moves = world.call("GET", f"/api/street/{case_id}/history", who=world.person("shift_head")).json["rows"]
    assert [(m["action"], m["actor"]) for m in moves[-2:]] == [("rate", "@reporter"), ("reopen", "@reporter")]


def test_a_code_opens_its_own_case_and_the_reporters_actions_only(world: World) -> None:
    mine, other = world.report(stranger=True), world.report(stranger=True)
    before = world.size()
    code = mine["tracking_code"]
    is_problem(asked(world, mine["case_id"], "rate", "AAAAAAAAAA", {"score": "5"}), 401, "bad-tracking-code")
    is_problem(asked(world, other["case_id"], "rate", code, {"score": "5"}), 403, "forbidden")
    is_problem(asked(world, mine["case_id"], "accept", code, {}), 401, "sign-in")
    is_problem(asked(world, mine["case_id"], "rate", code, {"score": "9"}), 422, "invalid")
    is_problem(asked(world, mine["case_id"], "rate", code, {"score": "5"}), 409, "not-now")
    crossed = asked(world, mine["case_id"], "rate", code, {"score": "5"}, **{"sec-fetch-site": "cross-site"})
    is_problem(crossed, 403, "cross-site")
    for path in (f"/api/street/{mine['case_id']}", f"/api/street/{mine['case_id']}/history", "/api/street"):
        is_problem(world.call("GET", path, headers={"x-tracking-code": code}), 401, "sign-in")
    assert world.size() == before


def test_whoever_shows_a_code_acts_as_the_reporter_though_he_has_a_key(world: World) -> None:
    receipt = closed(world)
    key = world.key(world.person("shift_head"), "perform")
    path = f"/api/street/{receipt['case_id']}/rate"
    is_problem(world.call("POST", path, key=key, json={"score": "4"}), 403, "forbidden")
    by_code = world.call(
        "POST", path, key=key, json={"score": "4"}, headers={"x-tracking-code": receipt["tracking_code"]}
    )
    assert by_code.status == 200, by_code.text


def test_two_reporters_may_use_the_same_request_key(world: World) -> None:
    for receipt in (closed(world), closed(world)):
        answers = [
            asked(
                world,
                receipt["case_id"],
                "rate",
                receipt["tracking_code"],
                {"score": "5"},
                **{"idempotency-key": "1"},
            )
            for _ in range(2)
        ]
        assert [a.status for a in answers] == [200, 200]
        assert [a.json["repeated"] for a in answers] == [False, True]


def test_the_document_says_which_actions_the_code_opens(world: World) -> None:
    found = world.call("GET", "/api/openapi.json").json
    scheme = found["components"]["securitySchemes"]["trackingCode"]
    assert (scheme["in"], scheme["name"]) == ("header", "X-Tracking-Code")
    opens = {
        operation["operationId"]
        for operations in found["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict) and {"trackingCode": []} in operation.get("security", [])
    }
    assert opens == {"perform-street-reopen", "perform-street-rate", "perform-homes_invitation-answer"}
