"""Form fields, one for each kind of value: label, hint, error and the control, tied together by ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from markupsafe import Markup

from civicloop.web import locale
from civicloop.web.components.icons import icon
from civicloop.web.components.markup import NOTHING, Text, classes, el, say, void


class Option(NamedTuple):
    """One choice: what is sent, what is shown, one line more."""

    value: str
    label: Text
    hint: Text = ""


class Branch(NamedTuple):
    """One group of a category tree with its choices below it."""

    label: Text
    options: tuple[Option, ...]


def _described(name: str, hint: Text, error: Text) -> str | None:
    ids = [f"{name}-hint"] if hint else []
    if error:
        ids.append(f"{name}-error")
    return " ".join(ids) or None


def _around(
    name: str,
    label: Text,
    control: Markup,
    *,
    hint: Text,
    error: Text,
    required: bool,
    lang: str,
    extra: str = "",
) -> Markup:
    optional = NOTHING if required else el("span", {"class": "optional"}, say(locale.OPTIONAL, lang))
    return el(
        "div",
        {"class": classes("field", extra, bool(error) and "has-error")},
        el("label", {"class": "field-label", "for": name}, say(label, lang), optional),
        _hint(name, hint, lang),
        _error(name, error, lang),
        control,
    )


def _hint(name: str, hint: Text, lang: str) -> Markup:
    return el("p", {"class": "hint", "id": f"{name}-hint"}, say(hint, lang)) if hint else NOTHING


def _error(name: str, error: Text, lang: str) -> Markup:
    if not error:
        return NOTHING
    spoken = el("span", {"class": "sr-only"}, say(locale.ERROR, lang))
    return el("p", {"class": "error", "id": f"{name}-error"}, spoken, say(error, lang))


def _group(
    name: str,
    label: Text,
    inside: Markup,
    *,
    hint: Text,
    error: Text,
    required: bool,
    lang: str,
    extra: str = "",
) -> Markup:
    optional = NOTHING if required else el("span", {"class": "optional"}, say(locale.OPTIONAL, lang))
    return el(
        "fieldset",
        {
            "class": classes("field", extra, bool(error) and "has-error"),
            "id": name,
            "aria-describedby": _described(name, hint, error),
        },
        el("legend", {"class": "field-label"}, say(label, lang), optional),
        _hint(name, hint, lang),
        _error(name, error, lang),
        inside,
    )


def text_field(
    name: str,
    label: Text,
    *,
    value: str = "",
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    kind: Literal["text", "tel", "email", "search", "password", "url"] = "text",
    autocomplete: str | None = None,
    max_length: int | None = None,
    width: Literal["full", "half", "short"] = "full",
    lang: str = "zh",
) -> Markup:
    """One line of text; the field's id is its name."""
    control = void(
        "input",
        {
            "class": f"input input-{width}",
            "type": kind,
            "id": name,
            "name": name,
            "value": value or None,
            "required": required,
            "autocomplete": autocomplete,
            "maxlength": max_length,
            "aria-describedby": _described(name, hint, error),
            "aria-invalid": "true" if error else None,
        },
    )
    return _around(name, label, control, hint=hint, error=error, required=required, lang=lang)


def long_text_field(
    name: str,
    label: Text,
    *,
    value: str = "",
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    rows: int = 4,
    max_length: int | None = 2000,
    lang: str = "zh",
) -> Markup:
    """Several lines of text."""
    control = el(
        "textarea",
        {
            "class": "input",
            "id": name,
            "name": name,
            "rows": rows,
            "required": required,
            "maxlength": max_length,
            "aria-describedby": _described(name, hint, error),
            "aria-invalid": "true" if error else None,
        },
        value,
    )
    return _around(name, label, control, hint=hint, error=error, required=required, lang=lang)


def choice_field(
    name: str,
    label: Text,
    options: Sequence[Option],
    *,
    value: str = "",
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    style: Literal["auto", "radio", "select"] = "auto",
    lang: str = "zh",
) -> Markup:
    """One of several: radios up to five choices (large targets), a select beyond."""
    if style == "radio" or (style == "auto" and len(options) <= 5):
        items = [_radio(name, i, option, value, required, lang) for i, option in enumerate(options)]
        inside = el("div", {"class": "radios"}, *items)
        return _group(name, label, inside, hint=hint, error=error, required=required, lang=lang)
    first = el("option", {"value": ""}, say(locale.CHOOSE, lang))
    rest = [
        el("option", {"value": o.value, "selected": o.value == value}, say(o.label, lang)) for o in options
    ]
    control = el(
        "select",
        {
            "class": "input select",
            "id": name,
            "name": name,
            "required": required,
            "aria-describedby": _described(name, hint, error),
            "aria-invalid": "true" if error else None,
        },
        first,
        *rest,
    )
    return _around(name, label, control, hint=hint, error=error, required=required, lang=lang)


def _radio(name: str, index: int, option: Option, value: str, required: bool, lang: str) -> Markup:
    hint = el("span", {"class": "hint"}, say(option.hint, lang)) if option.hint else NOTHING
    return el(
        "label",
        {"class": "radio"},
        void(
            "input",
            {
                "type": "radio",
                "name": name,
                "id": f"{name}-{index + 1}",
                "value": option.value,
                "checked": option.value == value,
                "required": required,
            },
        ),
        el("span", None, el("span", {"class": "radio-label"}, say(option.label, lang)), hint),
    )


