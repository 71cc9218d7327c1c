"""What others did to a case while somebody had it open: told on the page, and never in place of what was typed.

An open case without a form is drawn anew when its process's events name it (`live.js`). Where a form stands open only
this word comes into it; the rest of the page follows when the person asks for it, and the form stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.declaration import Action
from civicloop.kernel.cases.history import HistoryRow
from civicloop.kernel.cases.process import Process
from civicloop.kernel.label import Label
from civicloop.web import case_view
from civicloop.web import components as ui
from civicloop.web.visit import Visit

SINCE: Final = Label("您打开之后：", "Since you opened it:")
NOT_NOW: Final = Label(
    "案件现在处于“{state}”，不能“{action}”。可办操作见下。",
    "The case is “{state}”, so “{action}” is not possible now. What is possible stands below.",
)
_TOO_LATE = Label(
    "案件现在处于“{state}”，不能再“{action}”。您填写的内容仍在下方。",
    "The case is “{state}” now, so “{action}” is no longer possible. What you typed is still here.",
)
_SHOW = Label("显示最新内容，保留填写", "Show the case as it is now, keep what I typed")


def heard_at(case: Case, doing: Action | None = None) -> str:
    """Where a page gets the news of a case since it was drawn; with the action whose form stands open."""
    query = {"since": str(case.seq), **({"doing": doing.name} if doing else {})}
    return f"/{case.process}/{case.id}?{urlencode(query)}"


def told(
    asking: Visit, process: Process, case: Case, moves: list[HistoryRow], query: Mapping[str, str]
) -> dict[str, Any] | None:
    """What was done since the record that a page was drawn at, by the address it asks at; None where it asks for no news."""
    since, name = query.get("since", ""), query.get("doing", "")
    if not since.isdecimal() or len(since) > 18:
        return None
    later = [row for row in moves if row.seq > int(since)]
    if not later:
        return None
    doing = process.compiled.actions.get(name)
    late = doing is not None and (case.state, name) not in process.compiled.targets
    return {
        "moments": moments(asking, process, later),
        "late": _TOO_LATE.filled(state=process.state(case.state).label, action=doing.label)
        if doing is not None and late
        else None,
        "show": _show(case, asking.lang) if doing is not None else None,
    }


def moments(asking: Visit, process: Process, later: list[HistoryRow]) -> Markup:
    """The steps of others, as a timeline."""
    shown = case_view.moments(asking, process, later, asking.district.zone)
    return ui.timeline(shown, label=SINCE, lang=asking.lang)


def _show(case: Case, lang: str) -> Markup:
    """Draws all but the form anew."""
    path = f"/{case.process}/{case.id}"
    into = {
        "hx-get": path,
        "hx-select": ".case-parts",
        "hx-select-oob": "#case-title",
        "hx-target": ".case-parts",
        "hx-swap": "outerHTML",
    }
    return ui.button(_SHOW, href=path, attributes=into, lang=lang)
