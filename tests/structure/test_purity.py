"""Time, ids and chance come from the kernel's own sources; rules are pure; money is whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.tree import calls, dotted, imports, sources, tree

# Where the real thing may stand, and why.
SOURCES_OF_TIME = {"civicloop/kernel/time/clock.py": "the only source of now"}
SOURCES_OF_CHANCE = {"civicloop/kernel/time/ids.py": "the only source of ids"}
SECRETS = {
    "civicloop/kernel/time/ids.py": "ids nobody can guess",
    "civicloop/kernel/people/": "tokens, salts and codes that nobody may be able to guess",
}

CLOCK_CALLS = {
    "time.time", "time.time_ns", "time.localtime", "time.gmtime",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
}  # fmt: skip
CHANCE = ("random", "uuid")
BAD_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "lib", "manager", "base"}

# What rules and models may not touch: they are pure functions over values.
IMPURE = (
    "os", "pathlib", "socket", "subprocess", "threading", "asyncio", "httpx", "time", "sqlite3", "duckdb",
    "secrets", "civicloop.kernel.store", "civicloop.kernel.outside", "civicloop.web",
)  # fmt: skip


def allowed(name: str, places: dict[str, str]) -> bool:
    return any(name == place or (place.endswith("/") and name.startswith(place)) for place in places)


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def test_only_the_clock_knows_now() -> None:
    found = [
        f"{name}:{line} {called}"
        for name in sources()
        if not allowed(name, SOURCES_OF_TIME)
        for line, called in calls(name)
        if called in CLOCK_CALLS
    ]
    assert found == []


def test_only_the_id_source_knows_chance() -> None:
    found = [
        f"{name}:{line} {module}"
        for name in sources()
        for line, module in imports(name)
        if (module.split(".")[0] in CHANCE and not allowed(name, SOURCES_OF_CHANCE))
        or (module.split(".")[0] == "secrets" and not allowed(name, SECRETS))
    ]
    found += [
        f"{name}:{line} {called}"
        for name in sources()
        if not allowed(name, SECRETS)
        for line, called in calls(name)
        if called == "os.urandom"
    ]
    assert found == []


def test_every_named_place_exists() -> None:
    names = sources()
    for place in (*SOURCES_OF_TIME, *SOURCES_OF_CHANCE, *SECRETS):
        assert any(name.startswith(place) for name in names), place


def test_no_module_is_named_for_leftovers() -> None:
    found = [n for n in sources() if {Path(n).stem, *Path(n).parts[:-1]} & BAD_NAMES]
    assert found == []


def rules_and_models() -> list[str]:
    return [n for n in sources("civicloop/loops/") if Path(n).parts[3:4] in {("rules.py",), ("model.py",)}]


def test_rules_and_models_are_pure() -> None:
    found = [
        f"{name}:{line} {module}"
        for name in rules_and_models()
        for line, module in imports(name)
        if any(inside(module, package) for package in IMPURE)
    ]
    found += [
        f"{name}:{line} open"
        for name in rules_and_models()
        for line, called in calls(name)
        if called == "open"
    ]
    assert found == []


def money_files() -> list[str]:
    return [
        n
        for n in sources()
        if n.startswith("civicloop/kernel/money/") or Path(n).stem in {"money", "journals"}
    ]


def floats(name: str) -> list[str]:
    """The places where a file could make a broken amount: a float literal, `float`, or `/`."""
    found = []
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            found.append(f"{name}:{node.lineno} {node.value}")
        elif isinstance(node, ast.Name) and node.id == "float":
            found.append(f"{name}:{node.lineno} float")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{name}:{node.lineno} /")
    return found


def test_money_is_whole_minor_units() -> None:
    assert [place for name in money_files() for place in floats(name)] == []


def annotated(name: str) -> Iterator[tuple[int, str, str]]:
    """(line, name, annotation) of every annotated field, variable and argument."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.AnnAssign):
            yield node.lineno, dotted(node.target), ast.unparse(node.annotation)
        elif isinstance(node, ast.arg) and node.annotation is not None:
            yield node.lineno, node.arg, ast.unparse(node.annotation)


def test_no_amount_is_a_float() -> None:
    found = [
        f"{name}:{line} {owner}: {annotation}"
        for name in sources()
        for line, owner, annotation in annotated(name)
        if owner.endswith("_fen") and "float" in annotation
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a = 1.5", 1), ("a = float(b)", 1), ("a = b / c", 1), ("a /= 2", 1), ("a = b // 2", 0)],
)
def test_a_planted_float_is_found(
    text: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.structure.test_purity.tree", lambda _: ast.parse(text))
    assert len(floats("planted.py")) == expected
