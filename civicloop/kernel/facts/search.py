"""Full-text search over cases by 2-grams: exact on Chinese words, newest case first, bounded work.

A case is also found by what its category is called: the index holds the category's code, and the question is put
to the names in force, so a category that is renamed needs no new index.

A case's place in the answers is the `seq` of the history row that opened it; a changed text keeps its
place. The index holds tokens of what people wrote, so whatever is erased must be re-indexed or forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from civicloop.kernel.facts.grams import GramQuery, code_gram, grams, query_grams
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid
from civicloop.kernel.store.transaction import Row, Tx

LONGEST_QUERY = 100
LIMIT = 200

# The codes of the categories that one word of a question names.
Named = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Words:
    """What a case can be found by: its text, and the code of its category."""

    text: str
    kind: str = ""

    @property
    def tokens(self) -> str:
        """What the index holds, separated by spaces."""
        return " ".join(filter(None, (grams(self.text), code_gram(self.kind) if self.kind else "")))


# A word of letters or digits is found by its beginning from three characters on. Where an index knows only whole
# tokens, beginnings of up to sixteen characters (a case number) are tokens, and a longer one is compared.
_PREFIX = range(3, 17)

# In SQLite a document's row id is its district's number, then forty bits of seq.
_SEQ_BITS = 40
_SEQ_MASK = (1 << _SEQ_BITS) - 1

_NUMBER = "SELECT number, seq FROM search_cursor WHERE district = ?"
_NEW_CURSOR = (
    "INSERT INTO search_cursor (district, number, seq) "
    "SELECT ?, COALESCE(MAX(number), 0) + 1, 0 FROM search_cursor"
)
_ADVANCE = "UPDATE search_cursor SET seq = ? WHERE district = ?"
_HEAD = "SELECT MAX(seq) FROM history WHERE district = ? AND seq > ? AND seq <= ?"
_CHANGED = (
    "SELECT case_id, MIN(seq) FROM history WHERE district = ? AND seq > ? AND seq <= ? "
    "GROUP BY case_id ORDER BY MIN(seq)"
)
_DOC = "SELECT seq, digest FROM search_docs WHERE district = ? AND case_id = ?"
_NEW_DOC = "INSERT INTO search_docs (district, case_id, seq, digest) VALUES (?, ?, ?, ?)"
_CHANGE_DOC = "UPDATE search_docs SET digest = ? WHERE district = ? AND case_id = ?"
_FORGET_DOC = "DELETE FROM search_docs WHERE district = ? AND case_id = ?"

_SQLITE_INSERT = "INSERT INTO search_grams (rowid, grams) VALUES (?, ?)"
_SQLITE_DELETE = "DELETE FROM search_grams WHERE rowid = ?"
# CROSS JOIN holds the index as the outer loop: it walks from the newest match and stops at the limit.
_SQLITE_FIND = (
    f"SELECT d.case_id FROM search_grams CROSS JOIN search_docs d "
    f"ON d.district = ? AND d.seq = (search_grams.rowid & {_SEQ_MASK}) "
    "WHERE search_grams MATCH ? AND search_grams.rowid >= ? AND search_grams.rowid < ? "
    "ORDER BY search_grams.rowid DESC LIMIT ?"
)
_POSTGRES_INSERT = "INSERT INTO search_grams (district, seq, grams, body) VALUES (?, ?, ?, ?)"
_POSTGRES_DELETE = "DELETE FROM search_grams WHERE district = ? AND seq = ?"
# A GIN index gives all matches before the newest can be told. So a walk over the newest documents comes first,
# which a common word leaves early; a word that is rare among them has few matches for the index to give.
_POSTGRES_WALK = 4000
_POSTGRES_NEWEST = (
    "SELECT d.case_id FROM (SELECT seq, grams, body FROM search_grams WHERE district = ? AND seq < ? "
    "ORDER BY seq DESC LIMIT ?) g JOIN search_docs d ON d.district = ? AND d.seq = g.seq "
    "WHERE {condition} ORDER BY g.seq DESC LIMIT ?"
)
_POSTGRES_ALL = (
    "WITH g AS MATERIALIZED (SELECT g.seq FROM search_grams g WHERE g.district = ? AND g.seq < ? "
    "AND {condition}) SELECT d.case_id FROM g JOIN search_docs d ON d.district = ? AND d.seq = g.seq "
    "ORDER BY g.seq DESC LIMIT ?"
)

_NO_QUERY = Label("请输入要查找的字词。", "Type the words to look for.")
_LONG_QUERY = Label("查找内容请不要超过{n}个字。", "Look for no more than {n} characters.")


def index(tx: Tx, district: str, items: Iterable[tuple[str, int, Words]]) -> int:
    """Indexes (case id, seq, words), in place of what the case's words were before; returns how many changed."""
    number = _number(tx, district)
    changed = 0
    for case_id, seq, words in items:
        tokens = words.tokens
        digest = hashlib.sha256(tokens.encode()).hexdigest()[:32]
        doc = tx.one(_DOC, (district, case_id))
        if doc is None:
            tx.run(_NEW_DOC, (district, case_id, seq, digest))
        elif doc[1] == digest:
            continue
        else:
            seq = doc[0]
            tx.run(_CHANGE_DOC, (digest, district, case_id))
            _delete(tx, district, number, seq)
        if tx.dialect == "postgres":
            tx.run(_POSTGRES_INSERT, (district, seq, with_prefixes(tokens), f" {tokens} "))
        else:
            tx.run(_SQLITE_INSERT, (number << _SEQ_BITS | seq, tokens))
        changed += 1
    return changed


