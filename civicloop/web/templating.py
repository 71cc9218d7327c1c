"""Pages from templates: one Jinja environment, the reader's language and theme, whole pages and fragments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from civicloop.kernel.label import Label
from civicloop.web import components, locale

HERE: Final = Path(__file__).resolve().parent
A_YEAR: Final = 365 * 24 * 3600

# htmx 4: no injected style sheet (ours has the classes), only its own SSE extension, and going back re-loads
# the page at its URL, so that maps and charts come up as on a first visit. No settling: it would carry style
# attributes over from what was there, which the policy refuses.
HTMX_CONFIG: Final = msgspec.json.encode(
    {
        "includeIndicatorCSS": False,
        "extensions": "sse",
        "history": "reload",
        "defaultTimeout": 20_000,
        "defaultSettleDelay": 0,
    }
).decode()


def language_of(request: Request) -> str:
    """The reader's language: `?lang=`, else the cookie of an earlier choice, else Chinese."""
    asked = request.query_params.get("lang") or request.cookies.get("lang")
    return "en" if asked == "en" else "zh"


def theme_of(request: Request) -> str:
    """The reader's theme: `?theme=`, else the cookie, else light; a wall asks for dark in its URL."""
    asked = request.query_params.get("theme") or request.cookies.get("theme")
    return "dark" if asked == "dark" else "light"


def wants_fragment(request: Request) -> bool:
    """Whether htmx asks for the block `main` alone (it says "full" when it replaces the body or selects)."""
    return (
        request.headers.get("hx-request") == "true"
        and request.headers.get("hx-request-type", "partial") != "full"
        and request.headers.get("hx-history-restore-request") != "true"
    )


class Speaking:
    """The components with `lang` filled in: the `ui` of templates."""

    def __init__(self, lang: str) -> None:
        self._lang = lang

    def __getattr__(self, name: str) -> Any:
        part = getattr(components, name)
        return partial(part, lang=self._lang) if name in _SPEAKING else part


_SPEAKING: Final = frozenset(
    name
    for name in components.__all__
    if inspect.isfunction(getattr(components, name))
    and "lang" in inspect.signature(getattr(components, name)).parameters
)


class Templates:
    """Templates of the web room and of the loops (`"street/case.html"`), rendered for one reader."""

    def __init__(self, loops: Mapping[str, Path] | None = None) -> None:
        """`loops` gives each loop's folder of page templates by its name."""
        own = jinja2.FileSystemLoader(HERE / "templates")
        of_loops = jinja2.PrefixLoader(
            {name: jinja2.FileSystemLoader(folder) for name, folder in (loops or {}).items()}
        )
        self.environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader([own, of_loops]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(words=locale, htmx_config=HTMX_CONFIG)

    def page(
        self,
        request: Request,
        name: str,
        context: Mapping[str, object] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """The whole page, or for htmx the block `main` of the same template with the page's title.

        `context` may give title, district, person, nav, csrf, keys, theme, footer and whatever the template
        names; what is not given has an empty default. A choice of language or theme in the URL is kept.
        """
        lang, theme = language_of(request), theme_of(request)
        url = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        body = self.render(
            name, {"url": url, "theme": theme, **(context or {})}, lang, wants_fragment(request)
        )
        response = HTMLResponse(
            body,
            status_code=status,
            headers={"Content-Language": "en" if lang == "en" else "zh-CN", "Vary": "HX-Request, Cookie"},
        )
        response.headers.update(headers or {})
        for choice, value in (("lang", lang), ("theme", theme)):
            if choice in request.query_params:
                response.set_cookie(choice, value, max_age=A_YEAR, path="/", samesite="lax", httponly=True)
        return response

    def render(self, name: str, context: Mapping[str, object], lang: str, fragment: bool = False) -> str:
        """The text of a page without a request: for mail, tests and the gallery."""
        filled = {**_defaults(lang), **context}
        template = self.environment.get_template(name)
        if not fragment:
            return template.render(filled)
        inside = "".join(template.blocks["main"](template.new_context(filled)))
        title = filled["title"]
        spoken = title.text(lang) if isinstance(title, Label) else str(title)
        return f"<title>{Markup.escape(spoken)}</title>{inside}" if spoken else inside


def _defaults(lang: str) -> dict[str, object]:
    speak: Callable[[components.Text], str] = partial(components.say, lang=lang)
    return {
        "lang": lang,
        "t": speak,
        "ui": Speaking(lang),
        "person": None,
        "nav": (),
        "title": "",
        "district": "",
        "csrf": "",
        "url": "/",
        "theme": "light",
        "keys": (),
        "live": False,
        "footer": "",
        "footer_links": (),
        "sign_in_href": "/sign-in",
        "sign_out_action": "/sign-out",
        "desk_href": "/desk",
        "wall": False,
    }
