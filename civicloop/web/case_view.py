"""A case as people see it: its clocks, place, pictures and story, from what the kernel holds; for any process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.compiled import ATTACH, BREACH, FACT, UPGRADE
from civicloop.kernel.cases.fields import Field, shown
from civicloop.kernel.cases.history import HistoryRow
from civicloop.kernel.cases.limits import LimitClock
from civicloop.kernel.cases.process import Process
from civicloop.kernel.cases.reports import Report
from civicloop.kernel.derive import diagram
from civicloop.kernel.label import Label
from civicloop.kernel.people.roles import persons_of
from civicloop.kernel.registry.district import District
from civicloop.kernel.store.transaction import Tx
from civicloop.kernel.time.clock import Instant, format_instant, to_datetime
from civicloop.web import components as ui
from civicloop.web.components import Moment, Picture, Step
from civicloop.web.components.basics import Tone
from civicloop.web.components.clocks import Status
from civicloop.web.forms import CATEGORIES, Choices
from civicloop.web.visit import Visit

DUE_SOON = 0.8  # of the limit used

_DUE = Label("{at} 到期", "Due {at}")
_BREACHED = Label("超时：{limit}", "Breached: {limit}")
_ATTACHED = Label("又有人上报同一问题", "Reported again by somebody")
_UNDONE = Label("上报已移回原案件", "Reports went back to their own case")
_MERGED_IN = Label("并入了另一案件的上报", "Reports of another case were merged in")
_FACT = Label("外部情况更新", "Known facts were updated")
_UPGRADE = Label("流程版本更新", "The process changed its version")
_PHOTO = Label("照片", "Photograph")
_BEFORE = Label("处置前", "Before")
_AFTER = Label("处置后", "After")
_CLOCK = Label("系统时钟", "The clock")
_SOMEBODY = Label("公众", "The public")
_REPORTER = Label("上报人", "The reporter")
_STAFF = Label("工作人员", "Staff")
_NUMBER = Label("案号", "Case number")
_PLACE = Label("地点", "Place")
_KIND = Label("类别", "Category")
_UNIT = Label("责任单位", "Responsible unit")
_WHEN = Label("首次上报", "First reported")
_REPORTS = Label("上报次数", "Reports")
BREACHES = Label("超时 {n} 次", "Breached: {n}")
REWORKS = Label("返工 {n} 次", "Sent back: {n}")
REPORTED_PICTURE = Label("上报照片", "Photograph of the report")
_PERSONAL = Label("（个人信息，另行保存）", "(personal, kept apart)")
_PROOF = Label("第 {seq} 号记录 · {hash}", "Record {seq} · {hash}")


@dataclass(frozen=True, slots=True)
class View:
    """The drawn parts of a case: each is markup or a sequence of it."""

    title: Label | str
    place: Label
    state: Label
    marks: tuple[Markup, ...]
    rings: tuple[Markup, ...]
    stepper: Markup
    pair: Markup
    facts: Markup
    timeline: Markup
    before: Picture | None
    after: Picture | None


def choices(asking: Visit, case: Case | None = None) -> Choices:
    """What the choices of forms are drawn from now; people are those of the case's unit, where it has one."""
    district = asking.district
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
    return Choices(district, snapshot, district.clock.now(), case.unit if case else "")


def status_of(clock: LimitClock, now: Instant) -> Status:
    """How a clock stands: paused, met, missed, breached, due soon or on time."""
    if clock.status == "paused":
        return "paused"
    if clock.status in ("stopped", "done"):
        return "missed" if clock.breached_at is not None else "met"
    if clock.due_at is not None and clock.due_at <= now:
        return "breached"
    return "due_soon" if used(clock, now) >= DUE_SOON else "on_time"


def used(clock: LimitClock, now: Instant) -> float:
    """The share of the limit that is used, by the wall between its start and its due moment."""
    if clock.due_at is None or clock.due_at <= clock.started_at:
        return 1.0 if clock.status != "paused" else 0.5
    return (now - clock.started_at) / (clock.due_at - clock.started_at)


def case_status(case: Case, now: Instant) -> Status:
    """How a case stands by the next moment that falls due, for queues and maps."""
    if case.closed_at is not None or case.ended_at is not None:
        return "missed" if case.breaches else "met"
    if case.due_at is None:
        return "breached" if case.breaches else "paused"
    if case.due_at <= now or case.breaches:
        return "breached"
    whole = max(case.due_at - case.opened_at, 1)
    return "due_soon" if (now - case.opened_at) / whole >= DUE_SOON else "on_time"


