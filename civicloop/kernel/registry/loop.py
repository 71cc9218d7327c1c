"""A loop: one folder's declarations gathered in one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from civicloop.kernel.cases.process import On, Process
from civicloop.kernel.label import Label
from civicloop.kernel.outside.jobs import Work
from civicloop.kernel.outside.outbox import Handler

if TYPE_CHECKING:
    from civicloop.kernel.facts.pack import Pack
    from civicloop.kernel.facts.reference import NewReference
    from civicloop.kernel.figures.metric import Metric
    from civicloop.kernel.registry.district import District


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a loop; `home` is the path that its holders start from."""

    name: str
    label: Label
    home: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page or endpoint that the derived routes do not give.

    `endpoint` is "module:function", loaded when the app is built; `by` are the roles that may open it. `nav`
    is its label in the navigation, None for none. `area` says which shell it wears. A public page with `nav` is a
    way in on the front page, with `icon` and one line more in `hint`.
    """

    path: str
    endpoint: str
    by: frozenset[str]
    label: Label
    methods: tuple[str, ...] = ("GET",)
    nav: Label | None = None
    area: str = "desk"  # desk, public, api
    csrf: bool = True
    icon: str = ""
    hint: Label | None = None


def page(
    path: str,
    endpoint: str,
    by: str,
    label: Label,
    *,
    methods: tuple[str, ...] = ("GET",),
    nav: bool = False,
    area: str = "desk",
    csrf: bool = True,
    icon: str = "",
    hint: Label | None = None,
) -> Page:
    """A Page from the roles as one comma-separated text."""
    roles = frozenset(part.strip() for part in by.split(",") if part.strip())
    return Page(path, endpoint, roles, label, methods, label if nav else None, area, csrf, icon, hint)


@dataclass(frozen=True, slots=True)
class Loop:
    """All that a loop declares; checked against the other loops by the registry.

    `effects` gives, for the open district, the handler of each effect that its processes name. `folder` holds
    its migrations, documentation and fixtures. `undeliverable` names the opening action ("process.action")
    for a message that the outbox has given up. `beside` is "module:function" of what the loop shows on a case's page beside
    its story: called with the visit and the case, it gives pieces of markup. `works` gives, for the open district,
    its long work by job name; `daily` are those done each day, with their local time ("05:30"). `reference` gives, of a pack,
    the rows of reference data that only this loop can read.
    """

    name: str
    label: Label
    sentence: Label
    processes: tuple[Process, ...]
    roles: tuple[Role, ...]
    folder: Path
    metrics: tuple[Metric, ...] = ()
    effects: Callable[[District], Mapping[str, Handler]] | None = None
    on: tuple[On, ...] = ()
    pages: tuple[Page, ...] = ()
    openapi: Callable[[], Mapping[str, Any]] | None = None
    fixtures: Callable[[District], None] | None = None
    registers: tuple[str, ...] = ()
    undeliverable: str = ""
    beside: str = ""
    works: Callable[[District], Mapping[str, Work]] | None = None
    daily: Mapping[str, str] = field(default_factory=dict)
    reference: Callable[[Pack], Sequence[NewReference]] | None = None
    parties: Mapping[str, Label] = field(default_factory=dict)
