"""What one case shows: its place in the process, its history, its proof, its row in a queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from civicloop.web import locale
from civicloop.web.components.basics import Tone, tag
from civicloop.web.components.icons import icon
from civicloop.web.components.markup import NOTHING, Text, Value, classes, el, join, say, void

FEW_STEPS: Final = 9
"""So many states still stand side by side on a phone."""

_DOT: Final = Markup('<span class="row-dot" aria-hidden="true">·</span>')


class Picture(NamedTuple):
    """A photograph: where it lies, what it shows (read out), when it was taken, its full size."""

    src: str
    alt: Text
    when: Text = ""
    href: str = ""


class Moment(NamedTuple):
    """One row of a history: who did what, when, with which proof."""

    who: Text
    what: Text
    when: Text
    note: Text = ""
    pictures: tuple[Picture, ...] = ()
    proof: Text = ""
    proof_href: str = ""
    tone: Tone = "plain"
    instant: str = ""


class Step(NamedTuple):
    """One state of a process as the reader meets it; `at` says when it was reached."""

    label: Text
    where: Literal["done", "here", "ahead", "skipped"]
    at: Text = ""


def photo(picture: Picture, *, caption: Text = "", lang: str = "zh") -> Markup:
    """A photograph with its caption, a link to the full size when there is one."""
    image: Markup = void(
        "img",
        {"src": picture.src, "alt": say(picture.alt, lang), "loading": "lazy", "decoding": "async"},
    )
    if picture.href:
        image = el("a", {"href": picture.href}, image)
    words = [w for w in (say(caption, lang), say(picture.when, lang)) if w]
    under = el("figcaption", None, *(el("span", None, w) for w in words)) if words else NOTHING
    return el("figure", {"class": "photo"}, image, under)


def evidence_pair(before: Picture | None, after: Picture | None, *, lang: str = "zh") -> Markup:
    """Before and after: two pictures side by side, and under one slider where evidence.js runs."""

    def side(picture: Picture | None, caption: Text, name: str) -> Markup:
        if picture is None:
            inside: Markup = el(
                "div", {"class": "no-picture"}, icon("camera", size=28), say(locale.NO_PICTURE, lang)
            )
            return el(
                "figure",
                {"class": f"pair-side pair-{name}"},
                inside,
                el("figcaption", None, say(caption, lang)),
            )
        return photo_side(picture, caption, name, lang)

    both = before is not None and after is not None
    slider = NOTHING
    if both:
        slider = el(
            "label",
            {"class": "pair-slider", "hidden": True},
            el("span", {"class": "sr-only"}, say(locale.DRAG_TO_COMPARE, lang)),
            void("input", {"type": "range", "min": 0, "max": 100, "value": 50, "step": 1}),
        )
    return el(
        "div",
        {"class": "pair", "data-island": "evidence" if both else None},
        el(
            "div",
            {"class": "pair-stage"},
            side(before, locale.BEFORE, "before"),
            side(after, locale.AFTER, "after"),
        ),
        slider,
    )


def photo_side(picture: Picture, caption: Text, name: str, lang: str) -> Markup:
    """One half of an evidence pair."""
    image: Markup = void("img", {"src": picture.src, "alt": say(picture.alt, lang), "decoding": "async"})
    if picture.href:
        image = el("a", {"href": picture.href}, image)
    when = el("time", None, say(picture.when, lang)) if picture.when else NOTHING
    return el(
        "figure",
        {"class": f"pair-side pair-{name}"},
        image,
        el("figcaption", None, el("strong", None, say(caption, lang)), when),
    )


def timeline(rows: Sequence[Moment], *, label: Text = locale.HISTORY, lang: str = "zh") -> Markup:
    """A history, newest first or oldest first as given: who, what, when, proof."""
    items = []
    for row in rows:
        when = say(row.when, lang)
        proof = NOTHING
        if row.proof:
            words = join((icon("shield", size=14), say(row.proof, lang)))
            proof = (
                el("a", {"class": "proof", "href": row.proof_href}, words)
                if row.proof_href
                else el("span", {"class": "proof"}, words)
            )
        pictures = (
            el("div", {"class": "moment-pictures"}, *(photo(p, lang=lang) for p in row.pictures))
            if row.pictures
            else NOTHING
        )
        items.append(
            el(
                "li",
                {"class": f"moment moment-{row.tone}"},
                el("span", {"class": "moment-dot", "aria-hidden": "true"}),
                el(
                    "div",
                    {"class": "moment-head"},
                    el("strong", None, say(row.what, lang)),
                    el("span", {"class": "moment-who"}, say(row.who, lang)),
                    el("time", {"datetime": row.instant or None}, when),
                ),
                el("p", {"class": "moment-note"}, say(row.note, lang)) if row.note else NOTHING,
                pictures,
                proof,
            )
        )
    return el("ol", {"class": "timeline", "aria-label": say(label, lang)}, *items)


def stepper(steps: Sequence[Step], *, label: Text = locale.PROCESS, lang: str = "zh") -> Markup:
    """The states of a process in their usual order, with "you are here"; upright where it is narrow."""
    spoken = {
        "done": locale.DONE,
        "here": locale.YOU_ARE_HERE,
        "ahead": locale.AHEAD,
        "skipped": locale.SKIPPED,
    }
    items = [
        el(
            "li",
            {"class": f"step step-{step.where}", "aria-current": "step" if step.where == "here" else None},
            el("span", {"class": "step-mark"}, icon("check", size=14) if step.where == "done" else NOTHING),
            el(
                "span",
                {"class": "step-words"},
                el("span", {"class": "step-label"}, say(step.label, lang)),
                el("span", {"class": "sr-only"}, " ", say(spoken[step.where], lang)),
                el("span", {"class": "step-at"}, say(step.at, lang)) if step.at else NOTHING,
            ),
        )
        for step in steps
    ]
    few = len(steps) <= FEW_STEPS
    return el(
        "div",
        {"class": classes("stepper", few and "stepper-few")},
        el("ol", {"aria-label": say(label, lang)}, *items),
    )


def queue_row(
    href: str,
    title: Text,
    *,
    clock: Markup = NOTHING,
    state: Text = "",
    state_tone: Tone = "plain",
    meta: Sequence[Text] = (),
    marks: Sequence[Markup] = (),
    picture: Picture | None = None,
    select_name: str = "",
    select_value: str = "",
    active: bool = False,
    changed: bool = False,
    row_id: str = "",
    target: str = "#panel",
    push: bool = True,
    lang: str = "zh",
) -> Markup:
    """One case in a queue: clock, what it is, where and since when, its state; opens into `target`.

    Without JavaScript the link opens the case's page. `changed` lets it shine once after a live update.
    `select_name` adds a check box for bulk actions.
    """
    link: dict[str, Value] = {
        "class": "row-link",
        "href": href,
        "aria-current": "true" if active else None,
    }
    if target:
        link |= {"hx-get": href, "hx-target": target, "hx-push-url": "true" if push else None}
    words = say(title, lang)
    described = _DOT.join([el("span", None, say(piece, lang)) for piece in meta])
    box = (
        el(
            "label",
            {"class": "row-select"},
            void("input", {"type": "checkbox", "name": select_name, "value": select_value}),
            el("span", {"class": "sr-only"}, words),
        )
        if select_name
        else NOTHING
    )
    thumb = (
        void(
            "img",
            {"class": "row-picture", "src": picture.src, "alt": say(picture.alt, lang), "loading": "lazy"},
        )
        if picture
        else NOTHING
    )
    return el(
        "li",
        {
            "class": classes("row", active and "row-active", changed and "just-changed"),
            "id": row_id or None,
            "data-row": True,
        },
        box,
        el("span", {"class": "row-clock"}, clock) if clock else NOTHING,
        el(
            "div",
            {"class": "row-words"},
            el("a", link, words),
            el("div", {"class": "row-meta"}, described) if described else NOTHING,
        ),
        el(
            "div",
            {"class": "row-marks"},
            *marks,
            tag(state, tone=state_tone, lang=lang) if state else NOTHING,
        ),
        thumb,
    )


def queue(*rows: Markup, label: Text, queue_id: str = "queue", lang: str = "zh") -> Markup:
    """The list of queue rows; j and k move in it, Enter opens (keys.js)."""
    return el(
        "ol", {"class": "queue", "id": queue_id, "data-queue": True, "aria-label": say(label, lang)}, *rows
    )