def forget(tx: Tx, district: str, case_ids: Iterable[str]) -> int:
    """Takes cases out of the index and returns how many were in it."""
    number = _number(tx, district)
    gone = 0
    for case_id in case_ids:
        doc = tx.one(_DOC, (district, case_id))
        if doc is not None:
            _delete(tx, district, number, doc[0])
            gone += tx.run(_FORGET_DOC, (district, case_id))
    return gone


def find(
    tx: Tx,
    district: str,
    query: str,
    limit: int = 50,
    *,
    after: str | None = None,
    named: Named | None = None,
) -> list[str]:
    """The ids of the newest cases that hold every word of `query`; `after` is the last id of the page before.

    A run of Chinese characters is found as it stands, a word of letters and digits by its beginning (from
    three characters on); so is a word of a category's name, where `named` knows it. Invalid when there is
    nothing to look for.
    """
    question = asked(query)
    kinds = [[code_gram(code) for code in named(word)] if named else [] for word in question.fragments]
    cursor = tx.one(_NUMBER, (district,))
    if cursor is None:
        return []
    before = _SEQ_MASK
    if after is not None:
        doc = tx.one(_DOC, (district, after))
        if doc is None:
            return []
        before = doc[0]
    limit = max(1, min(limit, LIMIT))
    if tx.dialect == "postgres":
        rows = _postgres_find(tx, district, before, question, kinds, limit)
    else:
        first = cursor[0] << _SEQ_BITS
        rows = tx.all(_SQLITE_FIND, (district, _match(question, kinds), first, first | before, limit))
    return [row[0] for row in rows]


def follow(
    tx: Tx, district: str, texts: Callable[[Tx, Sequence[str]], Mapping[str, Words]], limit: int = 200
) -> int:
    """Indexes the cases of the next `limit` history rows and returns how many rows that were, 0 at the end.

    `texts` gives the present words of each case it is asked for; a case without one is forgotten.
    """
    _number(tx, district)
    done: int = tx.all(_NUMBER, (district,))[0][1]
    head = tx.all(_HEAD, (district, done, done + limit))[0][0]
    if head is None:
        return 0
    cases = tx.all(_CHANGED, (district, done, head))
    text_of = texts(tx, [case_id for case_id, _ in cases])
    index(tx, district, [(case_id, seq, text_of[case_id]) for case_id, seq in cases if case_id in text_of])
    forget(tx, district, [case_id for case_id, _ in cases if case_id not in text_of])
    tx.run(_ADVANCE, (head, district))
    return int(head - done)


