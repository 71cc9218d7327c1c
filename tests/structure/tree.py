"""What the structure tests walk: the tracked files, their syntax trees, the names and labels in them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked() -> tuple[str, ...]:
    """Every file under version control that is still there, as paths from the root."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    return tuple(name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file())


def sources(prefix: str = "civicloop/") -> list[str]:
    """The tracked Python files under `prefix`, tests beside the loops left out."""
    return [
        name
        for name in tracked()
        if name.startswith(prefix) and name.endswith(".py") and not Path(name).name.startswith("test_")
    ]


@cache
def tree(name: str) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse((ROOT / name).read_text("utf-8"), name)


def imports(name: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a file imports; `from a import b` gives `a.b`."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def calls(name: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every call whose callee is a plain name or attribute chain."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and (called := dotted(node.func)):
            yield node.lineno, called


def functions(name: str) -> Iterator[FunctionNode]:
    """Every function and method of a file."""
    return (node for node in ast.walk(tree(name)) if isinstance(node, FunctionNode))


def identifiers(name: str) -> Iterator[tuple[int, str]]:
    """(line, name) of everything a file names itself: modules, classes, functions, arguments, variables."""
    yield 1, Path(name).stem
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ClassDef | FunctionNode):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def words(identifier: str) -> set[str]:
    """The words of `snake_case` and `CamelCase`, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def labels(name: str) -> Iterator[tuple[int, str, str]]:
    """(line, Chinese, English) of every `Label("…", "…")` in a file."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "Label":
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if len(texts) == 2:
                yield node.lineno, texts[0], texts[1]


def texts(name: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string of a file that the program uses: docstrings are left out."""
    holders = ast.Module | ast.ClassDef | FunctionNode
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree(name))
        if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value
