"""The derived API as a program meets it: keys and sessions, refusals as problem+json, nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from civicloop.kernel.cases import history
from tests.interop.worlds import World, is_problem, opened


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One district for all tests that look at cases of their own, and at what is not written."""
    yield from opened(tmp_path_factory.mktemp("api"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    """A district in which nothing has happened."""
    yield from opened(tmp_path)


def test_a_stranger_reports_and_a_case_stands_with_its_clocks(world: World) -> None:
    receipt = world.report(kind="rubbish", stranger=True)
    assert len(receipt["tracking_code"]) == 10
    answer = world.call("GET", f"/api/street/{receipt['case_id']}", who=world.person("intake"))
    detail = answer.json
    assert detail["case"]["state"] == "reported"
    assert detail["case"]["kind"] == "rubbish"
    assert {clock["limit"] for clock in detail["clocks"]} >= {"close_in_2_hours"}
    assert next(o["action"] for o in detail["actions"] if o["allowed"]) == "accept"
    by_number = world.call("GET", f"/api/street/{receipt['number']}", who=world.person("intake"))
    assert by_number.json["case"]["id"] == receipt["case_id"]


def test_a_case_without_a_report_of_words_can_still_be_followed(world: World) -> None:
    answer = world.call("POST", "/api/street/report", json={"place": world.place()})
    assert answer.status == 201
    assert answer.json["tracking_code"]


def test_a_case_outside_ones_place_is_not_there(fresh: World) -> None:
    case_id = fresh.report(street=0)["case_id"]
    here, there = (fresh.person("collector", "street", fresh.district.places.streets[i].code) for i in (0, 3))
    assert fresh.call("GET", f"/api/street/{case_id}", who=here).status == 200
    for path in (f"/api/street/{case_id}", f"/api/street/{case_id}/history", "/api/street/nothing"):
        is_problem(fresh.call("GET", path, who=there), 404, "missing")
    assert [c["id"] for c in fresh.call("GET", "/api/street", who=here).json["cases"]] == [case_id]
    assert fresh.call("GET", "/api/street", who=there).json["cases"] == []
    refused = fresh.call("POST", f"/api/street/{case_id}/comment", who=there, json={"note": "x"})
    is_problem(refused, 403, "forbidden")


def test_the_list_pages_by_its_cursor_and_takes_filters(fresh: World) -> None:
    made = [fresh.report(street=i % 2)["case_id"] for i in range(5)]
    who = fresh.person("intake")
    found, path = [], "/api/street?limit=2"
    while path:
        page = fresh.call("GET", path, who=who).json
        found += [case["id"] for case in page["cases"]]
        path = f"/api/street?limit=2&cursor={page['next']}" if page["next"] else ""
    assert sorted(found) == sorted(made)
    assert len(set(found)) == 5
    street = fresh.district.places.streets[0].code
    some = fresh.call("GET", f"/api/street?street={street}&state=reported,accepted&open=true", who=who).json[
        "cases"
    ]
    assert sorted(c["id"] for c in some) == sorted(made[::2])
    assert fresh.call("GET", "/api/street?state=closed", who=who).json["cases"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=nowhere", "state"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("open=perhaps", "open"),
        ("due_before=yesterday", "due_before"),
        ("street=", "street"),
        ("kind=a%20b", "kind"),
        ("q=", "q"),
        ("stat=reported", "stat"),
    ],
)
def test_a_wrong_filter_is_told_by_name(world: World, query: str, field: str) -> None:
    problem = is_problem(
        world.call("GET", f"/api/street?{query}", who=world.person("intake")), 422, "invalid"
    )
    assert [e["field"] for e in problem["errors"]] == [field]


def test_a_page_mark_that_is_none_leads_nowhere(world: World) -> None:
    for cursor in ("zz", "00", "5b6e756c6c5d", "5b312c2261225d", "5b302c312c2261225d"):
        answer = world.call("GET", f"/api/street?cursor={cursor}", who=world.person("intake"))
        if cursor == "5b302c312c2261225d":
            assert answer.status == 200, '[0,1,"a"] is a place in the order, if of no case'
        else:
            is_problem(answer, 404, "missing")


def test_a_session_needs_its_token_and_another_site_gets_nothing(world: World) -> None:
    case_id, who = world.report()["case_id"], world.person("intake")
    path = f"/api/street/{case_id}/accept"
    before = world.size()
    is_problem(
        world.call("POST", path, who=who, json={}, headers={"x-csrf-token": "no"}), 403, "no-csrf-token"
    )
    cross = {"sec-fetch-site": "cross-site"}
    is_problem(world.call("POST", path, who=who, json={}, headers=cross), 403, "cross-site")
    body = {"place": world.place()}
    is_problem(world.call("POST", "/api/street/report", json=body, headers=cross), 403, "cross-site")
    assert world.size() == before
    assert world.call("POST", path, who=who, json={}).status == 200


def test_a_key_does_what_its_scopes_say(world: World) -> None:
    who = world.person("intake")
    case_id = world.report()["case_id"]
    reads, performs = world.key(who, "read"), world.key(who, "perform")
    assert world.call("GET", f"/api/street/{case_id}", key=reads).status == 200
    is_problem(world.call("GET", f"/api/street/{case_id}", key=performs), 403, "forbidden")
    is_problem(world.call("POST", f"/api/street/{case_id}/accept", key=reads, json={}), 403, "forbidden")
    is_problem(
        world.call("POST", "/api/street/report", key=reads, json={"place": world.place()}), 403, "forbidden"
    )
    bearer = world.call(
        "POST", f"/api/street/{case_id}/accept", json={}, headers={"authorization": f"Bearer {performs}"}
    )
    assert bearer.json["state"] == "accepted"
    with world.district.store.read() as tx:
        rows = history.rows_of_case(tx, world.district.code, case_id)
    assert (rows[-1].via, rows[-1].actor) == ("api", who.actor.person_id)


def test_an_unknown_key_is_refused_even_where_everybody_may(world: World) -> None:
    for secret in ("nonsense", world.person("intake").token):
        answer = world.call("POST", "/api/street/report", key=secret, json={"place": world.place()})
        is_problem(answer, 401, "bad-key")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_same_key_of_a_request_answers_the_same(world: World) -> None:
    who = world.person("collector")
    body = {"place": world.place(), "report": {"description": "x"}}
    again = {"idempotency-key": "a-1"}
    first = world.call("POST", "/api/street/report", who=who, json=body, headers=again)
    before = world.size()
    second = world.call("POST", "/api/street/report", who=who, json=body, headers=again)
    assert second.json == {**first.json, "repeated": True}
    other = {**body, "place": world.place(3)}
    is_problem(
        world.call("POST", "/api/street/report", who=who, json=other, headers=again), 409, "key-reused"
    )
    assert world.size() == before
    # Another account's key of the same text is another key.
    assert (
        world.call("POST", "/api/street/report", who=world.person("intake"), json=other, headers=again).status
        == 201
    )
    is_problem(
        world.call("POST", "/api/street/report", who=who, json=body, headers={"idempotency-key": "a b"}),
        422,
        "invalid",
    )


def test_a_stale_revision_is_told_the_present_one(world: World) -> None:
    receipt, who = world.report(), world.person("shift_head")
    path = f"/api/street/{receipt['case_id']}"
    assert world.call("POST", f"{path}/accept", who=who, json={"revision": 1}).json["revision"] == 2
    before = world.size()
    decline = {"revision": 1, "reason_code": "not_found", "reason": "x"}
    problem = is_problem(world.call("POST", f"{path}/decline", who=who, json=decline), 409, "conflict")
    assert problem["revision"] == 2
    assert problem["state"] == "accepted"
    assert world.size() == before
    for wrong in (0, -1, "1", True, 1.5, None):
        answer = world.call("POST", f"{path}/decline", who=who, json={**decline, "revision": wrong})
        is_problem(answer, 422, "invalid")


def test_a_guard_and_a_state_say_why(world: World) -> None:
    receipt, who = world.report(), world.person("shift_head")
    path = f"/api/street/{receipt['case_id']}"
    is_problem(world.call("POST", f"{path}/restore", who=who, json={}), 409, "not-now")
    world.call("POST", f"{path}/accept", who=who, json={})
    before = world.size()
    problem = is_problem(world.call("POST", f"{path}/file", who=who, json={}), 409, "guarded")
    assert "类别" in problem["detail_zh"]
    assert world.size() == before


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "malformed"),
        (b"{", "application/json", 400, "bad-json"),
        (b'{"place": nan}', "application/json", 400, "bad-json"),
        (b'{"place": "\xff"}', "application/json", 400, "bad-json"),
        (b"[" * 100_000, "application/json", 400, "bad-json"),
        (b"[]", "application/json", 422, "invalid"),
        (b"{}", "application/json", 422, "invalid"),
        (b"{}", "text/plain", 415, "unsupported"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "unsupported"),
        (b"<a/>", "application/xml", 415, "unsupported"),
        (b'{"place": "' + b"x" * (1 << 20) + b'"}', "application/json", 413, "too-large"),
    ],
)
def test_a_body_that_cannot_be_read_says_what_and_where(
    world: World, body: bytes, kind: str, status: int, code: str
) -> None:
    before = world.size()
    answer = world.call("POST", "/api/street/report", body=body, kind=kind)
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["type"] == f"urn:civicloop:{code}"
    assert world.size() == before


