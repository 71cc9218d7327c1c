"""Every text that people see is there in both languages, says the same, and comes from a label."""

from __future__ import annotations

import re
from string import Formatter

from tests.structure.tree import ROOT, labels, sources, tracked

CHINESE = re.compile(r"[㐀-鿿]")
# The switch speaks the language that it leads to.
SWITCH = {("English", "中文"), ("Switch to English", "切换到中文")}


def fields(text: str) -> set[str]:
    """The names of a text's `{fields}`."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def faults(zh: str, en: str) -> list[str]:
    """What is wrong with one label; a label without any text is how code says "nothing"."""
    found = []
    if bool(zh.strip()) != bool(en.strip()):
        found.append("one language is missing")
    if CHINESE.search(en):
        found.append("the English has Chinese in it")
    if re.search(r"[A-Za-z]{3}", re.sub(r"\{.*?\}", "", zh)) and not CHINESE.search(zh) and zh != en:
        found.append("the Chinese is not Chinese")
    if fields(zh) != fields(en):
        found.append("the two have other fields")
    return found


def test_labels_say_the_same_in_both_languages() -> None:
    found = [
        f"{name}:{line} {zh!r}, {en!r}: {fault}"
        for name in sources()
        for line, zh, en in labels(name)
        if (zh, en) not in SWITCH
        for fault in faults(zh, en)
    ]
    assert found == []


def test_templates_hold_no_text_of_their_own() -> None:
    found = [
        f"{name}:{number} {line.strip()[:80]}"
        for name in tracked()
        if name.startswith("civicloop/") and name.endswith(".html") and "/vendor/" not in name
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1)
        if CHINESE.search(re.sub(r"\{#.*?#\}", "", line))
    ]
    assert found == []


def test_planted_faults_are_found() -> None:
    assert faults("派遣", "") == ["one language is missing"]
    assert faults("派遣", "派遣") == ["the English has Chinese in it"]
    assert faults("Dispatch it", "Dispatch") == ["the Chinese is not Chinese"]
    assert faults("剩 {time}", "{left} left") == ["the two have other fields"]
    assert faults("派遣", "Dispatch") == []
