"""A file is one thing and a function fits on a screen; an exception stands here with its reason."""

from __future__ import annotations

import warnings

from tests.structure.tree import ROOT, functions, sources, tracked

FILE_LINES, FILE_LIMIT = 400, 500
FUNCTION_LINES, FUNCTION_LIMIT = 60, 90

LONGER_FILES: dict[str, str] = {}
LONGER_FUNCTIONS: dict[str, str] = {}


def lengths() -> dict[str, int]:
    return {name: (ROOT / name).read_text("utf-8").count("\n") for name in tracked() if name.endswith(".py")}


def function_lengths() -> dict[str, int]:
    return {
        f"{name}:{function.name}": (function.end_lineno or function.lineno) - function.lineno + 1
        for name in sources()
        for function in functions(name)
    }


def test_no_file_is_too_long() -> None:
    found = lengths()
    over = {name: lines for name, lines in found.items() if lines > FILE_LIMIT}
    assert set(over) <= set(LONGER_FILES), {n: over[n] for n in set(over) - set(LONGER_FILES)}
    long = {name: lines for name, lines in found.items() if FILE_LINES < lines <= FILE_LIMIT}
    if long:
        warnings.warn(f"files over {FILE_LINES} lines: {long}", stacklevel=1)


def test_no_function_is_too_long() -> None:
    found = function_lengths()
    over = {name: lines for name, lines in found.items() if lines > FUNCTION_LIMIT}
    assert set(over) <= set(LONGER_FUNCTIONS), {n: over[n] for n in set(over) - set(LONGER_FUNCTIONS)}
    long = {name: lines for name, lines in found.items() if FUNCTION_LINES < lines <= FUNCTION_LIMIT}
    if long:
        warnings.warn(f"functions over {FUNCTION_LINES} lines: {long}", stacklevel=1)


def test_every_exception_is_still_needed() -> None:
    files, longer = lengths(), function_lengths()
    assert [name for name in LONGER_FILES if files.get(name, 0) <= FILE_LIMIT] == []
    assert [name for name in LONGER_FUNCTIONS if longer.get(name, 0) <= FUNCTION_LIMIT] == []
