"""Every dependency has its line of reason, and none is under the GPL or AGPL."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib

import pytest

from tests.structure.tree import ROOT

PAGE = ROOT / "docs" / "adr" / "0001-dependencies.md"
# Packages whose metadata says nothing; the licence file beside them was read.
READ_BY_HAND = {"pysqlite3": "Zlib", "idna": "BSD-3-Clause"}
# Copyleft that an unmodified dependency may have, and where it may stand.
LESSER = {
    "psycopg": "the extra `postgres`",
    "psycopg-binary": "its compiled half",
    "spiffworkflow": "tests only",
}


def project() -> dict[str, list[str]]:
    """The names in pyproject.toml: to run, the extras, to work."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = [r for group in document["project"]["optional-dependencies"].values() for r in group]
    lists = {
        "run": document["project"]["dependencies"],
        "extras": extras,
        "dev": document["dependency-groups"]["dev"],
    }
    return {key: [name_of(requirement) for requirement in value] for key, value in lists.items()}


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def pinned(lock: str) -> dict[str, str]:
    """name: version of every package of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


def rows() -> dict[str, list[str]]:
    """name: cells of every row of the page's tables; "a, b" is two rows."""
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and not line.startswith("|-") and cells[0] != "package":
            found.update({name.strip(): cells for name in cells[0].split(",")})
    return found


def licence(name: str) -> str:
    """What the installed package says about its licence, as one text."""
    metadata = importlib.metadata.metadata(name)
    classifiers = [c for c in metadata.get_all("Classifier") or [] if c.startswith("License")]
    # A whole licence text in the field is no name; its first line is.
    field = (metadata.get("License") or "").strip().partition("\n")[0]
    text = " ; ".join(filter(None, [metadata.get("License-Expression"), field, *classifiers]))
    return text or READ_BY_HAND[name]


def installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def test_every_dependency_has_its_line_and_every_line_its_dependency() -> None:
    names = {name for group in project().values() for name in group}
    assert set(rows()) == names


def test_the_page_names_the_pinned_versions() -> None:
    versions = pinned("requirements-dev.lock")
    wanted = project()
    assert {n: rows()[n][1] for n in wanted["run"] + wanted["extras"]} == {
        n: versions[n] for n in wanted["run"] + wanted["extras"]
    }


def test_both_locks_agree() -> None:
    run, dev = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert {name: dev.get(name) for name in run} == run
    assert set(project()["run"]) <= set(run)
    assert set(project()["extras"]) | set(project()["dev"]) <= set(dev)


@pytest.mark.parametrize("name", sorted(pinned("requirements-dev.lock")))
def test_no_gpl(name: str) -> None:
    if not installed(name):
        pytest.skip(f"{name} is for another platform")
    found = licence(name)
    if name in LESSER:
        assert re.search(r"LGPL|Lesser", found, re.IGNORECASE), found
    else:
        assert not re.search(r"GPL|GNU", found, re.IGNORECASE), found


def test_lesser_copyleft_is_never_needed_to_run() -> None:
    assert set(LESSER) & set(pinned("requirements.lock")) == set()
