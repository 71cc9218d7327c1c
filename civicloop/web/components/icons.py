"""Small pictures drawn in one hand: 24 units square, one stroke, the colour of the text around them."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

PATHS: Final[dict[str, str]] = {
    "alert": "M12 4 2.8 19.5h18.4zM12 10v4.2M12 17v.2",
    "arrow-left": "M19 12H5m6-6-6 6 6 6",
    "arrow-right": "M5 12h14m-6-6 6 6-6 6",
    "board": "M4 20V10m5.3 10V4m5.4 16v-7M20 20V7",
    "building": "M5 20.5V4h9v16.5M14 9h5v11.5M3 20.5h18M8 8h3M8 12h3M8 16h3",
    "calendar": "M4 6h16v14H4zM4 10.5h16M8.5 3.5V8m7-4.5V8",
    "camera": "M3.5 8h4l1.6-2.5h5.8L16.5 8h4v11.5h-17zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
    "check": "m4.5 12.5 5 5 10-11",
    "chevron-down": "m6 9.5 6 6 6-6",
    "chevron-right": "m9.5 6 6 6-6 6",
    "clock": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3.2 2",
    "copy": "M8.5 8.5h11v11h-11zM5 15.5H4.5v-11h11V5",
    "cross": "m6 6 12 12M18 6 6 18",
    "download": "M12 4v11m-4.5-4.5L12 15l4.5-4.5M4.5 19.5h15",
    "eye": (
        "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"
        "M12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"
    ),
    "file": "M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.5V8.5h5",
    "filter": "M4 6h16M7 12h10M10 18h4",
    "flag": "M5.5 21V4h12l-2.5 4 2.5 4h-12",
    "globe": (
        "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM3.5 12h17"
        "M12 3.5c2.5 2.5 3.5 5.3 3.5 8.5s-1 6-3.5 8.5c-2.5-2.5-3.5-5.3-3.5-8.5s1-6 3.5-8.5z"
    ),
    "help": (
        "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z"
        "M9.6 9.7a2.5 2.5 0 1 1 3.5 2.3c-.8.4-1.1.9-1.1 1.7M12 16.5v.2"
    ),
    "home": "m3.5 11.5 8.5-7.5 8.5 7.5M6 9.5v10.5h12V9.5",
    "inbox": "M4 13.5 6.5 5h11L20 13.5v6H4zM4 13.5h5l1.2 2.3h3.6L15 13.5h5",
    "keyboard": "M3 7h18v10.5H3zM6.5 10.5h.1M10 10.5h.1M13.5 10.5h.1M17 10.5h.1M7.5 14h9",
    "link": (
        "M10 14a3.5 3.5 0 0 0 5 0l3.5-3.5a3.5 3.5 0 0 0-5-5L12.5 6.5"
        "M14 10a3.5 3.5 0 0 0-5 0l-3.5 3.5a3.5 3.5 0 0 0 5 5l1-1"
    ),
    "list": "M8.5 6H20M8.5 12H20M8.5 18H20M4 6h.5M4 12h.5M4 18h.5",
    "locate": "M12 6.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM12 2.5v4M12 17.5v4M2.5 12h4M17.5 12h4",
    "map": "m3.5 6 5.5-2 6 2 5.5-2v14l-5.5 2-6-2-5.5 2zM9 4v14M15 6v14",
    "megaphone": "M4 10v4.5h3.5L17 19V5.5L7.5 10zM7.5 14.5v4.5h3v-3.2M20 10.5v3.5",
    "money": "m6.5 4 5.5 7.5L17.5 4M12 11.5V20M7 12.5h10M7 16h10",
    "moon": "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
    "more": "M5.5 12h.1M12 12h.1M18.5 12h.1",
    "pause": "M8.5 5.5v13M15.5 5.5v13",
    "person": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c.5-4 3.5-6 7.5-6s7 2 7.5 6",
    "phone": (
        "M6 3.5h3.5l1.5 4-2 1.5a11 11 0 0 0 6 6l1.5-2 4 1.5V18a2.5 2.5 0 0 1-2.5 2.5C11 20 4"
        " 13 3.5 6A2.5 2.5 0 0 1 6 3.5z"
    ),
    "pin": (
        "M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11z"
        "M12 7.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"
    ),
    "plus": "M12 5v14M5 12h14",
    "search": "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5l5 5",
    "send": "m4 11.5 16-7.5-5 16-3.5-6.5zM11.5 13.5 20 4",
    "settings": "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4",
    "shield": "M12 3.5 5 6v6c0 4.5 3 7.5 7 8.5 4-1 7-4 7-8.5V6z",
    "sign-out": "M13.5 4H5v16h8.5M9.5 12H20m-4-4 4 4-4 4",
    "sun": (
        "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2"
        "M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"
    ),
    "undo": "M8 5 4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11H9",
    "wrench": "M14.5 4.5a5 5 0 0 0-5.5 7L4 16.5V20h3.5l5-5a5 5 0 0 0 7-5.5l-3 3-3-.5-.5-3z",
}

BRAND: Final = Markup(
    '<svg class="brand-mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false">'
    '<circle cx="16" cy="16" r="15" class="brand-ground"/>'
    '<path d="M23.2 12.1A8.2 8.2 0 1 0 24.2 16" class="brand-loop"/>'
    '<path d="m12.3 16.2 2.7 2.7 8.4-8.6" class="brand-check"/></svg>'
)


def icon(name: str, *, size: int = 20) -> Markup:
    """The picture called `name`, silent to a screen reader: the words beside it say the same."""
    return Markup(
        f'<svg class="icon" viewBox="0 0 24 24" width="{size}" height="{size}" aria-hidden="true" '
        f'focusable="false"><path d="{PATHS[name]}"/></svg>'
    )
