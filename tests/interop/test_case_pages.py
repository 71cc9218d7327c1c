"""The derived pages as plain HTML: what a browser without scripts sends and gets, and what htmx asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from civicloop.kernel.derive.routes import readers
from civicloop.kernel.facts.reference import NewReference
from civicloop.loops.street.fixtures.pictures import street_picture
from civicloop.web import case_list
from civicloop.web.live import hears
from tests.calling import Answer
from tests.interop.worlds import World, opened

HX = {"hx-request": "true"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from opened(tmp_path_factory.mktemp("pages"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    yield from opened(tmp_path)


def buttons(answer: Answer) -> list[str]:
    """The actions that a case's page offers, in order."""
    bar = answer.text.partition('class="action-bar"')[2]
    found = re.findall(r'(?:action|href)="/street/[^/"]+/([a-z_]+)"', bar)
    return list(dict.fromkeys(found))


def test_the_page_of_a_case_offers_what_state_and_role_allow(world: World) -> None:
    case_id = world.report()["case_id"]
    offered = buttons(world.call("GET", f"/street/{case_id}", who=world.person("intake")))
    assert offered[0] == "accept"
    assert set(offered) == {"accept", "decline", "merge", "comment", "correct"}
    assert buttons(world.call("GET", f"/street/{case_id}", who=world.person("leader"))) == ["comment"]
    assert world.call("GET", f"/street/{case_id}").headers["location"].startswith("/sign-in?next=")
    elsewhere = world.person("collector", "street", world.district.places.streets[5].code)
    assert world.call("GET", f"/street/{case_id}", who=elsewhere).status == 404


def test_one_press_performs_and_leads_back_to_the_case(world: World) -> None:
    case_id, who = world.report()["case_id"], world.person("intake")
    page = world.call("GET", f"/street/{case_id}", who=who).text
    form = re.search(rf'<form[^>]+action="/street/{case_id}/accept".*?</form>', page, re.DOTALL)
    assert form is not None
    given = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    assert set(given) == {"csrf", "revision", "key"}
    answer = world.call("POST", f"/street/{case_id}/accept", who=who, form=given)
    assert (answer.status, answer.headers["location"]) == (303, f"/street/{case_id}")
    before = world.size()
    again = world.call("POST", f"/street/{case_id}/accept", who=who, form=given)
    assert again.status == 303, "a second press of the same form is no second action"
    assert world.size() == before


def test_htmx_gets_the_case_alone_with_a_word_and_an_event(world: World) -> None:
    case_id, who = world.report()["case_id"], world.person("intake")
    answer = world.call("POST", f"/street/{case_id}/accept", who=who, form={"revision": "1"}, headers=HX)
    assert answer.status == 200
    assert "<html" not in answer.text
    assert 'id="case-view"' in answer.text
    assert "已受理" in answer.text
    assert 'hx-swap-oob="beforeend:#toasts"' in answer.text
    assert "case" in answer.headers["hx-trigger"]


def test_a_form_comes_back_with_what_was_given_and_why(world: World) -> None:
    case_id, who = world.report()["case_id"], world.person("shift_head")
    form = world.call("GET", f"/street/{case_id}/decline", who=who)
    assert form.status == 200
    assert 'name="reason"' in form.text
    before = world.size()
    answer = world.call(
        "POST", f"/street/{case_id}/decline", who=who, form={"reason": "到<场>查看", "revision": "1"}
    )
    assert answer.status == 422
    assert 'href="#reason_code"' in answer.text
    assert "到&lt;场&gt;查看</textarea>" in answer.text
    assert world.size() == before


def test_who_was_overtaken_sees_what_happened_and_keeps_his_words(world: World) -> None:
    case_id, head, intake = world.report()["case_id"], world.person("shift_head"), world.person("intake")
    world.call("POST", f"/street/{case_id}/accept", who=intake, form={"revision": "1"})
    words = {"reason": "我的理由", "reason_code": "not_found", "revision": "1"}
    answer = world.call("POST", f"/street/{case_id}/decline", who=head, form=words)
    assert answer.status == 409
    since = answer.text.partition('class="case-since"')[2].partition("</form>")[0]
    assert "受理" in since
    assert "我的理由</textarea>" in since
    assert 'name="revision" value="2"' in since
    again = {**words, "revision": "2"}
    assert world.call("POST", f"/street/{case_id}/decline", who=head, form=again).status == 303


