"""Components: everything is escaped, nothing needs what the page's policy forbids, shapes tell the statuses apart."""

from __future__ import annotations

import inspect
import re
from html.parser import HTMLParser

import pytest
from starlette.requests import Request

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE
from civicloop.web import components as ui
from civicloop.web.assets import STATIC
from civicloop.web.components import clocks, icons
from civicloop.web.components.shell import other_language_href
from civicloop.web.gallery import gallery
from civicloop.web.templating import Speaking, Templates, language_of, wants_fragment

EVIL = "<script>alert(1)</script>\"'&"
VIEWS = ("parts", "front", "report", "desk", "drawer")


class Reader(HTMLParser):
    """Collects what a page says about itself, and refuses tags that do not pair."""

    VOID = frozenset({"input", "img", "meta", "link", "br", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.hrefs: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(tag, attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        for name, value in attrs:
            if name == "style" or name.startswith(("on", "hx-on")) or (value or "").startswith("javascript:"):
                self.wrong.append(f"<{tag} {name}>")
            if name == "id":
                self.ids.append(value or "")
            if name in ("aria-describedby", "aria-labelledby", "for"):
                self.references.extend((value or "").split())
            if name in ("href", "src"):
                self.hrefs.append(value or "")
        if "hx-trigger" in names and "[" in (names["hx-trigger"] or "").split("target:")[0]:
            self.wrong.append(f"{tag}: a trigger's filter needs eval")
        if tag == "script" and not names.get("src"):
            self.wrong.append("an inline script")


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("view", VIEWS)
def test_pages_pair_their_tags_and_keep_the_policy(view: str, language: str) -> None:
    found = read(gallery(language, view))  # type: ignore[arg-type]
    assert found.wrong == []
    assert found.open == []


@pytest.mark.parametrize("view", VIEWS)
def test_ids_stand_once_and_references_lead_somewhere(view: str) -> None:
    found = read(gallery("zh", view))  # type: ignore[arg-type]
    assert sorted(found.ids) == sorted(set(found.ids))
    assert set(found.references) <= set(found.ids)


def test_static_files_a_page_names_exist() -> None:
    for view in VIEWS:
        for href in read(gallery("zh", view)).hrefs:  # type: ignore[arg-type]
            if href.startswith("/static/"):
                assert (STATIC / href.removeprefix("/static/")).is_file(), href


def test_english_pages_speak_english() -> None:
    page = re.sub(r'data-map="[^"]*"', "", gallery("en", "desk"))
    chinese = set(re.findall(r">[^<]*[\u4e00-\u9fff][^<]*<", page))
    assert chinese <= {">中文<", ">周颖<"}, chinese


def _evil_calls() -> list[tuple[str, ui.Markup]]:
    picture = ui.Picture(EVIL, EVIL, EVIL, EVIL)
    link = ui.Link(EVIL, EVIL, key=EVIL)
    common = {"hint": EVIL, "error": EVIL}
    return [
        ("button", ui.button(EVIL, name=EVIL, value=EVIL, key=EVIL)),
        ("tag", ui.tag(EVIL)),
        ("notice", ui.notice(EVIL, title=EVIL, action=link)),
        ("toast", ui.toast(EVIL)),
        ("empty_state", ui.empty_state(EVIL, EVIL, actions=(link,))),
        ("breadcrumbs", ui.breadcrumbs((link, link))),
        ("tabs", ui.tabs((link,), label=EVIL, target=EVIL)),
        ("pager", ui.pager(page=1, pages=2, previous_href=EVIL, next_href=EVIL)),
        ("door", ui.door(EVIL, EVIL, EVIL, icon_name="pin")),
        ("facts", ui.facts(((EVIL, EVIL),))),
        ("card", ui.card(title=EVIL)),
        ("clock_ring", ui.clock_ring("on_time", 0.5, EVIL, EVIL)),
        ("timeline", ui.timeline((ui.Moment(EVIL, EVIL, EVIL, EVIL, (picture,), EVIL, EVIL, instant=EVIL),))),
        ("evidence_pair", ui.evidence_pair(picture, picture)),
        ("stepper", ui.stepper((ui.Step(EVIL, "here", EVIL),))),
        ("queue_row", ui.queue_row(EVIL, EVIL, state=EVIL, meta=(EVIL,), picture=picture, select_name=EVIL)),
        ("number_tile", ui.number_tile(EVIL, EVIL, unit=EVIL, goal=EVIL, note=EVIL, href=EVIL)),
        ("table", ui.table(EVIL, (ui.Column(EVIL, sort_href=EVIL),), ((EVIL,),), foot=(EVIL,))),
        ("chart", ui.chart("bar", EVIL, (EVIL,), (ui.Series(EVIL, (1.0,)),), unit=EVIL)),
        ("drill", ui.drill_drawer(EVIL, EVIL, counted=EVIL, rows=ui.NOTHING, row_count=1, seq=1)),
        ("money", ui.money_statement(EVIL, (ui.Entry(EVIL, EVIL, 1, 1, EVIL),))),
        ("map", ui.map_with_legend((ui.MapLayer(EVIL, EVIL, "areas", EVIL),), (1, 2, 3, 4), label=EVIL)),
        ("still", ui.still_map((1, 2, 3, 4), (ui.Area(((1, 2), (3, 4)), EVIL),), (ui.Mark(1, 2, EVIL),))),
        ("point", ui.point_field("p", EVIL, layers=(), bounds=(1, 2, 3, 4), longitude=EVIL, latitude=EVIL)),
        ("text", ui.text_field("a", EVIL, value=EVIL, **common)),
        ("long", ui.long_text_field("a", EVIL, value=EVIL, **common)),
        ("choice", ui.choice_field("a", EVIL, (ui.Option(EVIL, EVIL, EVIL),), **common)),
        ("select", ui.choice_field("a", EVIL, (ui.Option(EVIL, EVIL),), style="select", **common)),
        ("category", ui.category_field("a", EVIL, (ui.Branch(EVIL, (ui.Option(EVIL, EVIL),)),), **common)),
        ("photo", ui.photo_field("a", EVIL, **common)),
        ("number", ui.number_field("a", EVIL, value=EVIL, unit=EVIL, **common)),
        ("flag", ui.flag_field("a", EVIL, **common)),
        ("summary", ui.error_summary({EVIL: EVIL}, reason=EVIL)),
        (
            "confirm",
            ui.confirm(EVIL, EVIL, EVIL, csrf=EVIL, label=EVIL, cancel_href=EVIL, hidden={EVIL: EVIL}),
        ),
        ("filters", ui.filter_bar(EVIL, query=EVIL, clear_href=EVIL)),
        ("login", ui.login_form(EVIL, csrf=EVIL, account=EVIL, error=EVIL, next_href=EVIL)),
        ("header", ui.public_header(EVIL, ((EVIL, EVIL, True),), url=EVIL)),
        ("nav", ui.desk_nav((link,))),
        ("keys", ui.key_help(((EVIL, EVIL),))),
    ]


def test_every_text_is_escaped() -> None:
    for name, markup in _evil_calls():
        assert "<script>" not in markup, name
        assert "\"'&" not in markup, name
        assert read(markup).wrong == [], name


def test_markup_is_not_escaped_twice() -> None:
    assert ui.card(ui.tag("a & b")).count("a &amp; b") == 1


def test_a_label_speaks_the_language_asked_for() -> None:
    label = Label("派遣", "Dispatch")
    assert "Dispatch" in ui.button(label, lang="en")
    assert "派遣" in ui.button(label)
    assert "Dispatch" in Speaking("en").button(label)


def test_statuses_differ_in_shape_not_only_in_colour() -> None:
    shapes = {
        str(clocks.clock_shape(status)).replace(status, "")  # type: ignore[arg-type]
        for status in ("on_time", "due_soon", "breached", "paused", "met", "missed")
    }
    assert len(shapes) == 6


@pytest.mark.parametrize(
    ("span", "zh", "en"),
    [
        (0, "0分", "0 min"),
        (59_000_000, "0分", "0 min"),
        (12 * MINUTE, "12分", "12 min"),
        (HOUR + 12 * MINUTE, "1小时12分", "1 h 12 min"),
        (2 * HOUR, "2小时", "2 h"),
        (3 * DAY + 4 * HOUR + 5 * MINUTE, "3天4小时", "3 d 4 h"),
        (-35 * MINUTE, "35分", "35 min"),
    ],
)
def test_durations_in_two_units(span: int, zh: str, en: str) -> None:
    assert ui.duration_text(span) == zh
    assert ui.duration_text(span, lang="en") == en


def test_a_ring_runs_only_while_its_clock_does() -> None:
    running = ui.clock_ring("due_soon", 0.8, "", "", now_at=0, due_at=HOUR)
    assert 'data-due="3600000"' in running
    assert "剩 1小时" in running
    assert 'stroke-dasharray="80.0 100"' in running
    assert "data-clock" not in ui.clock_ring("paused", 0.8, "", "", now_at=0, due_at=HOUR)
    assert 'stroke-dasharray="100.0 100"' in ui.clock_ring("breached", 1.7, "", "")


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0.00"), (5, "0.05"), (123_456_789, "1,234,567.89"), (-9_000, "−90.00")]
)
def test_money_is_written_from_minor_units(amount: int, text: str) -> None:
    assert ui.money_text(amount) == text


def test_icons_are_drawn_with_one_pen() -> None:
    for name, path in icons.PATHS.items():
        assert re.fullmatch(r"[MmLlHhVvCcSsAaZz0-9 .,-]+", path), name


def test_every_component_takes_the_language_as_a_keyword() -> None:
    for name in ui.__all__:
        part = getattr(ui, name)
        if inspect.isfunction(part) and "lang" in inspect.signature(part).parameters and name != "say":
            assert inspect.signature(part).parameters["lang"].kind is inspect.Parameter.KEYWORD_ONLY, name


def request(query: str = "", cookie: str = "", **headers: str) -> Request:
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    if cookie:
        raw.append((b"cookie", cookie.encode()))
    return Request(
        {"type": "http", "method": "GET", "path": "/x", "query_string": query.encode(), "headers": raw}
    )


def test_the_language_is_chinese_until_chosen() -> None:
    assert language_of(request(accept_language="en-GB")) == "zh"
    assert language_of(request(cookie="lang=en")) == "en"
    assert language_of(request("lang=zh", cookie="lang=en")) == "zh"
    assert language_of(request("lang=<b>")) == "zh"


def test_the_switch_keeps_the_rest_of_the_address() -> None:
    assert other_language_href("/a?q=%E5%9E%83&lang=zh", "zh") == "/a?q=%E5%9E%83&lang=en"
    assert other_language_href("/a", "en") == "/a?lang=zh"


def test_htmx_gets_the_fragment_and_a_replaced_body_the_page() -> None:
    assert wants_fragment(request(hx_request="true", hx_request_type="partial"))
    assert not wants_fragment(request(hx_request="true", hx_request_type="full"))
    assert not wants_fragment(request())


def test_a_page_answers_htmx_with_its_main_block_and_title() -> None:
    context = {"base": "public.html", "body": ui.tag("x"), "heading": True, "title": EVIL}
    whole = Templates().page(request("lang=en"), "gallery.html", context)
    part = Templates().page(request(hx_request="true"), "gallery.html", context, status=422)
    assert bytes(whole.body).startswith(b"<!doctype html>")
    assert "lang=en" in whole.headers["set-cookie"]
    assert part.status_code == 422
    text = bytes(part.body).decode()
    assert text.startswith("<title>&lt;script&gt;")
    assert "<html" not in text
    assert "<h1>" in text
