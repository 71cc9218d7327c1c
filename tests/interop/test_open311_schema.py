"""Schemathesis on the Open311 operations: what the document promises is what the server does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.interop.open311 import BASE
from tests.processes import Served

OPERATIONS = [
    ("GET", "discovery"), ("GET", "services"), ("GET", "services/{code}"), ("GET", "requests"), ("POST", "requests"),
    ("GET", "requests/{id}"), ("GET", "tokens/{token}"),
]  # fmt: skip


def known_formats() -> None:
    """Tells schemathesis which dates make a window of at most 90 days: from within 89 days up to now or tomorrow."""
    import schemathesis

    today = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

    def moment(hours: int) -> str:
        return (today + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")

    schemathesis.openapi.format("open311-start", st.integers(-88 * 24, 0).map(moment))
    schemathesis.openapi.format("open311-end", st.integers(1, 24).map(moment))


@pytest.fixture(scope="module")
def schema(demo: Served) -> Any:
    import schemathesis

    known_formats()
    return schemathesis.openapi.from_url(f"{demo.url}/api/openapi.json")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{m}-{p}" for m, p in OPERATIONS])
def test_every_operation_keeps_its_promise(schema: Any, method: str, path: str, mode: str) -> None:
    import schemathesis

    operation = schema[f"{BASE}/{path}.{{format}}"][method]
    cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode])

    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def run(case: Any) -> None:
        case.call_and_validate(headers={"X-API-Key": "demo"}, timeout=60)

    run()
