"""Small pieces every page uses: buttons, tags, notices, empty states, breadcrumbs, tabs, pagers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from civicloop.web import locale
from civicloop.web.components.icons import icon
from civicloop.web.components.markup import NOTHING, Attributes, Text, Value, classes, el, say, void

Tone = Literal["plain", "good", "warn", "bad", "cool", "teal"]


@dataclass(frozen=True, slots=True)
class Link:
    """A place to go: `href` and its words; `active` is where we are."""

    href: str
    label: Text
    active: bool = False
    icon: str = ""
    count: int | None = None
    key: str = ""


def csrf_field(token: str) -> Markup:
    """The hidden field every POST form carries."""
    return void("input", {"type": "hidden", "name": "csrf", "value": token})


def key_hint(key: str) -> Markup:
    """A key cap beside what the key does; read out by the control's own label."""
    return el("kbd", {"class": "key", "aria-hidden": "true"}, key.upper() if len(key) == 1 else key)


def button(
    label: Text,
    *,
    kind: Literal["primary", "secondary", "quiet", "danger"] = "secondary",
    href: str | None = None,
    name: str | None = None,
    value: str | None = None,
    key: str = "",
    icon_name: str = "",
    large: bool = False,
    disabled: bool = False,
    type_: Literal["submit", "button"] = "submit",
    attributes: Attributes | None = None,
    lang: str = "zh",
) -> Markup:
    """A button, or with `href` a link that looks like one; `key` presses it from the keyboard (keys.js)."""
    shared: dict[str, Value] = {
        "class": classes("btn", f"btn-{kind}", large and "btn-large"),
        "data-key": key or None,
        "aria-keyshortcuts": key or None,
        **(attributes or {}),
    }
    inside = (
        icon(icon_name, size=22 if large else 18) if icon_name else NOTHING,
        el("span", None, say(label, lang)),
        key_hint(key) if key else NOTHING,
    )
    if href is not None:
        return el("a", {"href": href, **shared}, *inside)
    return el(
        "button", {"type": type_, "name": name, "value": value, "disabled": disabled, **shared}, *inside
    )


def button_row(*buttons: Markup) -> Markup:
    """Buttons side by side, one under another on a phone."""
    return el("div", {"class": "btn-row"}, *buttons)


def tag(text: Text, *, tone: Tone = "plain", icon_name: str = "", lang: str = "zh") -> Markup:
    """A short mark beside a title: a state, a source, a kind."""
    return el(
        "span",
        {"class": f"tag tag-{tone}"},
        icon(icon_name, size=14) if icon_name else NOTHING,
        say(text, lang),
    )


def badge(count: int, *, tone: Tone = "plain", label: Text = "", lang: str = "zh") -> Markup:
    """A count in a round mark; `label` says to a screen reader what is counted."""
    hidden = el("span", {"class": "sr-only"}, " ", say(label, lang)) if label else NOTHING
    return el("span", {"class": f"badge badge-{tone}"}, f"{count:,}", hidden)


def synthetic_mark(*, lang: str = "zh") -> Markup:
    """The permanent mark on whatever is made up."""
    return el(
        "span", {"class": "synthetic", "title": say(locale.SYNTHETIC_HINT, lang)}, say(locale.SYNTHETIC, lang)
    )


def notice(
    text: Text,
    *,
    tone: Literal["info", "success", "warning", "error"] = "info",
    title: Text = "",
    action: Link | None = None,
    lang: str = "zh",
) -> Markup:
    """Something the page says once: it worked, mind this; it stays until the next page."""
    picture = {"info": "help", "success": "check", "warning": "alert", "error": "alert"}[tone]
    spoken = {
        "info": locale.NOTICE,
        "success": locale.SUCCESS,
        "warning": locale.WARNING,
        "error": locale.WARNING,
    }[tone]
    return el(
        "div",
        {"class": f"notice notice-{tone}", "role": "alert" if tone == "error" else "status"},
        icon(picture),
        el(
            "div",
            {"class": "notice-text"},
            el("strong", None, say(title, lang))
            if title
            else el("span", {"class": "sr-only"}, say(spoken, lang), " "),
            el("p", None, say(text, lang)),
            el("a", {"href": action.href}, say(action.label, lang)) if action else NOTHING,
        ),
    )


def toast(text: Text, *, tone: Literal["success", "error"] = "success", lang: str = "zh") -> Markup:
    """A short word after a change on a live page: an out-of-band piece for the shell's `#toasts`."""
    return el(
        "div",
        {"hx-swap-oob": "beforeend:#toasts"},
        el(
            "div",
            {"class": f"toast toast-{tone}", "data-toast": True},
            icon("check" if tone == "success" else "alert", size=18),
            el("span", None, say(text, lang)),
        ),
    )


