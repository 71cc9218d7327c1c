"""The frame of every page: head of the public shell, navigation of the desk, help, language, live updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from markupsafe import Markup

from civicloop.kernel.label import Label
from civicloop.web import locale
from civicloop.web.components.basics import Link, button, csrf_field
from civicloop.web.components.icons import BRAND, icon
from civicloop.web.components.markup import NOTHING, Text, Value, classes, el, join, say, void


class Person(Protocol):
    """Who is signed in, as the shell shows it."""

    @property
    def name(self) -> str: ...

    @property
    def roles(self) -> Sequence[Text]: ...


NavEntry = Link | tuple[str, Text, bool]


def as_link(entry: NavEntry) -> Link:
    """A navigation entry as a Link; a plain `(href, label, active)` is one without a picture."""
    return entry if isinstance(entry, Link) else Link(*entry)


def other_language_href(url: str, lang: str) -> str:
    """The same page in the other language: `lang` in its query replaced."""
    parts = urlsplit(url)
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k != "lang"]
    query.append(("lang", "zh" if lang == "en" else "en"))
    return f"{parts.path}?{urlencode(query)}"


def language_switch(url: str, *, lang: str = "zh") -> Markup:
    """The way to the same page in the other language."""
    other = "zh-CN" if lang == "en" else "en"
    return el(
        "a",
        {
            "class": "language",
            "href": other_language_href(url, lang),
            "lang": other,
            "hreflang": other,
            "rel": "alternate",
        },
        icon("globe", size=18),
        el("span", None, say(locale.OTHER_LANGUAGE, lang)),
    )


def brand(district: Text, *, href: str = "/", lang: str = "zh") -> Markup:
    """The mark, the district and the product's name; the way home."""
    return el(
        "a",
        {"class": "brand", "href": href},
        BRAND,
        el(
            "span",
            {"class": "brand-words"},
            el("strong", None, say(district, lang)) if district else NOTHING,
            el("span", None, say(locale.PRODUCT, lang)),
        ),
    )


def public_header(
    district: Text,
    nav: Sequence[NavEntry],
    *,
    url: str,
    person: Person | None = None,
    sign_in_href: str = "/sign-in",
    desk_href: str = "/desk",
    lang: str = "zh",
) -> Markup:
    """The head of a public page: mark, three ways in, language, the way to the desk."""
    links = [
        el(
            "li",
            None,
            el("a", {"href": x.href, "aria-current": "page" if x.active else None}, say(x.label, lang)),
        )
        for x in map(as_link, nav)
    ]
    entry = (
        el(
            "a",
            {"class": "public-entry", "href": desk_href},
            icon("person", size=18),
            el("span", None, person.name),
        )
        if person
        else el(
            "a",
            {"class": "public-entry", "href": sign_in_href},
            icon("person", size=18),
            el("span", None, say(locale.SIGN_IN, lang)),
        )
    )
    return el(
        "header",
        {"class": "public-head"},
        el(
            "div",
            {"class": "public-bar"},
            brand(district, lang=lang),
            el("nav", {"class": "public-nav", "aria-label": say(locale.MENU, lang)}, el("ul", None, *links))
            if links
            else NOTHING,
            el("div", {"class": "public-tools"}, language_switch(url, lang=lang), entry),
        ),
    )


def public_footer(
    district: Text, words: Text = "", links: Sequence[Link] = (), *, lang: str = "zh"
) -> Markup:
    """The foot of a public page."""
    items = [el("a", {"href": x.href}, say(x.label, lang)) for x in links]
    return el(
        "footer",
        {"class": "public-foot"},
        el(
            "div",
            {"class": "public-bar"},
            el("p", None, say(district, lang), " · " if district else "", say(locale.PRODUCT, lang)),
            el("p", None, say(words, lang)) if words else NOTHING,
            el("p", {"class": "foot-links"}, *items) if items else NOTHING,
        ),
    )


def desk_nav(nav: Sequence[NavEntry], *, lang: str = "zh") -> Markup:
    """The desk's navigation by role: left on a desk, along the bottom on a phone."""
    items = []
    for link in map(as_link, nav):
        count = el("span", {"class": "nav-count"}, f"{link.count:,}") if link.count is not None else NOTHING
        items.append(
            el(
                "li",
                None,
                el(
                    "a",
                    {
                        "href": link.href,
                        "aria-current": "page" if link.active else None,
                        "data-key": link.key or None,
                    },
                    icon(link.icon or "list"),
                    el("span", {"class": "nav-label"}, say(link.label, lang)),
                    count,
                ),
            )
        )
    return el("nav", {"class": "desk-nav", "aria-label": say(locale.MENU, lang)}, el("ul", None, *items))


