"""One case as a page of any process: what is read of it, what may be done, and an action's form standing in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.cases import history, queue, reports, rows
from civicloop.kernel.cases.case import SELECT_CASE, Case, case_of_row
from civicloop.kernel.cases.declaration import Action
from civicloop.kernel.cases.history import HistoryRow
from civicloop.kernel.cases.limits import LimitClock
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.cases.reports import Report
from civicloop.kernel.derive.diagram import main_path
from civicloop.kernel.derive.forms import in_order
from civicloop.kernel.derive.routes import KERNELS_OWN, RouteValue, readers
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Conflict, Missing, Refusal
from civicloop.kernel.registry.district import District
from civicloop.kernel.registry.registry import load_endpoint
from civicloop.kernel.store.transaction import Tx
from civicloop.web import case_news, case_view, forms, shell
from civicloop.web import components as ui
from civicloop.web.components import Option
from civicloop.web.visit import Visit, visit

PLACE = "#case-view"
"""Where htmx puts a case anew: the same in the desk's panel and on the case's own page."""

NO_CASE = Label("没有编号为 {id} 的案件，请核对。", "There is no case {id}; check the number.")
_MORE = Label("{action}：填写更多", "{action}: say more")
_CANCEL = Label("取消", "Cancel")
_ACTIONS = Label("可办操作", "What can be done")
_DEADLINES = Label("时限", "Limits")
_DETAILS = Label("案件信息", "Details")
_STORY = Label("办理记录", "History")
_TOLD = Label("上报内容", "Reports")
_CHILDREN = Label("子案件", "Child cases")
_MERGED = Label("并入的案件", "Merged cases")
_PARENT = Label("上级案件：", "Parent case:")
_MASTER = Label("主案件：", "Master case:")
_CHAIN = Label("存证：第 {seq} 号记录，摘要 {hash}", "Proof: record {seq}, digest {hash}")
_DONE = Label("已{action}", "{action}: done")
_NOTHING = Label("此案现在没有您可办的事项。", "There is nothing for you to do on this case now.")
_CONTACT = Label("已留联系方式", "Left a contact")
_CHANNEL = Label("渠道 {channel}", "By {channel}")
_LATEST = 50
CLOSE_BY = 6
WORDS: Mapping[str, Label] = {
    "actions": _ACTIONS, "since": case_news.SINCE, "deadlines": _DEADLINES, "details": _DETAILS, "story": _STORY, "told": _TOLD,
    "children": _CHILDREN, "merged": _MERGED, "cancel": _CANCEL, "nothing": _NOTHING,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything that is read of a case, in one snapshot."""

    case: Case
    clocks: Sequence[LimitClock]
    reports: Sequence[Report]
    moves: Sequence[HistoryRow]
    doers: Mapping[str, Sequence[str]]
    children: Sequence[Case] = ()
    merged: Sequence[Case] = ()
    above: Sequence[tuple[Label, Case]] = ()
    head: int = 0  # the last record of the district when it was read


@dataclass(frozen=True, slots=True)
class Doing:
    """An action whose form is open: what was given so far, and why it was refused."""

    action: Action
    values: Mapping[str, Any] = field(default_factory=dict)
    refused: Refusal | None = None
    seen: int | None = None  # the revision that the person had before him


def seen(
    district: District, tx: Tx, process: Process, text: str, asking: Visit, by: frozenset[str] | None = None
) -> Case:
    """The case of that id or number where the visitor may read it; Missing otherwise, as if there were none."""
    found = queue.number_or_id(tx, district.code, text)
    case = rows.load_case(tx, district.code, found) if found else None
    if case is None or case.process != process.name:
        raise Missing(NO_CASE.filled(id=text[:64]))
    if not district.engine.visible(case, asking.actor, by if by is not None else readers(process)):
        raise Missing(NO_CASE.filled(id=text[:64]))
    return case


