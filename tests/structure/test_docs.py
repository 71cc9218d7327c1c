"""The generated pages are what the declarations say now."""

from __future__ import annotations

from civicloop.cli.docs import ROOT, pages


def test_the_generated_pages_are_current() -> None:
    old = [
        str(path.relative_to(ROOT)) for path, text in pages().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]  # fmt: skip
    assert old == [], "run: civicloop docs"
