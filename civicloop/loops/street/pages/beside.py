"""What the street loop shows on a case's page beside its story: the open cases that it may be a duplicate of."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from civicloop.kernel.cases.case import Case
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
    return (_alike(asking, case),) if MERGE.name in offered else ()


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
