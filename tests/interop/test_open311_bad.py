"""Bad input to GeoReport v2: each wrong thing gets a sentence in the format asked for, and nothing is written."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from civicloop.kernel.facts.datum import Point, convert
from civicloop.kernel.registry.district import District, Settings, open_district
from civicloop.kernel.time.clock import VirtualClock
from civicloop.kernel.time.ids import SeededIds
from tests.interop.open311 import BASE, REPORT, TestClient, client_of, written


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    clock = VirtualClock(1_772_413_200_000_000)  # 2 March 2026
    opened = open_district(
        Settings(tmp_path_factory.mktemp("bad")), clock=clock, ids=SeededIds("bad"), inline=True
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(district: District) -> TestClient:
    return client_of(district)


def said(answer: Any, form: str) -> list[tuple[int, str]]:
    """(code, sentence) of each error."""
    if form == "json":
        return [(error["code"], error["description"]) for error in answer.json()]
    root = ET.fromstring(answer.content)
    assert root.tag == "errors"
    assert {node.tag for node in root} == {"error"}
    return [(int(node.findtext("code") or 0), node.findtext("description") or "") for node in root]


def shifted_border(district: District) -> tuple[float, float]:
    """A position that lies in the district only when it is read as GCJ-02."""
    places = district.places
    for cell in places.cells:
        drawn = convert(cell.at, "gcj02")
        if places.likely_gcj02(drawn.lon, drawn.lat):
            return drawn.lon, drawn.lat
    raise AssertionError("the district has no cell near its border")


POSTS: tuple[tuple[str, dict[str, str], int, str], ...] = (
    ("no service", {"service_code": ""}, 400, "service_code"),
    ("unknown service", {"service_code": "dragons"}, 404, "“dragons”"),
    ("service of markup", {"service_code": "<b>"}, 404, "<b>"),
    ("no place", {"lat": "", "long": ""}, 400, "lat, long: "),
    ("half a place", {"long": ""}, 400, "lat, long: "),
    ("an address alone", {"lat": "", "long": "", "address_string": "解放大道688号"}, 400, "can't be placed"),
    ("no numbers", {"lat": "thirty"}, 400, "degrees"),
    ("not a number", {"lat": "nan", "long": "inf"}, 400, "swapped"),
    ("swapped", {"lat": "114.258", "long": "30.605"}, 400, "swapped"),
    ("outside", {"lat": "39.9", "long": "116.4"}, 400, "outside"),
    ("another datum", {"datum": "bd09"}, 400, "datum"),
    ("no words, no picture", {"description": "  "}, 400, "description: "),
    ("too many words", {"description": "垃" * 1001}, 400, "description: "),
    ("control characters", {"description": "a\x00b"}, 400, "description: "),
    ("a long address", {"address_string": "长" * 201}, 400, "address_string: "),
    ("a wrong email", {"email": "nobody"}, 400, "email: "),
    ("a wrong telephone", {"phone": "call me"}, 400, "phone: "),
    ("a strange link", {"media_url": "javascript:alert(1)"}, 400, "media_url: "),
    ("a broken data picture", {"media_url": "data:image/png;base64,%%%"}, 400, "media_url: "),
    ("a data picture that is none", {"media_url": "data:image/png;base64,aGVsbG8="}, 400, "media: "),
    ("a data picture without data", {"media_url": "data:image/png"}, 400, "media_url: "),
    ("a long attribute", {"attribute[colour]": "x" * 501}, 400, "attribute[colour]"),
    ("another jurisdiction", {"jurisdiction_id": "boston"}, 404, "jurisdiction_id: "),
)


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    ("given", "status", "words"), [p[1:] for p in POSTS], ids=[p[0].replace(" ", "-") for p in POSTS]
)
def test_a_wrong_report_is_told_what_and_how(
    server: TestClient, district: District, given: dict[str, str], status: int, words: str, form: str
) -> None:
    before = written(district)
    answer = server.post(f"{BASE}/requests.{form}", data={**REPORT, **given})
    assert answer.status_code == status, answer.text
    errors = said(answer, form)
    assert {code for code, _ in errors} == {status}
    assert any(words in sentence for _, sentence in errors), errors
    assert all(any("一" <= c <= "鿿" for c in sentence) for _, sentence in errors)
    assert written(district) == before


def test_every_wrong_parameter_has_its_sentence(server: TestClient) -> None:
    wrong = {
        "service_code": "",
        "lat": "",
        "description": "",
        "email": "x",
        "phone": "y",
        "media_url": "ftp://z",
    }
    errors = said(
        server.post(f"{BASE}/requests.json", data={**REPORT, **wrong}, params={"lang": "en"}), "json"
    )
    assert [sentence.partition(":")[0] for _, sentence in errors] == [
        "service_code", "lat, long", "email", "phone", "media_url", "description",
    ]  # fmt: skip
    assert all(sentence.isascii() for _, sentence in errors)


def test_a_chinese_map_s_position_gets_the_hint_and_then_passes(
    server: TestClient, district: District
) -> None:
    lon, lat = shifted_border(district)
    place = {"lat": str(lat), "long": str(lon)}
    before = written(district)
    answer = server.post(f"{BASE}/requests.json", data={**REPORT, **place})
    assert answer.status_code == 400
    assert "gcj02" in answer.text
    assert written(district) == before
    answer = server.post(f"{BASE}/requests.json", data={**REPORT, **place, "datum": "gcj02"})
    assert answer.status_code == 201
    (shown,) = server.get(f"{BASE}/requests/{answer.json()[0]['service_request_id']}.json").json()
    assert district.places.contains(Point(shown["long"], shown["lat"]))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"service_code": "rubbish", "lat": 30.6', "application/json"),
        (b"<request><service_code>rubbish</service_code>", "text/xml"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "application/xml"),
        (b"service_code=rubbish", ""),
        (b"no boundary", "multipart/form-data"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
    ],
)
def test_a_body_that_is_no_form_is_told_so(
    server: TestClient, district: District, content: bytes, kind: str
) -> None:
    before = written(district)
    answer = server.post(
        f"{BASE}/requests.json?api_key=demo", content=content, headers={"Content-Type": kind} if kind else {}
    )
    assert answer.status_code == 400
    assert len(said(answer, "json")[0][1]) > 20
    assert written(district) == before


def test_text_that_is_not_utf8_is_told_so(server: TestClient, district: District) -> None:
    before = written(district)
    words = "暴露垃圾".encode("gb18030")
    escaped = "".join(f"%{byte:02x}" for byte in words)
    body = f"api_key=demo&service_code=rubbish&lat=30.605&long=114.258&description={escaped}"
    answer = server.post(
        f"{BASE}/requests.xml", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400
    assert "UTF-8" in said(answer, "xml")[0][1]
    assert written(district) == before


def test_ten_megabytes_are_too_much(server: TestClient, district: District) -> None:
    before = written(district)
    answer = server.post(f"{BASE}/requests.json", data={**REPORT, "description": "x" * (10 << 20)})
    assert answer.status_code == 413
    assert "MB" in answer.json()["title"]
    assert written(district) == before


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (8000, 6500)).save(out, "PNG")
    return out.getvalue()


def cut() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((200, 200), 40).save(out, "JPEG")
    return out.getvalue()[:2000]


@pytest.mark.parametrize(
    ("name", "make", "status"),
    [
        ("zip.jpg", lambda: b"PK\x03\x04" + b"\0" * 400, 400),
        ("page.jpg", lambda: b"<html><script>alert(1)</script>", 400),
        ("cut.jpg", cut, 400),
        ("huge.png", bomb, 413),
    ],
)
def test_a_picture_that_is_none_is_told_so(
    server: TestClient, district: District, name: str, make: Any, status: int
) -> None:
    before = written(district)
    answer = server.post(f"{BASE}/requests.json", data=REPORT, files={"media": (name, make(), "image/jpeg")})
    assert answer.status_code == status, answer.text
    assert said(answer, "json")[0][1].startswith("media: ")
    assert written(district) == before


def test_one_bad_picture_keeps_none(server: TestClient, district: District) -> None:
    before = written(district)
    good = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(good, "PNG")
    files = [
        ("photo1", ("a.png", good.getvalue(), "image/png")),
        ("photo2", ("b.jpg", cut(), "image/jpeg")),
    ]
    answer = server.post(f"{BASE}/requests.json", data=REPORT, files=files)
    assert answer.status_code == 400
    assert written(district) == before


def test_seven_pictures_are_too_many(server: TestClient, district: District) -> None:
    before = written(district)
    links = [f"https://photos.example.org/{n}.jpg" for n in range(7)]
    answer = server.post(f"{BASE}/requests.json", data={**REPORT, "media_url": links})
    assert answer.status_code == 400
    assert "6" in answer.text
    assert written(district) == before


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("<script>alert('x')</script> & \"quoted\"",) * 2,
        ("🗑️ 垃圾 👨‍👩‍👧 满了",) * 2,
        ("קופסה שבורה ‏מימין לשמאל",) * 2,
        ("first line\nsecond line",) * 2,
        ("]]> &lt; <![CDATA[x]]>",) * 2,
        ("两个字\ufffe", "两个字\ufffe"),
    ],
)
def test_strange_text_comes_back_whole_and_harmless(server: TestClient, words: str, shown: str) -> None:
    answer = server.post(f"{BASE}/requests.json", data={**REPORT, "description": words})
    assert answer.status_code == 201, answer.text
    path = f"{BASE}/requests/{answer.json()[0]['service_request_id']}"
    assert server.get(f"{path}.json").json()[0]["description"] == shown
    xml = server.get(f"{path}.xml")
    assert b"<script>" not in xml.content
    assert ET.fromstring(xml.content).findtext("request/description") == shown.replace("\ufffe", "\ufffd")


GETS: tuple[tuple[str, str, int, str], ...] = (
    ("no date", "requests.{}?start_date=yesterday", 400, "start_date: "),
    ("before 1970", "requests.{}?start_date=1960-01-01T00:00:00Z&end_date=1960-02-01T00:00:00Z", 400, "1970"),
    ("in the future", "requests.{}?start_date=2030-01-01T00:00:00Z", 400, "future"),
    ("after 2200", "requests.{}?end_date=2300-01-01T00:00:00Z", 400, "2200"),
    ("beyond every calendar", "requests.{}?end_date=99999-01-01T00:00:00Z", 400, "end_date: "),
    ("backwards", "requests.{}?start_date=2026-02-01T00:00:00Z&end_date=2026-01-01T00:00:00Z", 400, "after"),
    ("91 days", "requests.{}?start_date=2025-10-01T00:00:00Z&end_date=2025-12-31T00:00:01Z", 400, "90"),
    ("an old start alone", "requests.{}?start_date=2025-10-01T00:00:00Z", 400, "90"),
    ("a status that is none", "requests.{}?status=fixed", 400, "status: "),
    ("a service that is none", "requests.{}?service_code=stall,dragons", 404, "dragons"),
    ("page 0", "requests.{}?page=0", 400, "page: "),
    ("page minus one", "requests.{}?page=-1", 400, "page: "),
    ("page of letters", "requests.{}?page=two", 400, "page: "),
    ("page of a million digits", "requests.{}?page=" + "9" * 1000, 400, "page: "),
    ("page of other digits", "requests.{}?page=٣", 400, "page: "),
    ("a huge page", "requests.{}?page_size=1001", 400, "1000"),
    ("too many ids", "requests.{}?service_request_id=" + ",".join(map(str, range(1001))), 400, "1000"),
    ("another language", "services.{}?lang=fr", 400, "lang: "),
    ("an id of other letters", "requests.{}?service_request_id=r1,编号", 400, "编号"),
    ("no such request", "requests/r404.{}", 404, "r404"),
    ("no such service", "services/dragons.{}", 404, "dragons"),
    ("no such token", "tokens/NOBODY.{}", 404, "NOBODY"),
)


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    ("path", "status", "words"), [g[1:] for g in GETS], ids=[g[0].replace(" ", "-") for g in GETS]
)
def test_a_wrong_question_is_told_what_and_how(
    server: TestClient, path: str, status: int, words: str, form: str
) -> None:
    answer = server.get(f"{BASE}/{path.format(form)}")
    assert answer.status_code == status, answer.text
    errors = said(answer, form)
    assert {code for code, _ in errors} == {status}
    assert any(words in sentence for _, sentence in errors), errors


@pytest.mark.parametrize("accept", ["text/html", "application/json", "image/png", "*/*;q=0", "nonsense"])
def test_the_address_says_the_format_and_not_the_header(server: TestClient, accept: str) -> None:
    for form, kind in (("json", "application/json"), ("xml", "text/xml")):
        answer = server.get(f"{BASE}/services.{form}", headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
