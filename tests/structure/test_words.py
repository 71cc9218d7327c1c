"""One word for one thing: docs/words.md's rejected synonyms stand in no name and in no label."""

from __future__ import annotations

import re

from tests.structure.tree import ROOT, identifiers, labels, sources, words

PAGE = ROOT / "docs" / "words.md"


def rows() -> list[list[str]]:
    """The cells of every row of the page's tables."""
    lines = PAGE.read_text("utf-8").splitlines()
    found = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    return [cells for cells in found if not set(cells[0]) <= {"-"} and cells[-1] != "not"]


def rejected() -> dict[str, str]:
    """synonym: the word to use instead."""
    return {
        synonym.strip(): f"{cells[0]} {cells[1]}"
        for cells in rows()
        for synonym in re.split("[,、]", cells[-1])
        if synonym.strip()
    }


def faults(name: str, refused: dict[str, str]) -> list[str]:
    """The rejected words in one file's names and labels."""
    found = [
        f"{name}:{line} {identifier}: say {refused[word]}"
        for line, identifier in identifiers(name)
        for word in words(identifier) & set(refused)
    ]
    for line, zh, en in labels(name):
        found += [
            f"{name}:{line} {zh}: say {refused[word]}"
            for word in refused
            if not word.isascii() and word in zh
        ]
        found += [f"{name}:{line} {en}: say {refused[word]}" for word in words(en) & set(refused)]
    return found


def test_every_row_is_whole() -> None:
    assert len(rows()) > 60
    for cells in rows():
        assert len(cells) == 5, cells
        assert all(cells[:4]), cells
        assert re.search(r"[一-鿿]", cells[1]), cells


def test_no_word_is_also_a_rejected_one() -> None:
    refused = rejected()
    assert [cells[0] for cells in rows() if cells[0] in refused or cells[1] in refused] == []


def test_rejected_synonyms_are_not_used() -> None:
    refused = rejected()
    assert [fault for name in sources() for fault in faults(name, refused)] == []


def test_a_planted_synonym_is_found() -> None:
    assert words("RepairTicketList") & set(rejected()) == {"ticket"}
    assert words("sla_minutes") & set(rejected()) == {"sla"}
    assert any(word in "已超期" for word in rejected())
