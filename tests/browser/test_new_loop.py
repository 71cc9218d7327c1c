"""A newcomer's loop, laid out by the command in a copy of the checkout: it opens and closes by HTTP and in the browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import browsing
from tests.browser.people import Api, faults, sign_in
from tests.processes import ROOT, Served

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo district with a loop `tree_care` beside its own, served from a copy of the tracked files."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists() and name.startswith(("civicloop/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    done = subprocess.run(
        [sys.executable, "-m", "civicloop.cli", "new-loop", "tree_care", "--zh", "树木养护", "--en", "Tree care"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    _join(folder)
    running = Served(tmp_path_factory.mktemp("data"), code=folder).wait()
    yield running
    running.close()


def _join(folder: Path) -> None:
    """Lets the demo's district run the new loop, as its pack says."""
    pack = folder / "civicloop" / "packs" / "jianghan" / "pack.toml"
    text = pack.read_text("utf-8")
    if '"tree_care"' not in text:
        assert 'loops = ["street"' in text
        pack.write_text(text.replace('loops = ["street"', 'loops = ["tree_care", "street"'), "utf-8")


def test_it_opens_and_closes_by_http(served: Served) -> None:
    clerk, head = Api(served.url, "intake"), Api(served.url, "shift_head")
    receipt = clerk.post("/api/tree_care/open", {"subject": "枯枝伸到人行道上"})
    assert receipt["state"] == "opened"
    assert head.post(f"/api/tree_care/{receipt['case_id']}/close", {})["state"] == "closed"
    assert clerk.get("/api/metrics/tree_care_mean_hours")["rows"] >= 1


def test_it_opens_and_closes_in_the_browser(served: Served, open_page: Callable[..., Any]) -> None:
    clerk = open_page(viewport=browsing.DESK)
    sign_in(clerk, served.url, "intake")
    clerk.goto(f"{served.url}/tree_care")
    clerk.locator(".openings a", has_text="提出").click()
    clerk.locator("[name=subject]").fill("行道树倒伏")
    assert faults(clerk) == []
    clerk.locator("main button[type=submit]").click()
    clerk.locator("#case-view .page-title .tag", has_text="已提出").wait_for()
    address = clerk.url

    head = open_page(viewport=browsing.DESK)
    sign_in(head, served.url, "shift_head")
    head.goto(address)
    head.keyboard.press("c")
    head.locator("#case-view .page-title .tag", has_text="已办结").wait_for()
    assert faults(head) == []
    head.goto(f"{served.url}/figures")
    head.get_by_role("heading", name="树木养护：平均办理时间").wait_for()
