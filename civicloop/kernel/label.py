"""A text shown to people, in both languages of the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Label:
    """One text in Chinese and English; `str.format` fields may stand in both."""

    zh: str
    en: str

    def text(self, language: str) -> str:
        """The text in `language`: "en" gives English, anything else Chinese."""
        return self.en if language == "en" else self.zh

    def filled(self, **values: object) -> Label:
        """The same label with its `{name}` fields filled; a value that is a Label speaks each language."""
        zh = {k: v.zh if isinstance(v, Label) else v for k, v in values.items()}
        en = {k: v.en if isinstance(v, Label) else v for k, v in values.items()}
        return Label(self.zh.format(**zh), self.en.format(**en))
