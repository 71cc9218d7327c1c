"""Running clocks: the time used against a limit, as a ring, a chip and words."""

from __future__ import annotations

from typing import Final, Literal

from markupsafe import Markup

from civicloop.kernel.label import Label
from civicloop.kernel.time.clock import DAY, HOUR, MINUTE, Instant
from civicloop.web import locale
from civicloop.web.components.markup import NOTHING, Text, classes, el, say

Status = Literal["on_time", "due_soon", "breached", "paused", "met", "missed"]

STATUS_LABELS: Final[dict[str, Label]] = {
    "on_time": locale.ON_TIME,
    "due_soon": locale.DUE_SOON,
    "breached": locale.BREACHED,
    "paused": locale.PAUSED,
    "met": locale.MET,
    "missed": locale.MISSED,
}

# Each status has a shape of its own, so that it is known without its colour (16 units square).
_SHAPES: Final[dict[str, str]] = {
    "on_time": '<circle cx="8" cy="8" r="5"/>',
    "due_soon": '<path d="M8 2.2 14.6 13.6H1.4z"/>',
    "breached": '<path d="M8 .8 15.2 8 8 15.2.8 8z"/><path class="shape-cut" d="M8 4.6v4.2M8 10.6v1"/>',
    "paused": '<path d="M3.6 3h3v10h-3zM9.4 3h3v10h-3z"/>',
    "met": '<path class="shape-line" d="m2.8 8.6 3.5 3.4 7-7.6"/>',
    "missed": '<path class="shape-line" d="m3.6 3.6 8.8 8.8M12.4 3.6l-8.8 8.8"/>',
}


def clock_shape(status: Status, *, size: int = 12) -> Markup:
    """The shape of one clock status, silent: the word stands beside it."""
    return Markup(
        f'<svg class="shape shape-{status}" viewBox="0 0 16 16" width="{size}" height="{size}" '
        f'aria-hidden="true" focusable="false">{_SHAPES[status]}</svg>'
    )


def duration_text(span: int, *, lang: str = "zh") -> str:
    """A span of microseconds in at most two units: 1小时12分 / 1 h 12 min; under a minute 0分 / 0 min."""
    minutes = abs(span) // MINUTE
    days, hours, rest = (
        minutes // (DAY // MINUTE),
        minutes % (DAY // MINUTE) // (HOUR // MINUTE),
        minutes % 60,
    )
    if lang == "en":
        pairs = ((days, " d"), (hours, " h"), (rest, " min"))
        glue = " "
    else:
        pairs = ((days, "天"), (hours, "小时"), (rest, "分"))
        glue = ""
    if days:
        shown = [f"{n}{unit}" for n, unit in pairs[:2] if n]
    else:
        shown = [f"{n}{unit}" for n, unit in pairs[1:] if n] or [f"0{pairs[2][1]}"]
    return glue.join(shown)


def left_text(status: Status, left: int | None, *, lang: str = "zh") -> str:
    """What stands beside a clock: time left, time over, or the name of its rest."""
    if status == "paused" or left is None or status in ("met", "missed"):
        return say(STATUS_LABELS[status], lang)
    words = locale.OVER if left < 0 else locale.LEFT
    return say(words, lang).format(time=duration_text(left, lang=lang))


def clock_ring(
    status: Status,
    used_fraction: float,
    label: Text,
    due_text: Text,
    *,
    now_at: Instant | None = None,
    due_at: Instant | None = None,
    size: Literal["small", "medium", "large"] = "medium",
    lang: str = "zh",
) -> Markup:
    """A ring that fills as the limit is used up, its shape inside, its words beside.

    `used_fraction` is the limit's own measure (working time where its calendar says so), 1 and more is over.
    With `now_at` (the district's now) and `due_at` ring.js lets it run; a paused or ended clock stands still.
    `due_text` is said when the clock cannot run ("今日 16:30 到期"); the status is always said in words.
    """
    running = status in ("on_time", "due_soon", "breached") and now_at is not None and due_at is not None
    used = min(max(used_fraction, 0.0), 1.0)
    left = due_at - now_at if due_at is not None and now_at is not None else None
    span = left_text(status, left, lang=lang) if running else say(STATUS_LABELS[status], lang)
    attributes: dict[str, str | int | None] = {"class": f"clock clock-{status} clock-{size}"}
    if running and now_at is not None and due_at is not None:
        attributes |= {
            "data-clock": status,
            "data-now": now_at // 1000,
            "data-due": due_at // 1000,
            "data-used": f"{used_fraction:.5f}",
        }
    ring = Markup(
        '<svg class="ring" viewBox="0 0 40 40" aria-hidden="true" focusable="false">'
        '<circle class="ring-track" cx="20" cy="20" r="15.9155"/>'
        f'<circle class="ring-used" cx="20" cy="20" r="15.9155" stroke-dasharray="{used * 100:.1f} 100"'
        ' transform="rotate(-90 20 20)"/>'
        f'<g class="shape shape-{status}" transform="translate(12.8 12.8) scale(.9)">{_SHAPES[status]}</g></svg>'
    )
    hidden = (
        NOTHING
        if span == say(STATUS_LABELS[status], lang)
        else el("span", {"class": "sr-only"}, say(STATUS_LABELS[status], lang), " ")
    )
    words = el(
        "span",
        {"class": "clock-words"},
        hidden,
        el("span", {"class": "clock-left"}, span),
        el("span", {"class": "clock-label"}, say(label, lang)) if label else NOTHING,
        el("span", {"class": "clock-due"}, say(due_text, lang)) if due_text else NOTHING,
    )
    return el("span", attributes, ring, words)


def clock_chip(status: Status, text: Text = "", *, lang: str = "zh") -> Markup:
    """A status of a clock as a chip: shape, colour and word."""
    return el(
        "span",
        {"class": classes("chip", f"chip-{status}")},
        clock_shape(status),
        say(text or STATUS_LABELS[status], lang),
    )


def clock_legend(*, lang: str = "zh") -> Markup:
    """The four running statuses with their shapes, for a page that shows many clocks."""
    four: tuple[Status, ...] = ("on_time", "due_soon", "breached", "paused")
    return el("span", {"class": "chips"}, *(clock_chip(status, lang=lang) for status in four))
