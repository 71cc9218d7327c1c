"""Routes, schemas, answers and the OpenAPI document that are derived from a declaration."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civicloop.kernel.cases.case import COLUMNS, Case
from civicloop.kernel.cases.engine import Offer, Receipt
from civicloop.kernel.cases.history import HistoryRow
from civicloop.kernel.cases.limits import LimitClock
from civicloop.kernel.cases.process import Action, Field, Label, Option, Process, State
from civicloop.kernel.derive import answers
from civicloop.kernel.derive.openapi import DocumentError, document
from civicloop.kernel.derive.routes import in_bulk, readers, routes
from civicloop.kernel.derive.schema import body_schema, bulk_schema, opening_schema, read_json, read_revision
from civicloop.kernel.refusal import Invalid
from tests.fixtures import START

L = Label("甲", "A")
KINDS = (
    Field("text", L, "text", required=False, maximum=5),
    Field("long", L, "long_text", maximum=5),
    Field("code", L, "text", minimum=3, maximum=4),
    Field("choice", L, "choice", options=(Option("red", L), Option("blue", L))),
    Field("maybe", L, "choice", required=False, options=(Option("red", L), Option("blue", L))),
    Field("photo", L, "photo", required=False, maximum=2),
    Field("photos", L, "photo", minimum=2),
    Field("point", L, "point", required=False),
    Field("instant", L, "instant", required=False),
    Field("date", L, "date", required=False),
    Field("number", L, "number", minimum=0, maximum=10),
    Field("amount", L, "amount", required=False),
    Field("flag", L, "flag", required=False),
)


def small(*actions: Action, **more: Any) -> Process:
    """A process of three states with a public opening and two actions."""
    return Process(
        "small",
        L,
        states=(State("a", L, start=True), State("b", L, closes=True), State("c", L, final=True)),
        actions=(
            Action("tell", L, "-> a", "public, clerk", evidence=KINDS[:2]),
            Action("fix", L, "a -> b", "crew", evidence=(KINDS[5],)),
            Action("end", L, "b -> c", "clock, clerk"),
            Action("lapse", L, "a -> c", "clock"),
            *actions,
        ),
        **more,
    )


def test_routes_of_a_process() -> None:
    found = {(r.method, r.path): r for r in routes(small())}
    assert set(found) == {
        ("GET", "/api/small"), ("POST", "/api/small/bulk/end"), ("POST", "/api/small/tell"), ("GET", "/api/small/{id}"),
        ("GET", "/api/small/{id}/history"), ("POST", "/api/small/{id}/fix"), ("POST", "/api/small/{id}/end"),
        ("GET", "/small"), ("POST", "/small/bulk/end"), ("GET", "/small/tell"), ("POST", "/small/tell"),
        ("GET", "/small/{id}"), ("GET", "/small/{id}/fix"), ("POST", "/small/{id}/fix"), ("GET", "/small/{id}/end"),
        ("POST", "/small/{id}/end"),
    }  # fmt: skip
    assert found[("POST", "/api/small/tell")].by == {"public", "clerk"}
    assert found[("POST", "/api/small/{id}/end")].by == {"clerk"}
    assert found[("GET", "/api/small")].by == {"clerk", "crew"}


def test_what_the_public_may_open_it_may_not_read() -> None:
    assert readers(small()) == {"clerk", "crew"}
    assert readers(small(seen_by="leader, public", reported=True)) == {
        "clerk", "crew", "leader", "public", "reporter",
    }  # fmt: skip


def test_a_fixed_path_comes_before_the_id_that_would_match_it() -> None:
    seen: list[tuple[str, list[str]]] = []
    for route in routes(small()):
        parts = route.path.split("/")
        for method, earlier in seen:
            covers = len(earlier) == len(parts) and all(
                e in (p, "{id}") for e, p in zip(earlier, parts, strict=True)
            )
            assert not (covers and method == route.method), route.path
        seen.append((route.method, parts))


def test_photographs_are_given_one_by_one() -> None:
    assert not in_bulk(small().action("fix"))
    assert in_bulk(small().action("end"))


def valid(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema_rs.validator_for(schema).is_valid(value)


def accepted(field: Field, value: Any) -> bool:
    try:
        read_json((field,), {field.name: value})
    except Invalid:
        return False
    return True


HASHES = st.sampled_from(["a" * 64, "0" * 64, "f" * 64, "g" * 64, "a" * 63])
SOME = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 13),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 3.0, 1.5]),
    st.text(st.sampled_from("ab \n\t\x00\x85é1"), max_size=7),
    st.sampled_from(["red", "blue", "yes", "true", "12", "2026-03-02", "2026-02-30", "2024-02-29", "2100-02-29"]),
    st.sampled_from(["2026-03-02T09:30:00+08:00", "2026-03-02T09:30:00", "2026-03-02T25:30:00Z", "2026-13-02T09:30:00Z"]),
    st.lists(HASHES, max_size=4),
    st.fixed_dictionaries(
        {"lon": st.one_of(st.floats(-200, 200), st.just("1")), "lat": st.integers(-100, 100)},
        optional={"datum": st.sampled_from(["wgs84", "utm"]), "height": st.integers()},
    ),
)  # fmt: skip


@pytest.mark.parametrize("field", KINDS, ids=lambda field: field.name)
@given(value=SOME)
def test_the_schema_takes_exactly_what_is_read(field: Field, value: Any) -> None:
    schema = body_schema((field,))
    if isinstance(value, str) and field.kind in ("text", "long_text") and "  " in value.strip():
        return  # spaces within count for the schema, the reader counts words' single ones
    if isinstance(value, str) and "\n" in value and field.minimum:
        return
    assert valid(schema, {field.name: value}) == accepted(field, value)


def test_a_missing_field_and_an_unknown_one() -> None:
    schema = body_schema(KINDS[1:2])
    assert not valid(schema, {})
    assert not valid(schema, {"long": "x", "more": 1})
    with pytest.raises(Invalid):
        read_json(KINDS[1:2], {"long": "x", "more": 1})
    with pytest.raises(Invalid, match="JSON object"):
        read_json(KINDS[1:2], ["long"])


def test_twelve_point_nought_is_twelve() -> None:
    assert read_json(KINDS[10:11], {"number": 7.0}) == {"number": 7}
    assert read_revision({"revision": 3.0}) == 3
    assert read_revision({}) is None
    for wrong in (0, "1", None, True, 1.5):
        with pytest.raises(Invalid):
            read_revision({"revision": wrong})


def test_known_values_become_an_enumeration() -> None:
    field = Field("kind", L, "category", source="categories")
    schema = body_schema((field, KINDS[5]), {"categories": ["A01", "B02"], "photo": ["a" * 64]})
    assert schema["properties"]["kind"]["enum"] == ["A01", "B02"]
    assert schema["properties"]["photo"]["items"]["enum"] == ["a" * 64]


def test_bodies_of_opening_performing_and_bulk() -> None:
    process = small(reported=True)
    opening = opening_schema(process, process.action("tell"))
    assert opening["required"] == ["long"]
    assert "description" in opening["properties"]["report"]["required"]
    assert "report" not in opening_schema(small(), process.action("tell"))["properties"]
    assert "revision" in body_schema((), revision=True)["properties"]
    assert valid(bulk_schema(process.action("end")), {"cases": ["c1"]})
    assert not valid(bulk_schema(process.action("end")), {"cases": []})


def schema_of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": answers.SCHEMAS}}


def a_case(**more: Any) -> Case:
    values: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    for name in COLUMNS:
        if name.endswith("_at"):
            values[name] = START
        elif name in ("version", "revision", "seq", "priority", "breaches", "reworks", "reports"):
            values[name] = 1
    values |= {
        "lon": 114.2,
        "lat": None,
        "parent_id": None,
        "master_id": None,
        "data": {"x": 1},
        "state": "a",
        "id": "c1",
    }
    return Case(**(values | more))


def test_answers_are_what_their_schemas_say() -> None:
    process, case = small(), a_case(closed_at=None)
    clock = LimitClock(
        "close", "", 1, "running", 2, "hours", "x", "", 0, START, START, None, None, None, None
    )
    receipt = Receipt("c1", "N-1", "small", "a", 1, 1)
    row = HistoryRow(
        1,
        "c1",
        "small",
        1,
        1,
        "tell",
        "",
        "a",
        "p1",
        "clerk",
        "web",
        START,
        START,
        '{"x":1}',
        "",
        None,
        "",
        "",
    )
    problem = {"type": "t", "title": "t", "status": 409, "detail": "d", "detail_zh": "d", "revision": 3}
    found = {
        "Case": answers.case_json(process, case),
        "CaseList": answers.list_json(process, [case], "next"),
        "CaseDetail": answers.detail_json(process, case, [clock], [Offer(process.action("fix"), None)]),
        "History": answers.history_json("c1", [row]),
        "Receipt": answers.receipt_json(receipt),
        "BulkAnswer": answers.bulk_json([("c1", receipt), ("c2", problem)]),
    }
    for name, value in found.items():
        jsonschema_rs.validator_for(schema_of(name)).validate(json.loads(json.dumps(value)))
        assert not valid(schema_of(name), {}), name
    assert found["Case"]["closed_at"] is None
    assert found["Case"]["opened_at"] == "2026-03-02T01:00:00Z"
    assert (found["BulkAnswer"]["done"], found["BulkAnswer"]["refused"]) == (1, 1)


def test_the_document_is_openapi_3_1() -> None:
    found = document([small(reported=True)], title="t", version="1")
    # The schema of OpenAPI 3.1 that schemathesis brings; every schema in it is checked against 2020-12.
    from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

    OPENAPI_31_VALIDATOR.validate(found)
    assert json.loads(json.dumps(found)) == found
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"].count(" · ") == 1
            assert "public" in operation["x-roles"] or {} not in operation["security"], path
            if method == "post":
                body = operation["requestBody"]["content"]["application/json"]["schema"]
                jsonschema_rs.meta.validate(body)
                assert {"400", "401", "403", "404", "409", "413", "415", "422", "429", "503"} < set(
                    operation["responses"]
                )
    for schema in found["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_operation_ids_and_references_lead_somewhere() -> None:
    found = document([small(reported=True)], title="t", version="1")
    text = json.dumps(found)
    ids = [o["operationId"] for operations in found["paths"].values() for o in operations.values()]
    assert len(ids) == len(set(ids))
    for operations in found["paths"].values():
        for operation in operations.values():
            for link in operation["responses"].get("201", {}).get("links", {}).values():
                assert link["operationId"] in ids
    for part in text.split('"$ref": "#/components/')[1:]:
        section, name = part.split('"')[0].split("/")
        assert name in found["components"][section]


def test_hand_declared_operations_are_added_and_may_not_clash() -> None:
    more = {"paths": {"/open311/v2/requests.json": {"get": {"responses": {"200": {"description": "ok"}}}}}}
    found = document([small()], title="t", version="1", more=[more])
    assert "/open311/v2/requests.json" in found["paths"]
    with pytest.raises(DocumentError, match="GET /api/small is declared twice"):
        document([small()], title="t", version="1", more=[{"paths": {"/api/small": {"get": {}}}}])
