"""The homes loop through its pages: a worker on a phone, the community, a resident without an account, the firm's statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from civicloop.loops.homes.fixtures.pictures import courtyard
from tests.browser.people import Api, attach, press
from tests.processes import Served

pytestmark = pytest.mark.browser


def test_a_visit_from_the_plan_to_the_rating_and_what_a_firm_is_paid(
    person: Callable[..., Any], demo: Served
) -> None:
    officer = Api(demo.url, "homes_officer")
    task = officer.post(
        "/api/homes_task/plan",
        {
            "estate": "E001", "work": "patrol", "plan": "extra", "day": "2030-01-01", "due": "2030-01-01T22:00:00+08:00",
            "place": {"lon": 114.283074, "lat": 30.567705},
        },
    )  # fmt: skip

    worker = person("homes_worker", phone=True)
    assert worker.url.endswith("/homes/tasks")
    press(worker, worker.locator(f"a[href='/homes/tasks/{task['case_id']}']").first)
    worker.wait_for_url(f"**/homes/tasks/{task['case_id']}")
    press(worker, worker.locator("form[action$='/do'] button[type=submit]"))
    worker.locator(".error-summary").wait_for()  # nothing is done without its photograph
    attach(worker, {"name": "IMG.jpg", "mimeType": "image/jpeg", "buffer": courtyard("journey")}, "photo")
    press(worker, worker.locator("form[action$='/do'] button[type=submit]"))
    worker.wait_for_url("**/homes/tasks")
    assert worker.locator(f"a[href='/homes/tasks/{task['case_id']}']").count() == 0

    checker = person("homes_checker", phone=True)
    checker.goto(f"{demo.url}/homes/check?case={task['case_id']}")
    assert (
        checker.locator(".beside img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    )
    press(checker, checker.locator(f"form[action='/homes/check/{task['case_id']}/verify'] button"))
    checker.wait_for_url("**/homes/check")
    checker.goto(f"{demo.url}/homes/visits/{task['case_id']}/link")
    press(checker, checker.locator(".hand form button[type=submit]"))
    checker.locator(".tracking a").wait_for()
    link = checker.locator(".tracking a").get_attribute("href")

    resident = person(phone=True)
    resident.goto(demo.url + link)
    resident.locator("select[name=unit_code]").select_option("E001-01-1")
    press(resident, resident.locator(".radio", has_text="满意").nth(1))
    press(resident, resident.locator("main button[type=submit]"))
    resident.locator(".notice", has_text="评价已收到").wait_for()
    resident.goto(demo.url + link)
    resident.locator("select[name=unit_code]").select_option("E001-01-1")
    press(resident, resident.locator(".radio", has_text="满意").nth(1))
    press(resident, resident.locator("main button[type=submit]"))
    resident.locator(".error-summary").wait_for()
    assert "已评价过" in resident.locator(".error-summary").inner_text()

    clerk = person("homes_clerk")
    assert clerk.url.endswith("/homes/statements")
    clerk.locator("table a").first.click()
    clerk.wait_for_url("**/homes/statements/c*")
    rows = clerk.locator("tbody tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.innerText))")
    fen = [round(float(row[-1].replace("−", "-").replace(",", "")) * 100) for row in rows]
    total = clerk.locator(".tile-number").inner_text().split()[0]
    assert sum(fen) == round(float(total.replace("−", "-").replace(",", "")) * 100) > 0
    assert "已冻结" in clerk.locator(".notice").inner_text()
