"""No query of the facts walks a whole district, which SQLite without statistics likes to do."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from civicloop.kernel.facts import observations, reference, registers, search
from civicloop.kernel.store.database import open_store
from civicloop.kernel.time.clock import VirtualClock

# One row a district.
SMALL = {"chain_heads", "search_cursor"}


def queries(module: ModuleType) -> dict[str, str]:
    """The module's queries that both databases, or SQLite alone, understand."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, str)
        and value.startswith(("SELECT", "WITH"))
        and not name.startswith("_POSTGRES")
    }


@pytest.mark.parametrize("module", [observations, reference, registers, search], ids=lambda m: m.__name__)
def test_every_query_is_answered_by_more_than_the_district(
    module: ModuleType, sqlite_url: str, clock: VirtualClock
) -> None:
    store = open_store(sqlite_url, clock, inline=True)
    found = queries(module)
    assert found
    with store.read() as tx:
        for name, sql in found.items():
            for row in tx.all("EXPLAIN QUERY PLAN " + sql, ["1"] * sql.count("?")):
                table = re.match(r"SEARCH (\w+) .*\(district=\?\)", row[3])
                walked = table is not None and not any(small in sql for small in SMALL)
                assert not walked, f"{name}: {row[3]}"
    store.close()