def ring(clock: LimitClock, label: Label, now: Instant, zone: ZoneInfo, lang: str) -> Markup:
    """The clock's ring with its limit's name."""
    due = _DUE.filled(at=local(clock.due_at, zone)) if clock.due_at is not None else Label("", "")
    running = clock.status == "running"
    return ui.clock_ring(
        status_of(clock, now), used(clock, now), label, due,
        now_at=now if running else None, due_at=clock.due_at if running else None, lang=lang,
    )  # fmt: skip


def local(at: Instant | None, zone: ZoneInfo) -> str:
    """A moment as a clerk writes it: 03-02 09:30."""
    return "" if at is None else to_datetime(at, zone).strftime("%m-%d %H:%M")


def place_name(district: District, case: Case) -> Label:
    """Street and community by name."""
    found = [a.label for a in map(district.places.area, (case.street, case.community)) if a is not None]
    return Label(" ".join(x.zh for x in found) or "—", ", ".join(x.en for x in found) or "—")


def kind_name(asking: Choices, kind: str) -> Label:
    """The category's name, or its code where none is recorded."""
    row = asking.snapshot.get(CATEGORIES, kind, asking.now)
    return Label(kind, kind) if row is None else Label(str(row.data["zh"]), str(row.data["en"]))


def picture(digest: str, alt: Label, when: str = "") -> Picture:
    """A photograph by its hash, small with its public copy behind it."""
    return Picture(f"/evidence/{digest}", alt, when, f"/evidence/{digest}")


def view(
    asking: Visit,
    case: Case,
    clocks: Sequence[LimitClock],
    told: Sequence[Report],
    moves: Sequence[HistoryRow],
    *,
    public: bool = False,
) -> View:
    """Everything of a case that is shown; `public` names nobody and shows no internal note."""
    district, lang = asking.district, asking.lang
    process = district.registry.processes[case.process]
    zone, now = ZoneInfo(district.pack.zone), district.clock.now()
    known = choices(asking)
    before, after = pictures(told, moves)
    state = process.state(case.state)
    limits = process.compiled.limits
    # The running ones; at the end the first declared, which is what was promised.
    promised = sorted(
        (c for c in clocks if c.name in limits and not limits[c.name].waits),
        key=lambda c: list(limits).index(c.name),
    )
    live = [c for c in promised if c.status in ("running", "paused")]
    shown_clocks = live or [c for c in promised if c.status != "waiting"][:1]
    return View(
        title=kind_name(known, case.kind) if case.kind else (case.title or process.label),
        place=place_name(district, case),
        state=state.label,
        marks=(ui.tag(state.label, tone=tone(process, case.state), lang=lang),),
        rings=tuple(ring(c, limits[c.name].label, now, zone, lang) for c in shown_clocks),
        stepper=ui.stepper(steps(process, case, moves, zone), lang=lang),
        pair=ui.evidence_pair(before, after, lang=lang) if before or after else Markup(""),
        facts=_facts(known, case, zone, lang, public=public),
        timeline=ui.timeline(moments(asking, process, moves, zone, public=public, known=known), lang=lang),
        before=before,
        after=after,
    )


def _facts(known: Choices, case: Case, zone: ZoneInfo, lang: str, *, public: bool) -> Markup:
    process = known.district.registry.processes[case.process]
    pairs: list[tuple[Label, Label | str]] = [(_NUMBER, case.number)]
    if process.kinds:
        pairs.append((_KIND, kind_name(known, case.kind) if case.kind else ""))
    if process.located:
        pairs.append((_PLACE, place_name(known.district, case)))
    pairs.append((_WHEN, local(case.first_seen_at, zone)))
    if process.reported:
        pairs.append((_REPORTS, str(case.reports)))
    if not public:
        pairs += _own_facts(known, process, case, lang)
    if case.unit and not public:
        pairs.append((_UNIT, known.holder_name(case.unit)))
    return ui.facts(pairs, lang=lang)


def _own_facts(
    known: Choices, process: Process, case: Case, lang: str
) -> Iterator[tuple[Label, Label | str]]:
    """What the process itself keeps of a case, in the words of the form it came by."""
    given = {field.name: field for action in process.actions for field in action.evidence}
    for field in process.fields:
        value = case.data.get(field.name)
        if value not in (None, "") and not field.personal:
            yield field.label, _value(known, {}, given.get(field.name, field), value, lang)