def one(district: District, tx: Tx, case_id: str) -> Case | None:
    """The case of that id, or None."""
    return rows.load_case(tx, district.code, case_id)


def load(asking: Visit, process: Process, text: str, by: frozenset[str] | None = None) -> Whole:
    """Reads a case whole; Missing where the visitor may not know of it."""
    district = asking.district
    with district.store.read() as tx:
        case = seen(district, tx, process, text, asking, by)
        above = []
        for label, other in ((_PARENT, case.parent_id), (_MASTER, case.master_id)):
            found = rows.load_case(tx, district.code, other) if other else None
            if found is not None:
                above.append((label, found))
        return Whole(
            case,
            rows.load_clocks(tx, district.code, case.id),
            reports.reports_of_case(tx, district.code, case.id),
            history.rows_of_case(tx, district.code, case.id),
            district.engine.doers(tx, case),
            _cases(tx, district.code, "parent_id", case.id),
            _cases(tx, district.code, "master_id", case.id),
            above,
            history.head(tx, district.code).seq,
        )


def _cases(tx: Tx, district: str, column: str, case_id: str) -> list[Case]:
    sql = f"{SELECT_CASE} WHERE district = ? AND {column} = ? ORDER BY id LIMIT ?"
    return [case_of_row(row) for row in tx.all(sql, (district, case_id, _LATEST))]


def respond(
    request: Request,
    value: RouteValue,
    whole: Whole,
    doing: Doing | None = None,
    *,
    said: Markup | None = None,
) -> Response:
    """The case's page, or for htmx its view alone; `doing` stands open in it, `said` is a word after a change."""
    asking = visit(request)
    refused = doing.refused if doing else None
    return shell.page(
        request,
        "case.html",
        title_of(value.process, whole.case),
        {**context(asking, value.process, whole, doing, said), **_live(request, value.process, whole)},
        status=refused.status if refused else 200,
    )


def _live(request: Request, process: Process, whole: Whole) -> dict[str, Any]:
    """What keeps the page true while it stands open: the events it hears, and the news that it asks for."""
    asking = visit(request)
    events = f"/live?{urlencode({'process': process.name, 'after': whole.head})}"
    return {
        "live": ui.live_region(events),
        "news": case_news.told(asking, process, whole.case, list(whole.moves), request.query_params),
    }


def title_of(process: Process, case: Case) -> Label:
    """What a page about the case is called."""
    return Label(f"{process.label.zh} {case.number}", f"{process.label.en} {case.number}")


def context(
    asking: Visit, process: Process, whole: Whole, doing: Doing | None = None, said: Markup | None = None
) -> dict[str, Any]:
    """What the template of a case shows."""
    case, lang = whole.case, asking.lang
    last = whole.moves[-1]
    return {
        "case": case,
        "process": process,
        "view": case_view.view(asking, case, whole.clocks, whole.reports, whole.moves),
        "marks": marks(case, lang),
        "buttons": Markup("").join(buttons(asking, process, whole)),
        "form": _form(asking, process, whole, doing) if doing else None,
        "heard": case_news.heard_at(case, doing.action if doing else None),
        "news": None,
        "live": None,
        "told": [_report(asking, report) for report in whole.reports],
        "children": _linked(asking, whole.children),
        "merged": _linked(asking, whole.merged),
        "above": [(label, f"/{other.process}/{other.id}", other.number) for label, other in whole.above],
        "chain": _CHAIN.filled(seq=last.seq, hash=last.hash[:16]),
        "beside": _beside(asking, process, case),
        "said": said or Markup(""),
        "texts": WORDS,
        "place": PLACE.removeprefix("#"),
    }


def _beside(asking: Visit, process: Process, case: Case) -> Sequence[Markup]:
    """What the case's own loop shows beside its story."""
    loop = asking.district.registry.loop_of[process.name]
    found: Sequence[Markup] = load_endpoint(loop.beside)(asking, case) if loop.beside else ()
    return found


