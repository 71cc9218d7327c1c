"""The registry: finds the loops that a pack names and checks them against one another."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from civicloop.kernel.cases.checks import OWN_ROLES
from civicloop.kernel.cases.process import On, Process
from civicloop.kernel.derive.routes import readers
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import KERNEL_ROLES
from civicloop.kernel.registry.loop import Loop, Page, Role

if TYPE_CHECKING:
    from civicloop.kernel.figures.metric import Metric


class RegistryError(ValueError):
    """Loops that don't fit one another or their pack; all faults at once."""


class Registry:
    """The loops of a district, by name, with what is gathered from them."""

    def __init__(self, loops: Iterable[Loop]) -> None:
        self.loops: dict[str, Loop] = {loop.name: loop for loop in loops}
        self.processes: dict[str, Process] = {
            p.name: p for loop in self.loops.values() for p in loop.processes
        }
        self.loop_of: dict[str, Loop] = {p.name: loop for loop in self.loops.values() for p in loop.processes}
        self.roles: dict[str, Role] = {}
        for loop in self.loops.values():
            for role in loop.roles:
                self.roles.setdefault(role.name, role)
        self.metrics: dict[str, Metric] = {m.name: m for loop in self.loops.values() for m in loop.metrics}
        self.pages: tuple[Page, ...] = tuple(p for loop in self.loops.values() for p in loop.pages)
        # The label of each role.
        self.role_names: Mapping[str, Label] = {role.name: role.label for role in self.roles.values()}

    @property
    def lines(self) -> dict[str, Path]:
        """Each loop's line of migrations, by loop name."""
        return {loop.name: loop.folder / "migrations" for loop in self.loops.values()}

    def receivers(self) -> dict[str, list[On]]:
        """For each event topic, what the loops do about it."""
        found: dict[str, list[On]] = {}
        for loop in self.loops.values():
            for on in loop.on:
                found.setdefault(f"event:{on.event}", []).append(on)
        return found

    def check(self, calendars: Iterable[str]) -> None:
        """RegistryError with every name that leads nowhere and every ring of events."""
        faults = list(_faults(self, frozenset(calendars)))
        if faults:
            raise RegistryError("the loops don't fit:\n  " + "\n  ".join(faults))


def find(names: Iterable[str]) -> Registry:
    """The registry of the loops in the packages civicloop.loops.NAME; RegistryError for one that isn't there."""
    loops: list[Loop] = []
    for name in names:
        try:
            module = importlib.import_module(f"civicloop.loops.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"civicloop.loops.{name}":
                raise
            raise RegistryError(f"there is no loop folder civicloop/loops/{name}") from error
        loops.append(module.LOOP)
    return Registry(loops)


def load_endpoint(name: str) -> Callable[..., Any]:
    """The function behind "module:function"."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _faults(registry: Registry, calendars: frozenset[str]) -> Iterable[str]:
    known_roles = set(registry.roles) | set(KERNEL_ROLES) | set(OWN_ROLES)
    seen: dict[str, str] = {}
    for loop in registry.loops.values():
        for process in loop.processes:
            owner = seen.setdefault(process.name, loop.name)
            if owner != loop.name:
                yield f"process {process.name!r} is declared by the loops {owner} and {loop.name}"
            yield from _process_faults(registry, loop, process, known_roles, calendars)
        for page in loop.pages:
            for role in sorted(page.by - known_roles):
                yield f"page {page.path} is for the unknown role {role!r}"
        yield from _event_faults(registry, loop)
    yield from _rings(registry)


def _process_faults(
    registry: Registry, loop: Loop, process: Process, known_roles: set[str], calendars: frozenset[str]
) -> Iterable[str]:
    say = f"{loop.name}: process {process.name}"
    for action in process.actions:
        for role in sorted(action.roles - known_roles):
            yield f"{say}: action {action.name!r} is done by the unknown role {role!r}"
        for other in action.not_by:
            child_name, dot, name = other.rpartition(".")
            child = registry.processes.get(child_name)
            if dot and child is not None and name not in child.compiled.actions:
                yield f"{say}: action {action.name!r} keeps apart from the unknown action {other!r}"
        if action.journals:
            yield f"{say}: action {action.name!r} posts journals, and this district has no ledger yet"
        if action.because:
            yield f"{say}: action {action.name!r} is a fact's, and the engine does not perform those yet"
    for role in sorted(readers(process) - known_roles):
        yield f"{say}: it is seen by the unknown role {role!r}"
    for limit in process.limits:
        if limit.calendar not in calendars:
            yield f"{say}: limit {limit.name!r} runs by the unknown calendar {limit.calendar!r}"
    for children in process.children:
        if children.pause == "inherit":
            yield f"{say}: the clocks of {children.process!r} pause with the parent's, which the engine does not do yet"
        child = registry.processes.get(children.process)
        if child is None:
            yield f"{say}: its children are of the unknown process {children.process!r}"
            continue
        for name in (children.opens_with, children.cancel):
            if name and name not in child.compiled.actions:
                yield f"{say}: its children {child.name!r} have no action {name!r}"
        for name in (children.on_reopened,):
            if name and name not in process.compiled.actions:
                yield f"{say}: it has no action {name!r} for a re-opened child"


def _event_faults(registry: Registry, loop: Loop) -> Iterable[str]:
    events = {f"{p.name}.{e.name}" for p in registry.processes.values() for e in p.events}
    for on in loop.on:
        if on.event not in events:
            yield f"{loop.name}: it waits for the unknown event {on.event!r}"
        process_name, _, action = (on.opens or on.performs).partition(".")
        process = registry.processes.get(process_name)
        if process is None or action not in process.compiled.actions:
            yield f"{loop.name}: on {on.event!r} it does the unknown {on.opens or on.performs!r}"


def _rings(registry: Registry) -> Iterable[str]:
    edges: dict[str, set[str]] = {}
    for loop in registry.loops.values():
        for on in loop.on:
            edges.setdefault(on.event.partition(".")[0], set()).add(
                (on.opens or on.performs).partition(".")[0]
            )
    for start in sorted(edges):
        reached, grow = set(edges[start]), True
        while grow:
            new = {to for source in reached for to in edges.get(source, ())} - reached
            reached |= new
            grow = bool(new)
        if start in reached:
            yield f"events lead from process {start!r} back to itself: break the ring"
