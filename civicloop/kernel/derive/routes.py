"""Routes: every way into a process by HTTP, derived from its declaration.

A route is a value; the web layer mounts it and asks `people.permissions.may` with its `by`. API routes answer
JSON under /api, page routes HTML; both lead to the same engine call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from civicloop.kernel.cases.process import Action, Field, Process
from civicloop.kernel.label import Label

RouteKind = Literal["list", "show", "history", "open", "perform", "bulk", "form", "map"]

# Roles that only the kernel itself plays: nobody comes in by HTTP under one of them.
KERNELS_OWN = frozenset({"clock", "fold", "children", "importer", "event"})
# Kinds of evidence that belong to one case and can't be the same for many.
ONE_BY_ONE = frozenset({"photo", "point", "case"})

LIST_FILTERS = (
    "state", "kind", "street", "community", "unit", "holder", "open", "due_before", "q", "cursor", "limit",
)  # fmt: skip

_LIST = Label("{process}列表", "List: {process}")
_SHOW = Label("{process}：查看一件", "One case: {process}")
_HISTORY = Label("{process}：办理记录", "History: {process}")
_OPEN = Label("{process}：{action}", "{action}: {process}")
_BULK = Label("{process}：批量{action}", "{action}, many at once: {process}")
_FORM = Label("{process}：{action}（表单）", "{action}, the form: {process}")


@dataclass(frozen=True, slots=True)
class RouteValue:
    """One route: `path` has `{id}` where a case's id stands; `by` are the roles that may come in.

    `fields` are what the request carries beside `revision`; `page` tells HTML from JSON; `responses` are the HTTP
    statuses that it may answer with.
    """

    method: Literal["GET", "POST"]
    path: str
    operation_id: str
    process: Process
    action: Action | None
    kind: RouteKind
    by: frozenset[str]
    summary: Label
    fields: tuple[Field, ...] = ()
    responses: tuple[int, ...] = ()
    page: bool = False


def people_of(action: Action) -> frozenset[str]:
    """The roles of an action that people or programs can have; empty for what only the kernel does."""
    return action.roles - KERNELS_OWN


def readers(process: Process) -> frozenset[str]:
    """The roles that may read cases: those who act on them, `seen_by`, and a reporter his own; never everybody."""
    acting = {role for action in process.actions for role in people_of(action)}
    named = {part.strip() for part in process.seen_by.split(",") if part.strip()}
    own = {"reporter"} if process.reported else set()
    return frozenset((acting - {"public"}) | named | own)


def routes(process: Process) -> tuple[RouteValue, ...]:
    """All routes of a process, the API's first; a fixed path comes before one with `{id}` that would match it."""
    return (*_api(process), *_pages(process))


def all_routes(processes: Iterable[Process]) -> tuple[RouteValue, ...]:
    """The routes of several processes."""
    return tuple(route for process in processes for route in routes(process))


def openings(process: Process) -> tuple[Action, ...]:
    """The actions by which somebody outside the kernel opens a case."""
    return tuple(action for action in process.compiled.openings if people_of(action))


def performed(process: Process) -> tuple[Action, ...]:
    """The actions that somebody outside the kernel performs on a case."""
    opening = {action.name for action in process.compiled.openings}
    return tuple(a for a in process.actions if a.name not in opening and people_of(a))


def in_bulk(action: Action) -> bool:
    """Whether the action can be done to many cases with the same evidence."""
    return not any(field.kind in ONE_BY_ONE for field in action.evidence)


def _statuses(by: frozenset[str], done: int, *, writes: bool) -> tuple[int, ...]:
    found = {done, 400, 404, 422, 429, 503}
    if writes:
        found |= {409, 413, 415}
    if "public" not in by or writes:
        found |= {401, 403}
    return tuple(sorted(found))


def _api(process: Process) -> Iterable[RouteValue]:
    root, see = f"/api/{process.name}", readers(process)
    yield RouteValue(
        "GET", root, f"list-{process.name}", process, None, "list", see, _LIST.filled(process=process.label),
        responses=_statuses(see, 200, writes=False),
    )  # fmt: skip
    for action in performed(process):
        if in_bulk(action):
            yield RouteValue(
                "POST", f"{root}/bulk/{action.name}", f"bulk-{process.name}-{action.name}", process, action, "bulk",
                people_of(action), _BULK.filled(process=process.label, action=action.label), action.evidence,
                _statuses(people_of(action), 200, writes=True),
            )  # fmt: skip
    for action in openings(process):
        yield RouteValue(
            "POST", f"{root}/{action.name}", f"open-{process.name}-{action.name}", process, action, "open",
            people_of(action), _OPEN.filled(process=process.label, action=action.label), action.evidence,
            _statuses(people_of(action), 201, writes=True),
        )  # fmt: skip
    yield RouteValue(
        "GET", f"{root}/{{id}}", f"show-{process.name}", process, None, "show", see,
        _SHOW.filled(process=process.label), responses=_statuses(see, 200, writes=False),
    )  # fmt: skip
    yield RouteValue(
        "GET", f"{root}/{{id}}/history", f"history-{process.name}", process, None, "history", see,
        _HISTORY.filled(process=process.label), responses=_statuses(see, 200, writes=False),
    )  # fmt: skip
    for action in performed(process):
        yield RouteValue(
            "POST", f"{root}/{{id}}/{action.name}", f"perform-{process.name}-{action.name}", process, action, "perform",
            people_of(action), _OPEN.filled(process=process.label, action=action.label), action.evidence,
            _statuses(people_of(action), 200, writes=True),
        )  # fmt: skip


def _pages(process: Process) -> Iterable[RouteValue]:
    root, see = f"/{process.name}", readers(process)
    yield RouteValue(
        "GET", root, f"page-list-{process.name}", process, None, "list", see,
        _LIST.filled(process=process.label), page=True,
    )  # fmt: skip
    for action in performed(process):
        if in_bulk(action):
            yield _page(process, action, "POST", f"{root}/bulk/{action.name}", "bulk", _BULK)
    for action in openings(process):
        yield _page(process, action, "GET", f"{root}/{action.name}", "form", _FORM)
        yield _page(process, action, "POST", f"{root}/{action.name}", "open", _OPEN)
    yield RouteValue(
        "GET", f"{root}/{{id}}", f"page-show-{process.name}", process, None, "show", see,
        _SHOW.filled(process=process.label), page=True,
    )  # fmt: skip
    for action in performed(process):
        yield _page(process, action, "GET", f"{root}/{{id}}/{action.name}", "form", _FORM)
        yield _page(process, action, "POST", f"{root}/{{id}}/{action.name}", "perform", _OPEN)


def _page(
    process: Process,
    action: Action,
    method: Literal["GET", "POST"],
    path: str,
    kind: RouteKind,
    summary: Label,
) -> RouteValue:
    case = "-case" if "{id}" in path else ""
    return RouteValue(
        method, path, f"page-{kind}{case}-{process.name}-{action.name}", process, action, kind, people_of(action),
        summary.filled(process=process.label, action=action.label), action.evidence, page=True,
    )  # fmt: skip
