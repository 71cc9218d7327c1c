"""The shift head changes a routing rule: reads it, tries it on last month's cases, publishes it, undoes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.processes import Served

pytestmark = pytest.mark.browser

RULE = """[[rule]]
code = "test_bins"
unit = "parks"
kinds = ["old_tree"]
because = { zh = "试一条规则", en = "a rule is tried" }
"""


def test_a_rule_is_tried_published_and_undone(person: Callable[..., Any], demo: Served) -> None:
    head = person("shift_head")
    head.goto(f"{demo.url}/street/routing")
    area = head.locator("textarea[name=rules]")
    before = area.input_value()
    area.fill(RULE.replace("parks", "nobody"))
    head.locator("form[action='/street/routing'] button[type=submit]").first.click()
    head.locator(".error-summary", has_text="nobody").wait_for()
    assert "nobody" in area.input_value(), "what was written stays"
    area.fill(before + "\n\n" + RULE.replace("parks", "sanitation").replace("old_tree", "rubbish"))
    head.locator("form[action='/street/routing'] button[type=submit]").first.click()
    head.locator("h3[role=status]").wait_for()
    area.fill(before + "\n\n" + RULE)
    head.locator("form[action='/street/routing'] button[type=submit]").first.click()
    head.locator("h3[role=status]").wait_for()
    head.locator("button[name=publish]").click()
    head.locator(".notice", has_text="已发布").wait_for()
    assert "test_bins" in head.locator("table").first.inner_text()
    head.locator("a[href*='/street/routing?version=']").last.click()
    assert "test_bins" not in area.input_value()
    head.locator("form[action='/street/routing'] button[type=submit]").first.click()
    head.locator("button[name=publish]").click()
    head.locator(".notice", has_text="已发布").wait_for()
    assert "test_bins" not in head.locator("table").first.inner_text()
