"""People who knock at the served demo, and the watch that nothing is left of what was refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.served import Visitor, kept
from tests.processes import Served


@pytest.fixture(scope="module")
def collector(demo: Served) -> Iterator[Visitor]:
    """An information collector with a session."""
    visitor = Visitor(demo, "collector")
    yield visitor
    visitor.close()


@pytest.fixture(scope="module")
def intake(demo: Served) -> Iterator[Visitor]:
    """An intake officer with a session, who sees every case."""
    visitor = Visitor(demo, "intake")
    yield visitor
    visitor.close()


@pytest.fixture(scope="module")
def stranger(demo: Served) -> Iterator[Visitor]:
    """Somebody without an account."""
    visitor = Visitor(demo)
    yield visitor
    visitor.close()


@pytest.fixture
def unchanged(demo: Served) -> Iterator[None]:
    """Fails the test when a row was left."""
    before = kept(demo.folder)
    yield
    assert kept(demo.folder) == before