def marks(case: Case, lang: str) -> tuple[Markup, ...]:
    """What stands out about a case: how often it breached a limit, how often it was sent back."""
    found = []
    if case.breaches:
        found.append(ui.tag(case_view.BREACHES.filled(n=case.breaches), tone="bad", lang=lang))
    if case.reworks:
        found.append(ui.tag(case_view.REWORKS.filled(n=case.reworks), tone="warn", lang=lang))
    return tuple(found)


def _linked(asking: Visit, cases: Sequence[Case]) -> list[case_view.Card]:
    by_process: list[case_view.Card] = []
    for case in cases:
        by_process += case_view.cards(asking, [case], f"/{case.process}/")
    return by_process


def _report(asking: Visit, report: Report) -> dict[str, Any]:
    zone = asking.district.zone
    return {
        "when": case_view.local(report.happened_at, zone),
        "channel": _CHANNEL.filled(channel=report.channel),
        "words": report.description,
        "address": report.address,
        "pictures": [case_view.picture(h, case_view.REPORTED_PICTURE) for h in report.media],
        "contact": _CONTACT if report.subject else None,
        "contact_href": f"/reports/{report.id}/contact",
    }


# ---- what can be done -----------------------------------------------------------------------------------------------


def buttons(asking: Visit, process: Process, whole: Whole) -> list[Markup]:
    """A button for each action that the case's state and the visitor's roles allow, the usual next step first."""
    case, engine = whole.case, asking.district.engine
    plain = {o.action.name: o.refused for o in engine.offers(case, asking.actor)}
    offered = [
        offer
        for offer in engine.offers(case, asking.actor, whole.doers)
        if plain[offer.action.name] is None and offer.action.roles - KERNELS_OWN
    ]
    ahead = _ahead(process, case.state)

    def rank(action: Action) -> int:
        targets = process.compiled.targets[(case.state, action.name)]
        if targets == (case.state,):
            return 3
        if action.danger or action.merges:
            return 2
        return 0 if any(t in ahead for t in targets) and not action.reopens else 1

    ordered = sorted(offered, key=lambda offer: rank(offer.action))
    first = next((o.action.name for o in ordered if o.refused is None and rank(o.action) == 0), "")
    found: list[Markup] = []
    for offer in ordered:
        kind = "primary" if offer.action.name == first else "secondary" if rank(offer.action) < 3 else "quiet"
        found.append(_button(asking, case, offer.action, offer.refused, kind))
    return found


def _ahead(process: Process, state: str) -> frozenset[str]:
    path = main_path(process)
    return frozenset(path[path.index(state) + 1 :] if state in path else path)


def one_press(action: Action) -> bool:
    """Whether the action needs nothing but the will to do it."""
    return not action.danger and not any(field.required for field in action.evidence)


def _button(asking: Visit, case: Case, action: Action, refused: Label | None, kind: Any) -> Markup:
    path, lang = f"/{case.process}/{case.id}/{action.name}", asking.lang
    if refused is not None:
        off = ui.button(action.label, kind=kind, disabled=True, type_="button", lang=lang)
        return Markup('<span class="refused">{}<span class="hint">{}</span></span>').format(
            off, refused.text(lang)
        )
    into = {"hx-get": path, "hx-target": PLACE, "hx-swap": "outerHTML"}
    if not one_press(action):
        return ui.button(
            action.label, kind="danger" if action.danger and kind == "primary" else kind, href=path, key=action.key,
            attributes=into, lang=lang,
        )  # fmt: skip
    press = ui.form(
        path,
        hidden(asking, case),
        ui.button(action.label, kind=kind, key=action.key, lang=lang),
        csrf=asking.csrf,
        target=PLACE,
        swap="outerHTML",
        compact=True,
    )
    if not action.evidence:
        return press
    words = _MORE.filled(action=action.label)
    more = ui.button(
        "…", kind="quiet", href=path, lang=lang,
        attributes={**into, "aria-label": words.text(lang), "title": words.text(lang)},
    )  # fmt: skip
    return Markup('<span class="press">{}{}</span>').format(press, more)


