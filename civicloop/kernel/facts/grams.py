"""Chinese text search by 2-grams: the same tokens for an FTS5 table and for a PostgreSQL GIN array.

A document is stored as `grams(text)`: tokens with one space between them.

* SQLite: `CREATE VIRTUAL TABLE ... USING fts5(..., grams, tokenize='ascii')`. The `ascii` tokenizer keeps
  every non-ASCII character, so tokens arrive unchanged (`unicode61` would drop ideographs newer than its
  tables). Ask with `MATCH query_grams(text).fts5`: exact for substrings of any length.
* PostgreSQL: a `TEXT[]` column holding `grams(text).split()` under a GIN index. Ask with
  `tokens @> query_grams(text).tokens`: exact for one and two characters; from three on it may also find a
  document that holds the 2-grams apart, so compare `query_grams(text).fragments` with `normalised(document)`.

How tokens are made: a run of CJK characters gives its overlapping pairs in order and then its last
character, which keeps two runs from looking adjacent; letters and digits give whole lower-cased words; at
the end stands each single CJK character once, so that the index answers a one-character question too.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_CJK = r"\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]")


@dataclass(frozen=True, slots=True)
class GramQuery:
    """A question in tokens: `fts5` for MATCH, `tokens` for array containment, `fragments` to compare."""

    fts5: str
    tokens: tuple[str, ...]
    fragments: tuple[str, ...]

    def __bool__(self) -> bool:
        """False when nothing in the text can be searched for; ask no index then."""
        return bool(self.tokens)


def normalised(text: str) -> str:
    """`text` with full-width and compatibility forms unified (NFKC) and letters in lower case."""
    return unicodedata.normalize("NFKC", text).casefold()


def grams(text: str) -> str:
    """The document's tokens, space separated, as the module's text describes them."""
    ordered: list[str] = []
    singles: dict[str, None] = {}
    for run in _RUN.findall(normalised(text)):
        if _IS_CJK.match(run):
            ordered.extend(run[i : i + 2] for i in range(len(run) - 1))
            ordered.append(run[-1])
            singles.update(dict.fromkeys(run[:-1]))
        else:
            ordered.append(run)
    written = set(ordered)
    ordered.extend(single for single in singles if single not in written)
    return " ".join(ordered)


def code_gram(code: str) -> str:
    """The token of a category's code, which no text and no question can make: it begins with a sign of its own."""
    return f"⌗{hashlib.sha256(code.encode()).hexdigest()[:12]}"


@lru_cache(maxsize=4096)
def _runs(name: str) -> tuple[str, ...]:
    return tuple(_RUN.findall(normalised(name)))


def holds(name: str, fragment: str) -> bool:
    """Whether a name holds one fragment of a question, as an index would say; words by their beginning from three letters on."""
    for run in _runs(name):
        if _IS_CJK.match(run):
            if fragment in run:
                return True
        elif run == fragment or (len(fragment) >= 3 and run.startswith(fragment)):
            return True
    return False


def query_grams(text: str) -> GramQuery:
    """The question's tokens: every CJK run must stand in the document so, every word as a whole word."""
    fragments = tuple(dict.fromkeys(_RUN.findall(normalised(text))))
    phrases = [_pairs(run) if _IS_CJK.match(run) else [run] for run in fragments]
    match = " AND ".join('"' + " ".join(phrase) + '"' for phrase in phrases)
    tokens = tuple(dict.fromkeys(token for phrase in phrases for token in phrase))
    return GramQuery(match, tokens, fragments)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
