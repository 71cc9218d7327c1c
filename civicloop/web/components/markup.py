"""Elements from plain values; whatever is not already markup is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from markupsafe import Markup, escape

from civicloop.kernel.label import Label

Text = str | Label
"""What a component shows: a label speaks the page's language, a plain string is shown as it is."""

Value = str | int | float | bool | None
Attributes = Mapping[str, Value]
Child = str | Label | None

__all__ = [
    "NOTHING",
    "Attributes",
    "Child",
    "Markup",
    "Text",
    "Value",
    "classes",
    "el",
    "join",
    "say",
    "void",
]

NOTHING = Markup("")
_SPECIAL = re.compile("[&<>\"']").search


def el(name: str, attributes: Attributes | None = None, *children: Child, lang: str = "zh") -> Markup:
    """One element; an attribute that is None or False is left out, one that is True stands bare."""
    return _safe(f"<{name}{_written(attributes)}>{_inside(children, lang)}</{name}>")


def void(name: str, attributes: Attributes | None = None) -> Markup:
    """One element that has no inside (`input`, `img`, `path`); the slash closes it inside an SVG."""
    return _safe(f"<{name}{_written(attributes)}/>")


def join(parts: Iterable[Child], *, lang: str = "zh") -> Markup:
    """Pieces one after another, each escaped unless it is markup."""
    return _safe(_inside(parts, lang))


def say(text: Text, lang: str) -> str:
    """The words of `text` in `lang`; markup stays markup."""
    return text.text(lang) if isinstance(text, Label) else text


def classes(*names: str | bool | None) -> str | None:
    """Class names joined; None when there are none."""
    kept = " ".join(n for n in names if isinstance(n, str) and n)
    return kept or None


def _safe(text: str) -> Markup:
    # Markup's own constructor looks for __html__ first; a queue of rows makes thousands of these.
    return str.__new__(Markup, text)


def _escaped(text: str) -> str:
    # Most texts have nothing to escape; finding that out is a third of the price of escaping them.
    return escape(text) if _SPECIAL(text) else text


def _written(attributes: Attributes | None) -> str:
    if not attributes:
        return ""
    parts: list[str] = []
    for name, value in attributes.items():
        if type(value) is str:
            parts.append(f' {name}="{escape(value) if _SPECIAL(value) else value}"')
        elif value is None or value is False:
            continue
        elif value is True:
            parts.append(f" {name}")
        else:
            # A value that is markup (a title drawn by a component) is text here, so it is escaped as text.
            parts.append(f' {name}="{_escaped(str(value))}"')
    return "".join(parts)


def _inside(children: Iterable[Child], lang: str) -> str:
    parts: list[str] = []
    for child in children:
        if type(child) is Markup:
            parts.append(child)
        elif child is not None:
            text = child.text(lang) if isinstance(child, Label) else child
            parts.append(text if isinstance(text, Markup) else _escaped(text))
    return "".join(parts)
