"""The list of a process's cases: queue, map and case side by side; its filters are its URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.cases import history, queue
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.declaration import Action
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.queue import CasePage, Filter
from civicloop.kernel.derive.routes import RouteValue, in_bulk, openings, performed
from civicloop.kernel.label import Label
from civicloop.kernel.people.permissions import may
from civicloop.kernel.store.transaction import Tx
from civicloop.web import case_page, case_view, filters, forms, locale, shell, still
from civicloop.web import components as ui
from civicloop.web.case_view import Card
from civicloop.web.components import MapLayer, Option
from civicloop.web.templating import wants_fragment
from civicloop.web.visit import Visit, visit

PART: Final = "case-rows"
PAGE: Final = 50
COUNTED: Final = 1000
FOLDED: Final = ("kind", "street", "unit", "breached")
SHOWN: Final = ("q", "state", "kind", "street", "community", "unit", "holder", "breached", "open")

_STATE = Label("状态", "State")
_KIND = Label("类别", "Category")
_STREET = Label("街道", "Street")
_UNIT = Label("责任单位", "Unit")
_BREACHED = Label("是否超时", "Breached or not")
_MORE = Label("更多条件", "More filters")
_OPEN = Label("未办结", "Open")
_ENDED = Label("已办结", "Ended")
_ALL = Label("全部", "All")
_YES = Label("已超时", "Breached")
_NO = Label("未超时", "Not breached")
_CASES = Label("案件", "Cases")
_CASE = Label("案件", "Case")
_EMPTY = Label("没有符合条件的案件", "No case fits")
_EMPTY_WHY = Label("换一个条件，或看全部案件。", "Change the filters, or look at all cases.")
_CHOOSE = Label("选一件案件", "Choose a case")
_CHOOSE_HOW = Label(
    "点左边的一行或地图上的一点；键盘用 J、K 选择，回车打开。",
    "Click a row or a point on the map; on the keyboard J and K choose, Enter opens.",
)
_FIRST = Label("第一页", "First page")
_NEXT = Label("下一页", "Next page")
_REPORTS = Label("{n} 次上报", "{n} reports")
_WITH_CHOSEN = Label("对所选案件", "With those ticked")
_SEE_ALL = Label("看全部", "See all")
_MORE_THAN = Label("{n} 件以上", "more than {n}")
_COUNT = Label("共 {n} 件", "{n} in all")


def list_page(request: Request, value: RouteValue) -> Response:
    """GET /PROCESS?state=...&kind=...&q=...: the list, or for htmx its rows alone."""
    asking, process = visit(request), value.process
    given = {k: v for k, v in request.query_params.items() if k in SHOWN and v}
    wanted, _ = wanted_by(process, given)
    after = request.query_params.get("after", "")
    with asking.district.store.read() as tx:
        code = asking.district.code
        found = _by_number(tx, asking, value, wanted.words) or queue.page(
            tx,
            code,
            wanted,
            asking.actor,
            value.by,
            after=after,
            limit=PAGE,
            named=asking.district.named(tx),
            counted=COUNTED,
        )
        count = found.count
        if count is None and not wanted.words:
            count = queue.count(tx, code, wanted, asking.actor, value.by, most=COUNTED)
        seq = history.head(tx, code).seq
    rows = _rows(request, process, found, given, after, seq)
    part = {"rows": rows, "part": PART, "count": _count(count)}
    if wants_fragment(request) and request.headers.get("hx-target", "").endswith(f"#{PART}"):
        response: Response = shell.page(request, "case_rows.html", "", {**part, "said": ""})
        if "since" not in request.query_params:
            # The address of a filtered list, without the filters that ask for nothing.
            response.headers["HX-Push-Url"] = href(process, given, after=after)
            response.headers["HX-Trigger"] = '{"filtered": {"target": "body"}}'
        return response
    context = {
        **part,
        "process": process,
        "filters": _filter_bar(asking, process, given),
        "map": _map(asking, process, given, found.cases),
        "live": ui.live_region(f"/live?{urlencode({'process': process.name, 'after': seq})}"),
        "nothing": ui.empty_state(_CHOOSE, _CHOOSE_HOW, lang=asking.lang),
        "texts": {"case": _CASE},
    }
    return shell.page(request, "case_list.html", process.label, {**context, "live_page": True})


def _by_number(tx: Tx, asking: Visit, value: RouteValue, words: str) -> CasePage | None:
    """The one case whose number the words are, known at once and not only when the index has it."""
    case_id = queue.number_or_id(tx, asking.district.code, words) if words else None
    case = case_page.one(asking.district, tx, case_id) if case_id else None
    if case is None or case.process != value.process.name:
        return None
    return CasePage((case,), "") if asking.district.engine.visible(case, asking.actor, value.by) else None


def wanted_by(process: Process, given: dict[str, str]) -> tuple[Filter, int]:
    """The filter of a list's URL: open cases unless it says otherwise, or names a state."""
    params = dict(given)
    shown = params.pop("open", "")
    if shown in ("true", "false"):
        params["open"] = shown
    elif not shown and "state" not in params and "q" not in params:
        params["open"] = "true"
    wanted, limit = filters.wanted(process, params, usual=PAGE)
    # A state says by itself whether a case is done: what can't be there is not looked for.
    done = {process.compiled.states[s].closes or process.compiled.states[s].final for s in wanted.states}
    if wanted.open is None and len(done) == 1:
        wanted = replace(wanted, open=not done.pop())
    return wanted, limit


