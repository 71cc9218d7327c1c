"""Pages of the office and the firm's clerk: settlements, one statement with its fen, the same as CSV."""

from __future__ import annotations

import csv
import io

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from civicloop.kernel.cases import queue
from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.queue import Filter
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Missing
from civicloop.loops.homes.counting.settlement import Difference, Line
from civicloop.loops.homes.model import FIRMS, WORKS
from civicloop.loops.homes.pages import texts
from civicloop.loops.homes.processes import SETTLEMENT, SURVEY
from civicloop.web import components, shell
from civicloop.web.components import Column, money_text
from civicloop.web.visit import Visit, visit

READERS = frozenset({"homes_clerk", "homes_officer", "evaluator", "leader", "admin"})
_TITLE = Label("物业结算", "Settlements")


def statements(request: Request) -> Response:
    """GET /homes/statements: the settlements that this reader may see, and for the office the surveys."""
    asking = visit(request)
    lang = asking.lang
    with asking.district.store.read() as tx:
        found = queue.page(
            tx, asking.district.code, Filter(SETTLEMENT.name), asking.actor, READERS, limit=100
        ).cases
        surveys = queue.page(
            tx, asking.district.code, Filter(SURVEY.name), asking.actor, READERS - {"homes_clerk"}, limit=20
        ).cases
    names = _firms(asking)
    rows = [
        (
            components.link(f"/homes/statements/{c.id}", str(c.data["month"]), lang=lang),
            names.get(str(c.data["firm"]), texts.NO_PLAN).text(lang),
            SETTLEMENT.state(c.state).label.text(lang),
            money_text(int(c.data["amount_fen"])),
        )
        for c in sorted(found, key=lambda c: (str(c.data["month"]), c.unit), reverse=True)
    ]
    office = asking.may(frozenset({"homes_officer"}))
    context = {
        "texts": texts,
        "columns": [Column(texts.MONTH), Column(texts.FIRM, wide=True), Column(texts.STATE), Column(texts.AMOUNT, numeric=True)],
        "rows": rows,
        "office": office,
        "surveys": [(c.title or str(c.data["quarter"]), SURVEY.state(c.state).label, f"/homes/surveys/{c.id}" if c.state in ("running", "closed") else f"/{SURVEY.name}/{c.id}") for c in surveys],
    }  # fmt: skip
    return shell.page(request, "homes/statements.html", _TITLE, context)


def statement(request: Request) -> Response:
    """GET /homes/statements/ID: a month of a firm by service, what has changed in earlier months, and the sum in fen."""
    asking = visit(request)
    case = _one(asking, request.path_params["id"])
    lines, differences = _parts(case)
    rows = [
        (WORKS[x.work].text(asking.lang), str(x.verified), str(x.redone), str(x.missed), money_text(x.gross_fen), money_text(-x.deducted_fen), money_text(x.amount_fen))
        for x in lines
    ]  # fmt: skip
    changed = [
        (d.month, money_text(d.stated_fen), money_text(d.worth_fen), money_text(d.delta_fen, signed=True)) for d in differences
    ]  # fmt: skip
    context = {
        "texts": texts,
        "case": case,
        "state": SETTLEMENT.state(case.state).label,
        "frozen": case.state in ("approved", "archived"),
        "firm": _firms(asking).get(str(case.data["firm"]), texts.NO_PLAN),
        "amount": money_text(int(case.data["amount_fen"])),
        "lines_caption": texts.LINES.filled(month=case.data["month"]),
        "columns": [Column(texts.WORK, wide=True), *(Column(c, numeric=True) for c in (texts.VERIFIED, texts.REDONE, texts.MISSED, texts.GROSS, texts.DEDUCTED, texts.AMOUNT))],
        "rows": rows,
        "foot": (texts.SUM.text(asking.lang), "", "", "", "", "", money_text(int(case.data["worth_fen"]))),
        "changed_columns": [Column(texts.MONTH, wide=True), *(Column(c, numeric=True) for c in (texts.STATED_BEFORE, texts.WORTH_NOW, texts.DELTA))],
        "changed": changed,
        "changed_foot": (texts.SUM.text(asking.lang), "", "", money_text(int(case.data["delta_fen"]), signed=True)),
    }  # fmt: skip
    title = Label(f"{case.data['month']} 结算单", f"Statement of {case.data['month']}")
    return shell.page(request, "homes/statement.html", title, context)


def statement_csv(request: Request) -> Response:
    """GET /homes/statements/ID/csv: the same in whole fen, a row a service or difference, the sum last."""
    asking = visit(request)
    case = _one(asking, request.path_params["id"])
    lines, differences = _parts(case)
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(
        ("firm", "month", "item", "verified", "redone", "missed", "gross_fen", "deducted_fen", "amount_fen")
    )
    firm, month = case.data["firm"], case.data["month"]
    for x in lines:
        write(
            (firm, month, x.work, x.verified, x.redone, x.missed, x.gross_fen, x.deducted_fen, x.amount_fen)
        )
    for d in differences:
        write((firm, d.month, "difference", "", "", "", "", "", d.delta_fen))
    write((firm, month, "total", "", "", "", "", "", case.data["amount_fen"]))
    name = f"homes-{firm}-{month}.csv"
    return Response(
        "\ufeff" + out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _one(asking: Visit, case_id: str) -> Case:
    with asking.district.store.read() as tx:
        case = asking.district.engine.case(tx, case_id)
    if case.process != SETTLEMENT.name or not asking.district.engine.visible(case, asking.actor, READERS):
        raise Missing(texts.NO_TASK)
    return case


def _parts(case: Case) -> tuple[list[Line], list[Difference]]:
    return (
        msgspec.json.decode(str(case.data["lines"]), type=list[Line]),
        msgspec.json.decode(str(case.data["differences"]), type=list[Difference]),
    )


def _firms(asking: Visit) -> dict[str, Label]:
    with asking.district.store.read() as tx:
        found = asking.district.registers.all(tx, FIRMS)
    return {f.id: Label(str(f.attributes["name"]), str(f.attributes["name_en"])) for f in found}
