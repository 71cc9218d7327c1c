"""The two commands: what the README shows is what the Makefile and CI do."""

from __future__ import annotations

import os
import re
import subprocess

from tests.structure.tree import ROOT

TARGETS = {"help", "run", "check", "test", "bench", "docs", "fuzz", "lock"}


def test_make_lists_its_targets() -> None:
    listing = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\w+)", listing, re.MULTILINE)) == TARGETS


def test_ci_runs_everything_and_forgives_nothing() -> None:
    path = ROOT / ".ci" / "run"
    text = path.read_text("utf-8")
    assert os.access(path, os.X_OK)
    assert "set -euo pipefail" in text
    assert "CI=true" in text
    assert "make test" in text


def test_the_readme_shows_both_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "make run" in text
    assert "make test" in text
