"""Texts as they are read: every control character of Unicode is refused, composed forms become one."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from civicloop.kernel.cases.fields import Field, read_given
from civicloop.kernel.label import Label
from civicloop.kernel.refusal import Invalid

TEXT = Field("note", Label("说明", "Note"), "long_text")
LINE = Field("note", Label("说明", "Note"), "text")


def test_exactly_the_control_characters_and_lone_surrogates_are_refused() -> None:
    controls = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in ("Cc", "Cs")]
    for character in set(controls) - set("\n\t\r"):
        with pytest.raises(Invalid, match="control characters"):
            read_given([TEXT], {"note": f"a{character}b"})
    harmless = "".join(c for c in map(chr, range(0x20, 0x3000)) if c not in controls)
    assert read_given([Field("note", TEXT.label, "long_text", maximum=20_000)], {"note": f"a{harmless}b"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [("e\u0301", "é"), ("a\r\nb\rc", "a\nb\nc"), (" a \n", "a"), ("a  b", "a  b")],
)
def test_the_same_words_are_the_same_bytes(given: str, kept: str) -> None:
    assert read_given([TEXT], {"note": given}) == {"note": kept}


def test_a_line_has_single_spaces() -> None:
    assert read_given([LINE], {"note": "a  b\tc\nd"}) == {"note": "a b c d"}
