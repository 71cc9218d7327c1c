"""A newcomer's loop: laid out by the command, checked like our own, opened and closed; then a bundled approval in its place.

The kernel is not touched for it: that is the proof that it can carry loops of another shape.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.fixtures import ROOT

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, as a developer has them, with the loop that the command laid out."""
    folder = tmp_path_factory.mktemp("checkout")
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in names:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "as it was")
    run(folder, "-m", "civicloop.cli", "new-loop", "approval", "--zh", "集成办", "--en", "Bundled approval")
    return folder


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tool(folder: Path, name: str, *words: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).parent / name), *words], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(folder)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(folder: Path) -> None:
    """What `make check` asks of a loop: format, lint, types, layers, and the structure tests that walk the loops."""
    tool(folder, "ruff", "format", "--check", "civicloop/loops/approval")
    tool(folder, "ruff", "check", "civicloop/loops/approval")
    tool(folder, "mypy", "civicloop/loops/approval")
    tool(folder, "lint-imports", "--no-cache")
    git(folder, "add", "-A")
    run(
        folder,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/structure/test_loops.py",
        "civicloop/loops/approval",
    )


def test_the_new_folder_passes_the_checks(checkout: Path) -> None:
    check(checkout)


def test_the_new_loop_opens_and_closes(checkout: Path, tmp_path: Path) -> None:
    out = run(checkout, "-c", textwrap.dedent(f"""
        from pathlib import Path
        from civicloop.kernel.registry.district import Settings, open_district
        from civicloop.kernel.people.roles import Actor, Grant, Scope
        def who(name, *roles):
            return Actor(name, "a-" + name, grants=tuple(Grant(r, Scope("district", "jianghan")) for r in roles))
        d = open_district(Settings(Path({str(tmp_path)!r}), demo=False), inline=True)
        case = d.engine.open("approval", "open", {{"subject": "a shop"}}, who("wang", "intake")).case_id
        print(d.engine.perform(case, "close", {{}}, who("chen", "shift_head")).state)
        d.close()
    """))  # fmt: skip
    assert out.strip().endswith("closed")


def test_a_bundled_approval_needs_nothing_of_the_kernel(checkout: Path, tmp_path: Path) -> None:
    folder = checkout / "civicloop" / "loops" / "approval"
    for source in (HERE / "approval").glob("*.py"):
        shutil.copyfile(source, folder / source.name)
    init = (folder / "__init__.py").read_text("utf-8")
    init = init.replace("import PROCESS", "import PROCESS, REVIEW").replace(
        "processes=(PROCESS,)", "processes=(PROCESS, REVIEW)"
    )
    init = init.replace(
        'Role("shift_head"',
        'Role("dispatcher", Label("派遣员", "Dispatcher"), "/approval_review"),\n        Role("shift_head"',
    )
    (folder / "__init__.py").write_text(init, "utf-8")
    (folder / "test_approval.py").unlink()
    for old in (folder / "migrations").glob("*.sql"):
        old.unlink()
    run(checkout, "-m", "civicloop.cli", "migrate", "draft", "approval")
    run(checkout, "-m", "civicloop.cli", "docs")
    tool(checkout, "ruff", "format", "-q", "civicloop/loops/approval")
    out = run(checkout, "-c", textwrap.dedent(f"""
        from pathlib import Path
        from civicloop.kernel.registry.district import Settings, open_district
        from civicloop.kernel.people.roles import Actor, Grant, Scope
        def who(name, *roles):
            return Actor(name, "a-" + name, grants=tuple(Grant(r, Scope("district", "jianghan")) for r in roles))
        clerk, head = who("wang", "intake"), who("chen", "shift_head")
        d = open_district(Settings(Path({str(tmp_path)!r}), demo=False), inline=True)
        def do(case, action, given, actor=clerk):
            return d.engine.perform(case, action, given, actor).state
        def reviews(case):
            with d.store.read() as tx:
                return [r[0] for r in tx.all("SELECT id FROM cases WHERE parent_id = ? ORDER BY id", (case,))]
        def state(case):
            with d.store.read() as tx:
                return d.engine.case(tx, case).state
        case = d.engine.open("approval", "open", {{"subject": "a restaurant"}}, clerk).case_id
        print(do(case, "ask", {{"reason": "no lease"}}), do(case, "supplement", {{}}))
        print(do(case, "review", {{"market": True, "fire": True, "health": True}}), len(reviews(case)))
        for review in reviews(case):
            do(review, "answer", {{"answer": "yes"}})
        print(state(case))
        try:
            do(case, "issue", {{}}, head)
        except Exception as refused:
            print(refused)
        do(case, "pay", {{"fee": 5000}})
        print(do(case, "issue", {{}}, head))
        other = d.engine.open("approval", "open", {{"subject": "a kiosk"}}, clerk).case_id
        do(other, "review", {{"fire": True}})
        do(reviews(other)[0], "answer", {{"answer": "no"}})
        print(state(other), do(other, "refuse", {{"reason": "no exit"}}, head))
        third = d.engine.open("approval", "open", {{"subject": "a bar"}}, clerk).case_id
        do(third, "review", {{"fire": True, "health": True}})
        do(third, "refuse", {{"reason": "withdrawn"}}, head)
        from civicloop.kernel.cases import history
        with d.store.read() as tx:
            print(history.verify(tx, "jianghan").broken)
        d.close()
    """))  # fmt: skip
    lines = [re.sub(r"\\s+", " ", line) for line in out.strip().splitlines()]
    assert lines == [
        "missing received", "reviewing 3", "agreed", "The fee has not been paid.", "issued", "objected refused", "None",
    ]  # fmt: skip
    assert git(checkout, "diff", "--stat", "HEAD", "--", "civicloop/kernel") == ""
    tool(checkout, "mypy", "civicloop/loops/approval")
