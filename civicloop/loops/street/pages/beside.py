"""What the street loop shows on a case's page beside its story: why its unit, and which open cases it may be the same as."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from civicloop.kernel.cases.case import Case
from civicloop.kernel.cases.reads import LastDone, Reading
from civicloop.kernel.label import Label
from civicloop.loops.street import rules
from civicloop.loops.street.api.near import Proposal, for_case
from civicloop.loops.street.pages import texts
from civicloop.loops.street.process import PROCESS
from civicloop.web import case_page, case_view
from civicloop.web import components as ui
from civicloop.web.visit import Visit

MERGE = PROCESS.action("merge")


def beside(asking: Visit, case: Case) -> Sequence[Markup]:
    """The pieces for this case and this visitor, none where there is nothing to say."""
    offered = {o.action.name for o in asking.district.engine.offers(case, asking.actor) if o.refused is None}
    return (_why(asking, case), *((_alike(asking, case),) if MERGE.name in offered else ()))


def _why(asking: Visit, case: Case) -> Markup:
    """Why the case went to its unit, by the rules as they were known then; before, where they would send it now."""
    district = asking.district
    with district.store.read() as tx:
        snapshot = district.reference.snapshot(tx)
        sent = LastDone("dispatch").load(Reading(tx, district.code, snapshot, district.clock.now()), case, {})
    if case.unit and sent is not None:
        if sent["given"].get("unit"):
            return _sentence(asking, texts.SENT_BY_HAND.filled(unit=_unit(asking, case.unit)))
        at = sent["happened_at"]
        row = snapshot.as_known(rules.ROUTING, rules.RULES, at, at)
        words = texts.SENT_BECAUSE
    elif case.unit or case.closed_at is not None or case.ended_at is not None or not case.kind:
        return Markup("")
    else:
        at = district.clock.now()
        row = snapshot.get(rules.ROUTING, rules.RULES, at)
        words = texts.WOULD_GO_BECAUSE
    chosen = rules.router_of(snapshot, row, at).route(rules.asked_of(case, at, district.zone))
    if not chosen.unit:
        return Markup("")
    return _sentence(asking, words.filled(unit=_unit(asking, chosen.unit), why=chosen.why))


def _unit(asking: Visit, code: str) -> Label | str:
    return next((o.label for o in case_view.choices(asking).units if o.value == code), code)


def _sentence(asking: Visit, words: Label) -> Markup:
    return Markup('<p class="why-unit">{}</p>').format(words.text(asking.lang))


def _alike(asking: Visit, case: Case) -> Markup:
    """The likest open cases with their reason; the digit of each merges this case into it."""
    found = for_case(asking.district, case)
    if not found:
        return Markup("")
    cards = case_view.cards(asking, [p.case for p in found], f"/{PROCESS.name}/")
    lang = asking.lang
    rows = [
        _row(asking, case, number, p, card)
        for number, (p, card) in enumerate(zip(found, cards, strict=True), 1)
    ]
    return Markup('<section aria-label="{0}"><h2>{0}</h2><ol class="alike">{1}</ol></section>').format(
        texts.LIKE.text(lang), Markup("").join(rows)
    )


def _row(asking: Visit, case: Case, number: int, proposal: Proposal, card: case_view.Card) -> Markup:
    lang = asking.lang
    press = ui.form(
        f"/{PROCESS.name}/{case.id}/{MERGE.name}",
        Markup("{}{}{}").format(
            case_page.hidden(asking, case),
            Markup('<input type="hidden" name="master.near" value="{}">').format(proposal.case.id),
            ui.button(
                texts.MERGE_INTO.filled(number=proposal.case.number), key=str(number), lang=lang
            ),
        ),
        csrf=asking.csrf,
        target=case_page.PLACE,
        swap="outerHTML",
        compact=True,
    )  # fmt: skip
    return Markup('<li><span><a href="{}">{}</a> {} <span class="hint">{}</span></span>{}</li>').format(
        card.href,
        ui.say(card.title, lang),
        ui.tag(card.state, tone=card.tone, lang=lang),
        proposal.likeness.sentence().text(lang),
        press,
    )
