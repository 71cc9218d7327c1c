"""What a bundled approval decides: pure functions of the case, what is given, and its departments' answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.process import Child
from civicloop.kernel.label import Label

DEPARTMENTS = ("market", "fire", "health")

_NO_DEPARTMENT = Label("请至少选择一个部门。", "Choose at least one department.")
_NOT_PAID = Label("费用尚未缴纳。", "The fee has not been paid.")


def reviews(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Child, ...]:
    """One review a department that the applicant's trade concerns."""
    asked = [name for name in DEPARTMENTS if given.get(name)]
    return tuple(Child({"department": name}, title=name) for name in asked)


def somebody_is_asked(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:
    """A bundle without a department would wait for nobody."""
    return None if any(given.get(name) for name in DEPARTMENTS) else _NO_DEPARTMENT


def outcome(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """All agree: it can be issued. One objects: it goes to the desk."""
    return "agreed" if all(review.data.get("answer") == "yes" for review in facts["children"]) else "objected"


def fee_is_paid(case: Case, given: Mapping[str, Any], facts: Mapping[str, Any]) -> Label | None:
    """The permit is issued when its fee is paid; the ledger takes this over when it is there."""
    return None if facts["paid"] is not None else _NOT_PAID
