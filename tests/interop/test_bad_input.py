"""Bad input to a served district: each is answered with a sentence, and nothing is half done."""

from __future__ import annotations

import io
import json
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from defusedxml import ElementTree

from civicloop.kernel.facts.datum import Point, convert
from civicloop.loops.street.fixtures.pictures import street_picture
from tests.interop.served import (
    FORM,
    INSIDE,
    REPORT,
    Visitor,
    assert_page_says,
    assert_problem,
    database,
    described,
    kept,
)
from tests.processes import Served

# ---- pictures and files --------------------------------------------------------------------------------------


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has so many pixels, and has them."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("holiday.jpg", b"\xff\xd8\xff" * 100)
    return file.getvalue()


PICTURES: dict[str, tuple[bytes, int, str]] = {
    "50 megapixels": (huge_png(10_000, 5_000), 413, "50"),
    "a thousand megapixels in a small file": (huge_png(40_000, 25_000), 413, "40"),
    "truncated": (street_picture("cut")[:20_000], 422, ""),
    "a header alone": (street_picture("cut")[:300], 422, ""),
    "a ZIP named .jpg": (zipped(), 415, "ZIP"),
    "HTML named .jpg": (b"<html><script>alert(1)</script></html>", 415, ""),
    "SVG named .jpg": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 415, ""),
    "a program": (b"\x7fELF" + bytes(2000), 415, ""),
    "empty": (b"", 422, ""),
    "20 MB and a bit": (b"\xff\xd8\xff" + bytes(20 * 2**20 + 1), 413, "20"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_wrong_picture_is_refused_by_the_api(name: str, collector: Visitor, unchanged: None) -> None:
    data, status, words = PICTURES[name]
    headers = {"X-CSRF-Token": collector.csrf, "Content-Type": "image/jpeg"}
    answer = collector.http.post("/api/evidence", content=data, headers=headers)
    assert words in assert_problem(answer, status)["detail_zh"]


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "empty"])
def test_a_wrong_picture_is_refused_on_the_page(name: str, collector: Visitor, unchanged: None) -> None:
    data, _, words = PICTURES[name]
    answer = collector.form("/street/report", FORM, [("media", ("holiday.jpg", data, "image/jpeg"))])
    assert_page_says(answer, 422, words, "垃圾没人收", 'href="#media"')


# ---- bodies ----------------------------------------------------------------------------------------------------

BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "nothing": (b"", "application/json", 400, "malformed"),
    "half an object": (b'{"place": {"lon": 114', "application/json", 400, "bad-json"),
    "a trailing comma": (b'{"place": {},}', "application/json", 400, "bad-json"),
    "single quotes": (b"{'place': 1}", "application/json", 400, "bad-json"),
    "a lone surrogate": (b'{"place": "\\ud800"}', "application/json", 400, "bad-json"),
    "GB18030": ('{"description": "垃圾"}'.encode("gb18030"), "application/json", 400, "bad-json"),
    "UTF-16": ('{"place": 1}'.encode("utf-16"), "application/json", 400, "bad-json"),
    "nested a hundred thousand times": (b'{"a":' * 100_000, "application/json", 400, "bad-json"),
    "a number of a thousand digits": (b'{"place": ' + b"9" * 1000 + b"}", "application/json", 422, "invalid"),
    "a list": (b"[1, 2]", "application/json", 422, "invalid"),
    "a text": (b'"place"', "application/json", 422, "invalid"),
    "null": (b"null", "application/json", 422, "invalid"),
    "XML": (b"<report><place/></report>", "application/xml", 415, "unsupported"),
    "XML that calls itself JSON": (b"<report/>", "application/json", 400, "bad-json"),
    "XML with an entity bomb": (
        b'<!DOCTYPE a [<!ENTITY x "xxxxxxxx">]><a>&x;&x;</a>', "text/xml", 415, "unsupported",
    ),
    "a form": (b"place=1", "application/x-www-form-urlencoded", 415, "unsupported"),
    "no kind at all": (b"{}", "", 415, "unsupported"),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_wrong_body_is_told_so(name: str, collector: Visitor, unchanged: None) -> None:
    body, kind, status, code = BODIES[name]
    headers = {"X-CSRF-Token": collector.csrf, "Content-Type": kind}
    told = assert_problem(collector.http.post(REPORT, content=body, headers=headers), status, code)
    if code == "bad-json":
        assert told["line"] >= 1
        assert told["column"] >= 1
    # This one reads field by field and may stop at the first wrong name.
    answer = collector.http.post("/api/observations", content=body, headers=headers)
    assert_problem(answer, status if code != "bad-json" or answer.status_code == 400 else 422)