def empty_state(
    title: Text, text: Text, *, actions: Sequence[Link] = (), icon_name: str = "inbox", lang: str = "zh"
) -> Markup:
    """Nothing here, and what to do next."""
    links = [
        button(a.label, href=a.href, kind="primary" if i == 0 else "secondary", icon_name=a.icon, lang=lang)
        for i, a in enumerate(actions)
    ]
    return el(
        "div",
        {"class": "empty"},
        el("span", {"class": "empty-picture"}, icon(icon_name, size=28)),
        el("p", {"class": "empty-title"}, say(title, lang)),
        el("p", {"class": "empty-text"}, say(text, lang)),
        button_row(*links) if links else NOTHING,
    )


def breadcrumbs(links: Sequence[Link], *, lang: str = "zh") -> Markup:
    """The way down to this page; the last one is where we are."""
    items = [
        el(
            "li",
            None,
            el("span", {"aria-current": "page"}, say(link.label, lang))
            if i == len(links) - 1
            else el("a", {"href": link.href}, say(link.label, lang)),
        )
        for i, link in enumerate(links)
    ]
    return el("nav", {"class": "crumbs", "aria-label": say(locale.PATH, lang)}, el("ol", None, *items))


def tabs(links: Sequence[Link], *, label: Text, target: str = "", lang: str = "zh") -> Markup:
    """Links over one area, each a page at its URL; with `target` htmx loads only that area."""
    items = []
    for link in links:
        count = el("span", {"class": "tab-count"}, f"{link.count:,}") if link.count is not None else NOTHING
        attributes: dict[str, Value] = {
            "href": link.href,
            "aria-current": "page" if link.active else None,
            "data-key": link.key or None,
        }
        if target:
            attributes |= {"hx-get": link.href, "hx-target": target, "hx-push-url": "true"}
        items.append(el("li", None, el("a", attributes, say(link.label, lang), count)))
    return el("nav", {"class": "tabs", "aria-label": say(label, lang)}, el("ul", None, *items))


def pager(
    *,
    page: int,
    pages: int,
    previous_href: str | None,
    next_href: str | None,
    target: str = "",
    lang: str = "zh",
) -> Markup:
    """Previous and next, and where we are; nothing when there is one page."""
    if pages <= 1:
        return NOTHING

    def step(href: str | None, label: Text, picture: str, rel: str) -> Markup:
        if href is None:
            return el("span", {"class": "btn btn-secondary is-off"}, icon(picture, size=18), say(label, lang))
        attributes: dict[str, Value] = {"class": "btn btn-secondary", "href": href, "rel": rel}
        if target:
            attributes |= {"hx-get": href, "hx-target": target, "hx-push-url": "true"}
        return el("a", attributes, icon(picture, size=18), say(label, lang))

    return el(
        "nav",
        {"class": "pager", "aria-label": say(locale.PAGES, lang)},
        step(previous_href, locale.PREVIOUS, "arrow-left", "prev"),
        el(
            "span",
            {"class": "pager-where"},
            say(locale.PAGE_OF, lang).format(page=f"{page:,}", pages=f"{pages:,}"),
        ),
        step(next_href, locale.NEXT, "arrow-right", "next"),
    )


def door(
    href: str, title: Text, text: Text, *, icon_name: str, primary: bool = False, lang: str = "zh"
) -> Markup:
    """One large way in on a public page: a picture, what it does, one line more."""
    return el(
        "a",
        {"class": classes("door", primary and "door-primary"), "href": href},
        el("span", {"class": "door-picture"}, icon(icon_name, size=28)),
        el(
            "span",
            {"class": "door-words"},
            el("strong", None, say(title, lang)),
            el("span", None, say(text, lang)),
        ),
        icon("arrow-right"),
    )


def link(href: str, words: Text, *, lang: str = "zh") -> Markup:
    """A plain link."""
    return el("a", {"href": href}, say(words, lang))


def facts(pairs: Sequence[tuple[Text, Text]], *, lang: str = "zh") -> Markup:
    """Names and values of one thing, in two columns; an empty value is shown as a dash."""
    rows = [
        el("div", None, el("dt", None, say(name, lang)), el("dd", None, say(value, lang) or "—"))
        for name, value in pairs
    ]
    return el("dl", {"class": "facts"}, *rows)


def card(
    *children: Markup, title: Text = "", actions: Markup = NOTHING, flush: bool = False, lang: str = "zh"
) -> Markup:
    """A plain surface with a heading; `flush` lets its content touch the edges (tables, queues)."""
    head = (
        el("header", {"class": "card-head"}, el("h2", None, say(title, lang)), actions)
        if title or actions
        else NOTHING
    )
    return el(
        "section",
        {"class": classes("card", flush and "card-flush")},
        head,
        el("div", {"class": "card-body"}, *children),
    )
