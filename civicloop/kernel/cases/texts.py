"""What of a case can be found by words: its number, title, texts and category, and its reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from civicloop.kernel.facts.search import Words
from civicloop.kernel.store.transaction import Tx


def texts_of(district: str, tx: Tx, case_ids: Sequence[str]) -> Mapping[str, Words]:
    """The words of each case for the search index."""
    marks = ", ".join("?" * len(case_ids))
    found: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for case_id, number, kind, title, data in tx.all(
        f"SELECT id, number, COALESCE(kind, ''), title, data FROM cases WHERE district = ? AND id IN ({marks})",
        (district, *case_ids),
    ):
        own = [value for value in msgspec.json.decode(data).values() if isinstance(value, str)]
        found[case_id] = [number, title, *own]
        kinds[case_id] = kind
    for case_id, description, address in tx.all(
        "SELECT l.case_id, r.description, r.address FROM report_links l JOIN reports r"
        f" ON r.district = l.district AND r.id = l.report_id WHERE l.district = ? AND l.linked = 1 AND l.case_id IN ({marks})",
        (district, *case_ids),
    ):
        if case_id in found:
            found[case_id] += [description, address]
    return {case_id: Words("\n".join(parts), kinds[case_id]) for case_id, parts in found.items()}