def desk_header(
    district: Text,
    title: Text,
    *,
    url: str,
    person: Person | None = None,
    csrf: str = "",
    theme: str = "light",
    sign_out_action: str = "/sign-out",
    live: bool = False,
    lang: str = "zh",
) -> Markup:
    """The head of a desk page: mark, title, whether it is live, theme, language, keys, who is at work."""
    who = NOTHING
    if person:
        roles = " · ".join(say(r, lang) for r in person.roles)
        who = el(
            "details",
            {"class": "menu"},
            el(
                "summary",
                None,
                icon("person", size=18),
                el("span", {"class": "menu-name"}, person.name),
                icon("chevron-down", size=14),
            ),
            el(
                "div",
                {"class": "menu-box"},
                el("p", {"class": "menu-who"}, el("strong", None, person.name), el("span", None, roles)),
                el(
                    "form",
                    {"method": "post", "action": sign_out_action},
                    csrf_field(csrf),
                    button(locale.SIGN_OUT, kind="quiet", icon_name="sign-out", lang=lang),
                ),
            ),
        )
    other = "light" if theme == "dark" else "dark"
    theme_words = say(locale.LIGHT if theme == "dark" else locale.DARK, lang)
    return el(
        "header",
        {"class": "desk-head"},
        brand(district, href="/desk", lang=lang),
        el("p", {"class": "desk-title"}, say(title, lang)),
        live_sign(lang=lang) if live else NOTHING,
        el(
            "div",
            {"class": "desk-tools"},
            el(
                "a",
                {"class": "tool", "href": _with_query(url, "theme", other), "title": theme_words},
                icon("sun" if theme == "dark" else "moon", size=18),
                el("span", {"class": "sr-only"}, theme_words),
            ),
            language_switch(url, lang=lang),
            el(
                "button",
                {
                    "class": "tool needs-js",
                    "type": "button",
                    "data-open": "key-help",
                    "title": say(locale.KEYS, lang),
                },
                icon("keyboard", size=18),
                el("span", {"class": "sr-only"}, say(locale.KEYS, lang)),
            ),
            who,
        ),
    )


def _with_query(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k != name]
    return f"{parts.path}?{urlencode([*query, (name, value)])}"


def key_help(keys: Sequence[tuple[str, Text]] = (), *, lang: str = "zh") -> Markup:
    """The dialog behind the question mark: what each key does, and the switch that turns single keys off."""
    standing: list[tuple[str, Label]] = [
        ("J", locale.KEY_NEXT),
        ("K", locale.KEY_PREVIOUS),
        ("Enter", locale.KEY_OPEN),
        ("/", locale.KEY_SEARCH),
        ("Esc", locale.KEY_CLOSE),
        ("?", locale.KEY_HELP),
    ]
    rows = [
        el("div", None, el("dt", None, el("kbd", {"class": "key"}, cap)), el("dd", None, say(words, lang)))
        for cap, words in [*keys, *standing]
    ]
    return el(
        "dialog",
        {"class": "dialog", "id": "key-help", "aria-labelledby": "key-help-title"},
        el(
            "div",
            {"class": "dialog-head"},
            el("h2", {"id": "key-help-title"}, say(locale.KEYS, lang)),
            el(
                "button",
                {"class": "btn btn-quiet btn-icon", "type": "button", "data-close": "dialog"},
                icon("cross"),
                el("span", {"class": "sr-only"}, say(locale.CLOSE, lang)),
            ),
        ),
        el("dl", {"class": "keys", "data-keys": True}, *rows),
        el(
            "label",
            {"class": "radio"},
            void("input", {"type": "checkbox", "data-keys-on": True, "checked": True}),
            el("span", None, say(locale.KEYS_ON, lang)),
        ),
    )


def live_sign(*, lang: str = "zh") -> Markup:
    """Whether the page hears of changes: live.js turns it."""
    return el(
        "span",
        {"class": "live", "data-live": "off", "role": "status", "hidden": True},
        el("span", {"class": "live-dot", "aria-hidden": "true"}),
        el("span", {"class": "live-on"}, say(locale.LIVE, lang)),
        el("span", {"class": "live-off"}, say(locale.LIVE_LOST, lang)),
    )


def live_region(url: str, *inside: Markup, region_id: str = "", lang: str = "zh") -> Markup:
    """Part of a page that listens to server-sent events at `url` (htmx's own extension).

    Named events become DOM events on this element, so a piece inside says
    `hx-get="..." hx-trigger="case from:body"`. Messages without a name are swapped:
    send `<hx-partial hx-target="#row-1" hx-swap="outerHTML">...</hx-partial>`. After a break the browser
    asks again with `Last-Event-ID`; put the sequence number the page was drawn at into `url`
    (`?after=1234`).
    """
    return el(
        "div",
        {"class": "live-region", "id": region_id or None, "data-live-region": True, "hx-sse:connect": url},
        *inside,
        lang=lang,
    )


def panel(*inside: Markup, label: Text, panel_id: str = "panel", lang: str = "zh") -> Markup:
    """The place where a queue row or a map point opens."""
    return el(
        "section", {"class": "panel", "id": panel_id, "aria-label": say(label, lang), "tabindex": -1}, *inside
    )


def split(queue: Markup, beside: Markup, inside: Markup = NOTHING, *, wide_queue: bool = False) -> Markup:
    """A desk's main area: queue, map beside it, and the panel; one under another on a phone."""
    return el(
        "div",
        {"class": classes("split", wide_queue and "split-wide", bool(inside) and "split-three")},
        el("div", {"class": "split-queue"}, queue),
        el("div", {"class": "split-beside"}, beside),
        el("div", {"class": "split-panel"}, inside) if inside else NOTHING,
    )


def page_title(
    title: Text, *, lead: Text = "", marks: Sequence[Markup] = (), actions: Markup = NOTHING, lang: str = "zh"
) -> Markup:
    """The heading of a page with its marks, one sentence, and the actions on its right."""
    return el(
        "div",
        {"class": "page-title"},
        el(
            "div",
            None,
            el("h1", None, say(title, lang)),
            el("div", {"class": "chips"}, *marks) if marks else NOTHING,
            el("p", {"class": "lead"}, say(lead, lang)) if lead else NOTHING,
        ),
        actions,
    )


def action_bar(*buttons: Markup, label: Text, lang: str = "zh") -> Markup:
    """The actions of a case: at the foot of its panel on a desk, fixed under the thumb on a phone."""
    attributes: dict[str, Value] = {"class": "action-bar", "role": "group", "aria-label": say(label, lang)}
    return el("div", attributes, join(buttons))
