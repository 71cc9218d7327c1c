"""Who asks: the district, the actor behind the session or key, the language; made once a request."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request

from civicloop.kernel.people.permissions import may
from civicloop.kernel.people.roles import PUBLIC, Actor
from civicloop.kernel.people.sessions import csrf_of, csrf_right
from civicloop.kernel.registry.district import District
from civicloop.kernel.registry.loop import Page
from civicloop.web.templating import Templates, language_of

SESSION_COOKIE = "__Host-session"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request's actor and surroundings; `token` is the session's, "" without one; `pages` are all there are."""

    district: District
    templates: Templates
    actor: Actor
    token: str
    lang: str
    pages: tuple[Page, ...] = ()

    @property
    def csrf(self) -> str:
        """What a form of this session must send back."""
        return csrf_of(self.token) if self.token else ""

    def csrf_right(self, given: str) -> bool:
        """Whether a form was made for this session."""
        return not self.token or csrf_right(self.token, given)

    def may(self, by: frozenset[str]) -> bool:
        """Whether the actor may open a page of these roles, somewhere in the district."""
        return may(self.actor, by, None) is None


def visit(request: Request) -> Visit:
    """The request's visit; reads the session or key on first use."""
    found: Visit | None = getattr(request.state, "visit", None)
    if found is None:
        district: District = request.app.state.district
        token = request.cookies.get(SESSION_COOKIE, "")
        actor = key_actor(request, district)
        if actor is None:
            actor = district.people.actor_of_session(token)
        else:
            token = ""
        if not actor.signed_in:
            token = ""
        found = Visit(
            district, request.app.state.templates, actor, token, language_of(request), request.app.state.pages
        )
        request.state.visit = found
    return found


def key_actor(request: HTTPConnection, district: District) -> Actor | None:
    """The actor of an API key in the headers; an unknown key is nobody, which is less than the public."""
    text = request.headers.get("x-api-key", "")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if not text and scheme.lower() == "bearer":
        text = value.strip()
    if not text:
        return None
    return district.people.actor_of_key(text) or PUBLIC