def category_field(
    name: str,
    label: Text,
    branches: Sequence[Branch],
    *,
    value: str = "",
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    lang: str = "zh",
) -> Markup:
    """A category out of a tree of two levels: groups that unfold; with JavaScript typing finds it."""
    groups = []
    index = 0
    for branch in branches:
        radios = []
        for option in branch.options:
            radios.append(_radio(name, index, option, value, required, lang))
            index += 1
        chosen = any(o.value == value for o in branch.options)
        groups.append(
            el(
                "details",
                {"class": "branch", "open": chosen or len(branches) == 1},
                el(
                    "summary",
                    None,
                    icon("chevron-right", size=16),
                    el("span", None, say(branch.label, lang)),
                    el("span", {"class": "branch-count"}, str(len(branch.options))),
                ),
                el("div", {"class": "radios radios-dense"}, *radios),
            )
        )
    find = void(
        "input",
        {
            "class": "input needs-js",
            "type": "search",
            "data-find": True,
            "placeholder": say(locale.FIND_CATEGORY, lang),
            "aria-label": say(locale.FIND_CATEGORY, lang),
            "autocomplete": "off",
        },
    )
    inside = el("div", {"class": "tree", "data-island": "tree"}, find, *groups)
    return _group(name, label, inside, hint=hint, error=error, required=required, lang=lang)


def photo_field(
    name: str,
    label: Text,
    *,
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    several: bool = False,
    camera_only: bool = False,
    limit_mb: int = 10,
    lang: str = "zh",
) -> Markup:
    """Photographs: a large target; on a phone it offers the camera, with `camera_only` nothing else."""
    control = void(
        "input",
        {
            "class": "photo-input",
            "type": "file",
            "id": name,
            "name": name,
            "accept": "image/jpeg,image/png,image/webp",
            "capture": "environment" if camera_only else None,
            "multiple": several,
            "required": required,
            "aria-describedby": f"{name}-limit"
            + (f" {_described(name, hint, error)}" if hint or error else ""),
            "aria-invalid": "true" if error else None,
        },
    )
    box = el(
        "div",
        {"class": "photo-drop", "data-island": "photo"},
        icon("camera", size=28),
        el(
            "span",
            {"class": "photo-call", "aria-hidden": "true"},
            say(locale.TAKE_PHOTO if camera_only else locale.ADD_PHOTO, lang),
        ),
        el(
            "span",
            {"class": "hint", "id": f"{name}-limit"},
            say(locale.PHOTO_HINT, lang).format(limit=limit_mb),
        ),
        control,
        el("div", {"class": "photo-previews", "aria-live": "polite"}),
    )
    return _around(
        name, label, box, hint=hint, error=error, required=required, lang=lang, extra="field-photo"
    )


def instant_field(
    name: str,
    label: Text,
    *,
    value: str = "",
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    with_time: bool = True,
    lang: str = "zh",
) -> Markup:
    """A local date and time (`2026-03-01T09:30`), or with `with_time=False` a date."""
    control = void(
        "input",
        {
            "class": "input input-half",
            "type": "datetime-local" if with_time else "date",
            "id": name,
            "name": name,
            "value": value or None,
            "required": required,
            "aria-describedby": _described(name, hint, error),
            "aria-invalid": "true" if error else None,
        },
    )
    return _around(name, label, control, hint=hint, error=error, required=required, lang=lang)


def number_field(
    name: str,
    label: Text,
    *,
    value: str = "",
    unit: Text = "",
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    decimals: bool = False,
    lang: str = "zh",
) -> Markup:
    """A number as text with its unit behind it; what was typed comes back as it was typed."""
    control = void(
        "input",
        {
            "class": "input input-number",
            "id": name,
            "name": name,
            "value": value or None,
            "inputmode": "decimal" if decimals else "numeric",
            "autocomplete": "off",
            "required": required,
            "aria-describedby": _described(name, hint, error),
            "aria-invalid": "true" if error else None,
        },
    )
    if unit:
        control = el("div", {"class": "with-unit"}, control, el("span", {"class": "unit"}, say(unit, lang)))
    return _around(name, label, control, hint=hint, error=error, required=required, lang=lang)


def amount_field(
    name: str,
    label: Text,
    *,
    value: str = "",
    unit: Text = locale.YUAN,
    hint: Text = "",
    error: Text = "",
    required: bool = True,
    lang: str = "zh",
) -> Markup:
    """An amount of money in yuan with at most two decimals, as text."""
    return number_field(
        name,
        label,
        value=value,
        unit=unit,
        hint=hint,
        error=error,
        required=required,
        decimals=True,
        lang=lang,
    )


def flag_field(
    name: str, label: Text, *, checked: bool = False, hint: Text = "", error: Text = "", lang: str = "zh"
) -> Markup:
    """Yes or no as one check box; it sends `1` when set."""
    described = _described(name, hint, error)
    return el(
        "div",
        {"class": classes("field", bool(error) and "has-error")},
        _error(name, error, lang),
        el(
            "label",
            {"class": "radio"},
            void(
                "input",
                {
                    "type": "checkbox",
                    "id": name,
                    "name": name,
                    "value": "1",
                    "checked": checked,
                    "aria-describedby": described,
                    "aria-invalid": "true" if error else None,
                },
            ),
            el(
                "span",
                None,
                el("span", {"class": "radio-label"}, say(label, lang)),
                el("span", {"class": "hint", "id": f"{name}-hint"}, say(hint, lang)) if hint else NOTHING,
            ),
        ),
    )
