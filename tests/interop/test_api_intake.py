"""What devices and programs bring in: photographs as evidence, observations as rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from civicloop.kernel.facts.observations import identity
from civicloop.loops.street.fixtures.pictures import street_picture
from tests.interop.worlds import World, is_problem, opened


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One district for all tests that look at cases of their own, and at what is not written."""
    yield from opened(tmp_path_factory.mktemp("api"))


def test_a_photograph_goes_up_and_comes_back_as_evidence(world: World) -> None:
    picture = street_picture("api", problem="rubbish")
    answer = world.call("POST", "/api/evidence", body=picture, kind="image/jpeg")
    assert answer.status == 201
    told = answer.json
    assert (told["width"], told["height"]) == (960, 720)
    assert world.call("GET", answer.headers["location"]).json == told
    shown = world.call("GET", told["public"])
    assert (shown.status, shown.body[:3]) == (200, b"\xff\xd8\xff"), shown
    again = world.call(
        "POST", "/api/evidence", body=multipart("file", picture), kind="multipart/form-data; boundary=B"
    )
    assert again.json["hash"] == told["hash"]
    receipt = world.report(report={"description": "x", "media": [told["hash"]]})
    assert receipt["case_id"]


def multipart(name: str, data: bytes) -> bytes:
    """A form of one file."""
    head = f'--B\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head.encode() + data + b"\r\n--B--\r\n"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"PK\x03\x04rest", "image/jpeg", 415),
        (b"", "image/jpeg", 422),
        (street_picture("cut")[:2000], "image/jpeg", 422),
        (b"{}", "application/json", 415),
        (multipart("other", b"x"), "multipart/form-data; boundary=B", 422),
        (b"--B\r\nbroken", "multipart/form-data; boundary=B", 422),
        (b"--B\r\nbroken", "multipart/form-data", 400),
    ],
)
def test_a_file_that_is_no_photograph_is_refused(world: World, body: bytes, kind: str, status: int) -> None:
    before = world.size()
    answer = world.call("POST", "/api/evidence", body=body, kind=kind)
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.size() == before


OBSERVED = {"source": "camera-7", "kind": "rubbish_seen", "key": "f-1", "happened_at": "2026-03-02T00:30:00Z"}


def test_an_observation_is_one_row_however_often_it_comes(world: World) -> None:
    key = world.key(world.person("collector"), "open")
    first = world.call("POST", "/api/observations", key=key, json={**OBSERVED, "payload": {"share": 0.4}})
    assert (first.status, first.json) == (201, {"received": 1, "new": 1})
    again = world.call("POST", "/api/observations", key=key, json={**OBSERVED, "payload": {"share": 0.9}})
    assert (again.status, again.json) == (200, {"received": 1, "new": 0})
    source = f"camera-7@{world.person('collector').actor.account_id}"
    with world.district.store.read() as tx:
        kept = world.district.observations.identified(tx, identity(source, "f-1"))
    assert kept is not None
    assert (kept.source, kept.data) == (source, {"share": 0.4})


def test_another_account_cannot_repeat_or_take_back_ones_observation(world: World) -> None:
    mine, other = (world.key(world.person(role), "open") for role in ("collector", "crew"))
    world.call("POST", "/api/observations", key=mine, json=OBSERVED)
    taken = {**OBSERVED, "key": "f-2", "retracts": "f-1"}
    assert world.call("POST", "/api/observations", key=other, json=OBSERVED).json["new"] == 1
    assert world.call("POST", "/api/observations", key=other, json=taken).json["new"] == 1
    source = f"camera-7@{world.person('collector').actor.account_id}"
    with world.district.store.read() as tx:
        rows = tx.all("SELECT retracts FROM observations WHERE retracts <> ''")
    assert rows
    assert rows[0][0] != identity(source, "f-1")


def test_many_lines_are_recorded_all_or_none(world: World) -> None:
    key = world.key(world.person("collector"), "open")
    lines = [json.dumps({**OBSERVED, "key": f"k-{n}"}) for n in range(20)]
    kind = "application/x-ndjson"
    answer = world.call("POST", "/api/observations", key=key, body="\n".join(lines).encode(), kind=kind)
    assert answer.json == {"received": 20, "new": 20}
    before = world.size()
    broken = "\n".join([json.dumps({**OBSERVED, "key": "k-99"}), '{"source": "x"}']).encode()
    problem = is_problem(
        world.call("POST", "/api/observations", key=key, body=broken, kind=kind), 422, "invalid"
    )
    assert problem["line"] == 2
    assert world.size() == before
    for body, status in ((b"", 400), (b"\n\n", 400), (b"\n".join([lines[0].encode()] * 1001), 413)):
        assert world.call("POST", "/api/observations", key=key, body=body, kind=kind).status == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": ""},
        {"source": "a b"},
        {"key": "x" * 201},
        {"key": "a\n"},
        {"kind": 3},
        {"happened_at": "yesterday"},
        {"happened_at": "1969-12-31T23:59:59Z"},
        {"happened_at": "2036-03-02T00:30:00Z"},
        {"more": 1},
    ],
)
def test_a_wrong_observation_is_refused(world: World, wrong: dict[str, Any]) -> None:
    key = world.key(world.person("collector"), "open")
    before = world.size()
    answer = world.call("POST", "/api/observations", key=key, json={**OBSERVED, **wrong})
    assert is_problem(answer, 422, "invalid")["errors"]
    assert world.size() == before


def test_an_observation_needs_an_account(world: World) -> None:
    is_problem(world.call("POST", "/api/observations", json=OBSERVED), 401, "sign-in")
    reads = world.key(world.person("collector"), "read")
    is_problem(world.call("POST", "/api/observations", key=reads, json=OBSERVED), 403, "forbidden")
