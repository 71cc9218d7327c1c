"""The idle server stays light: heavy libraries are loaded by the process that needs them, when it needs them."""

from __future__ import annotations

import subprocess
import sys

from tests.structure.tree import ROOT

HEAVY = (
    "duckdb",
    "PIL",
    "holidays",
    "python_calamine",
    "openpyxl",
    "psycopg",
    "playwright",
    "hypothesis",
    "numpy",
)


def test_the_application_loads_nothing_heavy() -> None:
    code = f"import sys, civicloop.app; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []
