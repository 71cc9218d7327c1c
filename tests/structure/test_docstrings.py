"""Everything public in the kernel promises something in a sentence."""

from __future__ import annotations

import ast

from tests.structure.tree import FunctionNode, sources, tree


def undocumented(name: str) -> list[str]:
    module = tree(name)
    missing = [] if ast.get_docstring(module) or not module.body else [f"{name}:1 the module"]
    return missing + [
        f"{name}:{node.lineno} {node.name}"
        for node in module.body
        if isinstance(node, ast.ClassDef | FunctionNode)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]


def test_every_public_thing_of_the_kernel_has_a_docstring() -> None:
    assert [gap for name in sources("civicloop/kernel/") for gap in undocumented(name)] == []


def test_every_module_has_a_docstring() -> None:
    found = [gap for name in sources() for gap in undocumented(name) if gap.endswith("the module")]
    assert found == []
