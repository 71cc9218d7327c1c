"""Search over cases: Chinese exactly, Latin words by their beginning, newest first, following the history."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from civicloop.kernel.facts import search
from civicloop.kernel.facts.grams import holds, normalised
from civicloop.kernel.facts.search import Words
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.database import Store
from civicloop.kernel.store.transaction import Tx

D = "jianghan"
TEXTS = {
    "C1": "解放大道与新华路路口井盖缺失 JH20260302-0001",
    "C2": "民意街旧货市场门口垃圾暴露，影响居民出行",
    "C3": "Hydrant leaking near 江汉路 DN300 水管",
    "C4": "解放公园路井边有盖板松动，路面破损",
    "C5": "ＪＨ全角ＤＮ３００井盖 破损的路面",
}


def fill(store: Store, district: str = D, texts: Mapping[str, str] = TEXTS) -> None:
    items = [(case_id, seq, Words(text)) for seq, (case_id, text) in enumerate(texts.items(), 1)]
    store.write(lambda tx: search.index(tx, district, items))


def found(store: Store, query: str, limit: int = 50, **more: str) -> list[str]:
    with store.read() as tx:
        return search.find(tx, D, query, limit, **more)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("井盖", ["C5", "C1"]),
        ("解放", ["C4", "C1"]),
        ("解放大道", ["C1"]),
        ("路面破损", ["C4"]),
        ("路面 破损", ["C5", "C4"]),
        ("破损，路面", ["C5", "C4"]),
        ("民意", ["C2"]),
        ("大道 井盖", ["C1"]),
        ("大道 垃圾", []),
        ("井", ["C5", "C4", "C1"]),
        ("道路", []),
        ("盖缺失 jh20260302", ["C1"]),
        ("hyd", ["C3"]),
        ("HYDRANT", ["C3"]),
        ("hydrant", ["C3"]),
        ("hydrants", []),
        ("ydrant", []),
        ("near leak", ["C3"]),
        ("dn300", ["C5", "C3"]),
        ("DN300 江汉路", ["C3"]),
        ("dn", []),
        ("jh2026030", ["C1"]),
        ("jh2026031", []),
        ('a" OR "井盖', []),
        ("井盖*", ["C5", "C1"]),
        ("NOT 垃圾 NEAR", []),
    ],
)
def test_it_finds_exactly(store: Store, query: str, expected: list[str]) -> None:
    fill(store)
    assert found(store, query) == expected


NAMES = {
    "C-1": ("果皮箱", "Litter bin"),
    "B.2": ("垃圾（生活）", "Household waste"),
    "zzz": ("井盖", "Cover"),
}


def named(word: str) -> list[str]:
    return [code for code, names in NAMES.items() if any(holds(name, word) for name in names)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("果皮", ["A"]),
        ("果皮箱", ["A"]),
        ("皮果", []),
        ("litter", ["A"]),
        ("lit bin", ["A"]),
        ("li", []),
        ("HOUSE 民意街", ["B"]),
        ("垃圾 民意", ["B"]),
        ("垃圾", ["C", "B"]),
        ("果皮箱 垃圾", []),
        ("井盖 江汉路", ["D"]),
        ("井盖", ["D", "C"]),
        ("2 c", []),
        ("zzz", []),
    ],
)
def test_a_case_is_found_by_what_its_category_is_called(
    store: Store, query: str, expected: list[str]
) -> None:
    texts = {
        "A": Words("解放大道", "C-1"),
        "B": Words("民意街", "B.2"),
        "C": Words("井盖上有垃圾"),
        "D": Words("江汉路", "zzz"),
    }
    items = [(case_id, seq, words) for seq, (case_id, words) in enumerate(texts.items(), 1)]
    store.write(lambda tx: search.index(tx, D, items))
    with store.read() as tx:
        assert search.find(tx, D, query, named=named) == expected


def test_a_case_of_another_category_by_now_is_found_by_that_one(store: Store) -> None:
    for kind, expected in (("C-1", ["A"]), ("B.2", []), ("C-1", ["A"]), ("", [])):
        store.write(lambda tx, kind=kind: search.index(tx, D, [("A", 1, Words("解放大道", kind))]))  # type: ignore[misc]
        with store.read() as tx:
            assert search.find(tx, D, "果皮箱", named=named) == expected
            assert search.find(tx, D, "大道", named=named) == ["A"]


def test_pairs_that_stand_apart_make_no_longer_word(store: Store) -> None:
    fill(store, texts={"C1": "路面破旧，破损的面破", "C2": "路面破损"})
    assert found(store, "路面破损") == ["C2"]
    fill(store, texts={"C1": "hydrants20260302a", "C2": "hydrants20260302b"})
    assert found(store, "hydrants20260302b") == ["C2"]  # longer than the prefixes that are indexed


def test_newest_first_page_by_page(store: Store) -> None:
    fill(store, texts={f"C{n:02d}": "井盖缺失" for n in range(25)})
    first = found(store, "井盖", 10)
    second = found(store, "井盖", 10, after=first[-1])
    third = found(store, "井盖", 10, after=second[-1])
    assert first + second + third == [f"C{n:02d}" for n in reversed(range(25))]
    assert found(store, "井盖", 10, after="nobody") == []


def test_a_changed_text_replaces_the_old_and_keeps_its_place(store: Store) -> None:
    fill(store)
    changed = store.write(
        lambda tx: search.index(tx, D, [("C1", 99, Words("路灯不亮")), ("C2", 98, Words(TEXTS["C2"]))])
    )
    assert changed == 1
    assert found(store, "井盖") == ["C5"]
    assert found(store, "路灯") == ["C1"]
    store.write(lambda tx: search.index(tx, D, [("C4", 97, Words("路灯不亮"))]))
    assert found(store, "路灯") == ["C4", "C1"]


def test_what_is_forgotten_is_not_found(store: Store) -> None:
    fill(store)
    assert store.write(lambda tx: search.forget(tx, D, ["C1", "C9"])) == 1
    assert found(store, "井盖") == ["C5"]
    fill(store)
    assert found(store, "井盖") == ["C5", "C1"]


def test_districts_do_not_see_each_other(store: Store) -> None:
    fill(store, "wuchang")
    assert found(store, "井盖") == []
    fill(store, D, {"C1": "路灯"})
    assert found(store, "井盖") == []
    assert found(store, "路灯") == ["C1"]
    with store.read() as tx:
        assert search.find(tx, "wuchang", "井盖") == ["C5", "C1"]


@pytest.mark.parametrize("query", ["", "  ", "，。!", "井" * 101])
def test_a_query_without_words_is_refused_in_words(store: Store, query: str) -> None:
    with pytest.raises(Invalid) as refused:
        found(store, query)
    assert set(refused.value.fields) == {"q"}


def write_history(store: Store, cases: Sequence[str]) -> None:
    """History rows of these cases, as the engine would chain them."""

    def rows(tx: Tx) -> None:
        last = tx.one("SELECT seq, hash FROM history WHERE district = ? ORDER BY seq DESC LIMIT 1", (D,))
        seq, before = last if last is not None else (0, "0" * 64)
        for case_id in cases:
            seq += 1
            digest = hashlib.sha256(f"{before}{case_id}".encode()).hexdigest()
            tx.run(
                "INSERT INTO history VALUES "
                "(?, ?, ?, 'p', 1, 1, 'open', '', 'new', '', '', '', 0, 0, '{}', '', NULL, ?, ?)",
                (D, seq, case_id, before, digest),
            )
            before = digest

    store.write(rows)


def test_it_follows_the_history_in_steps_and_only_what_is_new(store: Store) -> None:
    texts = {"A": "井盖缺失", "B": "井盖松动", "C": "井盖异响"}
    asked: list[list[str]] = []

    def present(tx: Tx, ids: Sequence[str]) -> Mapping[str, Words]:
        asked.append(list(ids))
        return {case_id: Words(texts[case_id]) for case_id in ids if case_id in texts}

    def step() -> int:
        return store.write(lambda tx: search.follow(tx, D, present, limit=2))

    assert step() == 0
    write_history(store, ["A", "B", "A", "C", "A"])
    assert [step(), step(), step(), step()] == [2, 2, 1, 0]
    assert asked == [["A", "B"], ["A", "C"], ["A"]]
    assert found(store, "井盖") == ["C", "B", "A"]
    del texts["B"]
    texts["A"] = "路灯不亮"
    write_history(store, ["B", "A"])
    assert step() == 2
    assert found(store, "井盖") == ["C"]
    assert found(store, "路灯") == ["A"]


alphabet = st.text(st.sampled_from("井盖路a1 ,"), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(alphabet, max_size=6), st.text(st.sampled_from("井盖路"), min_size=1, max_size=4))
def test_a_chinese_word_is_found_exactly_where_it_stands(store: Store, texts: list[str], word: str) -> None:
    with store.read() as tx:
        known = [row[0] for row in tx.all("SELECT case_id FROM search_docs WHERE district = ?", (D,))]
    store.write(lambda tx: search.forget(tx, D, known))
    fill(store, texts={f"C{n}": text for n, text in enumerate(texts)})
    expected = [f"C{n}" for n, text in enumerate(texts) if word in normalised(text)]
    assert found(store, word) == expected[::-1]
