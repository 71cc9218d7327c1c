"""The documentation page of a loop, as Markdown in both languages, from its declarations alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from civicloop.kernel.cases.declaration import FromCategory, Limit, Span
from civicloop.kernel.cases.process import Action, Field, Process
from civicloop.kernel.derive.diagram import main_path, mermaid
from civicloop.kernel.derive.routes import routes
from civicloop.kernel.figures.metric import Metric
from civicloop.kernel.label import Label

_ONLY_KERNEL = {
    "public": Label("任何人", "anybody"),
    "signed_in": Label("已登录人员", "anybody signed in"),
    "reporter": Label("上报人", "the reporter"),
    "clock": Label("系统时钟", "the clock"),
    "fold": Label("外部事实", "facts from outside"),
    "children": Label("子案件", "child cases"),
    "importer": Label("数据导入", "an import"),
    "event": Label("事项通知", "an event"),
}
_UNITS = {
    "minutes": Label("分钟", "minutes"),
    "hours": Label("小时", "hours"),
    "days": Label("天", "days"),
    "work_hours": Label("工作时", "working hours"),
    "work_days": Label("工作日", "working days"),
    "urgent_hours": Label("紧急工作时", "urgent working hours"),
    "urgent_days": Label("紧急工作日", "urgent working days"),
}
_KINDS = {
    "text": Label("单行文字", "text"), "long_text": Label("文字", "longer text"), "choice": Label("单选", "choice"),
    "category": Label("类别", "category"), "photo": Label("照片", "photographs"), "point": Label("位置", "position"),
    "unit": Label("单位", "unit"), "person": Label("人员", "person"), "case": Label("案件", "case"),
    "instant": Label("时刻", "moment"), "date": Label("日期", "date"), "number": Label("整数", "whole number"),
    "amount": Label("金额（分）", "amount in fen"), "flag": Label("是否", "yes or no"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HandMade:
    """A page or endpoint beside the derived ones."""

    methods: tuple[str, ...]
    path: str
    by: frozenset[str]
    label: Label


def loop_page(
    name: str,
    label: Label,
    sentence: Label,
    processes: Sequence[Process],
    *,
    roles: Mapping[str, Label],
    metrics: Sequence[Metric] = (),
    beside: Sequence[HandMade] = (),
) -> str:
    """The page docs/loops/NAME.md; the same declarations give the same text."""
    who = {**_ONLY_KERNEL, **roles}
    lines = [
        f"# {label.zh} · {label.en}",
        "",
        f"<!-- Written by `civicloop docs` from civicloop/loops/{name}; changes here are lost. -->",
        "",
        f"{sentence.zh}。",
        "",
        f"{sentence.en}.",
        "",
        "## 角色 · Roles",
        "",
        *table(
            ("角色 · Role", "名称 · Name"),
            ((f"`{n}`", both(who[n])) for n in _roles_of(processes, beside) if n in roles),
        ),
    ]
    for process in processes:
        lines += _process(process, who)
    if metrics:
        lines += ["## 指标 · Figures", "", *_metrics(metrics)]
    if beside:
        rows = ((f"`{m} {p.path}`", both(p.label), _who(p.by, who)) for p in beside for m in p.methods)
        lines += [
            "## 其他页面与接口 · Further pages",
            "",
            *table(("地址 · Address", "内容 · What", "谁 · Who"), rows),
        ]
    return "\n".join(lines).rstrip() + "\n"


def reasons(guard: Callable[..., Any]) -> tuple[Label, ...]:
    """The sentences that a guard may refuse with: the labels that its code names."""
    found = [guard.__globals__.get(name) for name in _names(guard.__code__)]
    return tuple(label for label in found if isinstance(label, Label))


def both(label: Label) -> str:
    """A label in both languages on one line."""
    return f"{label.zh} · {label.en}" if label.zh != label.en else label.zh


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table, and an empty line."""
    lines = [_row(head), "|" + " --- |" * len(head)]
    lines += [_row(row) for row in rows]
    return [*lines, ""]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names(const)


def _roles_of(processes: Sequence[Process], beside: Sequence[HandMade]) -> list[str]:
    named = [role for process in processes for action in process.actions for role in sorted(action.roles)]
    named += [role.strip() for process in processes for role in process.seen_by.split(",") if role.strip()]
    named += [role for page in beside for role in sorted(page.by)]
    return list(dict.fromkeys(named))


def _who(by: frozenset[str], who: Mapping[str, Label]) -> str:
    return ", ".join(both(who.get(role, Label(role, role))) for role in sorted(by))


def _process(process: Process, who: Mapping[str, Label]) -> Iterator[str]:
    yield from (f"## {both(process.label)} (`{process.name}`, v{process.version})", "")
    if process.purpose is not None:
        yield from (process.purpose.zh, "", process.purpose.en, "")
    yield from ("```mermaid", *mermaid(process).rstrip().splitlines(), "```", "")
    path = " → ".join(process.state(name).label.zh for name in main_path(process))
    english = " → ".join(process.state(name).label.en for name in main_path(process))
    yield from (f"通常经过 · The usual way: {path} · {english}", "")
    yield from ("### 状态 · States", "")
    yield from table(
        ("状态 · State", "名称 · Name", "标记 · Marks"),
        ((f"`{s.name}`", both(s.label), _marks(s.start, s.closes, s.final)) for s in process.states),
    )
    yield from ("### 操作 · Actions", "")
    yield from table(
        ("操作 · Action", "名称 · Name", "从…到 · Moves", "谁 · Who", "须给出 · Evidence", "另外 · Besides"),
        (
            (
                f"`{a.name}`",
                both(a.label),
                f"`{a.moves}`",
                _who(a.roles, who),
                _evidence(a.evidence),
                _besides(a),
            )
            for a in process.actions
        ),
    )
    yield from _guards(process)
    yield from _time(process)
    yield from _rest(process)
    yield from ("### 接口 · API", "")
    api = [r for r in routes(process) if not r.page]
    yield from table(
        ("地址 · Address", "内容 · What", "谁 · Who"),
        ((f"`{r.method} {r.path}`", both(r.summary), _who(r.by, who)) for r in api),
    )