def tone(process: Process, state: str) -> Tone:
    """The colour of a state's tag."""
    declared = process.state(state)
    if declared.closes and declared.final:
        return "plain"
    return "good" if declared.closes else "plain" if declared.final else "teal"


def pictures(told: Sequence[Report], moves: Sequence[HistoryRow]) -> tuple[Picture | None, Picture | None]:
    """The first photograph of the problem and the last one of the work."""
    first = next((digest for report in told for digest in report.media), None)
    last: str | None = None
    for row in moves:
        for value in msgspec.json.decode(row.given).values():
            if isinstance(value, list) and value and isinstance(value[0], str) and len(value[0]) == 64:
                if row.from_state == "":
                    first = first or value[0]
                else:
                    last = value[-1]
    return (
        picture(first, _BEFORE) if first else None,
        picture(last, _AFTER) if last else None,
    )


def steps(process: Process, case: Case, moves: Sequence[HistoryRow], zone: ZoneInfo) -> list[Step]:
    """The usual way with what the case has been through; a side state appears only where the case is."""
    reached: dict[str, str] = {}
    for row in moves:
        if row.from_state != row.to_state:
            reached[row.to_state] = local(row.happened_at, zone)
    return [
        Step(step.label, step.where, reached.get(step.state, "") if step.where in ("done", "here") else "")
        for step in diagram.steps(process, list(reached), case.state)
    ]


def moments(
    asking: Visit,
    process: Process,
    moves: Sequence[HistoryRow],
    zone: ZoneInfo,
    *,
    public: bool = False,
    known: Choices | None = None,
) -> list[Moment]:
    """The history, newest first; `known` are the names of what was given, where they have been read already."""
    known = known or choices(asking)
    names = _names(asking.district, process, moves)
    return [
        _moment(process, row, names, known, zone, asking.lang, public=public)
        for row in reversed(moves)
        if _told(row, public=public)
    ]


def _told(row: HistoryRow, *, public: bool) -> bool:
    """The public is told of moves; internal notes and corrections are the desk's."""
    return not public or row.from_state != row.to_state or row.action in (ATTACH, BREACH)


def _moment(
    process: Process,
    row: HistoryRow,
    names: Mapping[str, Label],
    known: Choices,
    zone: ZoneInfo,
    lang: str,
    *,
    public: bool,
) -> Moment:
    given = msgspec.json.decode(row.given)
    action = process.compiled.actions.get(row.action)
    fields = {f.name: f for f in action.evidence} if action else {}
    notes = [] if public else [
        f"{fields[k].label.text(lang)}{': ' if lang == 'en' else '：'}{words}"
        for k, v in given.items()
        if k in fields and (words := _value(known, names, fields[k], v, lang))
    ]  # fmt: skip
    found = tuple(
        picture(h, _PHOTO)
        for value in given.values() if isinstance(value, list)
        for h in value if isinstance(h, str) and len(h) == 64
    )  # fmt: skip
    limit = process.compiled.limits.get(str(given.get("limit", ""))) if row.via == "clock" else None
    breached = limit is not None and not limit.waits
    if breached and limit is not None and row.action != BREACH:
        notes.append(_BREACHED.filled(limit=limit.label).text(lang))
    tone: Tone = "plain"
    if breached:
        tone = "bad"
    elif row.to_state != row.from_state:
        tone = "good" if process.state(row.to_state).closes else "teal"
    return Moment(
        who=_who(row, names, public=public),
        what=_what(process, row, given),
        when=local(row.happened_at, zone),
        note="; ".join(notes) if lang == "en" else "；".join(notes),
        pictures=found,
        proof="" if public else _PROOF.filled(seq=row.seq, hash=row.hash[:10]),
        tone=tone,
        instant=format_instant(row.happened_at, zone),
    )


def _value(known: Choices, names: Mapping[str, Label], field: Field, value: Any, lang: str) -> str:
    """A given value as a person reads it, "" for what is drawn elsewhere (photographs, positions)."""
    if isinstance(value, Mapping):
        return _PERSONAL.text(lang) if "commitment" in value else ""
    match field.kind:
        case "photo" | "point":
            return ""
        case "category":
            return kind_name(known, str(value)).text(lang)
        case "unit":
            return ui.say(known.entry(field.source or "units", str(value)) or str(value), lang)
        case "person":
            return names.get(str(value), _STAFF).text(lang)
        case "instant":
            return local(int(value), known.district.zone)
        case "amount":
            return ui.money_text(int(value))
        case _:
            return shown(field, value, lang)


