"""Schemathesis on every operation: whatever the document promises, the served district keeps.

All checks, all phases (the document's examples, every limit of every field, random data, operations after one
another), right and wrong data, nothing left out. Who comes is drawn by the seed from the API keys of every role;
`make fuzz` runs each operation with each role, by another seed each time. CIVICLOOP_SEED=n repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from civicloop.loops.street.fixtures.pictures import street_picture
from tests.fixtures import ROOT
from tests.interop.served import INSIDE, Visitor, database
from tests.processes import Served, end_with_parent

SIZE = os.environ.get("CIVICLOOP_EXAMPLES", "check")
EXAMPLES = {"check": 3, "test": 200, "fuzz": 200}
SEED = os.environ.get("CIVICLOOP_SEED") or (
    "20260302" if SIZE != "fuzz" else str(random.SystemRandom().getrandbits(32))
)
# One login for each role of the demo; the others repeat a role in another unit.
ROLES = (
    "collector", "intake", "shift_head", "dispatcher", "unit_clerk", "crew", "checker", "evaluator", "admin", "leader",
)  # fmt: skip


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A demo district of one's own: what is sent to it would be in the way of others."""
    served = Served(tmp_path_factory.mktemp("fuzzed")).wait()
    yield served
    served.close()


@pytest.fixture(scope="module")
def keys(fuzzed: Served) -> dict[str, str]:
    """An API key of every role, made by the administrator for the test."""
    admin = Visitor(fuzzed, "admin")
    with database(fuzzed.folder) as connection:
        accounts = dict(connection.all("SELECT login, id FROM accounts"))
    made = {role: admin.key("read,open,perform,personal,admin", accounts[role]) for role in ROLES}
    admin.close()
    return made


@pytest.fixture(scope="module")
def photos(fuzzed: Served, keys: dict[str, str]) -> list[str]:
    """As many photographs as a report may have, uploaded."""
    found = []
    for number in range(6):
        picture = street_picture(f"known-{number}", problem="rubbish")
        headers = {"X-API-Key": keys["collector"], "Content-Type": "image/jpeg"}
        answer = httpx.post(f"{fuzzed.url}/api/evidence", content=picture, headers=headers, timeout=60)
        found.append(str(answer.json()["hash"]))
    return found


@pytest.fixture(scope="module")
def master(fuzzed: Served, keys: dict[str, str]) -> str:
    """A case that is there to merge others into."""
    body = {"place": INSIDE, "report": {"description": "主案件"}}
    answer = httpx.post(
        f"{fuzzed.url}/api/street/report", json=body, headers={"X-API-Key": keys["collector"]}, timeout=60
    )
    return str(answer.json()["case_id"])


def known_crew(served: Served) -> str:
    """Somebody with an account, to hand a case to."""
    with database(served.folder) as connection:
        return str(connection.all("SELECT person_id FROM accounts WHERE login = 'crew'")[0][0])


def run(
    served: Served, keys: dict[str, str], photos: list[str], master: str, report: Path, phases: str
) -> None:
    """One run of schemathesis; fails with what it said."""
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "tests.interop.schemathesis_hooks",
        "CIVICLOOP_KEYS": json.dumps(keys),
        "CIVICLOOP_PHOTOS": json.dumps(photos),
        "CIVICLOOP_MASTER": master,
        "CIVICLOOP_PERSON": known_crew(served),
        "CIVICLOOP_SEED": SEED,
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/api/openapi.json"]
    command += ["--checks", "all", "--mode", "all", "--phases", phases, "--workers", "1", "--seed", SEED]
    command += [
        "--max-examples",
        str(EXAMPLES[SIZE]),
        "--continue-on-failure",
        "--generation-database",
        "none",
    ]
    command += [
        "--suppress-health-check",
        "all",
        "--request-timeout",
        "60",
        "--no-color",
        "--warnings",
        "off",
    ]
    done = subprocess.run(
        command, cwd=report, env=environment, capture_output=True, text=True, timeout=7200,
        preexec_fn=end_with_parent, check=False,
    )  # fmt: skip
    (report / "said").write_text(done.stdout)
    assert done.returncode == 0, f"seed {SEED}, {phases}:\n{done.stdout[-20_000:]}\n{done.stderr[-5_000:]}"
    assert served.process.poll() is None, "the server has ended"


@pytest.mark.slow
@pytest.mark.parametrize("phases", ["examples,coverage", "fuzzing", "stateful"])
def test_every_operation_keeps_its_promise(
    phases: str, fuzzed: Served, keys: dict[str, str], photos: list[str], master: str, tmp_path: Path
) -> None:
    run(fuzzed, keys, photos, master, tmp_path, phases)


@pytest.mark.slow
@pytest.mark.skipif(SIZE != "fuzz", reason="the product of operations and roles belongs to make fuzz")
@pytest.mark.parametrize("role", ROLES)
def test_every_operation_with_every_role(
    role: str, fuzzed: Served, keys: dict[str, str], photos: list[str], master: str, tmp_path: Path
) -> None:
    run(fuzzed, {role: keys[role]}, photos, master, tmp_path, "examples,coverage,fuzzing,stateful")