def test_an_action_that_is_past_says_so_on_the_case(world: World) -> None:
    case_id, who = world.report()["case_id"], world.person("shift_head")
    for method, form in (("GET", None), ("POST", {"revision": "1"})):
        answer = world.call(method, f"/street/{case_id}/resume", who=who, form=form)
        assert answer.status == 409
        assert "已上报" in answer.text
        assert "error-summary" in answer.text


def test_a_form_of_another_session_changes_nothing(world: World) -> None:
    case_id, who = world.report()["case_id"], world.person("intake")
    before = world.size()
    forged = {"csrf": "nonsense", "revision": "1"}
    assert world.call("POST", f"/street/{case_id}/accept", who=who, form=forged).status == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert world.call("POST", f"/street/{case_id}/accept", who=who, form={}, headers=cross).status == 403
    assert world.size() == before


def test_whoever_handled_sees_why_he_may_not_check(fresh: World) -> None:
    world = fresh
    case_id = world.report(kind="rubbish")["case_id"]
    people = world.district.people
    both = people.create_account(
        world.person("admin").actor, "both", world.person("admin").actor.name,
        grants=tuple(g for role in ("crew", "checker", "shift_head", "unit_clerk") for g in world.person(role).actor.grants),
    )  # fmt: skip
    token = world.district.store.write(lambda tx: people.sessions.open(tx, both))
    who = people.signed_in(token)
    photo = upload(world)
    for action, given in (
        ("accept", {}), ("file", {}), ("dispatch", {"unit": "sanitation"}), ("sign", {}), ("take", {}),
        ("report_back", {"photo_after": [photo]}),
    ):  # fmt: skip
        answer = world.call("POST", f"/api/street/{case_id}/{action}", who=who, json=given)
        assert answer.status == 200, answer.text
    page = world.call("GET", f"/street/{case_id}", who=who).text
    refused = page.partition('class="refused"')[2].partition("</span></span>")[0]
    assert "disabled" in refused
    assert "职责分离" in page
    assert f'action="/street/{case_id}/close"' not in page


def upload(world: World) -> str:
    """A photograph's hash."""
    answer = world.call("POST", "/api/evidence", body=street_picture("duty", view=1), kind="image/jpeg")
    return str(answer.json["hash"])


def test_the_list_shows_open_cases_and_its_filters_are_its_address(fresh: World) -> None:
    who = fresh.person("intake")
    ids = [fresh.report(street=i)["case_id"] for i in (0, 0, 3)]
    street = fresh.district.places.streets[0].code
    page = fresh.call("GET", "/street", who=who).text
    assert all(f'href="/street/{case_id}"' in page for case_id in ids)
    some = fresh.call("GET", f"/street?street={street}", who=who).text
    assert [f'href="/street/{case_id}"' in some for case_id in ids] == [True, True, False]
    assert f'<option value="{street}" selected' in some
    wrong = fresh.call("GET", "/street?state=nowhere", who=who)
    assert wrong.status == 422
    assert "nowhere" in wrong.text
    none = fresh.call("GET", "/street?state=closed", who=who).text
    assert 'class="empty"' in none