def _marks(start: bool, closes: bool, final: bool) -> str:
    marks = (
        (start, "起点 · start"),
        (closes, "办结 · closes"),
        (final, "终点 · final"),
    )
    return ", ".join(words for on, words in marks if on)


def _evidence(fields: Sequence[Field]) -> str:
    return ", ".join(both(f.label) + ("" if f.required else " (选填 · optional)") for f in fields)


def _besides(action: Action) -> str:
    parts = []
    if action.key:
        parts.append(f"键 · key `{action.key}`")
    if action.not_by:
        parts.append("不得由同一人 · not by who did: " + ", ".join(f"`{n}`" for n in action.not_by))
    for words, names in (
        ("原因 · because", action.because),
        ("后续 · effects", action.effects),
        ("通知 · emits", action.emits),
        ("计数 · counts", action.counts),
    ):
        if names:
            parts.append(f"{words}: " + ", ".join(f"`{n}`" for n in names))
    for on, words in (
        (action.merges, "并案 · merges"),
        (action.unmerges, "撤销并案 · undoes a merge"),
        (action.reopens, "重开 · re-opens"),
    ):
        if on:
            parts.append(words)
    if action.inverse:
        parts.append(f"反向 · inverse `{action.inverse}`")
    return "; ".join(parts)


def _guards(process: Process) -> Iterator[str]:
    guarded = [a for a in process.actions if a.guard is not None]
    if not guarded:
        return
    yield from ("### 办理条件 · Guards", "")
    for action in guarded:
        assert action.guard is not None
        sentence = " ".join((action.guard.__doc__ or "").split())
        yield f"- `{action.name}` {both(action.label)}" + (f": {sentence}" if sentence else "")
        yield from (f"  - {both(reason)}" for reason in reasons(action.guard))
    yield ""


def _time(process: Process) -> Iterator[str]:
    if not process.limits:
        return
    yield from ("### 时限 · Limits", "")
    names = {s.name: s.label for s in process.states} | {f.name: f.label for f in process.facts}

    def said(found: Sequence[str]) -> str:
        return ", ".join(both(names[n]) for n in found)

    yield from table(
        ("时限 · Limit", "多久 · Within", "开始 · Start", "停止 · Stop", "暂停 · Pause", "到期 · At its end"),
        (
            (
                both(limit.label) + (" (等待期 · waits)" if limit.waits else ""),
                _within(limit),
                said(limit.start),
                said(limit.stop),
                said(limit.pause) + (f" (恢复 · resumes: {said(limit.resume)})" if limit.resume else ""),
                both(process.action(limit.on_breach).label) if limit.on_breach else "",
            )
            for limit in process.limits
        ),
    )


def _within(limit: Limit) -> str:
    within = limit.within
    if isinstance(within, Span):
        unit = _UNITS[within.unit]
        text = f"{within.amount} {both(unit)}"
        return text if limit.calendar == "round_the_clock" else f"{text} (`{limit.calendar}`)"
    if isinstance(within, FromCategory):
        return f"按类别 · by category (`{within.name}`)"
    return f"到 · until `{within.name}`"


def _rest(process: Process) -> Iterator[str]:
    if process.fields:
        yield from ("### 案件字段 · Fields", "")
        yield from table(
            ("字段 · Field", "名称 · Name", "类型 · Kind"),
            ((f"`{f.name}`", both(f.label), both(_KINDS[f.kind])) for f in process.fields),
        )
    if process.facts:
        yield from ("### 外部事实 · Facts", "")
        yield from table(
            ("事实 · Fact", "名称 · Name"), ((f"`{f.name}`", both(f.label)) for f in process.facts)
        )
    if process.children:
        yield from ("### 子案件 · Child cases", "")
        yield from table(
            ("流程 · Process", "在…之后 · After", "全部办结 · All closed", "上级结束 · Parent's end"),
            (
                (
                    f"`{c.process}`",
                    f"`{c.after}`",
                    f"`{c.on_all_closed}`",
                    f"{c.on_parent_end} `{c.cancel}`".rstrip(" `"),
                )
                for c in process.children
            ),
        )
    if process.events:
        yield from ("### 事项通知 · Events", "")
        yield from table(
            ("通知 · Event", "名称 · Name", "内容 · Fields"),
            (
                (
                    f"`{process.name}.{e.name}` v{e.version}",
                    both(e.label),
                    ", ".join(f"`{f.name}`" for f in e.fields),
                )
                for e in process.events
            ),
        )


def _metrics(metrics: Sequence[Metric]) -> list[str]:
    return table(
        ("指标 · Figure", "名称 · Name", "口径 · How it is counted", "目标 · Goal"),
        (
            (
                f"[`{m.name}`](/api/metrics/{m.name})",
                both(m.label),
                both(m.definition),
                "" if m.goal is None else f"{m.goal:g} {both(m.unit)}",
            )
            for m in metrics
        ),
    )