def test_the_place_of_a_fault_is_its_line_and_column(world: World) -> None:
    body = '{"place":\n  {"lon": 114.27,\n   "描述" 1}}'.encode()
    problem = is_problem(
        world.call("POST", "/api/street/report", body=body, kind="application/json"), 400, "bad-json"
    )
    assert (problem["line"], problem["column"]) == (3, 9)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"place": {"lon": "114", "lat": 30.6}}, "place"),
        ({"place": {"lon": 30.6, "lat": 114.27}}, "place"),
        ({"place": {"lon": 0, "lat": 0}}, "place"),
        ({"place": {"lon": 0, "lat": 89.99999999999999}}, "place"),
        ({"place": {"lon": -180, "lat": -90, "datum": "gcj02"}}, "place"),
        ({"kind": "no-such-kind"}, "kind"),
        ({"kind": 3}, "kind"),
        ({"extra": 1}, "extra"),
        ({"report": {"description": 3}}, "report.description"),
        ({"report": {"description": "x", "who": "me"}}, "report.who"),
        ({"report": {"description": "x" * 1001}}, "report.description"),
    ],
)
def test_a_wrong_field_has_its_sentence(world: World, more: dict[str, Any], field: str) -> None:
    before = world.size()
    answer = world.call("POST", "/api/street/report", json={"place": world.place(), **more})
    problem = is_problem(answer, 422, "invalid")
    assert field in [e["field"] for e in problem["errors"]]
    assert world.size() == before