def hidden(asking: Visit, case: Case) -> Markup:
    """What every form about a case carries: the revision that was seen, and a key so that a second press is none."""
    return Markup(
        '<input type="hidden" name="revision" value="{}"><input type="hidden" name="key" value="{}">'
    ).format(case.revision, asking.district.ids.new("web"))


def _form(asking: Visit, process: Process, whole: Whole, doing: Doing) -> dict[str, Any]:
    case, action, lang = whole.case, doing.action, asking.lang
    errors = doing.refused.fields if doing.refused else {}
    fields = in_order(action.evidence)
    values = dict(doing.values) or _known(action, case)
    inside = Markup("").join(
        (
            hidden(asking, case),
            forms.draw(fields, _choices(asking, process, case, action), values=values, errors=errors, lang=lang),
            ui.button_row(
                ui.button(action.label, kind="danger" if action.danger else "primary", lang=lang),
                ui.button(
                    _CANCEL, kind="quiet", href=f"/{case.process}/{case.id}", lang=lang,
                    attributes={"hx-get": f"/{case.process}/{case.id}", "hx-target": PLACE, "hx-swap": "outerHTML"},
                ),
            ),
        )
    )  # fmt: skip
    return {
        "title": action.label,
        "hint": action.hint,
        "errors": errors,
        "reason": doing.refused.reason if doing.refused else None,
        "since": _since(asking, process, whole, doing),
        "possible": (case.state, action.name) in process.compiled.targets,
        "markup": ui.form(
            f"/{case.process}/{case.id}/{action.name}",
            inside,
            csrf=asking.csrf,
            files=any(f.kind == "photo" for f in fields),
            target=PLACE,
            swap="outerHTML",
            lang=lang,
        ),
    }


def _choices(asking: Visit, process: Process, case: Case, action: Action) -> forms.Choices:
    """What the form's choices are drawn from; where it asks for a case, the open ones close by."""
    found = case_view.choices(asking, case)
    if not any(each.kind == "case" for each in action.evidence):
        return found
    wanted = Filter(process.name, communities=(case.community,) if case.community else (), open=True)
    with asking.district.store.read() as tx:
        near = queue.page(tx, asking.district.code, wanted, asking.actor, readers(process)).cases
    others = sorted((c for c in near if c.id != case.id and c.master_id is None), key=partial(_apart, case))
    options = tuple(
        Option(
            card.case.id, card.title, f"{card.case.number} · {card.since} · {card.state.text(asking.lang)}"
        )
        for card in case_view.cards(asking, others[:CLOSE_BY], "")
    )
    return replace(found, cases=options)


def _apart(case: Case, other: Case) -> float:
    """How far two cases lie apart, for an order only: squared degrees."""
    if case.lon is None or case.lat is None or other.lon is None or other.lat is None:
        return 1.0
    return (case.lon - other.lon) ** 2 + (case.lat - other.lat) ** 2


def _known(action: Action, case: Case) -> dict[str, Any]:
    """What the case holds already of what the action would set: a correction begins with what stands."""
    found: dict[str, Any] = {}
    for each in action.evidence:
        if each.name in action.sets and each.name in Case.__struct_fields__:
            found[each.name] = getattr(case, each.name)
        elif each.kind == "point" and case.lon is not None:
            found[each.name] = {"lon": case.lon, "lat": case.lat}
    return found


def _since(asking: Visit, process: Process, whole: Whole, doing: Doing) -> Markup | None:
    """What others did since the person opened the form, where that is why it was refused."""
    if not isinstance(doing.refused, Conflict) or doing.seen is None:
        return None
    later = [row for row in whole.moves if row.revision > doing.seen]
    return case_news.moments(asking, process, later) if later else None


def done(action: Action, lang: str) -> Markup:
    """The word after an action that went through."""
    return ui.toast(_DONE.filled(action=action.label), lang=lang)