def test_a_list_counts_what_it_has_and_looks_where_its_state_can_be(
    fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = fresh.person("shift_head")
    cases = [fresh.report()["case_id"] for _ in range(4)]
    assert (
        fresh.call(
            "POST",
            f"/street/{cases[0]}/decline",
            who=who,
            form={"reason_code": "out_of_scope", "reason": "不属本区"},
        ).status
        == 303
    )
    monkeypatch.setattr(case_list, "PAGE", 2)

    def listed(query: str) -> tuple[int, str, str]:
        page = fresh.call("GET", f"/street?{query}", who=who).text
        count = re.search(r"共 (\d+) 件|([\d,]+) 件以上", page)
        assert count is not None
        onward = re.search(r'href="/street\?[^"]*after=(\w+)"', page)
        return page.count('id="row-'), count[0], onward[1] if onward else ""

    rows, count, onward = listed("open=any")
    assert (rows, count) == (2, "共 4 件")
    assert listed(f"open=any&after={onward}")[:2] == (2, "共 4 件")
    assert listed("state=filed")[:2] == (0, "共 0 件")
    assert listed("state=reported")[:2] == (2, "共 3 件")
    assert listed("state=declined")[:2] == (1, "共 1 件"), "what is done is found by its state alone"
    assert listed("state=declined&open=any")[:2] == (1, "共 1 件")
    assert listed("state=declined&open=true")[:2] == (0, "共 0 件")
    monkeypatch.setattr(case_list, "COUNTED", 3)
    assert listed("open=any")[:2] == (2, "3 件以上")


def test_htmx_gets_the_rows_alone_and_a_clean_address(fresh: World) -> None:
    who = fresh.person("intake")
    first = fresh.report()["case_id"]
    asks = {**HX, "hx-target": "div#case-rows"}
    answer = fresh.call("GET", "/street?q=&state=reported&kind=", who=who, headers=asks)
    assert answer.headers["hx-push-url"] == "/street?state=reported"
    assert answer.text.lstrip().startswith('<div id="case-rows"')
    since = re.search(r"since=(\d+)", answer.text)
    assert since is not None
    second = fresh.report()["case_id"]
    newer = fresh.call("GET", f"/street?since={since[1]}", who=who, headers=asks)
    assert "hx-push-url" not in newer.headers
    rows = dict(re.findall(r'<li class="([^"]+)" id="row-(\w+)"', newer.text))
    by_id = {case_id: classes for classes, case_id in rows.items()}
    assert "just-changed" in by_id[second]
    assert "just-changed" not in by_id[first]


def test_a_number_finds_its_case_at_once(world: World) -> None:
    receipt = world.report()
    page = world.call("GET", f"/street?q={receipt['number'].lower()}", who=world.person("intake")).text
    assert page.count('class="row-link"') == 1
    assert f'href="/street/{receipt["case_id"]}"' in page


def test_words_of_a_category_find_its_cases_as_it_is_called_now(fresh: World) -> None:
    who, reference = fresh.person("intake"), fresh.district.reference
    case_id = fresh.report(kind="litter_bin", stranger=True)["case_id"]
    fresh.report(kind="rubbish", stranger=True)
    fresh.district.index()

    def found(words: str) -> list[str]:
        asks = urlencode({"q": words})
        listed = [c["id"] for c in fresh.call("GET", f"/api/street?{asks}", who=who).json["cases"]]
        page = fresh.call("GET", f"/street?{asks}", who=who).text
        assert sorted(re.findall(r'id="row-(\w+)"', page)) == sorted(listed)
        points = fresh.call("GET", f"/street/map.geojson?{asks}", who=who).json["features"]
        assert sorted(p["properties"]["id"] for p in points) == sorted(listed)
        return listed

    for words in ("果皮箱", "litter", "垃圾 果皮"):
        assert found(words) == [case_id]
    assert found("废物箱") == []
    with fresh.district.store.read() as tx:
        now = fresh.district.clock.now()
        row = reference.snapshot(tx).get("categories", "litter_bin", now)
    assert row is not None
    renamed = NewReference(
        "categories", row.code, now, {**row.data, "zh": "废物箱", "en": "Waste box"}, "test", "synthetic"
    )
    fresh.district.store.write(lambda tx: reference.add(tx, [renamed], recorded_by="test"))
    assert found("废物箱") == found("waste box") == [case_id]
    assert found("果皮箱") == []


def test_the_map_has_the_points_of_its_list(fresh: World) -> None:
    who = fresh.person("intake")
    ids = {fresh.report(street=i)["case_id"] for i in (0, 3)}
    points = fresh.call("GET", "/street/map.geojson", who=who).json["features"]
    assert {p["properties"]["id"] for p in points} == ids
    at = fresh.district.places.streets[0].at
    box = f"{at.lon - 0.001},{at.lat - 0.001},{at.lon + 0.001},{at.lat + 0.001}"
    assert len(fresh.call("GET", f"/street/map.geojson?box={box}", who=who).json["features"]) == 1
    for wrong in ("1,2,3", "a,b,c,d", "115,30,114,31", "0,0,0,0", "nan,0,1,1"):
        assert fresh.call("GET", f"/street/map.geojson?box={wrong}", who=who).status == 422
    elsewhere = fresh.person("collector", "street", fresh.district.places.streets[7].code)
    assert fresh.call("GET", "/street/map.geojson", who=elsewhere).json["features"] == []


def test_many_points_are_counted_by_squares(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("civicloop.web.case_map.ONE_BY_ONE", 3)
    who = fresh.person("intake")
    for i in (0, 0, 0, 3, 7):
        fresh.report(street=i)
    points = fresh.call("GET", "/street/map.geojson", who=who).json["features"]
    assert sorted(p["properties"]["count"] for p in points) == [1, 1, 3]
    assert all(p["properties"]["breached"] == 0 for p in points)


def test_many_at_once_says_what_became_of_each(world: World) -> None:
    who = world.person("intake")
    ids = [world.report()["case_id"] for _ in range(2)]
    world.call("POST", f"/street/{ids[1]}/accept", who=who, form={})
    answer = world.call(
        "POST", "/street/bulk/accept", who=who, form={"cases": ids, "next": "/street?state=reported"}
    )
    assert answer.status == 200
    assert "1 件完成，1 件未完成" in answer.text
    assert 'href="/street?state=reported"' in answer.text
    none = world.call("POST", "/street/bulk/accept", who=who, form={})
    assert none.status == 422
    outside = world.call(
        "POST", "/street/bulk/accept", who=who, form={"cases": ids, "next": "//evil.example"}
    )
    assert "evil" not in outside.text


def test_many_at_once_asks_for_what_is_needed(world: World) -> None:
    who = world.person("shift_head")
    ids = [world.report()["case_id"] for _ in range(2)]
    asked = world.call("POST", "/street/bulk/decline", who=who, form={"cases": ids})
    assert asked.status == 200
    assert asked.text.count('name="cases"') == 2
    short = world.call(
        "POST", "/street/bulk/decline", who=who, form={"cases": ids, "given": "1", "reason": "x"}
    )
    assert short.status == 422
    full = {"cases": ids, "given": "1", "reason": "x", "reason_code": "unclear"}
    assert "2 件完成" in world.call("POST", "/street/bulk/decline", who=who, form=full).text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_speaks_one_language(world: World, lang: str) -> None:
    case_id = world.report()["case_id"]
    for path in (
        "/street?open=any",
        f"/street/{case_id}",
        f"/street/{case_id}/decline",
    ):
        page = world.call(
            "GET", f"{path}{'&' if '?' in path else '?'}lang={lang}", who=world.person("shift_head")
        ).text
        main = page.partition('<main id="main"')[2].partition("</main>")[0]
        words = re.sub(r"<[^>]+>|垃圾没人收", " ", main)
        if lang == "en":
            assert re.findall(r"[\u4e00-\u9fff]+", words) == []


def test_only_readers_hear_of_changes_and_only_of_their_place(world: World) -> None:
    assert world.call("GET", "/live?process=street").status == 204
    assert world.call("GET", "/live?process=nothing", who=world.person("intake")).status == 204
    street, other = (world.district.places.streets[i].code for i in (0, 3))
    code, by = world.district.code, readers(world.district.registry.processes["street"])
    collector = world.person("collector", "street", street).actor
    clerk = world.person("unit_clerk", "unit", "sanitation").actor
    assert hears(world.person("intake").actor, by, code, other, "")
    assert hears(collector, by, code, street, "")
    assert not hears(collector, by, code, other, "")
    assert hears(clerk, by, code, other, "sanitation")
    assert not hears(clerk, by, code, other, "water")
