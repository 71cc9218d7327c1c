"""A loop folder holds the files that DESIGN names, declares itself, and is documented."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from civicloop.kernel.label import Label
from civicloop.kernel.registry.registry import find
from tests.structure.tree import ROOT, imports, tracked

FILES = {
    "__init__.py", "model.py", "rules.py", "process.py", "effects.py", "metrics.py", "api.py", "pages.py", "actors.py",
    "fixtures.py", "README.md",
}  # fmt: skip
# Folders of a loop that are not an engine of its own.
FOLDERS = {"processes", "pages", "api", "fixtures", "migrations", "golden", "data", "static"}


def loops() -> dict[str, list[str]]:
    """name: the tracked files of each loop folder, as paths inside it."""
    found: dict[str, list[str]] = {}
    for name in tracked():
        parts = Path(name).parts
        if parts[:2] == ("civicloop", "loops") and len(parts) > 3:
            found.setdefault(parts[2], []).append("/".join(parts[3:]))
    return found


def label_gaps(value: Any, path: str, seen: set[int]) -> list[str]:
    """Where a declaration has a label with a language missing."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, Label):
        return [] if bool(value.zh) == bool(value.en) else [path]
    if isinstance(value, tuple | list | frozenset):
        return [gap for i, part in enumerate(value) for gap in label_gaps(part, f"{path}[{i}]", seen)]
    if isinstance(value, dict):
        return [gap for key, part in value.items() for gap in label_gaps(part, f"{path}[{key!r}]", seen)]
    if is_dataclass(value) and not isinstance(value, type):
        return [
            gap
            for part in fields(value)
            for gap in label_gaps(getattr(value, part.name, None), f"{path}.{part.name}", seen)
        ]
    return []


@pytest.mark.parametrize("name", sorted(loops()))
def test_the_folder_holds_only_what_a_loop_has(name: str) -> None:
    files = loops()[name]
    assert {"__init__.py", "README.md"} <= set(files)
    strange = [f for f in files if "/" not in f and f not in FILES and not re.fullmatch(r"test_\w+\.py", f)]
    assert strange == []


@pytest.mark.parametrize("name", sorted(loops()))
def test_an_engine_of_its_own_knows_no_kernel(name: str) -> None:
    engines = [f for f in loops()[name] if "/" in f and f.endswith(".py") and f.split("/")[0] not in FOLDERS]
    found = [
        f"{engine}:{line} {module}"
        for engine in engines
        for line, module in imports(f"civicloop/loops/{name}/{engine}")
        if module.startswith(("civicloop.kernel", "civicloop.web"))
        and not module.startswith("civicloop.kernel.label")
    ]
    assert found == []


@pytest.mark.parametrize("name", sorted(loops()))
def test_the_loop_declares_itself_in_both_languages(name: str) -> None:
    loop = find([name]).loops[name]
    assert loop.name == name
    assert loop.processes
    assert label_gaps(loop, name, set()) == []


@pytest.mark.parametrize("name", sorted(loops()))
def test_the_loop_has_its_page(name: str) -> None:
    page = ROOT / "docs" / "loops" / f"{name}.md"
    assert page.is_file(), f"write it: civicloop docs makes {page.name}"


def test_loops_together_have_no_name_twice() -> None:
    registry = find(sorted(loops()))
    processes = [p.name for loop in registry.loops.values() for p in loop.processes]
    metrics = [m.name for loop in registry.loops.values() for m in loop.metrics]
    paths = [(page.path, method) for page in registry.pages for method in page.methods]
    for names in (processes, metrics, paths):
        assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