def _count(count: int | None) -> Label | None:
    if count is None:
        return None
    return (_MORE_THAN if count >= COUNTED else _COUNT).filled(n=f"{count:,}")


def href(process: Process, given: dict[str, str], **more: str) -> str:
    """The list's address with these filters."""
    query = urlencode({k: v for k, v in {**given, **more}.items() if v})
    return f"/{process.name}?{query}" if query else f"/{process.name}"


# ---- rows -----------------------------------------------------------------------------------------------------------


def _rows(
    request: Request, process: Process, found: CasePage, given: dict[str, str], after: str, seq: int
) -> dict[str, Any]:
    asking = visit(request)
    lang = asking.lang
    since = request.query_params.get("since", "")
    since_seq = int(since) if since.isdecimal() and len(since) < 19 else None
    actions = bulk_actions(asking, process, found.cases)
    shown = _shown_now(request, process)
    rows = [
        row(
            card,
            lang,
            select="cases" if actions else "",
            active=card.case.id == shown,
            changed=since_seq is not None and card.case.seq > since_seq,
        )
        for card in case_view.cards(asking, found.cases, f"/{process.name}/")
    ]
    empty = ui.empty_state(
        _EMPTY, _EMPTY_WHY, actions=[ui.Link(href(process, {"open": "any"}), _SEE_ALL)], lang=lang
    )
    return {
        "queue": ui.queue(*rows, label=_CASES, lang=lang) if rows else empty,
        "refresh": href(process, given, after=after, since=str(seq)),
        "map": map_href(process, given),
        "pager": _pager(process, given, after, found.after, lang),
        "bulk": _bulk_bar(process, actions, lang),
        "openings": _openings(asking, process),
        "back": href(process, given),
    }


def row(card: Card, lang: str, *, select: str = "", active: bool = False, changed: bool = False) -> Markup:
    """A case as a row of any queue."""
    case = card.case
    meta: list[ui.Text] = [card.place] if case.street else []
    if case.reports > 1:
        meta.append(_REPORTS.filled(n=case.reports))
    meta += [card.since, case.number]
    return ui.queue_row(
        card.href, card.title, clock=card.clock, state=card.state, state_tone=card.tone, meta=meta,
        marks=case_page.marks(case, lang), picture=card.picture, select_name=select, select_value=case.id,
        active=active, changed=changed, row_id=f"row-{case.id}", lang=lang,
    )  # fmt: skip


def _shown_now(request: Request, process: Process) -> str:
    """The case that stands in the panel, by the address that the browser is at."""
    path = request.headers.get("hx-current-url", "").partition("?")[0]
    before, _, last = path.rpartition("/")
    return last if before.endswith(f"/{process.name}") else ""


def bulk_actions(asking: Visit, process: Process, cases: Sequence[Case]) -> list[Action]:
    """The actions that some of these cases allow and this visitor may do to many."""
    states = {case.state for case in cases}
    return [
        action
        for action in performed(process)
        if in_bulk(action)
        and any(
            (state, action.name) in process.compiled.targets
            and process.compiled.targets[(state, action.name)] != (state,)
            for state in states
        )
        and may(asking.actor, action.roles, None, action=action.name) is None
    ]