def test_wrong_xml_and_wrong_forms_are_told_so_by_open311(stranger: Visitor, unchanged: None) -> None:
    for body, kind in (
        (b"<request><service_code>", "application/xml"),
        (b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "text/xml"),
        (b"--B\r\nnot a part", "multipart/form-data; boundary=B"),
        (b"lat=1&long=%ff%fe", "application/x-www-form-urlencoded"),
    ):
        answer = stranger.http.post(
            "/open311/v2/requests.xml?api_key=demo", content=body, headers={"Content-Type": kind}
        )
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith(("text/xml", "application/xml"))
        assert "<description>" in answer.text
        assert "root:" not in answer.text


def megabytes(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 2**20


TEN_MB: dict[str, tuple[str, str]] = {
    "an opening": (REPORT, "application/json"),
    "a move": ("/api/street/anything/comment", "application/json"),
    "observations": ("/api/observations", "application/x-ndjson"),
    "a page's form": ("/street/report", "application/x-www-form-urlencoded"),
    "signing in": ("/sign-in", "application/x-www-form-urlencoded"),
    "Open311": ("/open311/v2/requests.json", "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
@pytest.mark.parametrize("name", TEN_MB)
def test_ten_megabytes_are_too_much(name: str, chunked: bool, collector: Visitor, unchanged: None) -> None:
    path, kind = TEN_MB[name]
    content: Any = megabytes(11) if chunked else b"".join(megabytes(11))
    headers = {"X-CSRF-Token": collector.csrf, "Content-Type": kind}
    answer = collector.http.post(path, content=content, headers=headers)
    assert answer.status_code == 413, answer.text[:300]
    assert "MB" in answer.text
    assert collector.http.get("/healthz").status_code == 200


# ---- fields ----------------------------------------------------------------------------------------------------


FIELDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no place": ({"report": {"description": "x"}}, "place", "位置"),
    "a place outside": (described(place={"lon": 114.5, "lat": 30.6}), "place", "江汉区"),
    "a place on another continent": (described(place={"lon": 2.35, "lat": 48.85}), "place", ""),
    "swapped": (described(place={"lon": INSIDE["lat"], "lat": INSIDE["lon"]}), "place", "写反"),
    "beyond the pole": (described(place={"lon": 114.2, "lat": 130.6}), "place", ""),
    "a place as text": (described(place={"lon": "114.258", "lat": "30.605"}), "place", ""),
    "infinite": (described(place={"lon": 1e308, "lat": 30.6}), "place", ""),
    "half a place": (described(place={"lon": 114.2}), "place", ""),
    "an unknown datum": (described(place={**INSIDE, "datum": "bd09"}), "place", ""),
    "an unknown category": (described(kind="dragon"), "kind", "dragon"),
    "a category as a number": (described(kind=7), "kind", ""),
    "no words": (described(report={"description": "   "}), "report.description", ""),
    "too many words": (described(report={"description": "长" * 1001}), "report.description", "1000"),
    "control characters": (described(report={"description": "a\x00b"}), "report.description", ""),
    "a photograph nobody sent": (described(report={"description": "x", "media": ["0" * 64]}), "media", ""),
    "a photograph that is no hash": (described(report={"description": "x", "media": ["../x"]}), "report.media", ""),
    "seven photographs": (
        described(report={"description": "x", "media": [f"{n:064x}" for n in range(7)]}), "report.media", "6",
    ),
    "a field that is none": (described(colour="red"), "colour", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_a_wrong_field_says_what_and_how(name: str, collector: Visitor, unchanged: None) -> None:
    body, field, words = FIELDS[name]
    told = assert_problem(collector.api("POST", REPORT, body), 422, "invalid")
    found = [e for e in told["errors"] if e["field"].endswith(field.rpartition(".")[2])]
    assert found, told
    assert words in found[0]["detail_zh"]


@pytest.mark.parametrize("name", ["swapped", "a place outside", "no words", "too many words", "no place"])
def test_a_wrong_field_is_told_on_the_page(name: str, collector: Visitor, unchanged: None) -> None:
    body, field, words = FIELDS[name]
    place = body.get("place", {})
    given = {
        "place.longitude": str(place.get("lon", "")),
        "place.latitude": str(place.get("lat", "")),
        "description": body["report"]["description"],
        "address": "解放大道甲号",
    }
    answer = collector.form("/street/report", given)
    assert_page_says(answer, 422, words, f'href="#{field.rpartition(".")[2]}"', "解放大道甲号")


TIMES = ("1969-12-31T23:59:59Z", "1066-10-14T09:00:00Z", "2126-03-02T00:00:00Z", "99999-01-01T00:00:00Z",
         "2026-02-30T00:00:00Z", "2026-03-02", "2026-03-02T00:00:00", "昨天", "")  # fmt: skip


@pytest.mark.parametrize("time", TIMES)
def test_a_date_before_1970_or_in_the_future_is_told_so(
    time: str, collector: Visitor, unchanged: None
) -> None:
    seen = {"source": "camera", "kind": "rubbish", "key": "k", "happened_at": time}
    told = assert_problem(collector.api("POST", "/api/observations", seen), 422, "invalid")
    assert [e["field"] for e in told["errors"]] == ["happened_at"]
    if time and not time.startswith("21"):
        path = "/api/street?due_before=" + time.replace("+", "%2B")
        told = assert_problem(collector.api("GET", path), 422, "invalid")
        assert [e["field"] for e in told["errors"]] == ["due_before"]


# ---- positions of Chinese maps ---------------------------------------------------------------------------------


def border(demo: Served, intake: Visitor) -> tuple[float, float]:
    """A place within the district whose GCJ-02 coordinates, taken for WGS-84, lie outside: the east of it."""
    cases = intake.http.get("/map/cells.geojson").json()["features"]
    points = [p for f in cases for ring in f["geometry"]["coordinates"] for p in _flat(ring)]
    lon, lat = max(points)
    return lon - 0.002, lat


def _flat(ring: Any) -> list[tuple[float, float]]:
    return (
        [(p[0], p[1]) for p in ring]
        if not isinstance(ring[0][0], list)
        else [x for r in ring for x in _flat(r)]
    )


def test_gcj02_taken_for_wgs84_gets_the_hint_and_then_its_place(
    demo: Served, collector: Visitor, intake: Visitor
) -> None:
    lon, lat = border(demo, intake)
    other = convert(Point(lon, lat), "gcj02")
    shifted = {"lon": other.lon, "lat": other.lat}
    before = kept(demo.folder)
    told = assert_problem(collector.api("POST", REPORT, described(place=shifted)), 422, "invalid")
    assert "GCJ-02" in told["errors"][0]["detail_zh"]
    assert kept(demo.folder) == before
    answer = collector.api("POST", REPORT, described(place={**shifted, "datum": "gcj02"}))
    assert answer.status_code == 201, answer.text
    case = intake.http.get(f"/api/street/{answer.json()['case_id']}").json()["case"]
    assert case["datum"] == "wgs84"
    # A ten-millionth of a degree is a centimetre.
    assert abs(case["lon"] - lon) < 1e-6
    assert abs(case["lat"] - lat) < 1e-6


# ---- text --------------------------------------------------------------------------------------------------------

TEXTS = {
    "emoji": "🗑️ 垃圾 👨‍👩‍👧 满了 🏳️‍🌈",
    "right to left": "קופסה שבורה ‏مكسور‎ מימין",
    "a direction override": "abc\u202edcba\u202c xyz",
    "rare letters": "𠮷野家旁𰻞𰻞面馆 ǅ ﬁ ẞ",
    "combined": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́O̵̹ͅ",
    "lines": "一行\n二行\n\n四行",
    "SQL": "'; DROP TABLE cases;-- \" OR 1=1",
    "a template": "{{ 7*7 }} {% raw %} ${7*7} #{7*7} %s %(x)s {0}",
    "a formula": "=HYPERLINK(\"http://evil.example\",\"x\")",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_text_comes_back_as_it_was(name: str, collector: Visitor, intake: Visitor) -> None:
    # Stored composed (NFC), so that the same words are the same bytes.
    words = unicodedata.normalize("NFC", TEXTS[name])
    answer = collector.api(
        "POST", REPORT, described(report={"description": words, "address": words[:200].replace("\n", " ")})
    )
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    case_page = intake.http.get(f"/street/{receipt['case_id']}").text
    assert escaped(words) in case_page
    assert intake.http.get(f"/api/street/{receipt['case_id']}").json()["case"]["title"] == words[:60]
    note = intake.api("POST", f"/api/street/{receipt['case_id']}/comment", {"note": words})
    assert note.status_code == 200, note.text
    assert intake.http.get(f"/street/{receipt['case_id']}").text.count(escaped(words)) > case_page.count(
        escaped(words)
    )
    told = {"service_code": "rubbish", "lat": "30.605", "long": "114.258", "description": words}
    sent = collector.http.post("/open311/v2/requests.json", data={**told, "api_key": "demo"})
    path = f"/open311/v2/requests/{sent.json()[0]['service_request_id']}"
    assert collector.http.get(f"{path}.json").json()[0]["description"] == words
    feed = ElementTree.fromstring(collector.http.get(f"{path}.xml").content)
    assert feed.findtext("request/description") == words


def test_people_see_a_page_and_not_json(collector: Visitor) -> None:
    answer = collector.http.get("/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert answer.status_code == 421
    assert answer.headers["content-type"].startswith("text/html")
    assert "localhost" in answer.text


def escaped(words: str) -> str:
    for letter, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):
        words = words.replace(letter, entity)
    return words


HTML = "<img src=x onerror=alert(1)>\"'><script>alert(document.cookie)</script><b>粗"


def test_html_in_every_text_is_only_text(
    demo: Served, collector: Visitor, intake: Visitor, stranger: Visitor
) -> None:
    """Every field of text that a stranger or an officer can fill, and every page that shows one."""
    told = {"description": HTML, "address": HTML, "name": HTML[:60], "contact": HTML}
    receipt = collector.api("POST", REPORT, described(report=told)).json()
    case = receipt["case_id"]
    for action, given in (
        ("comment", {"note": HTML}),
        ("accept", {}),
        ("decline", {"reason_code": "not_ours", "reason": HTML}),
    ):
        intake.api("POST", f"/api/street/{case}/{action}", given)
    marks = [
        intake.http.get(path).text
        for path in (
            f"/street/{case}",
            "/street",
            f"/street?q={HTML[:40]}",
            f"/street?state={HTML}",
            "/street/desk",
            f"/street/{case}/comment",
            f"/street/{case}/decline",
        )
    ]
    marks += [
        stranger.http.get(path).text
        for path in (
            f"/street/reports/{receipt['tracking_code']}",
            f"/follow?code={HTML}",
            f"/{HTML}",
            f"/street/reports/{HTML}",
            f"/figures/{HTML}",
            f"/evidence/{HTML}",
            f"/sign-in?next={HTML}",
            "/figures",
        )
    ]
    marks.append(
        collector.form("/street/report", {**FORM, **told, "place.longitude": HTML, "kind": HTML}).text
    )
    marks.append(stranger.http.post("/sign-in", data={"account": HTML, "password": HTML, "csrf": HTML}).text)
    for page in marks:
        for dangerous in ("<img src=x", "<script>alert", "<b>粗", 'onerror=alert(1)>"'):
            assert dangerous not in page
    assert any("&lt;img src=x" in page for page in marks)
    for path in (f"/api/street/{case}", f"/api/street/{case}/history"):
        answer = intake.http.get(path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
    problem = stranger.http.get(f"/api/evidence/{HTML}")
    assert problem.headers["content-type"] == "application/problem+json"
    feed = stranger.http.get(f"/open311/v2/requests/{receipt['report_id']}.xml", params={"api_key": "demo"})
    assert "<img" not in feed.text


# ---- sent again, sent by others --------------------------------------------------------------------------------


def test_what_is_sent_again_is_done_once(demo: Served, collector: Visitor, intake: Visitor) -> None:
    key = {"Idempotency-Key": "sent-again-1"}
    first = collector.api("POST", REPORT, described(), **key)
    before = kept(demo.folder)
    again = [collector.api("POST", REPORT, described(), **key) for _ in range(3)]
    assert first.status_code == 201
    for answer in again:
        assert {**answer.json(), "repeated": False} == {**first.json(), "repeated": False}
        assert answer.json()["repeated"]
    other = collector.api("POST", REPORT, described(kind="stall"), **key)
    assert_problem(other, 409, "key-reused")
    for wrong in ("", "a b", "é", "x" * 101):
        sent = collector.http.post(
            REPORT, json=described(),
            headers=[(b"Idempotency-Key", wrong.encode("latin-1")), (b"X-CSRF-Token", collector.csrf.encode())],
        )  # fmt: skip
        assert_problem(sent, 422, "invalid")
    assert kept(demo.folder) == before
    path = f"/api/street/{first.json()['case_id']}/accept"
    moves = [intake.api("POST", path, {}, **{"Idempotency-Key": "move-1"}) for _ in range(3)]
    assert [m.status_code for m in moves] == [200] * 3
    assert len({m.json()["seq"] for m in moves}) == 1
    assert_problem(intake.api("POST", path, {}), 409, "not-now")


def test_a_form_sent_twice_is_one_report(demo: Served, collector: Visitor) -> None:
    before = kept(demo.folder)["cases"]
    answers = [collector.form("/street/report", {**FORM, "key": "web-twice"}) for _ in range(2)]
    assert [a.status_code for a in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert kept(demo.folder)["cases"] == before + 1


def test_the_row_count_would_show_a_row(demo: Served, collector: Visitor) -> None:
    """The counting itself: one report is seen in it, and a case's history row too."""
    before = kept(demo.folder)
    assert collector.api("POST", REPORT, described()).status_code == 201
    after = kept(demo.folder)
    assert after["cases"] == before["cases"] + 1
    assert after["history"] == before["history"] + 1
    with database(demo.folder) as connection:
        assert json.loads(connection.all("SELECT given FROM history ORDER BY seq DESC LIMIT 1")[0][0])[
            "report"
        ]
