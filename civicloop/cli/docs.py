"""`civicloop docs`: writes the pages that follow from the declarations, or with --check says which are old."""

from __future__ import annotations

import argparse
from pathlib import Path

import civicloop
from civicloop.kernel.derive.page import HandMade, loop_page
from civicloop.kernel.registry.district import Settings
from civicloop.kernel.registry.loop import Loop
from civicloop.kernel.registry.registry import find

ROOT = Path(civicloop.__file__).resolve().parent.parent


def arguments(parser: argparse.ArgumentParser) -> None:
    """--check changes nothing."""
    parser.add_argument(
        "--check", action="store_true", help="只检查是否最新 / only say which are out of date"
    )


def run(given: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001
    """Writes each page that has changed and names it; with --check the status is 1 when one would change."""
    old = {path: text for path, text in pages().items() if not _is(path, text)}
    for path, text in old.items():
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        print(f"{'out of date: ' if given.check else ''}{path.relative_to(ROOT)}")
    return 1 if old and given.check else 0


def pages() -> dict[Path, str]:
    """Every generated page with its text as the declarations have it now."""
    folders = sorted(p.parent.name for p in (ROOT / "civicloop" / "loops").glob("*/__init__.py"))
    return {ROOT / "docs" / "loops" / f"{loop.name}.md": page(loop) for loop in find(folders).loops.values()}


def page(loop: Loop) -> str:
    """A loop's page."""
    return loop_page(
        loop.name,
        loop.label,
        loop.sentence,
        loop.processes,
        roles={role.name: role.label for role in loop.roles},
        metrics=loop.metrics,
        beside=[HandMade(p.methods, p.path, p.by, p.label) for p in loop.pages],
    )


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text