def _what(process: Process, row: HistoryRow, given: Mapping[str, Any]) -> Label:
    if row.action == BREACH:
        limit = process.compiled.limits.get(str(given.get("limit", "")))
        return _BREACHED.filled(limit=limit.label if limit else given.get("limit", ""))
    if row.action == ATTACH:
        return _MERGED_IN if "merged" in given else _UNDONE if "unmerged" in given else _ATTACHED
    if row.action == FACT:
        return _FACT
    if row.action == UPGRADE:
        return _UPGRADE
    action = process.compiled.actions.get(row.action)
    return action.label if action else Label(row.action, row.action)


def _who(row: HistoryRow, names: Mapping[str, Label], *, public: bool) -> Label:
    if row.via == "clock":
        return _CLOCK
    if row.actor.startswith("@reporter"):
        return _REPORTER
    if row.actor.startswith("@"):
        return _SOMEBODY
    return _STAFF if public else names.get(row.actor, _STAFF)


def _names(district: District, process: Process, moves: Sequence[HistoryRow]) -> dict[str, Label]:
    """The names of those who acted, by their signature, and of those who were named, by their id."""
    signatures = {row.actor for row in moves}
    persons = {
        name: {f.name for f in a.evidence if f.kind == "person"}
        for name, a in process.compiled.actions.items()
    }
    for row in moves:
        wanted = persons.get(row.action)
        if wanted:
            signatures |= {str(v) for k, v in msgspec.json.decode(row.given).items() if k in wanted}
    people = sorted({p for s in signatures for p in persons_of([s])})
    if not people:
        return {}
    with district.store.read() as tx:
        found = tx.all(
            f"SELECT id, name_zh, name_en FROM persons WHERE district = ? AND id IN ({', '.join('?' * len(people))})",
            (district.code, *people),
        )
    names = {row[0]: Label(row[1], row[2]) for row in found}
    return {s: names[p] for s in signatures for p in persons_of([s]) if p in names}


@dataclass(frozen=True, slots=True)
class Card:
    """A case in a list: what a row or a card of it shows."""

    case: Case
    href: str
    title: Label | str
    place: Label
    state: Label
    tone: Tone
    clock: Markup
    picture: Picture | None
    since: str


def cards(asking: Visit, cases: Sequence[Case], root: str) -> list[Card]:
    """The cards of cases; `root` goes before the id in each link. One read for all their photographs."""
    district, lang = asking.district, asking.lang
    zone, now = ZoneInfo(district.pack.zone), district.clock.now()
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
        first = first_pictures(tx, district.code, [c.id for c in cases])
    known = Choices(district, snapshot, now)
    return [
        Card(
            case,
            root + case.id,
            kind_name(known, case.kind)
            if case.kind
            else (case.title or district.registry.processes[case.process].label),
            place_name(district, case),
            district.registry.processes[case.process].state(case.state).label,
            tone(district.registry.processes[case.process], case.state),
            case_ring(case, now, zone, lang),
            Picture(f"/evidence/{first[case.id]}/small", _BEFORE) if case.id in first else None,
            local(case.first_seen_at, zone),
        )
        for case in cases
    ]


def case_ring(case: Case, now: Instant, zone: ZoneInfo, lang: str) -> Markup:
    """The small ring of a case by what falls due next."""
    status = case_status(case, now)
    running = status in ("on_time", "due_soon", "breached") and case.due_at is not None
    whole = max((case.due_at or now) - case.opened_at, 1)
    return ui.clock_ring(
        status, (now - case.opened_at) / whole, "", _DUE.filled(at=local(case.due_at, zone)) if case.due_at else "",
        now_at=now if running else None, due_at=case.due_at if running else None, size="small", lang=lang,
    )  # fmt: skip


def first_pictures(tx: Tx, district: str, case_ids: Sequence[str]) -> dict[str, str]:
    """The first reported photograph of each case, by case id."""
    if not case_ids:
        return {}
    found: dict[str, str] = {}
    for case_id, media in tx.all(
        "SELECT l.case_id, r.media FROM report_links l JOIN reports r ON r.district = l.district AND r.id = l.report_id"
        f" WHERE l.district = ? AND l.linked = 1 AND l.case_id IN ({', '.join('?' * len(case_ids))}) ORDER BY l.seq",
        (district, *case_ids),
    ):
        hashes = msgspec.json.decode(media)
        if hashes:
            found.setdefault(case_id, hashes[0])
    return found