def _openings(asking: Visit, process: Process) -> Markup:
    """The ways to a new case for those whose role it is."""
    may_open = [a for a in openings(process) if may(asking.actor, a.roles, None, action=a.name) is None]
    return ui.join(
        ui.link(f"/{process.name}/{action.name}", action.label, lang=asking.lang) for action in may_open
    )


def _bulk_bar(process: Process, actions: Sequence[Action], lang: str) -> Markup:
    if not actions:
        return Markup("")
    presses = [
        ui.button(action.label, lang=lang, attributes={"formaction": f"/{process.name}/bulk/{action.name}"})
        for action in actions
    ]
    return Markup('<details class="bulk"><summary>{}</summary>{}</details>').format(
        _WITH_CHOSEN.text(lang), ui.button_row(*presses)
    )


def _pager(process: Process, given: dict[str, str], after: str, onward: str, lang: str) -> Markup:
    parts = []
    target = {"hx-target": f"#{PART}", "hx-swap": "outerHTML", "hx-push-url": "true"}
    for shown, label, at in ((bool(after), _FIRST, ""), (bool(onward), _NEXT, onward)):
        if shown:
            link = href(process, given, after=at)
            parts.append(ui.button(label, href=link, attributes={"hx-get": link, **target}, lang=lang))
    if not parts:
        return Markup("")
    return Markup('<nav class="pager" aria-label="{}">{}</nav>').format(
        ui.say(locale.PAGES, lang), ui.join(parts)
    )


# ---- filters and map ------------------------------------------------------------------------------------------------


def _filter_bar(asking: Visit, process: Process, given: dict[str, str]) -> Markup:
    lang = asking.lang
    choices = case_view.choices(asking)

    def choice(name: str, label: Label, options: Sequence[Option]) -> Markup:
        return ui.filter_choice(name, label, options, value=given.get(name, ""), lang=lang)

    first = [
        choice("state", _STATE, [Option(s.name, s.label) for s in process.states]),
        choice("open", _OPEN, [Option("false", _ENDED), Option("any", _ALL)]),
    ]
    more: list[Markup] = []
    if process.kinds == forms.CATEGORIES:
        kinds = [option for branch in forms.branches(choices) for option in branch.options]
        more.append(choice("kind", _KIND, kinds))
    if process.located:
        streets = asking.district.places.streets
        more.append(choice("street", _STREET, [Option(a.code, a.label) for a in streets]))
    if any(field.kind == "unit" for action in process.actions for field in action.evidence):
        more.append(choice("unit", _UNIT, choices.units))
    if process.limits:
        more.append(choice("breached", _BREACHED, [Option("true", _YES), Option("false", _NO)]))
    if more:
        folded = Markup(
            '<details class="filters-more"{}><summary>{}</summary><div>{}</div></details>'
        ).format(
            Markup(" open") if any(name in given for name in FOLDED) else "", _MORE.text(lang), ui.join(more)
        )
        first.append(folded)
    return ui.filter_bar(
        f"/{process.name}",
        *first,
        query=given.get("q", ""),
        target=f"#{PART}",
        swap="outerHTML",
        clear_href=f"/{process.name}" if given else "",
        lang=lang,
    )


def map_href(process: Process, given: dict[str, str]) -> str:
    """Where the map's points of this list come from."""
    query = urlencode(given)
    return f"/{process.name}/map.geojson?{query}" if query else f"/{process.name}/map.geojson"


def _map(asking: Visit, process: Process, given: dict[str, str], shown: Sequence[Case]) -> Markup:
    """The map of everything that fits; where none can run, a still one with the cases of this page."""
    if not process.located:
        return Markup("")
    district, now = asking.district, asking.district.clock.now()
    marks = [
        ui.Mark(c.lon, c.lat, c.number, case_view.case_status(c, now), f"/{process.name}/{c.id}")
        for c in shown
        if c.lon is not None and c.lat is not None
    ]
    layers = (
        *forms.base_layers(),
        MapLayer("cases", map_href(process, given), "cases", process.label, refresh="case filtered"),
    )
    return ui.map_with_legend(
        layers,
        district.places.bbox,
        fallback=still.still_map(district.places, marks, lang=asking.lang),
        statuses=("on_time", "due_soon", "breached", "paused"),
        synthetic=True,
        height="fill",
        lang=asking.lang,
    )
