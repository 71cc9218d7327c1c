"""A process: the declaration, checked at import and compiled for the engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from civicloop.kernel.cases.checks import faults
from civicloop.kernel.cases.compiled import Compiled, compile_process
from civicloop.kernel.cases.declaration import (
    Action,
    Child,
    Children,
    Declaration,
    DeclarationError,
    Event,
    Fact,
    FromCategory,
    Limit,
    On,
    Span,
    State,
    Step,
    Until,
    Upgrade,
    days,
    hours,
    minutes,
    work_days,
    work_hours,
)
from civicloop.kernel.cases.fields import Field, Option
from civicloop.kernel.label import Label


@dataclass(frozen=True)
class Process(Declaration):
    """A declaration that stands: making one with a fault in it raises DeclarationError, naming all of them."""

    def __post_init__(self) -> None:
        found = faults(self)
        if found:
            raise DeclarationError(f"process {self.name!r}:\n  " + "\n  ".join(found))

    @cached_property
    def compiled(self) -> Compiled:
        """The tables that the engine runs on."""
        return compile_process(self)

    def state(self, name: str) -> State:
        """The state of that name; KeyError without one."""
        return self.compiled.states[name]

    def action(self, name: str) -> Action:
        """The action of that name; KeyError without one."""
        return self.compiled.actions[name]


REASON = Field("reason", Label("理由", "Reason"), "long_text", maximum=500)
NOTE = Field("note", Label("说明", "Note"), "long_text", required=False, maximum=2000)

__all__ = [
    "NOTE",
    "REASON",
    "Action",
    "Child",
    "Children",
    "DeclarationError",
    "Event",
    "Fact",
    "Field",
    "FromCategory",
    "Label",
    "Limit",
    "On",
    "Option",
    "Process",
    "Span",
    "State",
    "Step",
    "Until",
    "Upgrade",
    "days",
    "hours",
    "minutes",
    "work_days",
    "work_hours",
]