def test_words_of_every_kind_come_back_as_they_were(world: World) -> None:
    words = "<script>alert(1)</script> 🚮 שלום عليكم 1'; DROP TABLE cases;--"
    case_id = world.report(report={"description": words})["case_id"]
    assert (
        world.call("GET", f"/api/street/{case_id}", who=world.person("intake")).json["case"]["title"]
        == words[:60]
    )
    page = world.call("GET", f"/street/{case_id}", who=world.person("intake"))
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


def test_many_at_once_each_for_itself(world: World) -> None:
    made = [world.report()["case_id"] for _ in range(3)]
    who = world.person("intake")
    world.call("POST", f"/api/street/{made[1]}/accept", who=who, json={})
    answer = world.call("POST", "/api/street/bulk/accept", who=who, json={"cases": [*made, "nothing"]})
    body = answer.json
    assert (answer.status, body["done"], body["refused"]) == (200, 2, 2)
    problems = {r["case_id"]: r["problem"]["type"] for r in body["results"] if "problem" in r}
    assert problems == {made[1]: "urn:civicloop:not-now", "nothing": "urn:civicloop:missing"}
    for wrong in ([], "x", [1], [""], ["a b"], ["x"] * 201):
        is_problem(
            world.call("POST", "/api/street/bulk/accept", who=who, json={"cases": wrong}), 422, "invalid"
        )
    before = world.size()
    wrong_for_all = {"cases": made, "kind": "no-such-kind"}
    is_problem(world.call("POST", "/api/street/bulk/accept", who=who, json=wrong_for_all), 422, "invalid")
    assert world.size() == before


def test_a_stranger_who_reports_too_often_is_told_when_to_come_back(fresh: World) -> None:
    for _ in range(60):
        fresh.report(stranger=True)
    answer = fresh.call("POST", "/api/street/report", json={"place": fresh.place()})
    problem = is_problem(answer, 429, "too-many")
    assert int(answer.headers["retry-after"]) == problem["retry_after_seconds"] > 0
    signed = fresh.call(
        "POST", "/api/street/report", who=fresh.person("collector"), json={"place": fresh.place()}
    )
    assert signed.status == 201


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/api/street/report", "POST"),
        ("PUT", "/api/street", "GET, HEAD"),
        ("GET", "/api/observations", "POST"),
        ("POST", "/api/openapi.json", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(world: World, method: str, path: str, allow: str) -> None:
    answer = world.call(method, path)
    is_problem(answer, 405, "no-method")
    assert answer.headers["allow"] == allow


def test_an_address_that_is_none_is_a_problem_too(world: World) -> None:
    is_problem(world.call("GET", "/api/nothing/here"), 404, "missing")


def test_the_document_names_every_operation_that_is_mounted(world: World) -> None:
    document = world.call("GET", "/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    case_id = world.report()["case_id"]
    for path, operations in document["paths"].items():
        for method in operations:
            answer = world.call(
                method.upper(),
                path.replace("{id}", case_id).replace("{hash}", "0" * 64).replace("{name}", "x"),
            )
            assert answer.status != 405, (method, path)
            assert answer.status != 404 or "{" in path, (method, path)
