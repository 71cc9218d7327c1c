"""Real Open311 clients: `georeport` against the server as a user runs it, and the recorded requests of three others.

The others can't run here (`three` and `open311` need Python 2.7, FixMyStreet's `Open311.pm` Perl): what each was seen to
send, on loopback, is sent again as it was.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from georeport import GeoReport
from PIL import Image

from tests.processes import Served


def _jpeg() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((80, 60), 30).save(out, "JPEG")
    return out.getvalue()


JPEG = _jpeg()
REPORT = {"service_code": "rubbish", "description": "垃圾满溢", "lat": "30.605", "long": "114.258"}


@pytest.fixture(scope="module")
def web(demo: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{demo.url}/open311/v2/", timeout=30) as client:
        yield client


def made(answer: httpx.Response) -> str:
    """The id of a report, read as `three` reads JSON and the others XML."""
    assert answer.status_code == 201, answer.text
    if answer.headers["content-type"].startswith("application/json"):
        return str(answer.json()[0]["service_request_id"])
    return ET.fromstring(answer.content).findtext("request/service_request_id") or ""


def shown(web: httpx.Client, request_id: str) -> dict[str, Any]:
    return dict(web.get(f"requests/{request_id}.json").json()[0])


# ---- georeport 0.3.1 ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["json", "xml"])
def georeport(request: pytest.FixtureRequest, demo: Served) -> GeoReport:
    return GeoReport(f"{demo.url}/open311/v2/", jurisdiction="jianghan", output_format=request.param)


def test_georeport_lists_and_defines_services(georeport: GeoReport) -> None:
    services = georeport.get_service_list()
    codes = [service["service_code"] for service in services]
    assert {"stall", "rubbish"} <= set(codes)
    definition = georeport.get_service_definition("stall")
    assert definition["service_code"] == "stall"


def test_georeport_filters_requests(georeport: GeoReport, web: httpx.Client) -> None:
    posted = [made(web.post("requests.json", data={**REPORT, "api_key": "demo"})) for _ in range(2)]
    everything = georeport.get_service_requests()
    assert len(everything) > 100
    rubbish = georeport.get_service_requests(service_code="rubbish")
    assert 2 <= len(rubbish) < len(everything)
    assert {request["service_code"] for request in rubbish} == {"rubbish"}
    for status in ("open", "closed"):
        some = georeport.get_service_requests(status=status)
        assert {request["status"] for request in some} == {status}
    start = min(request["requested_datetime"] for request in everything)
    end = sorted(request["requested_datetime"] for request in everything)[20]
    window = georeport.get_service_requests(start_date=start, end_date=end)
    assert 20 <= len(window) <= 23
    two = georeport.get_service_requests(service_request_id=",".join(posted), status="closed")
    assert [request["service_request_id"] for request in two] == posted[::-1]


def test_georeport_reads_one_request(georeport: GeoReport, web: httpx.Client) -> None:
    request_id = made(web.post("requests.json", data={**REPORT, "api_key": "demo"}))
    found = georeport.get_service_request(request_id)
    assert found["service_request_id"] == request_id
    assert found["description"] == "垃圾满溢"
    assert found["status"] == "open"


# ---- three 0.8.0 ----------------------------------------------------------------------------------------------------


def test_three_discovers_under_the_endpoint(web: httpx.Client) -> None:
    assert web.get("discovery.json").json()["endpoints"]


def test_three_reports_in_a_form_with_the_key_in_it(web: httpx.Client) -> None:
    form = {
        **REPORT,
        "api_key": "demo",
        "address_string": "解放大道",
        "first_name": "Ming",
        "last_name": "Wang",
    }
    request_id = made(web.post("requests.json", data=form))
    assert shown(web, request_id)["address"] == "解放大道"


def test_three_sends_its_photograph_as_media(web: httpx.Client) -> None:
    answer = web.post(
        "requests.json", data={**REPORT, "api_key": "demo"}, files={"media": ("p.jpg", JPEG, "image/jpeg")}
    )
    assert shown(web, made(answer))["media_url"]


def test_three_asks_between_midnights(web: httpx.Client) -> None:
    # It turns MM-DD-YYYY into midnight UTC, and pages with page_size.
    request_id = made(web.post("requests.json", data={**REPORT, "api_key": "demo"}))
    moment = datetime.fromisoformat(shown(web, request_id)["requested_datetime"]).astimezone(UTC)
    days = {"start_date": moment.date(), "end_date": moment.date() + timedelta(days=1)}
    params = {"page_size": "3", **{name: f"{day}T00:00:00Z" for name, day in days.items()}}
    found = web.get("requests.json", params=params).json()
    assert 1 <= len(found) <= 3
    assert found[0]["requested_datetime"] >= shown(web, request_id)["requested_datetime"]


def test_three_polls_a_token(web: httpx.Client) -> None:
    request_id = made(web.post("requests.json", data={**REPORT, "api_key": "demo"}))
    assert web.get(f"tokens/{request_id}.json").json()[0]["service_request_id"] == request_id


# ---- open311 1.1 ----------------------------------------------------------------------------------------------------


def test_open311_reads_xml_and_the_singular_definition(web: httpx.Client) -> None:
    services = ET.fromstring(web.get("services.xml", params={"jurisdiction_id": "jianghan"}).content)
    assert services.tag == "services"
    code = services.findtext("service/service_code")
    definition = ET.fromstring(web.get(f"service/{code}.xml").content)
    assert definition.findtext("service_code") == code


def test_open311_reports_with_its_key_in_the_address(web: httpx.Client) -> None:
    params = {"api_key": "demo", "jurisdiction_id": "jianghan"}
    request_id = made(web.post("requests.xml", params=params, data=REPORT))
    root = ET.fromstring(web.get(f"requests/{request_id}.xml").content)
    assert root.tag == "service_requests"
    assert root.findtext("request/service_request_id") == request_id


# ---- FixMyStreet's Open311.pm ---------------------------------------------------------------------------------------

FIXMYSTREET = {
    "api_key": "demo", "jurisdiction_id": "jianghan", "service_code": "rubbish", "lat": "30.605012",
    "long": "114.258034", "email": "citizen@example.org", "phone": "", "first_name": "Anne", "last_name": "Lee",
    "description": "Overflowing bin\n\ndetail: beside the gate\n\nurl: https://fixmystreet.example.org/report/77",
    "address_string": "", "account_id": "", "device_id": "",
    "attribute[fixmystreet_id]": "77", "attribute[easting]": "1", "attribute[northing]": "2",
    "attribute[title]": "Overflowing bin", "attribute[report_url]": "https://fixmystreet.example.org/report/77",
}  # fmt: skip


def test_fixmystreet_reports_with_attributes_and_links(web: httpx.Client) -> None:
    links = ["https://fixmystreet.example.org/photo/1.jpeg", "https://fixmystreet.example.org/photo/2.jpeg"]
    request_id = made(web.post("requests.xml", data={**FIXMYSTREET, "media_url": links}))
    assert shown(web, request_id)["description"].startswith("Overflowing bin\n")


def test_fixmystreet_uploads_its_photographs(web: httpx.Client) -> None:
    files = [
        ("photo1", ("1.jpeg", JPEG, "image/jpeg")),
        ("file_77", ("2.jpeg", JPEG, "application/octet-stream")),
    ]
    request_id = made(web.post("requests.xml", data=FIXMYSTREET, files=files))
    assert shown(web, request_id)["media_url"]


def test_fixmystreet_asks_for_several_by_id(web: httpx.Client) -> None:
    posted = {made(web.post("requests.xml", data=FIXMYSTREET)) for _ in range(2)}
    root = ET.fromstring(
        web.get("requests.xml", params={"service_request_id": ",".join(posted), "api_key": "demo"}).content
    )
    assert {node.text for node in root.findall("request/service_request_id")} == posted


def test_fixmystreet_reads_errors_and_stops(web: httpx.Client) -> None:
    answer = web.post("requests.xml", data={**FIXMYSTREET, "lat": "51.5", "long": "-0.1"})
    errors = ET.fromstring(answer.content)
    assert answer.status_code == 400
    assert errors.findtext("error/code") == "400"
    assert "lat, long" in (errors.findtext("error/description") or "")
