"""The GeoReport v2 server: what it answers, and what its validator asks of any server."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import DAY, HOUR, VirtualClock, format_instant
from civicloop.kernel.time.ids import SeededIds
from tests.interop.open311 import BASE, REPORT, TestClient, client_of, reported, staff, written


@pytest.fixture
def district(tmp_path: Path, clock: VirtualClock) -> Iterator[District]:
    opened = open_district(Settings(tmp_path), clock=clock, ids=SeededIds("open311"), inline=True)
    yield opened
    opened.close()


@pytest.fixture
def server(district: District) -> TestClient:
    return client_of(district)


def sent(server: TestClient, **more: str) -> dict[str, Any]:
    answer = server.post(f"{BASE}/requests.json", data={**REPORT, **more})
    assert answer.status_code == 201, answer.text
    (only,) = answer.json()
    return dict(only)


def one(server: TestClient, request_id: str, **params: str) -> dict[str, Any]:
    answer = server.get(f"{BASE}/requests/{request_id}.json", params=params)
    assert answer.status_code == 200, answer.text
    (only,) = answer.json()
    return dict(only)


def ids(server: TestClient, **params: str) -> list[str]:
    answer = server.get(f"{BASE}/requests.json", params=params)
    assert answer.status_code == 200, answer.text
    return [request["service_request_id"] for request in answer.json()]


def picture(size: tuple[int, int] = (64, 48), colour: str = "olive") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG")
    return out.getvalue()


# ---- the validator's rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "xml"])
def test_discovery_leads_to_an_endpoint(server: TestClient, form: str) -> None:
    answer = server.get(f"{BASE}/discovery.{form}")
    assert answer.status_code == 200
    if form == "json":
        (endpoint,) = answer.json()["endpoints"]
        assert endpoint["url"] == "http://127.0.0.1/open311/v2"
        assert endpoint["formats"] == ["application/json", "text/xml"]
        assert server.get(endpoint["url"] + "/services.json").status_code == 200
    else:
        root = ET.fromstring(answer.content)
        assert root.tag == "discovery"
        assert [f.text for f in root.findall("endpoints/endpoint/formats/format")] == [
            "application/json",
            "text/xml",
        ]


def test_services_are_not_empty_and_have_codes(server: TestClient) -> None:
    services = server.get(f"{BASE}/services.json").json()
    root = ET.fromstring(server.get(f"{BASE}/services.xml").content)
    codes = [service["service_code"] for service in services]
    assert len(codes) > 20
    assert all(codes)
    assert len(set(codes)) == len(codes)
    assert [node.text for node in root.findall("service/service_code")] == codes
    assert {node.text for node in root.findall("service/metadata")} == {"false"}
    for service in services:
        assert service["service_name"]
        assert service["group"]
        assert service["type"] == "realtime"
        assert service["metadata"] is False


def test_every_service_has_a_definition_in_both_spellings(server: TestClient) -> None:
    for service in server.get(f"{BASE}/services.json").json():
        code = service["service_code"]
        assert server.get(f"{BASE}/services/{code}.json").json() == {"service_code": code, "attributes": []}
    root = ET.fromstring(server.get(f"{BASE}/service/stall.xml").content)
    assert root.tag == "service_definition"
    assert root.findtext("service_code") == "stall"
    assert root.find("attributes") is not None


def test_texts_speak_the_language_asked_for(server: TestClient) -> None:
    def names(lang: str) -> set[str]:
        services = server.get(f"{BASE}/services.json", params={"lang": lang}).json()
        return {service["service_name"] for service in services}

    assert "暴露垃圾" in names("zh")
    assert all(name.isascii() for name in names("en"))


@pytest.mark.parametrize("form", ["json", "xml"])
def test_create_gives_an_id_that_is_found(server: TestClient, form: str) -> None:
    answer = server.post(f"{BASE}/requests.{form}", data=REPORT)
    assert answer.status_code == 201
    if form == "json":
        (made,) = answer.json()
    else:
        node = ET.fromstring(answer.content).find("request")
        assert node is not None
        made = {part.tag: part.text for part in node}
    assert made["service_request_id"]
    assert made["account_id"]
    found = one(server, made["service_request_id"])
    assert found["service_code"] == "rubbish"
    assert found["status"] == "open"
    assert (found["lat"], found["long"]) == (30.605, 114.258)


# ---- what a request says --------------------------------------------------------------------------------------------


def test_a_request_says_when_to_expect_what(
    server: TestClient, district: District, clock: VirtualClock
) -> None:
    found = one(server, sent(server)["service_request_id"])
    now = clock.now()
    assert found["requested_datetime"] == format_instant(now, district.zone)
    assert found["requested_datetime"].endswith("+08:00")
    assert found["expected_datetime"] == format_instant(now + 2 * HOUR, district.zone)
    assert found["status_notes"] == "办理中：已上报。"
    assert found["address"]


def test_status_follows_the_case_to_its_end(
    server: TestClient, district: District, clock: VirtualClock
) -> None:
    request_id = sent(server)["service_request_id"]
    with district.store.read() as tx:
        case_id = tx.all(
            "SELECT case_id FROM report_links WHERE district = ? AND report_id = ?",
            (district.code, request_id),
        )[0][0]
    head = staff("shift_head")
    for action, given, actor in (
        ("accept", {}, head), ("file", {}, head), ("dispatch", {"unit": "sanitation"}, staff("dispatcher")),
    ):  # fmt: skip
        clock.advance(HOUR // 60)
        district.engine.perform(case_id, action, given, actor)
    found = one(server, request_id, lang="en")
    assert found["status"] == "open"
    assert found["status_notes"] == "Open: Dispatched."
    assert found["agency_responsible"].isascii()
    assert found["agency_responsible"] != "sanitation"
    assert ids(server, status="open") == [request_id]
    assert ids(server, status="closed") == []


def test_a_declined_request_is_closed_with_its_reason(server: TestClient, district: District) -> None:
    case_id, request_id = reported(district)
    district.engine.perform(
        case_id, "decline", {"reason_code": "not_found", "reason": "内部说明"}, staff("shift_head")
    )
    found = one(server, request_id)
    assert (found["status"], found["status_notes"]) == ("closed", "不予立案：现场未发现。")
    assert "内部说明" not in str(found)
    assert ids(server, status="closed") == [request_id]


def test_a_merged_request_keeps_its_id_and_names_its_parent(server: TestClient, district: District) -> None:
    master, parent = reported(district)
    case_id, request_id = reported(district, "同一个水果摊")
    district.engine.perform(case_id, "merge", {"master": master}, staff("intake"))
    found = one(server, request_id)
    assert found["status"] == "closed"
    assert parent in found["status_notes"]
    assert found["expected_datetime"] is None
    assert one(server, parent)["status"] == "open"
    assert ids(server, status="closed") == [request_id]
    assert ids(server, status="open") == [parent]
    district.engine.perform(case_id, "unmerge", {}, staff("intake"))
    assert one(server, request_id)["status"] == "open"
    assert ids(server, status="closed") == []


def test_words_of_other_ways_in_are_not_public(server: TestClient, district: District) -> None:
    _, request_id = reported(district, "我家住三楼，电话13912345678", address="清芬路10号301室")
    found = one(server, request_id)
    assert found["description"] == ""
    assert "301" not in found["address"]


def test_personal_values_are_kept_apart(server: TestClient, district: District) -> None:
    request_id = sent(
        server, description="请打电话 139-1234-5678 或写信 wang@example.org", first_name="小明", last_name="王",
        email="ming@example.org", phone="+86 139 8765 4321",
    )["service_request_id"]  # fmt: skip
    shown = one(server, request_id)
    assert shown["description"] == "请打电话 *** 或写信 ***"
    with district.store.read() as tx:
        kept = dict(
            tx.all(
                "SELECT purpose, value FROM personal WHERE district = ? AND subject = ?",
                (district.code, f"report:{request_id}"),
            )
        )
        data = tx.all("SELECT data FROM reports WHERE district = ?", (district.code,))
        history = tx.all("SELECT given FROM history WHERE district = ?", (district.code,))
    assert kept == {"name": "王小明", "contact": "+86 139 8765 4321", "email": "ming@example.org"}
    everything = f"{shown} {data} {history}"
    for value in ("ming@example.org", "8765", "王小明"):
        assert value not in everything


def test_pictures_come_as_files_and_as_data(server: TestClient) -> None:
    uri = "data:image/jpeg;base64," + b64encode(picture(colour="navy")).decode()
    answer = server.post(
        f"{BASE}/requests.json",
        data={**REPORT, "media_url": [uri, "https://photos.example.org/1.jpg"]},
        files=[("photo1", ("a.jpg", picture(), "image/jpeg"))],
    )
    assert answer.status_code == 201, answer.text
    shown = one(server, answer.json()[0]["service_request_id"])
    assert shown["media_url"].startswith("http://127.0.0.1/evidence/")
    taken = server.get(shown["media_url"])
    assert taken.status_code == 200
    assert taken.headers["content-type"] == "image/jpeg"


def test_links_and_attributes_are_noted_and_not_fetched(server: TestClient, district: District) -> None:
    link = "http://127.0.0.1:9/picture.jpg"
    sent(server, media_url=link, **{"attribute[fixmystreet_id]": "77", "attribute[email]": "a@example.org"})
    with district.store.read() as tx:
        (data,) = tx.all("SELECT data FROM reports WHERE district = ?", (district.code,))[0]
    assert '"fixmystreet_id":["77"]' in data
    assert link in data
    assert "a@example.org" not in data
    assert written(district)["evidence"] == 0


def test_a_repeated_send_with_its_key_adds_nothing(server: TestClient, district: District) -> None:
    headers = {"Idempotency-Key": "fms-77"}
    first = server.post(f"{BASE}/requests.json", data=REPORT, headers=headers).json()
    before = written(district)
    again = server.post(f"{BASE}/requests.json", data=REPORT, headers=headers).json()
    assert again == first
    assert written(district) == before


def test_the_tracking_code_is_a_token(server: TestClient, district: District) -> None:
    made = sent(server)
    with district.store.read() as tx:
        (code,) = tx.all("SELECT tracking_code FROM reports WHERE district = ?", (district.code,))[0]
    assert code in made["service_notice"]
    assert code not in str(one(server, made["service_request_id"]))
    for token in (code, code.lower(), made["service_request_id"]):
        (answer,) = server.get(f"{BASE}/tokens/{token}.json").json()
        assert answer == {"service_request_id": made["service_request_id"], "token": token}


# ---- lists ----------------------------------------------------------------------------------------------------------


def test_ids_override_the_other_filters(server: TestClient, district: District) -> None:
    made = [reported(district)[1] for _ in range(3)]
    assert set(
        ids(server, service_request_id=",".join(made[:2]), status="closed", start_date="2020-01-01")
    ) == set(made[:2])
    assert ids(server, service_request_id="nobody") == []


def test_lists_filter_by_service_and_window(
    server: TestClient, district: District, clock: VirtualClock
) -> None:
    _, old = reported(district)
    clock.advance(100 * DAY)
    now = clock.now()
    new = sent(server)["service_request_id"]
    assert ids(server) == [new]
    assert ids(server, service_code="stall") == []
    assert ids(server, service_code="stall,rubbish") == [new]
    window = {
        "start_date": format_instant(now - 110 * DAY, district.zone),
        "end_date": format_instant(now - 20 * DAY),
    }
    assert ids(server, **window) == [old]
    assert ids(server, end_date=window["end_date"]) == [old]
    # As some clients write it: the plus sign not escaped.
    answer = server.get(
        f"{BASE}/requests.json?start_date={window['start_date']}&end_date={window['end_date']}"
    )
    assert [r["service_request_id"] for r in answer.json()] == [old]


def test_the_page_past_the_end_is_empty(server: TestClient, district: District, clock: VirtualClock) -> None:
    made = []
    for _ in range(5):
        clock.advance(HOUR)
        made.insert(0, reported(district)[1])
    pages = [ids(server, page=str(n), page_size="2") for n in (1, 2, 3, 4)]
    assert pages == [made[:2], made[2:4], made[4:], []]
    assert ids(server, page="1000000") == []
    empty = ET.fromstring(server.get(f"{BASE}/requests.xml?page=9").content)
    assert (empty.tag, len(empty)) == ("service_requests", 0)


# ---- keys and addresses ---------------------------------------------------------------------------------------------


def test_the_key_comes_in_form_address_or_header(server: TestClient) -> None:
    keyless = {name: value for name, value in REPORT.items() if name != "api_key"}
    post = f"{BASE}/requests.json"
    assert server.post(f"{post}?api_key=demo", data=keyless).status_code == 201
    assert server.post(post, data=keyless, headers={"X-API-Key": "demo"}).status_code == 201
    assert server.post(post, data=keyless, headers={"Authorization": "Bearer demo"}).status_code == 201


def test_a_wrong_or_missing_key_is_403(server: TestClient, district: District) -> None:
    before = written(district)
    for key in ("", "wrong"):
        answer = server.post(f"{BASE}/requests.json", data={**REPORT, "api_key": key})
        assert answer.status_code == 403
        assert "api_key" in answer.json()[0]["description"]
    assert server.get(f"{BASE}/requests.json?api_key=wrong").status_code == 403
    assert written(district) == before


def test_a_key_does_what_its_scopes_say(server: TestClient, district: District) -> None:
    people = district.people
    with district.store.read() as tx:
        account = people.accounts.id_of(tx, "open311")
    assert account

    def key(*scopes: str) -> str:
        return district.store.write(
            lambda tx: people.keys.make(tx, staff("admin"), account, "t", list(scopes))
        )

    reader, writer = key("read"), key("open")
    assert server.post(f"{BASE}/requests.json", data={**REPORT, "api_key": reader}).status_code == 403
    assert server.post(f"{BASE}/requests.json", data={**REPORT, "api_key": writer}).status_code == 201
    assert server.get(f"{BASE}/services.json?api_key={reader}").status_code == 200
    assert server.get(f"{BASE}/services.json?api_key={writer}").status_code == 403


def test_the_demo_key_is_unknown_without_the_demo(tmp_path: Path, clock: VirtualClock) -> None:
    opened = open_district(Settings(tmp_path, demo=False), clock=clock, ids=SeededIds("live"), inline=True)
    try:
        server = client_of(opened)
        assert server.post(f"{BASE}/requests.json", data=REPORT).status_code == 403
        endpoint = server.get(f"{BASE}/discovery.json").json()["endpoints"][0]
        assert endpoint["type"] == "production"
    finally:
        opened.close()


def test_reports_from_one_address_have_a_limit(
    server: TestClient, district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("civicloop.loops.street.api.open311.REPORTS_AN_HOUR", 3)
    for _ in range(3):
        sent(server)
    before = written(district)
    answer = server.post(f"{BASE}/requests.xml", data=REPORT)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert ET.fromstring(answer.content).findtext("error/code") == "429"
    assert written(district) == before


def test_the_jurisdiction_may_be_left_out_or_named(server: TestClient) -> None:
    for name, status in (("jianghan", 200), ("420103", 200), ("boston", 404)):
        assert server.get(f"{BASE}/services.xml?jurisdiction_id={name}").status_code == status


@pytest.mark.parametrize("path", ["services.yaml", "services", "elsewhere.json", "requests/x/y.xml"])
def test_other_addresses_are_told_in_the_format(server: TestClient, path: str) -> None:
    answer = server.get(f"{BASE}/{path}")
    assert answer.status_code == 404
    assert (answer.headers["content-type"].startswith("application/json")) == path.endswith(".json")
    assert "discovery" in answer.text


def test_the_endpoint_itself_answers(server: TestClient) -> None:
    assert ET.fromstring(server.get(f"{BASE}/").content).tag == "discovery"
    assert ET.fromstring(server.get(BASE).content).tag == "discovery"


def test_no_other_site_s_page_may_read_it(server: TestClient) -> None:
    answer = server.get(f"{BASE}/services.json", headers={"Origin": "https://elsewhere.example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_api_document_holds_the_operations(server: TestClient) -> None:
    paths = server.get("/api/openapi.json").json()["paths"]
    assert {"get", "post"} <= set(paths["/open311/v2/requests.{format}"])


@pytest.mark.postgres
def test_the_same_on_postgresql(postgres_empty_url: str, tmp_path: Path, clock: VirtualClock) -> None:
    settings = Settings(tmp_path, database=postgres_empty_url)
    opened = open_district(settings, clock=clock, ids=SeededIds("open311"), inline=True)
    try:
        server = client_of(opened)
        test_a_merged_request_keeps_its_id_and_names_its_parent(server, opened)
        test_personal_values_are_kept_apart(server, opened)
        clock.advance(200 * DAY)
        test_the_page_past_the_end_is_empty(server, opened, clock)
        clock.advance(200 * DAY)
        test_lists_filter_by_service_and_window(server, opened, clock)
    finally:
        opened.close()
