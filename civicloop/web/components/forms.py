"""What stands around fields: the form itself, its error summary, confirmation, filters, signing in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from markupsafe import Markup

from civicloop.web import locale
from civicloop.web.components.basics import button, csrf_field
from civicloop.web.components.fields import Option, text_field
from civicloop.web.components.icons import icon
from civicloop.web.components.markup import NOTHING, Text, Value, classes, el, join, say, void


def error_summary(errors: Mapping[str, Text], *, reason: Text = "", lang: str = "zh") -> Markup:
    """What is wrong, above the form, each line a link to its field; nothing when nothing is wrong."""
    if not errors and not reason:
        return NOTHING
    items = [
        el("li", None, el("a", {"href": f"#{field}"}, say(words, lang))) for field, words in errors.items()
    ]
    return el(
        "div",
        {"class": "error-summary", "role": "alert", "tabindex": -1, "data-focus": True},
        el("h2", None, say(locale.ERRORS_TITLE, lang)),
        el("p", None, say(reason, lang)) if reason else NOTHING,
        el("ul", None, *items) if items else NOTHING,
    )


def form(
    action: str,
    *inside: Markup,
    csrf: str = "",
    method: Literal["post", "get"] = "post",
    files: bool = False,
    target: str = "",
    swap: str = "",
    form_id: str = "",
    compact: bool = False,
    lang: str = "zh",
) -> Markup:
    """A form; a POST carries its CSRF field. With `target` htmx sends it and swaps the answer there."""
    attributes: dict[str, Value] = {
        "class": classes("form", compact and "form-compact"),
        "action": action,
        "method": method,
        "enctype": "multipart/form-data" if files else None,
        "id": form_id or None,
        "novalidate": True,
    }
    if target:
        attributes |= {f"hx-{method}": action, "hx-target": target, "hx-swap": swap or None}
        attributes["hx-disable"] = "find button[type=submit]"
    return el("form", attributes, csrf_field(csrf) if method == "post" else NOTHING, *inside, lang=lang)


def confirm(
    title: Text,
    text: Text,
    action: str,
    *,
    csrf: str,
    label: Text,
    cancel_href: str,
    danger: bool = False,
    hidden: Mapping[str, str] | None = None,
    inside: Markup = NOTHING,
    lang: str = "zh",
) -> Markup:
    """One question before something that cannot be taken back: a form, so it works without JavaScript."""
    kept = join(void("input", {"type": "hidden", "name": k, "value": v}) for k, v in (hidden or {}).items())
    return el(
        "section",
        {"class": classes("confirm", danger and "confirm-danger")},
        el("h2", None, say(title, lang)),
        el("p", None, say(text, lang)),
        form(
            action,
            kept,
            inside,
            el(
                "div",
                {"class": "btn-row"},
                button(label, kind="danger" if danger else "primary", lang=lang),
                button(locale.CANCEL, href=cancel_href, kind="quiet", lang=lang),
            ),
            csrf=csrf,
        ),
    )


def filter_bar(
    action: str,
    *controls: Markup,
    query: str | None = None,
    target: str = "",
    swap: str = "",
    clear_href: str = "",
    count: int | None = None,
    lang: str = "zh",
) -> Markup:
    """Filters whose state is the URL: a GET form; with `target` it acts on change and keeps the URL."""
    attributes: dict[str, Value] = {
        "class": "filters",
        "action": action,
        "method": "get",
        "role": "search",
        "aria-label": say(locale.FILTERS, lang),
    }
    if target:
        attributes |= {
            "hx-get": action,
            "hx-target": target,
            "hx-swap": swap or None,
            "hx-push-url": "true",
            "hx-trigger": "submit, change, input changed delay:300ms target:input[type=search]",
            "hx-sync": "this:replace",
        }
    box = NOTHING
    if query is not None:
        box = el(
            "label",
            {"class": "filter-search"},
            el("span", {"class": "sr-only"}, say(locale.SEARCH, lang)),
            icon("search", size=16),
            void(
                "input",
                {
                    "class": "input",
                    "type": "search",
                    "name": "q",
                    "value": query or None,
                    "placeholder": say(locale.SEARCH, lang),
                    "data-search": True,
                },
            ),
        )
    return el(
        "form",
        attributes,
        box,
        *controls,
        el(
            "button",
            {"class": "btn btn-secondary", "type": "submit"},
            icon("filter", size=16),
            el("span", None, say(locale.APPLY, lang)),
        ),
        el("a", {"class": "filter-clear", "href": clear_href}, say(locale.CLEAR, lang))
        if clear_href
        else NOTHING,
        el(
            "span",
            {"class": "filter-count", "role": "status"},
            say(locale.RESULTS, lang).format(count=f"{count:,}"),
        )
        if count is not None
        else NOTHING,
    )


def filter_choice(
    name: str, label: Text, options: Sequence[Option], *, value: str = "", lang: str = "zh"
) -> Markup:
    """One filter as a small select; its first choice is "all" and carries the filter's name."""
    all_of_it = el("option", {"value": ""}, say(label, lang))
    rest = [
        el("option", {"value": o.value, "selected": o.value == value}, say(o.label, lang)) for o in options
    ]
    return el(
        "select",
        {
            "class": classes("input", "select", value and "is-set"),
            "name": name,
            "aria-label": say(label, lang),
        },
        all_of_it,
        *rest,
    )


def login_form(
    action: str,
    *,
    csrf: str,
    account: str = "",
    error: Text = "",
    next_href: str = "",
    other_ways: Markup = NOTHING,
    lang: str = "zh",
) -> Markup:
    """Account and password; the error never says which of the two was wrong."""
    return form(
        action,
        void("input", {"type": "hidden", "name": "next", "value": next_href}) if next_href else NOTHING,
        error_summary({"account": error} if error else {}, lang=lang),
        text_field("account", locale.ACCOUNT, value=account, autocomplete="username", lang=lang),
        text_field("password", locale.PASSWORD, kind="password", autocomplete="current-password", lang=lang),
        button(locale.SIGN_IN, kind="primary", large=True, lang=lang),
        other_ways,
        csrf=csrf,
        form_id="sign-in",
    )
