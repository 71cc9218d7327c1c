"""Every text that people see is there in both languages, says the same, and comes from a label."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from string import Formatter
from typing import Any

from tests.structure.tree import ROOT, labels, sources, texts, tracked

CHINESE = re.compile(r"[㐀-鿿]")
# Half-width marks beside Chinese; "08:30", "1,000" and "(GB/T 30428)" after a Latin word stand as they are.
HALF_WIDTH = re.compile(
    r"[㐀-鿿][,;:?!]|[,;:?!][㐀-鿿]|[㐀-鿿”》]\(|\)[㐀-鿿，。；：“]|\([㐀-鿿][^()]*[㐀-鿿]\)"
)
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
    if HALF_WIDTH.search(zh):
        found.append("the Chinese has half-width marks")
    return found


def chinese(value: Any) -> Iterator[str]:
    """Every text of a pack's file that has Chinese in it."""
    if isinstance(value, str) and CHINESE.search(value):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from chinese(part)


def test_labels_say_the_same_in_both_languages() -> None:
    found = [
        f"{name}:{line} {zh!r}, {en!r}: {fault}"
        for name in sources()
        for line, zh, en in labels(name)
        if (zh, en) not in SWITCH
        for fault in faults(zh, en)
    ]
    assert found == []


def test_chinese_texts_have_full_width_marks() -> None:
    told = [(f"{name}:{line}", text) for name in sources() for line, text in texts(name)]
    packs = (name for name in tracked() if name.startswith("civicloop/packs/") and name.endswith(".toml"))
    told += [
        (name, text) for name in packs for text in chinese(tomllib.loads((ROOT / name).read_text("utf-8")))
    ]
    # A backslash: a pattern that reads what people write, not a text that they read.
    assert [(at, text) for at, text in told if HALF_WIDTH.search(text) and "\\" not in text] == []


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
    for zh in (
        "派遣,再签收",
        "派遣 :再签收",
        "是否派遣?",
        "派遣(急)",
        "派遣“甲”(A)",
        "(急)派遣",
        "{n}(其中超时)",
        "派遣,{n}件",
    ):
        assert faults(zh, "Dispatch" + "{n}" * zh.count("{n}")) == ["the Chinese has half-width marks"], zh
    for zh in ("派遣", "08:30 前派遣 1,000 件", "如 a, b（c: d）", "按 GB/T (30428) 派遣", "如 [a,b]，“{x}”"):
        assert faults(zh, "Dispatch" + "{x}" * zh.count("{x}")) == [], zh
