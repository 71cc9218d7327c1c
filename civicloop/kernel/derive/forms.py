"""Forms: what a person is asked for an action, as values that the web layer draws."""

from __future__ import annotations

from dataclasses import dataclass

from civicloop.kernel.cases.process import Action, Field, Process
from civicloop.kernel.cases.reports import REPORT_FIELDS
from civicloop.kernel.label import Label


@dataclass(frozen=True, slots=True)
class FormValue:
    """One action's form.

    `fields` come in the order in which they are asked; `files` says that photographs are sent; `confirm` that the
    action is not to be done by one press; `key` is its keyboard letter. `report` are the fields of a report that
    goes with an opening, empty where there is none.
    """

    process: str
    action: str
    title: Label
    hint: Label | None
    fields: tuple[Field, ...]
    report: tuple[Field, ...]
    submit: Label
    danger: bool
    confirm: bool
    files: bool
    key: str


def form(process: Process, action: Action) -> FormValue:
    """The form of an action."""
    opening = any(action.name == other.name for other in process.compiled.openings)
    report = REPORT_FIELDS if opening and process.reported else ()
    return FormValue(
        process=process.name,
        action=action.name,
        title=action.label,
        hint=action.hint,
        fields=in_order(action.evidence),
        report=report,
        submit=action.label,
        danger=action.danger,
        confirm=action.danger,
        files=any(field.kind == "photo" for field in (*action.evidence, *report)),
        key=action.key,
    )


def in_order(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """What must be given before what may be, each in its declared order."""
    return (*(f for f in fields if f.required), *(f for f in fields if not f.required))
