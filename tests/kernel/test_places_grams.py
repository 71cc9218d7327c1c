"""2-gram text: what is written is found, what is not written is not."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from civicloop.kernel.facts.grams import grams, normalised, query_grams

HAN = st.sampled_from("街面问题占道经营暴露垃圾井盖破损江汉路民族一二三𠮷䶮々〇")
DOCUMENTS = st.text(st.one_of(HAN, st.sampled_from("aB9 ,。-_“😀\u202e<>'\"*é١")), max_size=30)


def found_by_fts5(document: str, question: str) -> bool:
    with sqlite3.connect(":memory:") as base:
        base.execute("CREATE VIRTUAL TABLE t USING fts5(grams, tokenize='ascii')")
        base.execute("INSERT INTO t VALUES (?)", (grams(document),))
        asked = query_grams(question)
        if not asked:
            return False
        return base.execute("SELECT count(*) FROM t WHERE t MATCH ?", (asked.fts5,)).fetchone()[0] == 1


def found_by_array(document: str, question: str) -> bool:
    asked = query_grams(question)
    held = set(grams(document).split())
    text = normalised(document)
    return bool(asked) and held >= set(asked.tokens) and all(part in text for part in asked.fragments)


@pytest.mark.parametrize("found", [found_by_fts5, found_by_array])
@settings(deadline=None)
@given(data=st.data(), before=DOCUMENTS, pair=st.text(HAN, min_size=1, max_size=6), after=DOCUMENTS)
def test_a_substring_of_chinese_always_finds_its_document(found, data, before, pair, after) -> None:
    assert found(before + pair + after, pair)


@pytest.mark.parametrize("found", [found_by_fts5, found_by_array])
@settings(deadline=None)
@given(document=DOCUMENTS, question=st.text(HAN, min_size=1, max_size=4))
def test_what_is_found_holds_the_question(found, document, question) -> None:
    assert found(document, question) == (question in normalised(document))


def test_two_runs_never_look_like_one() -> None:
    assert not found_by_fts5("井盖。破损", "盖破")
    assert not found_by_fts5("井盖 盖破", "井盖破")
    assert found_by_fts5("井盖破损", "井盖破")


def test_words_are_whole_and_case_does_not_matter() -> None:
    assert found_by_fts5("ＪＨ－2026 Jianghan Road", "jianghan 2026")
    assert not found_by_fts5("Jianghan Road", "jiang")
    assert found_by_fts5("江汉路A座12号", "a 12")


def test_every_term_must_be_there() -> None:
    assert found_by_fts5("江汉路占道经营", "占道 江汉")
    assert not found_by_fts5("江汉路占道经营", "占道 民族")


@pytest.mark.parametrize("text", ["", " ", "。,!", "\u202e😀", "***", '"'])
def test_nothing_to_search_for_is_false(text: str) -> None:
    assert not query_grams(text)
    assert grams(text) == ""


def test_tokens_are_the_documented_ones() -> None:
    assert grams("井盖坏了 A座") == "井盖 盖坏 坏了 了 a 座 井 盖 坏"
    assert query_grams("井盖坏").fts5 == '"井盖 盖坏"'
    assert query_grams("井").tokens == ("井",)