def _number(tx: Tx, district: str) -> int:
    row = tx.one(_NUMBER, (district,))
    if row is None:
        tx.run(_NEW_CURSOR, (district,))
        row = tx.all(_NUMBER, (district,))[0]
    number: int = row[0]
    return number


def _delete(tx: Tx, district: str, number: int, seq: int) -> None:
    if tx.dialect == "postgres":
        tx.run(_POSTGRES_DELETE, (district, seq))
    else:
        tx.run(_SQLITE_DELETE, (number << _SEQ_BITS | seq,))


def _postgres_find(
    tx: Tx, district: str, before: int, question: GramQuery, kinds: Sequence[list[str]], limit: int
) -> list[Row]:
    condition, params = _postgres_condition(question, kinds)
    walk = (district, before, _POSTGRES_WALK, district, *params, limit)
    rows = tx.all(_POSTGRES_NEWEST.format(condition=condition), walk)
    if len(rows) < limit:
        every = (district, before, *params, district, limit)
        rows = tx.all(_POSTGRES_ALL.format(condition=condition), every)
    return rows


def _postgres_condition(question: GramQuery, kinds: Sequence[list[str]]) -> tuple[str, list[Any]]:
    """Each word in the text or, for those that name categories, one of their codes."""
    parts: list[str] = []
    params: list[Any] = []
    for word, codes in zip(question.fragments, kinds, strict=True):
        tokens, patterns = contained(query_grams(word))
        if codes:
            parts.append("(g.grams @> ? AND g.body LIKE ALL (?) OR g.grams && ?)")
            params += [tokens, patterns, codes]
        else:
            parts.append("g.grams @> ? AND g.body LIKE ALL (?)")
            params += [tokens, patterns]
    return " AND ".join(parts), params


def asked(query: str) -> GramQuery:
    """The query in tokens; Invalid when it is too long or has nothing to look for."""
    if len(query) > LONGEST_QUERY:
        raise Invalid(_LONG_QUERY.filled(n=LONGEST_QUERY), fields={"q": _LONG_QUERY.filled(n=LONGEST_QUERY)})
    question = query_grams(query)
    if not question:
        raise Invalid(_NO_QUERY, fields={"q": _NO_QUERY})
    return question


def _phrases(question: GramQuery) -> Iterable[list[str]]:
    """Each fragment as its tokens in order: a word is one token, longer Chinese its pairs."""
    for fragment in question.fragments:
        if fragment in question.tokens:
            yield [fragment]
        else:
            yield [fragment[i : i + 2] for i in range(len(fragment) - 1)]


def _match(question: GramQuery, kinds: Sequence[list[str]]) -> str:
    """The question for FTS5: each word in the text, or one of the codes that it names."""
    parts = []
    for phrase, codes in zip(_phrases(question), kinds, strict=True):
        word = f'"{" ".join(phrase)}"' + (" *" if len(phrase[0]) >= _PREFIX.start else "")
        either = " OR ".join((word, *(f'"{code}"' for code in codes)))
        parts.append(f"({either})" if codes else word)
    return " AND ".join(parts)


def with_prefixes(tokens: str) -> list[str]:
    """The tokens for an index that knows only whole ones, each once, words with their beginnings ("hyd*")."""
    found = dict.fromkeys(tokens.split())
    for word in list(found):
        for length in _PREFIX:
            if length > len(word):
                break
            found[word[:length] + "*"] = None
    return list(found)


def contained(question: GramQuery) -> tuple[list[str], list[str]]:
    """The tokens of `with_prefixes` that must be there, and the LIKE patterns that the text must match."""
    tokens: list[str] = []
    patterns: list[str] = []
    for phrase in _phrases(question):
        word = phrase[0]
        if len(word) >= _PREFIX.start:
            tokens.append(word[: _PREFIX[-1]] + "*")
            if len(word) > _PREFIX[-1]:
                patterns.append(f"% {word}%")
        else:
            tokens.extend(phrase)
            if len(phrase) > 1:
                patterns.append(f"% {' '.join(phrase)} %")
    return tokens, patterns
