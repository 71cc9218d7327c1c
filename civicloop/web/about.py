"""About the district: what its numbers are, by which source, and where every file of its pack comes from."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.facts.places import PROVENANCE_LABELS
from civicloop.kernel.label import Label
from civicloop.web import components, shell
from civicloop.web.components import Column
from civicloop.web.visit import visit

_TITLE = Label("关于本区数据", "About the district's data")
_FIGURES = Label("各处说法", "What is printed where")
_SOURCES = Label("数据来源与许可", "Sources and licences")
_CALL = Label("电话", "Telephone")
STATUS_LABELS = {
    "official": Label("官方", "official"),
    "second_hand": Label("转引", "second hand"),
    "from_memory": Label("凭记忆，待核", "from memory, to be checked"),
    "unverified": Label("未核实", "unverified"),
    "synthetic": Label("合成", "synthetic"),
    "derived": Label("推算", "derived"),
}
_COLUMNS = tuple(
    Column(label)
    for label in (
        Label("指标", "Figure"),
        Label("数值", "Value"),
        Label("出处", "Source"),
        Label("可信程度", "Standing"),
        Label("说明", "Note"),
    )
)
_SOURCE_COLUMNS = tuple(
    Column(label)
    for label in (
        Label("文件", "File"),
        Label("来源", "Source"),
        Label("许可", "Licence"),
        Label("性质", "Kind"),
    )
)


def page(request: Request) -> Response:
    """GET /about: two sources that print two numbers are shown side by side, neither is chosen in silence."""
    asking = visit(request)
    pack, lang = asking.district.pack, asking.lang
    figures: list[list[Any]] = [
        [
            f.label, f"{f.value:,.12g} {f.unit.text(lang)}", f.source,
            STATUS_LABELS[f.status], f.note,
        ]
        for f in pack.figures
    ]  # fmt: skip
    kinds: dict[str, Label] = {str(kind): label for kind, label in PROVENANCE_LABELS.items()}
    sources: list[list[Any]] = [
        [s.file, s.text, s.licence, kinds.get(s.provenance, s.provenance)] for s in pack.sources
    ]
    context = {
        "figures": components.table(_FIGURES, _COLUMNS, figures, lang=lang),
        "sources": components.table(_SOURCES, _SOURCE_COLUMNS, sources, lang=lang),
        "phones": components.facts([(p.label, p.number) for p in pack.phones], lang=lang),
        "call": _CALL,
    }
    return shell.page(request, "about.html", _TITLE, context, area="public")
